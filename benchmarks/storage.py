"""The engine on a file: appends a second that are on the disk, beside bare sqlite3."""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.measure import Pair, Row
from voyant_cloud.server.engine.base import NewMessage
from voyant_cloud.server.engine.sqlite import SqliteEngine
from voyant_cloud.server.loop import loop_factory

__all__ = ["ROWS"]

APPENDS = 20_000
PUBLISHERS = 200
BATCH = 50
DATA = '{"orderId":"ord_1","status":"paid","total":129.5}'


class _Nobody:
    def on_messages(self, channel: str, messages: Any) -> None:
        """Take no notice."""

    def on_presence(self, event: Any) -> None:
        """Take no notice."""


@contextmanager
def beside_sqlite() -> Iterator[Pair]:
    """Both write to a file of their own, each commit to the disk."""
    with tempfile.TemporaryDirectory() as folder:
        engine_file, bare_file = Path(folder, "engine.sqlite3"), Path(folder, "bare.sqlite3")
        yield lambda: _run(_append(str(engine_file))), lambda: _insert(bare_file)


def _run(work: Coroutine[Any, Any, float]) -> float:
    # On the loop that the server runs on.
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(work)


async def _append(path: str) -> float:
    """Publishers each wait for one append before the next, so that group commit has what one turn of all brings."""
    engine = SqliteEngine(path, history_messages=1_000_000)
    await engine.open(_Nobody())
    message = NewMessage("bench", "order.updated", DATA)

    async def publish(_: int) -> None:
        for _ in range(APPENDS // PUBLISHERS):
            await engine.append([message])

    try:
        started = time.perf_counter()
        await asyncio.gather(*map(publish, range(PUBLISHERS)))
        return APPENDS / (time.perf_counter() - started)
    finally:
        await engine.close()


def _insert(path: Path) -> float:
    """Batches in one thread."""
    database = sqlite3.connect(path, isolation_level=None)
    try:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=FULL")
        database.execute("CREATE TABLE IF NOT EXISTS m (channel TEXT, seq INTEGER, event TEXT, data TEXT, at INTEGER)")
        started = time.perf_counter()
        for batch in range(APPENDS // BATCH):
            rows = [("bench", batch * BATCH + n, "order.updated", DATA, n) for n in range(BATCH)]
            database.execute("BEGIN")
            database.executemany("INSERT INTO m VALUES (?, ?, ?, ?, ?)", rows)
            database.execute("COMMIT")
        return APPENDS / (time.perf_counter() - started)
    finally:
        database.close()


ROWS = [
    Row(
        name="sqlite-appends",
        what="SQLite appends at `synchronous=FULL`, group commit",
        unit="a second",
        against="bare sqlite3, batches of 50 in one thread",
        floor=0.3,
        goal=0.7,
        prepare=beside_sqlite,
    ),
]
