"""What a token endpoint answers: the token, or why a browser gets none."""

from __future__ import annotations

import logging
import math
from typing import Final

import attrs

from voyant_cloud.client import VoyantCloudClient
from voyant_cloud.converter import wire_time
from voyant_cloud.errors import (
    InvalidRequestError,
    VoyantApiError,
    VoyantConfigError,
    VoyantError,
    VoyantValidationError,
)
from voyant_cloud.integrations.capabilities import Capabilities
from voyant_cloud.models import RealtimeTokenSummary

__all__ = ["FORBIDDEN", "NO_STORE", "UNAUTHORIZED", "Refusal", "body_of", "mint"]

logger = logging.getLogger("voyant_cloud")

NO_STORE: Final = {"Cache-Control": "no-store"}
"""The headers of every answer: a token is for one browser, now."""


@attrs.frozen
class Refusal:
    """An answer without a token.

    Attributes:
        status: the HTTP status.
        code: what kind, for programs.
        error: why, for people; it says nothing about the API key or the service.
        retry_after: the seconds after which to ask again, if the service named any.
    """

    status: int
    code: str
    error: str
    retry_after: int | None = None

    @property
    def body(self) -> dict[str, str]:
        """The JSON body."""
        return {"error": self.error, "code": self.code}

    @property
    def headers(self) -> dict[str, str]:
        """The headers."""
        return NO_STORE if self.retry_after is None else {**NO_STORE, "Retry-After": str(self.retry_after)}


UNAUTHORIZED: Final = Refusal(403, "unauthorized", "log in first")
FORBIDDEN: Final = Refusal(403, "forbidden", "you may not use realtime here")


def mint(
    client: VoyantCloudClient, *, client_id: str, capabilities: Capabilities, ttl_seconds: int | None
) -> RealtimeTokenSummary | Refusal:
    """Mint a token; where the service gives none, the log has its words, and the browser gets a 503.

    Args:
        client: asks for it.
        client_id: who it is for, 1 to 128 characters.
        capabilities: what it allows, by channel or pattern.
        ttl_seconds: how long it lives, 1 to 86400; ``None`` leaves it to the service.

    Raises:
        VoyantValidationError, InvalidRequestError: an argument breaks a rule of the service, such as the length of a
            token that more channels would need.
        VoyantConfigError: the client was closed.
    """
    try:
        return client.realtime.tokens.mint(client_id=client_id, capabilities=capabilities, ttl_seconds=ttl_seconds)
    except (VoyantValidationError, InvalidRequestError, VoyantConfigError):
        # The application's own mistakes, which a browser that asks again cannot mend.
        raise
    except VoyantError as error:
        logger.error("no realtime token for client %r: %s: %s", client_id, type(error).__name__, error)
        after = error.retry_after if isinstance(error, VoyantApiError) else None
        seconds = None if after is None else math.ceil(after)
        return Refusal(503, "service_unavailable", "realtime is not available now", seconds)


def body_of(token: RealtimeTokenSummary, channel_url: str) -> dict[str, str]:
    """Return the body of an answer with a token: what the official client in a browser takes."""
    return {"token": token.token, "expiresAt": wire_time(token.expires_at), "channelUrl": channel_url}
