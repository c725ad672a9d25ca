"""The engine that keeps everything in memory, for a server of one node and no longer than it runs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Final

import attrs

from voyant_cloud.server.engine.base import (
    ChannelStanding,
    EngineListener,
    History,
    IdempotencyConflictError,
    IdempotencyKey,
    NewMessage,
    Replay,
    StoredMessage,
)
from voyant_cloud.server.engine.local import LocalEngine
from voyant_cloud.server.engine.memory_history import MemoryHistory
from voyant_cloud.server.engine.retention import Retention
from voyant_cloud.server.message_id import MessageId, new_epoch
from voyant_cloud.server.wire import message_frames

__all__ = ["MemoryEngine"]

SWEEP_EVERY: Final = 60.0
"""Seconds between walks through the channels."""
SWEPT_AT_ONCE: Final = 1_000
"""Channels looked at before the event loop gets on with its other work."""


@attrs.frozen
class _Answer:
    """What was answered to a request with an idempotency key; the text of its messages comes with the repeat."""

    digest: str
    ids: Sequence[MessageId]
    expires_ms: int


class MemoryEngine(LocalEngine):
    """The ``Engine`` of a single node that keeps nothing; see there for what each method promises.

    It never waits and never fails, so what it is asked for is done at once.

    Args:
        history_messages: messages kept a channel, 1 or more.
        history_seconds: seconds that a message is kept, above 0.
        idempotency_seconds: seconds that a repeated request is recognised, above 0.
        clock: seconds since 1970.
    """

    def __init__(
        self,
        *,
        history_messages: int = 1_000,
        history_seconds: float = 86_400.0,
        idempotency_seconds: float = 300.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(clock)
        self._retention = Retention(history_messages, history_seconds, idempotency_seconds, clock)
        # The one that was used last is the last.
        self._channels: dict[str, MemoryHistory] = {}
        # The one that expires first is the first.
        self._answers: dict[str, _Answer] = {}
        # What was committed in this turn of the loop, to be told together at its end, and whether some was before that.
        self._fresh: dict[str, list[StoredMessage]] = {}
        self._has_told = False
        self._awaits_end = False
        self._sweeping: asyncio.TimerHandle | None = None

    async def open(self, listener: EngineListener) -> None:
        """Begin; once in the life of an engine."""
        await super().open(listener)
        self._sweep_later()

    async def close(self) -> None:
        """Tell of what was accepted, then end."""
        if self._fresh:
            self._tell_fresh()
        if self._sweeping is not None:
            self._sweeping.cancel()
        await super().close()

    async def check(self) -> None:
        """See that it is open."""
        self._require_open()

    async def append(
        self, messages: Sequence[NewMessage], idempotency: IdempotencyKey | None = None
    ) -> list[StoredMessage]:
        """Commit messages, all or none."""
        self._require_open()
        now = self._retention.now_ms()
        if idempotency is None:
            return self._store(messages, now)
        earlier = self._earlier(idempotency, now)
        if earlier is not None:
            return [StoredMessage(at, it.channel, it.event, it.data) for at, it in zip(earlier, messages, strict=True)]
        stored = self._store(messages, now)
        expires = now + int(self._retention.answer_seconds * 1000)
        self._answers[idempotency.key] = _Answer(idempotency.digest, [message.id for message in stored], expires)
        return stored

    def append_now(self, message: NewMessage) -> StoredMessage | None:
        """Commit one message, which needs no wait; ``None`` while it is not open."""
        if not self._open:
            return None
        now = self._retention.now_ms()
        return self._add(self._used(message.channel, now), [message], now)[0]

    def deliver_now(self) -> None:
        """Deliver what waits for the end of the loop's turn, if this is the first time in it."""
        if self._fresh and not self._has_told:
            self._has_told = True
            self._tell_fresh()

    async def history(self, channel: str, *, after_seq: int | None = None, limit: int) -> History:
        """Read retained messages: the newest *limit*, or the first *limit* after *after_seq*."""
        self._require_open()
        found, first = self._retained(channel)
        start = found.head.seq - limit + 1 if after_seq is None else after_seq + 1
        return History(found.messages(max(first, start), limit), found.head, first)

    async def replay(self, channel: str, *, after_seq: int, limit: int, max_bytes: int) -> Replay:
        """Read what a subscriber missed."""
        self._require_open()
        found, first = self._retained(channel)
        start = max(first, after_seq + 1)
        rows = found.rows(start, limit, max_bytes)
        frames = message_frames(channel, found.head.epoch, start, rows)
        return Replay(found.head, first, start, frames, [ms for ms, _, _ in rows])

    async def channels(self, prefix: str, limit: int) -> list[ChannelStanding]:
        """List channels whose name begins with *prefix*, the most recently used first."""
        self._require_open()
        wanted = (each for each in reversed(self._channels.values()) if each.name.startswith(prefix))
        return [ChannelStanding(each.name, each.head) for each in islice(wanted, limit)]

    def _store(self, messages: Sequence[NewMessage], now: int) -> list[StoredMessage]:
        if len(messages) == 1:
            return self._add(self._used(messages[0].channel, now), messages, now)
        by_channel: dict[str, list[NewMessage]] = {}
        for new in messages:
            by_channel.setdefault(new.channel, []).append(new)
        # The channel of the last message is the one that was used last.
        for name in reversed(dict.fromkeys([new.channel for new in reversed(messages)])):
            self._used(name, now)
        in_turn = {name: iter(self._add(self._channels[name], news, now)) for name, news in by_channel.items()}
        return [next(in_turn[new.channel]) for new in messages]

    def _add(self, channel: MemoryHistory, messages: Sequence[NewMessage], now: int) -> list[StoredMessage]:
        stored = channel.add(messages, now)
        if channel.name not in self._watched:
            self._trim(channel, len(stored))
            return stored
        # All that one turn of the loop commits to a channel goes to its subscribers in one piece.
        if not self._awaits_end:
            self._awaits_end = True
            asyncio.get_running_loop().call_soon(self._end_turn)
        self._fresh.setdefault(channel.name, []).extend(stored)
        return stored

    def _trim(self, channel: MemoryHistory, added: int) -> None:
        too_many = self._retention.to_trim(channel.head.seq, added)
        if too_many:
            channel.remove(up_to_seq=too_many)

    def _used(self, name: str, now: int) -> MemoryHistory:
        channel = self._channels.pop(name, None)
        if channel is None:
            channel = MemoryHistory(name, MessageId(new_epoch(), now, 0))
        self._channels[name] = channel
        return channel

    def _retained(self, name: str) -> tuple[MemoryHistory, int]:
        """Find a channel, or make it, and the ``seq`` of its oldest message that is retained."""
        channel = self._channels.get(name)
        if channel is None:
            channel = self._used(name, self._retention.now_ms())
        above = self._retention.trimmed_seq(channel.head.seq)
        return channel, channel.first_seq(above_seq=above, from_ms=self._retention.oldest_ms())

    def _earlier(self, key: IdempotencyKey, now: int) -> Sequence[MessageId] | None:
        answer = self._answers.get(key.key)
        if answer is None or answer.expires_ms <= now:
            # At the end, where the ones that expire last are.
            self._answers.pop(key.key, None)
            return None
        if answer.digest != key.digest:
            raise IdempotencyConflictError("the idempotency key was used with another request")
        return answer.ids

    def _end_turn(self) -> None:
        self._awaits_end = self._has_told = False
        self._tell_fresh()

    def _tell_fresh(self) -> None:
        fresh, self._fresh = self._fresh, {}
        self._tell_messages(fresh)
        # What nobody waits for comes after.
        for name, messages in fresh.items():
            self._trim(self._channels[name], len(messages))

    # What is past its time

    def _sweep_later(self) -> None:
        self._sweeping = asyncio.get_running_loop().call_later(SWEEP_EVERY, self._sweep)

    def _sweep(self) -> None:
        now = self._retention.now_ms()
        self._answers = {key: answer for key, answer in self._answers.items() if answer.expires_ms > now}
        self._sweep_channels(list(self._channels.values()))

    def _sweep_channels(self, left: list[MemoryHistory]) -> None:
        before = self._retention.oldest_ms()
        for _ in range(min(SWEPT_AT_ONCE, len(left))):
            channel = left.pop()
            channel.remove(up_to_seq=channel.first_seq(above_seq=0, from_ms=before) - 1)
        if left:
            self._sweeping = asyncio.get_running_loop().call_later(0, self._sweep_channels, left)
        else:
            self._sweep_later()
