"""The channel of the board, and who may listen to it."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from voyant_cloud import VoyantError
from voyant_cloud.integrations.capabilities import channel_of, everything_under
from voyant_cloud.integrations.django import get_client
from voyant_cloud.integrations.django.views import TokenView

CHANNEL = channel_of("orders", "board")


class OrderTokenView(TokenView):
    """Tokens for staff: all channels of orders, to listen and to be seen. Publishing is left to this application."""

    ttl_seconds = settings.ORDERS_TOKEN_SECONDS

    def get_capabilities(self, request: HttpRequest) -> dict[str, list[str]] | None:
        """Return what staff may do; nobody else gets a token."""
        return everything_under("orders", ["subscribe", "presence"]) if request.user.is_staff else None


def who_is_present() -> list[dict[str, Any]]:
    """Return who looks at the board; nobody, where the service cannot be reached."""
    try:
        members = get_client().realtime.presence.get(CHANNEL)
    except VoyantError:
        return []
    return [{"clientId": member.client_id, "data": member.data} for member in members]
