"""A database in memory, served on the event loop itself: it never waits, and a thread costs more than its work."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from voyant_cloud.server.engine.sqlite_database import Database
from voyant_cloud.server.engine.sqlite_open import MEMORY, open_database
from voyant_cloud.server.engine.sqlite_requests import Deliver, Requests
from voyant_cloud.server.engine.sqlite_store import Retention, SqliteStore
from voyant_cloud.server.engine.sqlite_sweep import Sweep
from voyant_cloud.server.engine.sqlite_worker import Request, Worker

__all__ = ["DatabaseInLoop"]


class DatabaseInLoop(Requests):
    """A database in memory.

    Args:
        retention: how much is kept.
        deliver: see ``Deliver``.
    """

    def __init__(self, retention: Retention, deliver: Deliver) -> None:
        super().__init__(deliver)
        self._retention = retention
        self._database: Database | None = None
        self._worker: Worker
        self._sweeping: asyncio.TimerHandle | None = None

    async def start(self) -> None:
        """Make the database; see ``Requests.start``."""
        self._database = database = open_database(MEMORY)
        store, sweep = SqliteStore(database, self._retention), Sweep(database, self._retention)
        self._worker = Worker(store, sweep, self._receive)
        self._sweep_later()

    async def stop(self) -> None:
        """Finish; see ``Requests.stop``."""
        self._end_turn()
        if self._sweeping is not None:
            self._sweeping.cancel()
        if self._database is not None:
            self._database.close()

    def _work(self, requests: Sequence[Request]) -> None:
        self._worker.serve(requests)

    def _sweep(self) -> None:
        self._worker.sweep_if_due()
        self._sweep_later()

    def _sweep_later(self) -> None:
        self._sweeping = self._loop.call_later(self._worker.sweep_in(), self._sweep)
