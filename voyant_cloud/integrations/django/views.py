"""``TokenView``: gives a logged-in user's front end a client token of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib.auth.mixins import AccessMixin
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.views.generic import View

from voyant_cloud.integrations.django.client import channel_url, get_client
from voyant_cloud.integrations.token_answers import FORBIDDEN, NO_STORE, UNAUTHORIZED, Refusal, body_of, mint
from voyant_cloud.models import RealtimeTokenSummary

__all__ = ["TokenView"]


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

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Any:
        """Return the view, which ``LoginRequiredMiddleware`` leaves alone: it answers by itself, with JSON."""
        view = super().as_view(**initkwargs)
        view.login_required = False
        return view

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
            VoyantValidationError, InvalidRequestError: the client id or the capabilities break a rule of the service.
            ImproperlyConfigured: the setting ``VOYANT_CLOUD`` is wrong.
        """
        client_id = self.get_client_id(request)
        if not client_id:
            return self.handle_no_permission()
        capabilities = self.get_capabilities(request)
        if not capabilities:
            return self.handle_no_permission()
        token = mint(get_client(), client_id=client_id, capabilities=capabilities, ttl_seconds=self.ttl_seconds)
        if isinstance(token, Refusal):
            return _refused(token)
        return JsonResponse(self.get_body(token), headers=NO_STORE)

    get = post

    def get_body(self, token: RealtimeTokenSummary) -> dict[str, Any]:
        """Return the answer's body."""
        return body_of(token, channel_url())

    def handle_no_permission(self) -> JsonResponse:
        """Answer 403. Django's own mixins call it, too, in place of a redirect."""
        return _refused(FORBIDDEN if self.get_client_id(self.request) else UNAUTHORIZED)

    def http_method_not_allowed(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer 405."""
        response: HttpResponseBase = super().http_method_not_allowed(request, *args, **kwargs)
        response["Cache-Control"] = "no-store"
        return response


def _refused(refusal: Refusal) -> JsonResponse:
    return JsonResponse(refusal.body, status=refusal.status, headers=refusal.headers)
