"""Addresses: escaped paths, the WebSocket's URL, and what must not be shown of either."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

__all__ = ["MESSAGES_PATH", "TOKENS_PATH", "channel_path", "connect_url", "join", "redact"]

MESSAGES_PATH: Final = "/realtime/v1/messages"
TOKENS_PATH: Final = "/realtime/v1/tokens"
_CONNECT_PATH: Final = "/realtime/v1/connect"
_WEBSOCKET_SCHEME: Final = {"http": "ws", "https": "wss"}

# Compiled by re when something is first redacted, which is seldom.
_REDACTIONS: Final = (
    (r"(?i)(\b(?:access_)?token=)[^&\s\"'<>#]+", r"\1***"),
    (r"\b(rtok|vck)_[\w.~+/=%-]+", r"\1_***"),
    (r"(?i)(\bauthorization\b[\"']?\s*[:=]\s*[\"']?(?:[a-z]+\s+)?)[^\s\"'<>]{8,}", r"\1***"),
    (r"(?i)(\b(?:bearer|basic)\s+)[\w.~+/=-]{8,}", r"\1***"),
    (r"(?<=://)[^\s/?#\"']+@", "***@"),
)


def join(base_url: str, path: str) -> str:
    """Put *path* behind *base_url*, whose own path, if it has one, is kept.

    Args:
        base_url: such as ``https://example.com/voyant``, with or without a slash at its end.
        path: begins with a slash and is escaped already.
    """
    return base_url.rstrip("/") + path


def channel_path(channel: str, resource: str) -> str:
    """Return the path of a channel's *resource*, as in ``/realtime/v1/channels/orders:eu/messages``.

    Everything in the name that could change the path is escaped; the colon stands as it is.

    Args:
        channel: a name that was checked. Escaping does not help against ``.`` and ``..``: many parsers of URLs read
            ``%2e%2e`` as ``..``.
        resource: ``messages`` or ``presence``.
    """
    return f"/realtime/v1/channels/{quote(channel, safe=':')}/{resource}"


def connect_url(base_url: str, *, channel: str, token: str, since_id: str | None) -> str:
    """Return the URL of a channel's WebSocket. It holds the token: log it through ``redact`` only.

    Args:
        base_url: the service's ``http`` or ``https`` address; a path in it is kept.
        channel: the channel.
        token: a client token.
        since_id: the id of the last message seen, or ``None`` for live messages only.
    """
    base = urlsplit(join(base_url, _CONNECT_PATH))
    query = {"channel": channel, "token": token}
    if since_id is not None:
        query["sinceId"] = since_id
    encoded = urlencode(query, quote_via=quote, safe=":")
    return urlunsplit(base._replace(scheme=_WEBSOCKET_SCHEME[base.scheme], query=encoded))


def redact(text: str) -> str:
    """Return *text* with client tokens, API keys, ``Authorization`` values and passwords in URLs masked."""
    for pattern, replacement in _REDACTIONS:
        text = re.sub(pattern, replacement, text)
    return text
