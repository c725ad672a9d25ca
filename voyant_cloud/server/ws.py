"""The WebSocket route: who may connect, the upgrade, and what clients send."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from aiohttp import WSMessage, WSMsgType, web

from voyant_cloud import jsontext
from voyant_cloud.errors import VoyantDecodeError, VoyantValidationError
from voyant_cloud.models import (
    PublishRealtimeMessageInput,
    RealtimeChannelTarget,
    RealtimePresenceInput,
    RealtimePresenceIntent,
)
from voyant_cloud.realtime.frames import CloseCode, Pong, decode_client_frame
from voyant_cloud.server.answers import REQUEST_ID
from voyant_cloud.server.capabilities import grants
from voyant_cloud.server.connection import ABORT_AFTER, Connection
from voyant_cloud.server.context import CONTEXT, Context
from voyant_cloud.server.engine.base import EngineError, EngineUnavailableError, NewMessage
from voyant_cloud.server.fast_batch import read_publish
from voyant_cloud.server.hub import HubChannel
from voyant_cloud.server.origins import is_allowed
from voyant_cloud.server.rate import FrameGate, Passage
from voyant_cloud.server.refusal import Refusal, refusal_of
from voyant_cloud.server.resume import ResumePoint, resolve_text
from voyant_cloud.server.tokens import LEEWAY, ClientToken, TokenRefusedError
from voyant_cloud.server.wire import pong_frame

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
    socket = web.WebSocketResponse(
        timeout=1.0, autoclose=False, autoping=False, compress=False, max_msg_size=context.config.limits.frame_bytes
    )
    socket.headers["x-request-id"] = request[REQUEST_ID]
    if not socket.can_prepare(request):
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
            await _serve(request, socket, connection, joined)
        finally:
            await _part(context, connection, joined)
    finally:
        context.connections.discard(connection)
    return socket


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


async def _serve(
    request: web.Request, socket: web.WebSocketResponse, connection: Connection, channel: HubChannel
) -> None:
    since_id = request.query.get("sinceId")
    point: ResumePoint | None = None
    if since_id:
        point = await resolve_text(since_id, channel)
    writer = await socket.prepare(request)
    if request.transport is None:
        return
    transport = request.transport
    connection.attach(channel, transport, writer)
    context = request.app[CONTEXT]
    context.tally.opened += 1
    try:
        connection.start((await channel.tail()).head, point, context.config.clock())
        await _read(context, socket, connection, channel)
    except EngineUnavailableError:
        connection.close(CloseCode.TRY_AGAIN_LATER, "the message store is not available")
    finally:
        connection.closed_by_peer(None)
        context.tally.closed(connection.close_code)
        # What was written is flushed first, but a peer that does not read gets no more than a moment for it.
        transport.close()
        asyncio.get_running_loop().call_later(ABORT_AFTER, transport.abort)


async def _read(context: Context, socket: web.WebSocketResponse, connection: Connection, channel: HubChannel) -> None:
    loop = asyncio.get_running_loop()
    limits = context.config.limits
    gate = FrameGate(limits.frames_per_second, limits.frames_burst, loop.time())
    while True:
        message = await socket.receive()
        if message.type in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR):
            connection.closed_by_peer(_close_code(message, socket))
            return
        now = loop.time()
        connection.heard(now)
        match gate.pass_one(now):
            case Passage.TAKEN:
                await _take(context, message, connection, channel)
            case Passage.DROPPED_WITH_NOTICE:
                rate = limits.frames_per_second
                connection.refuse("rate_limited", f"more than {rate:g} frames a second; what is over it is dropped")
            case Passage.ABUSE:
                connection.close(CloseCode.ABUSE, "too many frames")
                return


def _close_code(message: WSMessage, socket: web.WebSocketResponse) -> int | None:
    if message.type is WSMsgType.CLOSE:
        return message.data or CloseCode.NORMAL
    return None


async def _take(context: Context, message: WSMessage, connection: Connection, channel: HubChannel) -> None:
    if message.type is WSMsgType.TEXT:
        if connection.close_code is not None:
            return
        try:
            await _obey(context, message.data, connection, channel)
        except Refusal as refusal:
            connection.refuse(refusal.code, refusal.message)
        except (VoyantDecodeError, VoyantValidationError, EngineError) as error:
            told = refusal_of(error)
            connection.refuse(told.code, told.message)
    elif message.type is WSMsgType.PING:
        connection.write_raw(pong_frame(message.data))
    elif message.type is WSMsgType.BINARY:
        connection.close(CloseCode.UNSUPPORTED_DATA, "frames are text")


async def _obey(context: Context, text: str, connection: Connection, channel: HubChannel) -> None:
    usual = read_publish(text, channel.name, context.publish_check)
    if usual is not None:
        _require(connection, "publish")
        await _publish(context, usual)
        return
    frame = decode_client_frame(text)
    # An unknown frame type is no error: a newer client may send it.
    if isinstance(frame, PublishRealtimeMessageInput):
        _require(connection, "publish")
        data = jsontext.dumps(frame.data)
        context.config.limits.check_message("PublishRealtimeMessageInput.data", data)
        await _publish(context, NewMessage(channel.name, frame.event, data))
    elif isinstance(frame, RealtimePresenceInput):
        _require(connection, "presence")
        await _change_presence(context, frame, connection, channel)
    elif frame is not None:
        connection.send(Pong())


async def _publish(context: Context, message: NewMessage) -> None:
    await context.engine.append([message])
    context.tally.published("websocket", 1)


def _require(connection: Connection, verb: str) -> None:
    if verb not in connection.verbs:
        raise Refusal("forbidden", f"the client token does not grant {verb} on this channel")


async def _change_presence(
    context: Context, frame: RealtimePresenceInput, connection: Connection, channel: HubChannel
) -> None:
    if frame.action == RealtimePresenceIntent.LEAVE:
        connection.entered = False
        await context.engine.leave(channel.name, connection.client_id, connection.id)
        return
    context.config.limits.check_presence("RealtimePresenceInput.data", jsontext.dumps(frame.data))
    connection.entered = True
    await context.engine.enter(channel.name, connection.client_id, connection.id, frame.data)


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
