"""The embedded engine: messages in one SQLite file, presence in memory, for a server of one node."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

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
from voyant_cloud.server.engine.local import LocalEngine
from voyant_cloud.server.engine.retention import Retention
from voyant_cloud.server.engine.sqlite_thread import DatabaseThread

__all__ = ["SqliteEngine"]


class SqliteEngine(LocalEngine):
    """The ``Engine`` of a single node; see there for what each method promises.

    What is committed survives ``kill -9`` and loss of power: ``append`` returns once it is on the disk, and appends
    that wait at the same time go there together.

    While the disk is full, or the file cannot be written for another reason, appends raise ``EngineUnavailableError``;
    channels that exist can be read; once the trouble is over appends work again.

    Args:
        path: the database's file, made where there is none.
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
        super().__init__(clock)
        self._path = path
        self._retention = Retention(history_messages, history_seconds, idempotency_seconds, clock)
        self._database: DatabaseThread | None = None

    async def open(self, listener: EngineListener) -> None:
        """Open the database; once in the life of an engine."""
        assert self._database is None, "an engine is opened once"
        self._database = DatabaseThread(self._path, self._retention, self._tell_messages)
        await self._database.start()
        await super().open(listener)

    async def close(self) -> None:
        """Commit what was accepted, then close the database."""
        await super().close()
        if self._database is not None:
            await self._database.stop()

    async def check(self) -> None:
        """See that the database takes a write."""
        await self._running().check()

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

    def _running(self) -> DatabaseThread:
        if self._database is None or not self._open:
            raise EngineUnavailableError("the engine is not open")
        return self._database
