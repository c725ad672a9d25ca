"""A database in a file, served by a thread of its own: the disk makes the thread wait, and not the event loop.

Between the two there is a queue one way and ``call_soon_threadsafe`` the other. Nothing else is shared, so there is no
lock: the database is touched by the thread alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import queue
import threading
from collections.abc import Callable, Sequence

from voyant_cloud.server.engine.base import ChannelStanding, History, IdempotencyKey, NewMessage, Replay, StoredMessage
from voyant_cloud.server.engine.retention import Retention
from voyant_cloud.server.engine.sqlite_open import open_database
from voyant_cloud.server.engine.sqlite_store import SqliteStore
from voyant_cloud.server.engine.sqlite_sweep import Sweep
from voyant_cloud.server.engine.sqlite_worker import Append, Check, List, Outcome, Read, Request, Resume, Worker

__all__ = ["DatabaseThread", "Deliver"]

Deliver = Callable[[dict[str, list[StoredMessage]]], None]
"""Is called on the event loop with what each group stored, by channel, after its callers were answered."""


class DatabaseThread:
    """A database and its thread. Made on the event loop that uses it.

    Args:
        path: the database's file.
        retention: how much is kept.
        deliver: see ``Deliver``.
    """

    def __init__(self, path: str, retention: Retention, deliver: Deliver) -> None:
        self._deliver = deliver
        self._loop = asyncio.get_running_loop()
        self._turn: list[Request] = []
        self._path = path
        self._retention = retention
        self._requests: queue.SimpleQueue[Sequence[Request] | None] = queue.SimpleQueue()
        self._opened: asyncio.Future[None] = self._loop.create_future()
        self._ended: asyncio.Future[None] = self._loop.create_future()
        # A daemon: a program that forgets to close loses nothing that was committed, and must not hang at its end.
        self._thread = threading.Thread(target=self._run, name="voyant-sqlite", daemon=True)

    async def start(self) -> None:
        """Open the database.

        Raises:
            EngineSetupError: it cannot be opened.
        """
        self._thread.start()
        await self._opened

    async def stop(self) -> None:
        """Do what was asked for until now, then end the thread. Safe to call twice; ask for nothing after it."""
        self._end_turn()
        self._requests.put(None)
        await asyncio.shield(self._ended)
        self._thread.join()

    def append(
        self, messages: Sequence[NewMessage], idempotency: IdempotencyKey | None
    ) -> asyncio.Future[list[StoredMessage]]:
        """Commit messages; see ``Engine.append``."""
        answer: asyncio.Future[list[StoredMessage]] = self._loop.create_future()
        self._ask(Append(messages, idempotency, answer=answer))
        return answer

    def history(self, channel: str, after_seq: int | None, limit: int) -> asyncio.Future[History]:
        """Read a channel's history; see ``Engine.history``."""
        answer: asyncio.Future[History] = self._loop.create_future()
        self._ask(Read(channel, after_seq, limit, answer))
        return answer

    def replay(self, channel: str, after_seq: int, limit: int, max_bytes: int) -> asyncio.Future[Replay]:
        """Read what a subscriber missed; see ``Engine.replay``."""
        answer: asyncio.Future[Replay] = self._loop.create_future()
        self._ask(Resume(channel, after_seq, limit, max_bytes, answer))
        return answer

    def channels(self, prefix: str, limit: int) -> asyncio.Future[list[ChannelStanding]]:
        """List channels; see ``Engine.channels``."""
        answer: asyncio.Future[list[ChannelStanding]] = self._loop.create_future()
        self._ask(List(prefix, limit, answer))
        return answer

    def check(self) -> asyncio.Future[None]:
        """See whether a publish would be taken; see ``Engine.check``."""
        answer: asyncio.Future[None] = self._loop.create_future()
        self._ask(Check(answer))
        return answer

    def _ask(self, request: Request) -> None:
        # All requests of one turn of the loop go together, so that a group is complete when work on it begins.
        if not self._turn:
            self._loop.call_soon(self._end_turn)
        self._turn.append(request)

    def _end_turn(self) -> None:
        requests, self._turn = self._turn, []
        if requests:
            self._requests.put(requests)

    def _receive(self, outcome: Outcome) -> None:
        for answer, result in outcome.answers:
            # One that is done was cancelled by its caller; what it asked for has been done all the same.
            if answer.done():
                continue
            if isinstance(result, Exception):
                # A copy for each, since raising an exception adds to its traceback.
                answer.set_exception(copy.copy(result))
            else:
                answer.set_result(result)
        if outcome.fresh:
            self._deliver(outcome.fresh)

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
