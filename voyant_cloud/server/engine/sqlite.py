"""The embedded engine: messages in one SQLite file, presence in memory, for a server of one node."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from voyant_cloud.models import RealtimeChannelPresenceEvent, RealtimePresenceMember
from voyant_cloud.server.engine.base import (
    ChannelStanding,
    EngineListener,
    EngineUnavailableError,
    History,
    IdempotencyKey,
    NewMessage,
    Replay,
    StoredMessage,
)
from voyant_cloud.server.engine.local_presence import LocalPresence
from voyant_cloud.server.engine.sqlite_in_loop import DatabaseInLoop
from voyant_cloud.server.engine.sqlite_open import MEMORY
from voyant_cloud.server.engine.sqlite_requests import Requests
from voyant_cloud.server.engine.sqlite_store import Retention
from voyant_cloud.server.engine.sqlite_thread import DatabaseThread

__all__ = ["SqliteEngine"]


class SqliteEngine:
    """The ``Engine`` of a single node; see there for what each method promises.

    What is committed survives ``kill -9`` and loss of power: ``append`` returns once it is on the disk, and appends
    that wait at the same time go there together. With ``:memory:`` nothing survives the process. Presence is of this
    process and ends with it.

    While the disk is full, or the file cannot be written for another reason, appends raise ``EngineUnavailableError``;
    channels that exist can be read; once the trouble is over appends work again.

    Args:
        path: the database's file, made where there is none, or ``:memory:``.
        history_messages: messages kept a channel, 1 or more.
        history_seconds: seconds that a message is kept, above 0.
        idempotency_seconds: seconds that a repeated request is recognised, above 0.
        clock: seconds since 1970.
    """

    def __init__(
        self,
        path: str,
        *,
        history_messages: int = 1_000,
        history_seconds: float = 86_400.0,
        idempotency_seconds: float = 300.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._path = path
        self._retention = Retention(history_messages, history_seconds, idempotency_seconds, clock)
        self._presence = LocalPresence(clock, self._tell_presence)
        self._watched: set[str] = set()
        self._listener: EngineListener | None = None
        self._database: Requests | None = None
        self._open = False

    async def open(self, listener: EngineListener) -> None:
        """Open the database; once in the life of an engine."""
        assert self._database is None, "an engine is opened once"
        self._listener = listener
        if self._path == MEMORY:
            self._database = DatabaseInLoop(self._retention, self._tell_messages)
        else:
            self._database = DatabaseThread(self._path, self._retention, self._tell_messages)
        await self._database.start()
        self._open = True

    async def close(self) -> None:
        """Commit what was accepted, then close the database."""
        self._open = False
        self._presence.close()
        if self._database is not None:
            await self._database.stop()

    async def check(self) -> None:
        """See that the database takes a write."""
        await self._running().check()

    async def watch(self, channel: str) -> None:
        """Start delivering this channel's messages and presence."""
        self._running()
        self._watched.add(channel)

    async def unwatch(self, channel: str) -> None:
        """Stop delivering them."""
        self._watched.discard(channel)

    async def append(
        self, messages: Sequence[NewMessage], idempotency: IdempotencyKey | None = None
    ) -> list[StoredMessage]:
        """Commit messages, all or none."""
        return await self._running().append(tuple(messages), idempotency)

    async def history(self, channel: str, *, after_seq: int | None = None, limit: int) -> History:
        """Read retained messages: the newest *limit*, or the first *limit* after *after_seq*."""
        return await self._running().history(channel, after_seq, limit)

    async def replay(self, channel: str, *, after_seq: int, limit: int, max_bytes: int) -> Replay:
        """Read what a subscriber missed."""
        return await self._running().replay(channel, after_seq, limit, max_bytes)

    async def channels(self, prefix: str, limit: int) -> list[ChannelStanding]:
        """List channels whose name begins with *prefix*, the most recently used first."""
        return await self._running().channels(prefix, limit)

    async def enter(self, channel: str, client_id: str, connection_id: str, data: Any) -> None:
        """Make a client present, or change its data."""
        self._running()
        self._presence.enter(channel, client_id, connection_id, data)

    async def leave(self, channel: str, client_id: str, connection_id: str, *, grace: float = 0.0) -> None:
        """End one connection's part in a client's presence."""
        self._running()
        self._presence.leave(channel, client_id, connection_id, grace)

    async def members(self, channel: str, *, limit: int) -> list[RealtimePresenceMember]:
        """List who is present."""
        self._running()
        return self._presence.members(channel, limit)

    def _running(self) -> Requests:
        if self._database is None or not self._open:
            raise EngineUnavailableError("the engine is not open")
        return self._database

    def _tell_messages(self, fresh: dict[str, list[StoredMessage]]) -> None:
        assert self._listener is not None
        for channel, messages in fresh.items():
            if channel in self._watched:
                self._listener.on_messages(channel, messages)

    def _tell_presence(self, event: RealtimeChannelPresenceEvent) -> None:
        assert self._listener is not None
        if event.channel in self._watched:
            self._listener.on_presence(event)
