"""Appends on their way to Redis: what waits at the same time goes in one script, one group after another.

A group carries a number, and Redis keeps a node's last number with its answer. So a group whose answer was lost with a
connection is sent again and stored once, and one that was held up on its way comes too late to be stored at all.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final

import attrs

from voyant_cloud.server.engine.base import (
    EngineError,
    EngineUnavailableError,
    IdempotencyConflictError,
    IdempotencyKey,
    NewMessage,
    StoredMessage,
)
from voyant_cloud.server.engine.redis_lane import Lane, Value
from voyant_cloud.server.engine.redis_names import Names
from voyant_cloud.server.engine.redis_payload import pack, unpack_id
from voyant_cloud.server.engine.redis_script import APPEND
from voyant_cloud.server.message_id import new_epoch

__all__ = ["KEEP_UNUSED_MS", "Appends", "Retention"]

MOST_MESSAGES: Final = 200
"""Messages in one group, about: a script keeps all others from Redis while it runs."""
MOST_BYTES: Final = 1024 * 1024
MOST_WAITING_BYTES: Final = 32 * 1024 * 1024
"""Bytes that wait for the groups before them; a Redis that is so far behind takes no more."""
WAIT_WITHIN: Final = 2.0
"""Seconds that a request may wait for the groups before it."""
KEEP_RECORD: Final = 600.0
"""Seconds that Redis keeps a node's last group, many times as long as one is repeated."""
KEEP_UNUSED_MS: Final = 7 * 24 * 3600 * 1000
"""Milliseconds that a channel keeps its place that was read or followed and never had a message."""
_EVERYTHING: Final = 2**53
_CONFLICT: Final = b"conflict"


@attrs.frozen
class Retention:
    """How much is kept.

    Attributes:
        messages: how many messages a channel, 1 or more.
        seconds: how long a message, above 0.
        answer_seconds: how long the answer to an idempotency key, above 0.
        clock: seconds since 1970; ``None`` for the clock of Redis, which is the same for all nodes.
    """

    messages: int = 1_000
    seconds: float = 86_400.0
    answer_seconds: float = 300.0
    clock: Callable[[], float] | None = None

    def now_ms(self) -> Value:
        """Return the time now as scripts take it: milliseconds since 1970, or that Redis is to look."""
        return "" if self.clock is None else int(self.clock() * 1000)

    def message_ms(self) -> int:
        """Return how long a message is kept, milliseconds."""
        return int(min(self.seconds * 1000, _EVERYTHING))

    def stream_ms(self) -> int:
        """Return how long messages without a newer one are kept, milliseconds; 0 for ever."""
        return int(self.seconds * 1000) if self.seconds * 1000 < _EVERYTHING else 0


@attrs.define(eq=False)
class _Request:
    """What one caller asks to store."""

    messages: Sequence[NewMessage]
    texts: list[bytes]
    idempotency: IdempotencyKey | None
    answer: asyncio.Future[list[StoredMessage]]
    asked_at: float
    size: int


class Appends:
    """The appends of one node. For one event loop.

    Args:
        lane: where they go to.
        names: what things are called in Redis.
        retention: how much is kept.
        node: names this node, and no other that ever was.
    """

    def __init__(self, lane: Lane, names: Names, retention: Retention, node: str) -> None:
        self._lane = lane
        self._names = names
        self._retention = retention
        self._node = node
        self._number = 0
        self._waiting: deque[_Request] = deque()
        self._waiting_bytes = 0
        self._look_at_waiting: asyncio.TimerHandle | None = None
        self._work: asyncio.Task[None] | None = None

    def append(
        self, messages: Sequence[NewMessage], idempotency: IdempotencyKey | None
    ) -> asyncio.Future[list[StoredMessage]]:
        """Commit messages; see ``Engine.append``.

        Where Redis is away, or so far behind that they would wait for long, they are refused at once.
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[list[StoredMessage]] = loop.create_future()
        texts = [pack(message.event, message.data) for message in messages]
        request = _Request(messages, texts, idempotency, answer, loop.time(), sum(map(len, texts)))
        if self._lane.is_stuck:
            _settle(request, EngineUnavailableError("Redis is not available"))
        elif self._waiting_bytes >= MOST_WAITING_BYTES:
            _settle(request, EngineUnavailableError(f"more than {MOST_WAITING_BYTES} bytes wait for Redis"))
        else:
            self._wait(request)
        return answer

    async def stop(self) -> None:
        """Have what was asked for answered. Safe to call twice."""
        if self._work is not None:
            await asyncio.wait([self._work])
        if self._look_at_waiting is not None:
            self._look_at_waiting.cancel()

    def _wait(self, request: _Request) -> None:
        self._waiting.append(request)
        self._waiting_bytes += request.size
        if self._work is None:
            self._work = asyncio.ensure_future(self._work_off())
        if self._look_at_waiting is None:
            self._look_at_waiting = asyncio.get_running_loop().call_later(WAIT_WITHIN, self._refuse_late)

    def _next_waiting(self) -> _Request:
        request = self._waiting.popleft()
        self._waiting_bytes -= request.size
        return request

    def _refuse_late(self) -> None:
        """Answer those who have waited for long, while the groups before them are still under way."""
        loop = asyncio.get_running_loop()
        self._look_at_waiting = None
        while self._waiting and loop.time() - self._waiting[0].asked_at >= WAIT_WITHIN:
            _settle(self._next_waiting(), EngineUnavailableError(f"Redis did not come to it within {WAIT_WITHIN:g} s"))
        if self._waiting:
            due = self._waiting[0].asked_at + WAIT_WITHIN
            self._look_at_waiting = loop.call_at(due, self._refuse_late)

    async def _work_off(self) -> None:
        try:
            while self._waiting:
                # All requests of this turn of the loop come along.
                await asyncio.sleep(0)
                if self._waiting:
                    await self._commit(self._next_group())
        finally:
            self._work = None

    def _next_group(self) -> list[_Request]:
        group = [self._next_waiting()]
        messages, size = len(group[0].texts), group[0].size
        while self._waiting:
            messages += len(self._waiting[0].texts)
            size += self._waiting[0].size
            if messages > MOST_MESSAGES or size > MOST_BYTES:
                break
            group.append(self._next_waiting())
        return group

    async def _commit(self, group: Sequence[_Request]) -> None:
        self._number += 1
        keys, arguments = self._command(group)
        try:
            answers: list[Any] = await self._lane.run(APPEND, keys, *arguments)
        except EngineError as error:
            for request in group:
                _settle(request, type(error)(*error.args))
            return
        for request, answer in zip(group, answers, strict=True):
            _settle(request, _stored(request, answer))

    def _command(self, group: Sequence[_Request]) -> tuple[list[str], list[Value]]:
        names, kept = self._names, self._retention
        channels = list(dict.fromkeys(message.channel for request in group for message in request.messages))
        number_of = {channel: number for number, channel in enumerate(channels, 1)}
        keys = [names.record(self._node), names.channels, names.used, names.unused]
        arguments: list[Value] = [self._number, int(KEEP_RECORD * 1000), kept.now_ms(), min(kept.messages, _EVERYTHING)]
        arguments += [kept.message_ms(), kept.stream_ms(), max(int(kept.answer_seconds * 1000), 1)]
        arguments += [KEEP_UNUSED_MS, names.feeds, len(channels)]
        for channel in channels:
            keys += [names.place(channel), names.stream(channel)]
            arguments += [channel, new_epoch()]
        known = 0
        for request in group:
            key = request.idempotency
            if key is not None:
                keys.append(names.answer(key.key))
                known += 1
            arguments += [len(request.texts), 0 if key is None else known, "" if key is None else key.digest]
            for message, text in zip(request.messages, request.texts, strict=True):
                arguments += [number_of[message.channel], text]
        return keys, arguments


def _stored(request: _Request, answer: bytes) -> list[StoredMessage] | EngineError:
    if answer == _CONFLICT:
        return IdempotencyConflictError("the idempotency key was used with another request")
    # The digest stands for the messages, so a repeat brings their text along: only the ids were kept.
    ids = answer.decode().split(",") if answer else []
    pairs = zip(ids, request.messages, strict=True)
    return [StoredMessage(unpack_id(at), new.channel, new.event, new.data) for at, new in pairs]


def _settle(request: _Request, result: list[StoredMessage] | EngineError) -> None:
    # One that is done was cancelled by its caller; what it asked for has been done all the same.
    if request.answer.done():
        return
    if isinstance(result, EngineError):
        request.answer.set_exception(result)
    else:
        request.answer.set_result(result)
