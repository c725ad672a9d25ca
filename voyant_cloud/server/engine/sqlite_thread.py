"""A database in a file, served by a thread of its own: the disk makes the thread wait, and not the event loop.

Between the two there is a queue one way and ``call_soon_threadsafe`` the other. Nothing else is shared, so there is no
lock: the database is touched by the thread alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Sequence

from voyant_cloud.server.engine.sqlite_open import open_database
from voyant_cloud.server.engine.sqlite_requests import Deliver, Requests
from voyant_cloud.server.engine.sqlite_store import Retention, SqliteStore
from voyant_cloud.server.engine.sqlite_sweep import Sweep
from voyant_cloud.server.engine.sqlite_worker import Outcome, Request, Worker

__all__ = ["DatabaseThread"]


class DatabaseThread(Requests):
    """A database and its thread.

    Args:
        path: the database's file.
        retention: how much is kept.
        deliver: see ``Deliver``.
    """

    def __init__(self, path: str, retention: Retention, deliver: Deliver) -> None:
        super().__init__(deliver)
        self._path = path
        self._retention = retention
        self._requests: queue.SimpleQueue[Sequence[Request] | None] = queue.SimpleQueue()
        self._opened: asyncio.Future[None] = self._loop.create_future()
        self._ended: asyncio.Future[None] = self._loop.create_future()
        # A daemon: a program that forgets to close loses nothing that was committed, and must not hang at its end.
        self._thread = threading.Thread(target=self._run, name="voyant-sqlite", daemon=True)

    async def start(self) -> None:
        """Open the database; see ``Requests.start``."""
        self._thread.start()
        await self._opened

    async def stop(self) -> None:
        """Finish, and end the thread; see ``Requests.stop``."""
        self._end_turn()
        self._requests.put(None)
        await asyncio.shield(self._ended)
        self._thread.join()

    def _work(self, requests: Sequence[Request]) -> None:
        self._requests.put(requests)

    # What follows runs on the database's thread.

    def _run(self) -> None:
        try:
            self._open_and_serve()
        finally:
            self._tell(Outcome([(self._ended, None)]))

    def _open_and_serve(self) -> None:
        try:
            database = open_database(self._path)
        except Exception as error:  # noqa: BLE001 - it is raised where start() waits
            self._tell(Outcome([(self._opened, error)]))
            return
        with contextlib.closing(database):
            self._tell(Outcome([(self._opened, None)]))
            store, sweep = SqliteStore(database, self._retention), Sweep(database, self._retention)
            Worker(store, sweep, self._tell).run(self._requests)

    def _tell(self, outcome: Outcome) -> None:
        # Where the loop is closed already, nobody is left to be told.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._receive, outcome)
