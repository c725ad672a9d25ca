"""The WebSocket route: who may connect, the upgrade, and the end."""

from __future__ import annotations

import asyncio
import logging
from base64 import b64encode
from hashlib import sha1
from typing import Final, cast

from aiohttp import hdrs, web
from aiohttp.http import WS_KEY, WebSocketReader

from voyant_cloud.models import RealtimeChannelTarget
from voyant_cloud.realtime.frames import CloseCode
from voyant_cloud.server.answers import REQUEST_ID
from voyant_cloud.server.capabilities import grants
from voyant_cloud.server.connection import ABORT_AFTER, Connection
from voyant_cloud.server.context import CONTEXT, Context
from voyant_cloud.server.engine.base import EngineError, EngineUnavailableError
from voyant_cloud.server.hub import HubChannel
from voyant_cloud.server.incoming import Incoming
from voyant_cloud.server.origins import is_allowed
from voyant_cloud.server.refusal import Refusal
from voyant_cloud.server.resume import ResumePoint, resolve_text
from voyant_cloud.server.tokens import LEEWAY, ClientToken, TokenRefusedError

__all__ = ["routes"]

_LEFT_ON_PURPOSE: Final = frozenset({CloseCode.NORMAL, CloseCode.GOING_AWAY})
_access_log = logging.getLogger("voyant_cloud.server.access")
_log = logging.getLogger("voyant_cloud.server")

routes = web.RouteTableDef()


@routes.get("/realtime/v1/connect", allow_head=False)
async def connect(request: web.Request) -> web.StreamResponse:
    """Subscribe to a channel. Everything that can be refused is refused before the upgrade."""
    context = request.app[CONTEXT]
    channel = RealtimeChannelTarget(channel=request.query.get("channel", "")).channel
    _require_origin(context, request)
    token = _authenticate(context, request, channel)
    if not web.WebSocketResponse(compress=False).can_prepare(request):
        raise Refusal("invalid_request", "this path takes WebSocket upgrades only")
    _require_room(context)
    connection = Connection(
        client_id=token.client_id,
        verbs=grants(token.capabilities, channel),
        expires_at=_deadline(context, token),
        limits=context.config.limits,
    )
    context.connections.add(connection)
    try:
        joined = await context.hub.join(channel, connection)
        try:
            return await _serve(request, connection, joined)
        finally:
            await _part(context, connection, joined)
    finally:
        context.connections.discard(connection)


def _require_origin(context: Context, request: web.Request) -> None:
    origin = request.headers.get("Origin")
    # The console's page comes from this very server, whatever name a proxy gives it.
    console_at = request.headers.get("Host") if context.config.serves_console else None
    if origin is not None and not is_allowed(origin, context.config.allowed_origins, console_at=console_at):
        raise Refusal("forbidden", f"the origin {origin[:200]!r} is not allowed; see --allow-origin")


def _authenticate(context: Context, request: web.Request, channel: str) -> ClientToken:
    try:
        token = context.tokens.check(request.query.get("token", ""))
    except TokenRefusedError:
        raise Refusal("unauthorized", "the client token is missing, not valid or expired") from None
    if "subscribe" not in grants(token.capabilities, channel):
        raise Refusal("forbidden", f"the client token does not grant subscribe on {channel}")
    return token


def _require_room(context: Context) -> None:
    if context.draining:
        raise Refusal("service_unavailable", "the server is stopping", retry_after=1)
    most = context.config.limits.connections
    if len(context.connections) >= most:
        raise Refusal("service_unavailable", f"all {most} connections of this server are in use", retry_after=5)


def _deadline(context: Context, token: ClientToken) -> float:
    # Clocks that differ are allowed LEEWAY; a token that was let in by it gets the same at its end.
    late = context.config.clock() >= token.expires_at
    return token.expires_at + LEEWAY if late else token.expires_at


async def _serve(request: web.Request, connection: Connection, channel: HubChannel) -> web.StreamResponse:
    since_id = request.query.get("sinceId")
    point: ResumePoint | None = None
    if since_id:
        point = await resolve_text(since_id, channel)
    response = _switching(request)
    writer = await response.prepare(request)
    transport = request.transport
    if writer is None or transport is None:
        return response
    context = request.app[CONTEXT]
    connection.attach(channel, transport, writer)
    context.tally.opened += 1
    try:
        connection.start((await channel.tail()).head, point, context.config.clock())
        incoming = Incoming(context, connection, channel, transport)
        request.protocol.set_parser(cast(WebSocketReader, incoming))
        # It may be gone by now, and nobody would say so any more.
        if request.transport is not None:
            await incoming.run()
    except EngineUnavailableError:
        connection.close(CloseCode.TRY_AGAIN_LATER, "the message store is not available")
    finally:
        connection.closed_by_peer(None)
        context.tally.closed(connection.close_code)
        # What was written is flushed first, but a peer that does not read gets no more than a moment for it.
        transport.close()
        asyncio.get_running_loop().call_later(ABORT_AFTER, transport.abort)
    return response


def _switching(request: web.Request) -> web.StreamResponse:
    """Answer the handshake (RFC 6455, section 4.2.2). What is sent and read behind it is ours."""
    accept = b64encode(sha1(request.headers[hdrs.SEC_WEBSOCKET_KEY].encode() + WS_KEY, usedforsecurity=False).digest())
    headers = {
        hdrs.UPGRADE: "websocket",
        hdrs.CONNECTION: "upgrade",
        hdrs.SEC_WEBSOCKET_ACCEPT: accept.decode(),
        "x-request-id": request[REQUEST_ID],
    }
    response = web.StreamResponse(status=101, headers=headers)
    response.force_close()
    return response


async def _part(context: Context, connection: Connection, channel: HubChannel) -> None:
    if connection.entered:
        grace = 0.0 if connection.close_code in _LEFT_ON_PURPOSE else context.config.presence_grace
        try:
            await context.engine.leave(channel.name, connection.client_id, connection.id, grace=grace)
        except EngineError as error:
            _log.error("%s: presence of a closed connection could not be ended: %s", connection.id, error)
    await context.hub.leave(channel, connection)
    fields = {"connection": connection.id, "close_code": connection.close_code, "channel": channel.name}
    _access_log.info("%s closed %s channel=%s", *fields.values(), extra=fields)
