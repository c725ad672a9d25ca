"""The REST routes: publish, batch, history, presence, tokens, health."""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import re
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from aiohttp import web

from voyant_cloud import jsontext
from voyant_cloud.converter import structure, unstructure, wire_time
from voyant_cloud.errors import VoyantValidationError
from voyant_cloud.models import (
    MintRealtimeTokenInput,
    PublishRealtimeBatchInput,
    PublishRealtimeMessageInput,
    RealtimeChannelTarget,
    RealtimeHistoryQuery,
)
from voyant_cloud.server.answers import data_response
from voyant_cloud.server.api_keys import ApiKey
from voyant_cloud.server.authorization import authorize
from voyant_cloud.server.context import CONTEXT, Context
from voyant_cloud.server.engine.base import IdempotencyKey, NewMessage, StoredMessage, summaries
from voyant_cloud.server.fast_batch import read_batch, read_written_batch
from voyant_cloud.server.message_id import parse_message_id
from voyant_cloud.server.refusal import Refusal

__all__ = ["routes"]

DEFAULT_LIMIT: Final = 100
DEFAULT_TTL: Final = 3_600
BODY_WITHIN: Final = 30.0
# Room for the keys, the event's name and escapes around one message's data.
_BODY_OVERHEAD: Final = 32 * 1024
_IDEMPOTENCY_KEY: Final = re.compile(r"[!-~]{1,200}", re.ASCII)
_CHANNELS: Final = "/realtime/v1/channels/"
# The whole rest, line breaks included: whatever stands for the channel must end here and not on another route.
_CHANNEL: Final = _CHANNELS + "{channel:(?s:.*)}"

routes = web.RouteTableDef()


@routes.post(_CHANNEL + "/messages")
async def publish(request: web.Request) -> web.Response:
    """Publish one message."""
    context = request.app[CONTEXT]
    key = authorize(request, "realtime:publish")
    channel = _channel_before(request, "/messages")
    body = await _read_body(request, context.config.limits.message_bytes + _BODY_OVERHEAD)
    given = structure(_parse(body), PublishRealtimeMessageInput)
    message = _new_message(context, "PublishRealtimeMessageInput", channel, given.event, given.data)
    [stored] = await context.engine.append([message], _idempotency(request, key, body))
    context.tally.published("http", 1)
    return data_response(stored.summary)


@routes.post("/realtime/v1/messages")
async def publish_batch(request: web.Request) -> web.Response:
    """Publish a batch, all or none."""
    context = request.app[CONTEXT]
    key = authorize(request, "realtime:publish")
    body = await _read_body(request, context.config.limits.batch_bytes)
    messages = read_written_batch(body, context.config.limits) or _read_batch(context, body)
    stored = await context.engine.append(messages, _idempotency(request, key, body))
    context.tally.published("http", len(stored))
    return data_response(_summaries(stored))


@routes.get(_CHANNEL + "/messages")
async def read_history(request: web.Request) -> web.Response:
    """Read a channel's stored messages, oldest first."""
    context = request.app[CONTEXT]
    authorize(request, "realtime:subscribe")
    channel = _channel_before(request, "/messages")
    query = RealtimeHistoryQuery(limit=_whole_number(request, "limit"), since_id=request.query.get("sinceId"))
    after = None if query.since_id is None else await _seq_of(context, channel, query.since_id)
    limit = DEFAULT_LIMIT if query.limit is None else query.limit
    history = await context.engine.history(channel, after_seq=after, limit=limit)
    return data_response(_summaries(history.messages))


@routes.get(_CHANNEL + "/presence")
async def read_presence(request: web.Request) -> web.Response:
    """List who is present on a channel."""
    context = request.app[CONTEXT]
    authorize(request, "realtime:subscribe")
    channel = _channel_before(request, "/presence")
    members = await context.engine.members(channel, limit=context.config.limits.presence_members)
    return data_response(jsontext.dumps([unstructure(member) for member in members], max_depth=jsontext.MAX_DEPTH + 2))


@routes.post("/realtime/v1/tokens")
async def mint_token(request: web.Request) -> web.Response:
    """Mint a client token."""
    context = request.app[CONTEXT]
    authorize(request, "realtime:tokens")
    body = await _read_body(request, _BODY_OVERHEAD)
    given = structure(_parse(body), MintRealtimeTokenInput)
    ttl = DEFAULT_TTL if given.ttl_seconds is None else given.ttl_seconds
    token, expires = context.tokens.mint(given.client_id, given.capabilities, ttl)
    expires_at = wire_time(dt.datetime.fromtimestamp(expires, dt.UTC))
    return data_response(jsontext.dumps({"token": token, "expiresAt": expires_at}))


@routes.get("/healthz")
async def healthz(_: web.Request) -> web.Response:
    """Say that the process runs."""
    return data_response('{"status":"ok"}')


@routes.get("/readyz")
async def readyz(request: web.Request) -> web.Response:
    """Say whether new work is welcome: the store takes publishes, and no stop is under way."""
    context = request.app[CONTEXT]
    if context.draining:
        raise Refusal("service_unavailable", "the server is stopping", retry_after=1)
    await context.engine.check()
    return data_response('{"status":"ready"}')


def _summaries(messages: Sequence[StoredMessage]) -> str:
    return f"[{','.join(summaries(messages))}]"


async def _seq_of(context: Context, channel: str, since_id: str) -> int:
    since = parse_message_id(since_id)
    if since is None:
        raise VoyantValidationError("RealtimeHistoryQuery.since_id", f"{since_id[:80]!r} is no message id")
    head = (await context.engine.history(channel, limit=1)).head
    # An id of another history, or one that was rolled back: all that this channel retains is newer.
    return since.seq if since.epoch == head.epoch and since.seq <= head.seq else 0


def _channel_before(request: web.Request, suffix: str) -> str:
    # The raw path: a channel's escapes are undone once, and never before the route is known.
    raw = request.rel_url.raw_path.removeprefix(_CHANNELS)
    if not raw.endswith(suffix):
        raise Refusal("not_found", "there is nothing at this path")
    try:
        name = unquote_to_bytes(raw.removesuffix(suffix)).decode("utf-8")
    except UnicodeDecodeError:
        raise Refusal("invalid_request", "RealtimeChannelTarget.channel: is not UTF-8 once unescaped") from None
    return RealtimeChannelTarget(channel=name).channel


async def _read_body(request: web.Request, most: int) -> bytes:
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Refusal("invalid_request", "Content-Encoding: bodies are taken as they are, send it without compression")
    # By its announced length first, so that a huge body is refused before it is received.
    if request.content_length is not None and request.content_length > most:
        raise _too_large(request.content_length, most)
    try:
        async with asyncio.timeout(BODY_WITHIN):
            body = await request.read()
    except TimeoutError:
        raise Refusal("request_timeout", f"the body was not complete within {BODY_WITHIN:g} seconds") from None
    if len(body) > most:
        raise _too_large(len(body), most)
    return body


def _too_large(size: int, most: int) -> Refusal:
    return Refusal("payload_too_large", f"the body is {size} bytes, at most {most} are allowed")


def _parse(body: bytes) -> Any:
    try:
        return jsontext.loads(body)
    except jsontext.JsonTextError as error:
        raise Refusal("invalid_request", f"the body {error}") from None


def _read_batch(context: Context, body: bytes) -> list[NewMessage]:
    value = _parse(body)
    return read_batch(value, context.config.limits) or _structured_batch(context, value)


def _structured_batch(context: Context, value: Any) -> list[NewMessage]:
    given = structure(value, PublishRealtimeBatchInput)
    context.config.limits.check_batch("PublishRealtimeBatchInput.messages", len(given.messages))
    return [
        _new_message(context, f"messages[{index}]", message.channel, message.event, message.data)
        for index, message in enumerate(given.messages)
    ]


def _new_message(context: Context, where: str, channel: str, event: str, data: Any) -> NewMessage:
    text = jsontext.dumps(data)
    context.config.limits.check_message(f"{where}.data", text)
    return NewMessage(channel, event, text)


def _idempotency(request: web.Request, key: ApiKey, body: bytes) -> IdempotencyKey | None:
    given = request.headers.get("Idempotency-Key")
    if given is None:
        return None
    if not _IDEMPOTENCY_KEY.fullmatch(given):
        raise Refusal("invalid_request", "Idempotency-Key: must be 1 to 200 printable ASCII characters without spaces")
    digest = hashlib.sha256(request.rel_url.raw_path.encode() + b"\0" + body).hexdigest()
    return IdempotencyKey(f"{key.name}:{given}", digest)


def _whole_number(request: web.Request, name: str) -> int | None:
    text = request.query.get(name)
    if text is None:
        return None
    if not re.fullmatch(r"-?[0-9]{1,18}", text, re.ASCII):
        raise VoyantValidationError(f"RealtimeHistoryQuery.{name}", f"must be a whole number, got {text[:80]!r}")
    return int(text)
