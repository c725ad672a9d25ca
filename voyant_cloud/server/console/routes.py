"""The console's routes: the page, its files, and the list of channels that it asks for."""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable
from importlib.resources import files
from typing import Final

from aiohttp import web

from voyant_cloud import jsontext
from voyant_cloud.converter import wire_time
from voyant_cloud.server.answers import LOG_LEVEL, data_response
from voyant_cloud.server.authorization import authorize
from voyant_cloud.server.context import CONTEXT
from voyant_cloud.server.engine.base import ChannelStanding
from voyant_cloud.server.hub import Hub
from voyant_cloud.server.refusal import Refusal

__all__ = ["FILES", "MOST_CHANNELS", "PAGE", "console_routes"]

MOST_CHANNELS: Final = 500
"""Channels that one answer lists: what a page can show and a person look through."""
PAGE: Final = "console.html"
FILES: Final = (
    "api.js",
    "channels.js",
    "connection.js",
    "console.css",
    "console.js",
    "dom.js",
    "feed.js",
    "follower.js",
    "icon.svg",
    "json.js",
    "lines.js",
    "members.js",
    "plot.js",
    "publish.js",
    "rates.js",
    "workspace.js",
)
"""The files of the page, which are served by these very names and no others."""
_TYPES: Final = {"css": "text/css", "html": "text/html", "js": "text/javascript", "svg": "image/svg+xml"}
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_POLICY: Final = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
)
# Without IPv6 addresses, for which a policy has no form.
_HOST: Final = re.compile(r"[A-Za-z0-9._-]{1,253}(:[0-9]{1,5})?", re.ASCII)
_PREFIX: Final = re.compile(r"[A-Za-z0-9_:.,;=@-]{0,200}", re.ASCII)

Handler = Callable[[web.Request], Awaitable[web.Response]]


def console_routes() -> list[web.RouteDef]:
    """Make the routes. The files are read here, once."""
    return [
        web.get("/console", _file(PAGE)),
        web.get("/console/", _to_the_page),
        web.get("/console/channels", list_channels),
        *(web.get(f"/console/{name}", _file(name)) for name in FILES),
    ]


async def list_channels(request: web.Request) -> web.Response:
    """List channels and where they stand, the most recently used first."""
    context = request.app[CONTEXT]
    key = authorize(request, "realtime:subscribe")
    prefix = request.query.get("prefix", "")
    if not _PREFIX.fullmatch(prefix):
        problem = "no channel's name begins with it; names have A-Z a-z 0-9 _ : . , ; = @ - and at most 200 characters"
        raise Refusal("invalid_request", f"prefix: {prefix[:80]!r}: {problem}")
    found = await context.engine.channels(prefix, MOST_CHANNELS + 1)
    listed = [_standing(each, context.hub) for each in found[:MOST_CHANNELS]]
    answer = {"scopes": sorted(key.scopes), "channels": listed, "more": len(found) > MOST_CHANNELS}
    # An open page asks every second, which would bury the rest of the access log.
    request[LOG_LEVEL] = logging.DEBUG
    response = data_response(jsontext.dumps(answer))
    response.headers.update(_HEADERS)
    return response


def _standing(channel: ChannelStanding, hub: Hub) -> dict[str, str | int | None]:
    return {
        "channel": channel.name,
        "published": channel.head.seq,
        "lastAt": None if channel.last_at is None else wire_time(channel.last_at),
        "subscribers": hub.subscribers(channel.name),
    }


def _file(name: str) -> Handler:
    body = files(__package__).joinpath("static", name).read_bytes()
    content_type = _TYPES[name.rpartition(".")[2]]

    async def serve(request: web.Request) -> web.Response:
        headers = _HEADERS | {"Content-Security-Policy": _policy(request)}
        return web.Response(body=body, content_type=content_type, charset="utf-8", headers=headers)

    return serve


async def _to_the_page(_: web.Request) -> web.Response:
    # Relative, for a proxy that puts a prefix before the path.
    return web.Response(status=308, headers=_HEADERS | {"Location": "../console"})


def _policy(request: web.Request) -> str:
    # Older Safari and Firefox do not count a WebSocket to the page's own host as 'self', so it is named.
    host = request.headers.get("Host", "")
    sockets = f" ws://{host} wss://{host}" if _HOST.fullmatch(host) else ""
    return "; ".join([*_POLICY, f"connect-src 'self'{sockets}"])
