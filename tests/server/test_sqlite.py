"""The SQLite engine as a whole: what survives, what is shared, what is told when it goes wrong."""

from __future__ import annotations

import asyncio
import random
import shutil
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.server.engine_harness import WITHIN, Clock, Heard, in_loop, opened, publish, seqs, texts
from voyant_cloud.server.engine import sqlite_worker
from voyant_cloud.server.engine.base import (
    EngineSetupError,
    EngineUnavailableError,
    History,
    IdempotencyKey,
    NewMessage,
)
from voyant_cloud.server.engine.sqlite import SqliteEngine
from voyant_cloud.server.message_id import parse_message_id

APPENDER = """
import asyncio, itertools, sys
from voyant_cloud.server.engine.base import NewMessage
from voyant_cloud.server.engine.sqlite import SqliteEngine

class Deaf:
    def on_messages(self, channel, messages): pass
    def on_presence(self, event): pass

async def publish(engine, names):
    for name in itertools.cycle(names):
        [stored] = await engine.append([NewMessage(name, "e", '"%s"' % ("x" * 300))])
        sys.stdout.write(f"{stored.id}\\n")
        sys.stdout.flush()

async def main():
    engine = SqliteEngine(sys.argv[1], history_messages=1_000_000)
    await engine.open(Deaf())
    await asyncio.gather(*(publish(engine, names) for names in ("a", "b", "ab", "ba") * 2))

asyncio.run(main())
"""


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "v.db")


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> dict[str, sqlite3.Connection]:
    """The connections that are opened from now on, by file name. Use one only while its thread has nothing to do."""
    found: dict[str, sqlite3.Connection] = {}
    connect = sqlite3.connect

    def connect_and_keep(name: str, **options: Any) -> sqlite3.Connection:
        found[Path(name).name] = connect(name, check_same_thread=False, **options)
        return found[Path(name).name]

    monkeypatch.setattr(sqlite3, "connect", connect_and_keep)
    return found


def append_until_killed(path: str, acknowledged: int) -> list[str]:
    """Run a process that appends, kill it when it has acknowledged so many, return all ids that it acknowledged."""
    with subprocess.Popen([sys.executable, "-c", APPENDER, path], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(acknowledged)]
        process.kill()
        lines += process.stdout.readlines()
    # The last line may have been cut by the kill.
    return [line.strip() for line in lines if line.endswith("\n")]


async def read_all(path: str) -> dict[str, History]:
    engine = SqliteEngine(path, history_messages=1_000_000)
    async with opened(engine):
        return {name: await engine.history(name, after_seq=0, limit=1_000_000) for name in "ab"}


def test_what_was_acknowledged_survives_kill(path: str) -> None:
    """Ten times killed at a random moment: every acknowledged id is in history, seq has no hole, the epoch stays."""
    moments = random.Random()
    acknowledged: list[str] = []
    epochs = set()
    for _ in range(10):
        acknowledged += append_until_killed(path, moments.randint(1, 120))
        histories = asyncio.run(read_all(path))
        stored = {str(message.id) for history in histories.values() for message in history.messages}
        assert set(acknowledged) <= stored
        for history in histories.values():
            assert seqs(history.messages) == list(range(1, history.head.seq + 1))
        epochs |= {parsed.epoch for parsed in map(parse_message_id, stored) if parsed}
    assert len(acknowledged) == len(set(acknowledged)) >= 10
    assert len(epochs) == 2


@in_loop
async def test_key_is_remembered_across_restarts(path: str) -> None:
    """A request that was committed before a restart is recognised after it: one message, the same id."""
    new, key = [NewMessage("a", "e", "1")], IdempotencyKey("k", "d")
    engine = SqliteEngine(path)
    async with opened(engine):
        first = await engine.append(new, key)
    engine = SqliteEngine(path)
    async with opened(engine):
        assert await engine.append(new, key) == first
        assert (await engine.history("a", limit=9)).head.seq == 1


@pytest.mark.parametrize("cut", [0, 31, 32, 1_000, 5_000, 20_000, -4_096, -1])
@in_loop
async def test_truncated_log(path: str, tmp_path: Path, cut: int) -> None:
    """Of a log that was cut off what is whole is read: the first messages without a hole, and appends go on."""
    engine = SqliteEngine(path)
    async with opened(engine):
        await publish(engine, *map(str, range(1, 11)))
        copy = tmp_path / "copy.db"
        shutil.copy(path, copy)
        log = Path(path + "-wal").read_bytes()
        assert len(log) > 20_000
        Path(f"{copy}-wal").write_bytes(log[:cut])
    engine = SqliteEngine(str(copy))
    async with opened(engine):
        kept = await engine.history("a", after_seq=0, limit=100)
        assert texts(kept.messages) == [str(n) for n in range(1, kept.head.seq + 1)]
        assert kept.head.seq < 10
        [further] = await publish(engine, "new")
        assert further.id.seq == kept.head.seq + 1


@in_loop
async def test_appends_at_the_same_time_share_commits(path: str, connections: dict[str, sqlite3.Connection]) -> None:
    """A hundred appends at once take a few transactions; ten after one another take one each."""
    engine = SqliteEngine(path)
    async with opened(engine):
        statements: list[str] = []
        connections["v.db"].set_trace_callback(statements.append)
        answers = await asyncio.gather(*(publish(engine, "1") for _ in range(100)))
        together = statements.count("COMMIT")
        await publish(engine, *map(str, range(10)))
    assert sorted(seqs([stored for [stored] in answers])) == list(range(1, 101))
    assert 1 <= together <= 10
    assert statements.count("COMMIT") - together == 10


@in_loop
async def test_group_has_a_limit(path: str) -> None:
    """However many are waiting, a group takes 200 messages; a batch is never split."""
    engine = SqliteEngine(path)
    async with opened(engine, "a") as heard:
        batch = [NewMessage("a", "e", "1")] * 90
        await asyncio.gather(*(engine.append(batch) for _ in range(20)))
        await heard.until(lambda: len(heard.messages()) == 1_800)
    sizes = [len(messages) for _, messages in heard.calls]
    # Below 200 it takes one more.
    assert max(sizes) <= 270
    assert all(size % 90 == 0 for size in sizes)


@in_loop
async def test_full_disk_and_after(path: str, connections: dict[str, sqlite3.Connection]) -> None:
    """Without room an append is refused and not delivered, readers are served, and with room it goes on."""
    big = '"' + "x" * 60_000 + '"'
    engine = SqliteEngine(path)
    async with opened(engine, "a") as heard:
        await publish(engine, "1")
        connections["v.db"].execute("PRAGMA max_page_count = 40").fetchall()
        with pytest.raises(EngineUnavailableError, match="full"):
            await engine.append([NewMessage("a", "e", big)] * 4)
        with pytest.raises(EngineUnavailableError, match="full"):
            await asyncio.gather(*(publish(engine, big) for _ in range(4)))
        history = await engine.history("a", limit=100)
        assert heard.messages() == history.messages
        connections["v.db"].execute("PRAGMA max_page_count = 10000").fetchall()
        await engine.check()
        [stored] = await publish(engine, big)
        await heard.until(lambda: stored in heard.messages())
    assert seqs(heard.messages()) == list(range(1, stored.id.seq + 1))


@in_loop
async def test_each_caller_gets_its_own_error(path: str, connections: dict[str, sqlite3.Connection]) -> None:
    """Requests that fail together are told with exceptions of their own."""
    engine = SqliteEngine(path)
    async with opened(engine):
        connections["v.db"].execute("PRAGMA query_only = ON")
        errors = await asyncio.gather(*(publish(engine, "1") for _ in range(3)), return_exceptions=True)
    assert [type(error) for error in errors] == [EngineUnavailableError] * 3
    assert len({id(error) for error in errors}) == 3


@in_loop
async def test_unused_channels_while_nothing_can_be_written(
    path: str, connections: dict[str, sqlite3.Connection]
) -> None:
    """Channels that exist are read; one that was never used cannot get its epoch and says so."""
    engine = SqliteEngine(path)
    async with opened(engine):
        await publish(engine, "1")
        connections["v.db"].execute("PRAGMA query_only = ON")
        used, unused = await asyncio.gather(
            engine.history("a", limit=1), engine.history("b", limit=1), return_exceptions=True
        )
    assert isinstance(used, History)
    assert isinstance(unused, EngineUnavailableError)


@in_loop
async def test_request_that_cannot_be_written_as_text(path: str) -> None:
    """An error of another kind reaches the caller, and the thread lives on."""
    engine = SqliteEngine(path)
    async with opened(engine):
        with pytest.raises(UnicodeEncodeError):
            await publish(engine, '"\ud800"')
        [stored] = await publish(engine, '"x"')
    assert stored.id.seq == 1


@in_loop
async def test_store_that_cannot_be_opened(path: str) -> None:
    """A second engine on the file is refused, ends its thread, and can be closed; the first is unhurt."""
    first, second = SqliteEngine(path), SqliteEngine(path)
    async with opened(first):
        with pytest.raises(EngineSetupError, match="in use"):
            await second.open(Heard())
        await second.close()
        with pytest.raises(EngineUnavailableError):
            await second.check()
        await publish(first, "1")
    assert database_threads() == []


@in_loop
async def test_close_while_it_is_opened(path: str) -> None:
    """An open that was given up leaves nothing behind once the engine is closed."""
    engine = SqliteEngine(path)
    opening = asyncio.ensure_future(engine.open(Heard()))
    await asyncio.sleep(0)
    opening.cancel()
    await asyncio.gather(opening, return_exceptions=True)
    await engine.close()
    assert database_threads() == []
    engine = SqliteEngine(path)
    async with opened(engine):
        await engine.check()


@in_loop
async def test_expired_messages_are_swept(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread removes what is past its time by itself, between requests."""
    monkeypatch.setattr(sqlite_worker, "SWEEP_EVERY", 0.01)
    clock = Clock()
    engine = SqliteEngine(path, history_seconds=60, clock=clock)
    async with opened(engine):
        await publish(engine, "1", "2")
        clock.seconds += 61
        async with asyncio.timeout(WITHIN):
            while count_messages(path):
                await engine.check()


def count_messages(path: str) -> int:
    with closing(sqlite3.connect(path)) as reader:
        [(rows,)] = reader.execute("SELECT count(*) FROM messages")
    return int(rows)


def database_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "voyant-sqlite"]
