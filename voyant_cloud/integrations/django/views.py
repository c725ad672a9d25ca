"""``TokenView``: gives a logged-in user's front end a client token of its own."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib.auth.mixins import AccessMixin
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.views.generic import View

from voyant_cloud.converter import wire_time
from voyant_cloud.errors import VoyantApiError, VoyantConfigError, VoyantError, VoyantValidationError
from voyant_cloud.integrations.django import conf
from voyant_cloud.integrations.django.client import get_client
from voyant_cloud.models import RealtimeTokenSummary

__all__ = ["TokenView"]

logger = logging.getLogger("voyant_cloud")


class TokenView(AccessMixin, View):
    """Answers a POST with ``{"token", "expiresAt", "channelUrl"}``; a subclass says what the user may do.

    ::

        class RealtimeTokenView(TokenView):
            def get_capabilities(self, request):
                return own_channel(request.user.pk)

    It is a POST, so that Django's CSRF protection covers it; ``http_method_names = ["get"]`` makes it a GET. Whoever is
    not logged in, or may do nothing, gets a 403 as JSON, never a page to log in. That goes for Django's mixins, too:
    ``class RealtimeTokenView(PermissionRequiredMixin, TokenView)``. No answer may be cached.

    Attributes:
        ttl_seconds: how long a token lives, 1 to 86400; ``None`` leaves it to the service, which takes 3600.
    """

    http_method_names: Sequence[str] = ["post", "options"]
    ttl_seconds: int | None = None

    def get_client_id(self, request: HttpRequest) -> str | None:
        """Return who the client is, as others see it in presence: the user's primary key.

        Returns:
            1 to 128 characters, the same for all of a user's windows; ``None`` for somebody who gets no token.
        """
        user = getattr(request, "user", None)
        return str(user.pk) if user is not None and user.is_authenticated else None

    def get_capabilities(self, request: HttpRequest) -> Mapping[str, Sequence[Any]] | None:
        """Return what the token allows, by channel or pattern; ``None`` or ``{}`` for nothing, so no token.

        A subclass defines it; ``voyant_cloud.integrations.capabilities`` helps.
        """
        raise ImproperlyConfigured(f"{type(self).__name__} must define get_capabilities(request)")

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> JsonResponse:
        """Mint a token and answer with it.

        Raises:
            VoyantValidationError: the client id or the capabilities break a rule of the service.
            ImproperlyConfigured: the setting ``VOYANT_CLOUD`` is wrong.
        """
        client_id = self.get_client_id(request)
        if not client_id:
            return self.handle_no_permission()
        capabilities = self.get_capabilities(request)
        if not capabilities:
            return self.handle_no_permission()
        try:
            token = get_client().realtime.tokens.mint(
                client_id=client_id, capabilities=capabilities, ttl_seconds=self.ttl_seconds
            )
        except (VoyantValidationError, VoyantConfigError):
            raise
        except VoyantError as error:
            logger.error("no realtime token for client %r: %s: %s", client_id, type(error).__name__, error)
            return _unavailable(error)
        return _answer(self.get_body(token), 200)

    get = post

    def get_body(self, token: RealtimeTokenSummary) -> dict[str, Any]:
        """Return the answer's body."""
        return {
            "token": token.token,
            "expiresAt": wire_time(token.expires_at),
            "channelUrl": conf.channel_url(),
        }

    def handle_no_permission(self) -> JsonResponse:
        """Answer 403. Django's own mixins call it, too, in place of a redirect."""
        if not self.get_client_id(self.request):
            return _refusal("unauthorized", "log in first")
        return _refusal("forbidden", "you may not use realtime here")

    def http_method_not_allowed(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer 405."""
        response: HttpResponseBase = super().http_method_not_allowed(request, *args, **kwargs)
        response["Cache-Control"] = "no-store"
        return response


def _answer(body: dict[str, Any], status: int) -> JsonResponse:
    return JsonResponse(body, status=status, headers={"Cache-Control": "no-store"})


def _refusal(code: str, text: str) -> JsonResponse:
    return _answer({"error": text, "code": code}, 403)


def _unavailable(error: VoyantError) -> JsonResponse:
    # The service's own words may be about our API key, which is no business of a browser.
    response = _answer({"error": "realtime is not available now", "code": "service_unavailable"}, 503)
    if isinstance(error, VoyantApiError) and error.retry_after is not None:
        response["Retry-After"] = str(math.ceil(error.retry_after))
    return response
