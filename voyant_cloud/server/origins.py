"""Which browser origins may open a WebSocket; pure."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final
from urllib.parse import urlsplit

__all__ = ["is_allowed", "is_own"]

_DEFAULT_PORTS: Final = frozenset({80, 443})


def is_allowed(origin: str, listed: Collection[str], *, console_at: str | None) -> bool:
    """Tell whether a page of an origin may connect.

    Args:
        origin: the request's ``Origin``.
        listed: the allow-list, compared exactly.
        console_at: the request's ``Host`` where the console is served, ``None`` where it is not.
    """
    return origin in listed or (console_at is not None and is_own(origin, console_at))


def is_own(origin: str, host: str) -> bool:
    """Tell whether an origin is this server, as the browser names it in ``Host``.

    Host and port alone are compared, with the default ports of http and https as none: behind a proxy that ends TLS the
    page is https and the request is not. Another site that makes its name lead here gains nothing by it, since a
    connection needs a token, and there is no cookie or other credential that a browser would add by itself.
    """
    scheme, _, authority = origin.partition("://")
    place = _place(authority)
    return scheme in ("http", "https") and place is not None and place == _place(host)


def _place(authority: str) -> tuple[str, int | None] | None:
    try:
        parts = urlsplit(f"//{authority}")
        port = parts.port
    except ValueError:
        return None
    if not parts.hostname or parts.netloc != authority or "@" in authority:
        return None
    return parts.hostname, None if port in _DEFAULT_PORTS else port
