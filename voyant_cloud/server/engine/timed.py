"""An engine that leaves all work to another and times it."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Coroutine, Sequence
from typing import Any, TypeVar

from voyant_cloud.models import RealtimePresenceMember
from voyant_cloud.server.engine.base import (
    ChannelStanding,
    Engine,
    EngineError,
    EngineListener,
    History,
    IdempotencyConflictError,
    IdempotencyKey,
    NewMessage,
    Replay,
    StoredMessage,
)
from voyant_cloud.server.tally import Tally

__all__ = ["TimedEngine"]

T = TypeVar("T")


class TimedEngine:
    """An ``Engine``; see there for the methods.

    Args:
        engine: does the work.
        tally: where its times and failures are counted.
    """

    def __init__(self, engine: Engine, tally: Tally) -> None:
        self._engine = engine
        # Its own: what it tells of is timed elsewhere, and who waits for it should not wait for one call more.
        self.deliver_now = engine.deliver_now
        self._tally = tally

    async def open(self, listener: EngineListener) -> None:
        """Make the store ready."""
        await self._engine.open(listener)

    async def close(self) -> None:
        """Let go of the store."""
        await self._engine.close()

    def check(self) -> Coroutine[Any, Any, None]:
        """Do a round trip to the store."""
        return self._timed("check", self._engine.check())

    def watch(self, channel: str) -> Coroutine[Any, Any, None]:
        """Start delivering a channel's messages and presence."""
        return self._timed("watch", self._engine.watch(channel))

    async def unwatch(self, channel: str) -> None:
        """Stop delivering them."""
        await self._engine.unwatch(channel)

    def append(
        self, messages: Sequence[NewMessage], idempotency: IdempotencyKey | None = None
    ) -> Coroutine[Any, Any, list[StoredMessage]]:
        """Commit messages."""
        return self._timed("append", self._engine.append(messages, idempotency))

    def append_now(self, message: NewMessage) -> StoredMessage | None:
        """Commit one message, if that needs no wait."""
        started = time.perf_counter()
        stored = self._engine.append_now(message)
        if stored is not None:
            self._tally.engine["append"].observe(time.perf_counter() - started)
        return stored

    def history(self, channel: str, *, after_seq: int | None = None, limit: int) -> Coroutine[Any, Any, History]:
        """Read retained messages."""
        return self._timed("history", self._engine.history(channel, after_seq=after_seq, limit=limit))

    def replay(self, channel: str, *, after_seq: int, limit: int, max_bytes: int) -> Coroutine[Any, Any, Replay]:
        """Read what a subscriber missed."""
        reading = self._engine.replay(channel, after_seq=after_seq, limit=limit, max_bytes=max_bytes)
        return self._timed("replay", reading)

    def channels(self, prefix: str, limit: int) -> Coroutine[Any, Any, list[ChannelStanding]]:
        """List channels."""
        return self._timed("channels", self._engine.channels(prefix, limit))

    def enter(self, channel: str, client_id: str, connection_id: str, data: Any) -> Coroutine[Any, Any, None]:
        """Make a client present, or change its data."""
        return self._timed("enter", self._engine.enter(channel, client_id, connection_id, data))

    def leave(
        self, channel: str, client_id: str, connection_id: str, *, grace: float = 0.0
    ) -> Coroutine[Any, Any, None]:
        """End one connection's part in a client's presence."""
        return self._timed("leave", self._engine.leave(channel, client_id, connection_id, grace=grace))

    def members(self, channel: str, *, limit: int) -> Coroutine[Any, Any, list[RealtimePresenceMember]]:
        """List who is present."""
        return self._timed("members", self._engine.members(channel, limit=limit))

    async def _timed(self, operation: str, work: Awaitable[T]) -> T:
        started = time.perf_counter()
        try:
            return await work
        except EngineError as error:
            # A conflict is the caller's fault.
            if not isinstance(error, IdempotencyConflictError):
                self._tally.engine_failures[operation] += 1
            raise
        finally:
            self._tally.engine[operation].observe(time.perf_counter() - started)
