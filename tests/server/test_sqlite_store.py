"""The store: sequences and retention against a model, damage, repeated requests, sweeping. On one thread, no loop."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.server.engine_harness import Clock
from voyant_cloud.server.engine import sqlite_sweep
from voyant_cloud.server.engine.base import EngineUnavailableError, IdempotencyKey, NewMessage, StoredMessage
from voyant_cloud.server.engine.retention import Retention
from voyant_cloud.server.engine.sqlite_database import Database
from voyant_cloud.server.engine.sqlite_open import connect, open_database
from voyant_cloud.server.engine.sqlite_store import AppendRequest, SqliteStore
from voyant_cloud.server.engine.sqlite_sweep import Sweep


class Kept:
    """A store with its database, its clock and its sweep."""

    def __init__(self, path: str = ":memory:", **retention: Any) -> None:
        self.clock = Clock()
        # Without a file it takes no time, and what is promised of the file is not what is tested here.
        self.database = Database(path, connect(path), None) if path == ":memory:" else open_database(path)
        kept = Retention(**retention, clock=self.clock)
        self.store = SqliteStore(self.database, kept)
        self.sweep = Sweep(self.database, kept)

    def close(self) -> None:
        self.database.close()

    def append(self, *data: str, channel: str = "a", key: IdempotencyKey | None = None) -> list[StoredMessage]:
        """Append one request of some messages, on its own."""
        request = AppendRequest([NewMessage(channel, "e", each) for each in data], key)
        [answer] = self.store.append_group([request]).answers
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def connection(self) -> sqlite3.Connection:
        """The database's own connection, for what no method tells."""
        return self.database._connection

    def count(self, table: str) -> int:
        """How many rows a table holds, whether they are shown or not."""
        [(rows,)] = self.connection.execute(f"SELECT count(*) FROM {table}")
        return int(rows)


@pytest.fixture
def kept() -> Iterator[Kept]:
    with closing(Kept()) as store:
        yield store


@contextmanager
def edited(path: Path) -> Iterator[sqlite3.Connection]:
    """The database as another program changes it."""
    with closing(sqlite3.connect(path)) as connection, connection:
        yield connection


steps = st.one_of(
    st.tuples(st.just("append"), st.lists(st.lists(st.sampled_from("ab"), min_size=1, max_size=4), max_size=4)),
    st.tuples(st.just("wait"), st.integers(-5, 40)),
    st.tuples(st.just("sweep"), st.none()),
)


class Model:
    """What a store retains, said naively: every message ever stored, and the first that no sweep has removed."""

    def __init__(self, most: int, seconds: int) -> None:
        self.stored: dict[str, list[StoredMessage]] = {"a": [], "b": []}
        self.swept_to = {"a": 0, "b": 0}
        self._most = most
        self._seconds = seconds

    def retained(self, channel: str, now: float) -> list[StoredMessage]:
        oldest = int((now - self._seconds) * 1000)
        newest = self.stored[channel][-self._most :]
        return [it for it in newest if it.id.ms >= oldest and it.id.seq > self.swept_to[channel]]

    def sweep(self, now: float) -> None:
        for channel, messages in self.stored.items():
            self.swept_to[channel] = len(messages) - len(self.retained(channel, now))


@given(st.lists(steps, max_size=25), st.integers(0, 12), st.integers(1, 6))
def test_history_is_what_the_model_retains(script: list[tuple[str, Any]], after: int, limit: int) -> None:
    """After any appends, waits and sweeps: contiguous from 1, bounded by number and age, first_seq and head right."""
    with closing(Kept(messages=5, seconds=60.0)) as kept:
        model = Model(5, 60)
        for kind, what in script:
            if kind == "append":
                requests = [AppendRequest([NewMessage(name, "e", "1") for name in names]) for names in what]
                for name, messages in kept.store.append_group(requests).fresh.items():
                    model.stored[name] += messages
            elif kind == "wait":
                kept.clock.seconds += what
            else:
                assert kept.sweep.step()
                model.sweep(kept.clock.seconds)
        for name, messages in model.stored.items():
            retained = model.retained(name, kept.clock.seconds)
            newest = kept.store.history(name, None, limit)
            following = kept.store.history(name, after, limit)
            assert [message.id.seq for message in messages] == list(range(1, len(messages) + 1))
            assert [message.id.ms for message in messages] == sorted(message.id.ms for message in messages)
            assert newest.messages == retained[-limit:]
            assert following.messages == [message for message in retained if message.id.seq > after][:limit]
            assert newest.head.seq == len(messages)
            assert newest.first_seq == (retained[0].id.seq if retained else len(messages) + 1)


def test_retention_may_shrink(tmp_path: Path) -> None:
    """A store that is opened with less retention shows less at once, and removes the rest with the next append."""
    path = str(tmp_path / "v.db")
    with closing(Kept(path)) as kept:
        kept.append(*map(str, range(10)))
    with closing(Kept(path, messages=4)) as kept:
        assert kept.store.history("a", 0, 100).first_seq == 7
        kept.append("10")
        assert kept.count("messages") == 4


def test_sweep_removes_what_is_past_its_time(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    """Expired messages and answers go step by step, each step removing a bounded number; the rest stays."""
    monkeypatch.setattr(sqlite_sweep, "ROWS", 10)
    monkeypatch.setattr(sqlite_sweep, "CHANNELS", 2)
    for name in ("a", "b", "c", "d", "e"):
        kept.append(*map(str, range(13)), channel=name)
        for n in range(3):
            kept.append("k", channel=name, key=IdempotencyKey(f"{name}{n}", "d"))
    kept.clock.seconds += 86_401
    kept.append("new", channel="c", key=IdempotencyKey("new", "d"))
    before, steps = kept.count("messages"), 0
    while not kept.sweep.step():
        steps += 1
        assert before - kept.count("messages") <= 10
        before = kept.count("messages")
    assert steps > 5
    assert (kept.count("messages"), kept.count("answers")) == (1, 1)
    assert [message.data for message in kept.store.history("c", 0, 9).messages] == ["new"]


def test_sweep_of_nothing_writes_nothing(kept: Kept) -> None:
    """Where nothing is past its time the sweep is through without a transaction."""
    kept.append("1", key=IdempotencyKey("k", "d"))
    statements: list[str] = []
    kept.connection.set_trace_callback(statements.append)
    assert kept.sweep.step()
    assert statements
    assert not [each for each in statements if not each.startswith("SELECT")]


def test_batch_that_is_refused_leaves_nothing(tmp_path: Path) -> None:
    """A batch with one channel that is damaged is refused whole; another request of the same group is stored."""
    path = tmp_path / "v.db"
    with closing(Kept(str(path))) as kept:
        kept.append("1", channel="bad")
        with edited(path) as connection:
            connection.execute("UPDATE channels SET head_seq = 9 WHERE name = 'bad'")
        mixed = AppendRequest([NewMessage("a", "e", "2"), NewMessage("bad", "e", "2"), NewMessage("new", "e", "2")])
        sound = AppendRequest([NewMessage("a", "e", "3")])
        done = kept.store.append_group([mixed, sound])
        assert isinstance(done.answers[0], EngineUnavailableError)
        assert "is damaged" in str(done.answers[0])
        assert {name: [it.data for it in messages] for name, messages in done.fresh.items()} == {"a": ["3"]}
        assert [it.id.seq for it in kept.store.history("a", 0, 9).messages] == [1]
        with pytest.raises(EngineUnavailableError, match="position of channel bad"):
            kept.store.history("bad", None, 1)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE messages SET data = '{\"n\":3}' WHERE seq = 2",
        "UPDATE messages SET event = 'f' WHERE seq = 2",
        "UPDATE messages SET ms = ms + 1 WHERE seq = 2",
        "UPDATE messages SET ms = 'x' WHERE seq = 2",
        "UPDATE messages SET crc = crc + 1 WHERE seq = 2",
        "UPDATE messages SET data = CAST(x'7bff7d' AS TEXT) WHERE seq = 2",
        "DELETE FROM messages WHERE seq = 2",
        "DELETE FROM messages WHERE seq = 3",
        "UPDATE messages SET seq = 4 WHERE seq = 3",
        "UPDATE messages SET channel_id = 99 WHERE seq = 3",
        "UPDATE channels SET head_seq = head_seq - 1",
        "UPDATE channels SET head_ms = head_ms + 1",
        "UPDATE channels SET epoch = 'ffffffffffffffff'",
    ],
)
def test_changed_row_is_never_given_out(tmp_path: Path, change: str) -> None:
    """Whatever changes in a row that is read, the read says that it is damaged and names the file."""
    path = tmp_path / "v.db"
    with closing(Kept(str(path))) as kept:
        kept.append('{"n":1}', '{"n":2}', '{"n":3}')
        with edited(path) as connection:
            connection.execute(change)
        with pytest.raises(EngineUnavailableError, match=r"v\.db is damaged"):
            kept.store.history("a", 0, 100)
        with pytest.raises(EngineUnavailableError, match=r"v\.db is damaged"):
            kept.store.replay("a", 0, 100, 10_000)


def test_flipped_bit_on_the_disk(tmp_path: Path) -> None:
    """One bit that flips in the file, where SQLite sees nothing wrong, is found when it is read."""
    path = tmp_path / "v.db"
    with closing(Kept(str(path))) as kept:
        kept.append('"the quick brown fox"', '"jumps"')
    content = bytearray(path.read_bytes())
    content[content.index(b"brown")] ^= 1
    path.write_bytes(content)
    with closing(Kept(str(path))) as kept:
        assert [it.data for it in kept.store.history("a", 1, 9).messages] == ['"jumps"']
        assert kept.store.replay("a", 1, 9, 100).times == [it.id.ms for it in kept.store.history("a", 1, 9).messages]
        with pytest.raises(EngineUnavailableError, match="message 1 of channel a"):
            kept.store.history("a", 0, 9)
        with pytest.raises(EngineUnavailableError, match="message 1 of channel a"):
            kept.store.replay("a", 0, 9, 100)


def test_list_of_channels_is_never_damaged(tmp_path: Path) -> None:
    """A channel whose row changed is refused in the list too, where it is in the list."""
    path = tmp_path / "v.db"
    with closing(Kept(str(path))) as kept:
        kept.append("1", channel="good")
        kept.append("1", channel="bad")
        with edited(path) as connection:
            connection.execute("UPDATE channels SET head_seq = 9 WHERE name = 'bad'")
        assert [it.name for it in kept.store.channels("g", 9)] == ["good"]
        with pytest.raises(EngineUnavailableError, match="position of channel bad"):
            kept.store.channels("", 9)


def test_list_of_channels_walks_an_index(kept: Kept) -> None:
    """However many channels there are, they are not sorted, and a prefix is looked for without reading their rows."""
    statements: list[str] = []
    kept.connection.set_trace_callback(statements.append)
    kept.store.channels("orders:", 500)
    kept.connection.set_trace_callback(None)
    plan = " ".join(str(row) for row in kept.connection.execute(f"EXPLAIN QUERY PLAN {statements[-1]}"))
    assert "channels_by_time" in plan
    assert "TEMP B-TREE" not in plan


def test_changed_answer_is_never_given_out(tmp_path: Path) -> None:
    """A record of an idempotency key that changed is refused, not answered from."""
    path = tmp_path / "v.db"
    key = IdempotencyKey("k", "d")
    with closing(Kept(str(path))) as kept:
        kept.append("1", key=key)
        with edited(path) as connection:
            connection.execute("UPDATE answers SET ids = replace(ids, '000000000001', '000000000002')")
        with pytest.raises(EngineUnavailableError, match="record of an idempotency key"):
            kept.append("1", key=key)


class TestFullDisk:
    """What happens when there is no room, by a limit on the number of pages."""

    @pytest.fixture
    def kept(self, tmp_path: Path) -> Iterator[Kept]:
        with closing(Kept(str(tmp_path / "v.db"))) as store:
            store.append("1")
            yield store

    def limit(self, kept: Kept, extra_pages: int) -> None:
        [(pages,)] = kept.connection.execute("PRAGMA page_count")
        kept.connection.execute(f"PRAGMA max_page_count = {pages + extra_pages}").fetchall()

    def test_group_is_rolled_back(self, kept: Kept, caplog: pytest.LogCaptureFixture) -> None:
        """A group that does not fit is refused and leaves nothing; reads go on; it is logged once."""
        self.limit(kept, 1)
        for _ in range(3):
            with pytest.raises(EngineUnavailableError, match="full"):
                kept.append('"' + "x" * 50_000 + '"')
        assert [it.data for it in kept.store.history("a", 0, 9).messages] == ["1"]
        assert [record.levelname for record in caplog.records] == ["ERROR"]

    def test_recovers_by_itself(self, kept: Kept, caplog: pytest.LogCaptureFixture) -> None:
        """With room again appends go on where they stopped, without a hole; that is logged too."""
        self.limit(kept, 1)
        with pytest.raises(EngineUnavailableError):
            kept.append('"' + "x" * 50_000 + '"')
        self.limit(kept, 1_000)
        assert [it.id.seq for it in kept.append("2", "3")] == [2, 3]
        assert caplog.records[-1].message.endswith("stores again")

    def test_check_is_red_until_there_is_room(self, kept: Kept) -> None:
        """Readiness turns red once a write has failed, stays so while nothing fits, and recovers without a publish."""
        self.limit(kept, 0)
        kept.store.check()
        with pytest.raises(EngineUnavailableError):
            kept.append('"' + "x" * 50_000 + '"')
        with pytest.raises(EngineUnavailableError):
            kept.store.check()
        self.limit(kept, 1_000)
        kept.store.check()
        kept.store.check()
        assert kept.count("answers") == 0


def test_file_locked_by_another_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While another program writes the file appends and readiness fail, reads go on; afterwards appends work."""
    monkeypatch.setattr("voyant_cloud.server.engine.sqlite_open.BUSY_SECONDS", 0.01)
    path = tmp_path / "v.db"
    with closing(Kept(str(path))) as kept:
        kept.append("1")
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(EngineUnavailableError, match="locked"):
                kept.store.check()
            with pytest.raises(EngineUnavailableError, match="locked"):
                kept.append("2")
            assert kept.store.history("a", 0, 9).head.seq == 1
            other.execute("ROLLBACK")
        assert [it.id.seq for it in kept.append("2")] == [2]
