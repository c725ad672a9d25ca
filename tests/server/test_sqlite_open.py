"""Opening the database's file: who is let in, who is told what, and what is left on the disk."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from voyant_cloud.server.engine.base import EngineSetupError
from voyant_cloud.server.engine.sqlite_open import SCHEMA_VERSION, open_database

HOLD = """
import sys
from voyant_cloud.server.engine.sqlite_open import open_database
database = open_database(sys.argv[1])
print("open", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "v.db")


def test_files_are_private(path: str, tmp_path: Path) -> None:
    """Whatever the umask, the database and all files beside it can be read by their owner alone."""
    before = os.umask(0)
    try:
        with closing(open_database(path)) as database:
            database.tables.oldest_messages(0, 1)
            modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    finally:
        os.umask(before)
    assert {"v.db", "v.db-wal", "v.db.lock"} <= set(modes)
    assert set(modes.values()) == {0o600}


def test_settings_that_durability_rests_on(path: str) -> None:
    """The log is written ahead and flushed at each commit."""
    with closing(open_database(path)) as database:
        [(journal,)] = database._connection.execute("PRAGMA journal_mode")
        [(synchronous,)] = database._connection.execute("PRAGMA synchronous")
    assert (journal, synchronous) == ("wal", 2)


def test_second_server_in_the_process(path: str) -> None:
    """A file that is open is refused, by any of its names, as often as it is tried, and free once it is closed."""
    link = path + ".link"
    with closing(open_database(path)):
        os.symlink(path, link)
        for name in (path, link, os.path.join(os.path.dirname(path), ".", "v.db"), path):
            with pytest.raises(EngineSetupError, match=r"v\.db is in use by another server; stop it"):
                open_database(name)
    open_database(link).close()


def test_second_process(path: str) -> None:
    """A file that another process has open is refused, and free as soon as that process was killed."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        try:
            assert other.stdout is not None
            assert other.stdout.readline() == "open\n"
            with pytest.raises(EngineSetupError, match="in use by another server"):
                open_database(path)
        finally:
            other.send_signal(signal.SIGKILL)
        other.wait(10)
    open_database(path).close()


def test_refusal_leaves_the_file_free(path: str) -> None:
    """A file that was refused for another reason is not kept locked."""
    Path(path).write_text("no database, but longer than the header of one would be" * 20)
    for _ in range(2):
        with pytest.raises(EngineSetupError, match=r"v\.db is not a database; name another file"):
            open_database(path)
    Path(path).unlink()
    open_database(path).close()


def test_folder(tmp_path: Path) -> None:
    """A folder is no file."""
    with pytest.raises(EngineSetupError, match="is a folder; name a file in it"):
        open_database(str(tmp_path))


def test_missing_folder(tmp_path: Path) -> None:
    """A folder that is not there is named, and not made."""
    with pytest.raises(EngineSetupError, match=r"missing/v\.db.* cannot be made: No such file or directory"):
        open_database(str(tmp_path / "missing" / "v.db"))
    assert not (tmp_path / "missing").exists()


@pytest.mark.skipif(not os.path.isdir("/sys/kernel"), reason="needs a folder that even root cannot write to")
def test_folder_that_cannot_be_written() -> None:
    """A folder where no file can be made is an error that names the file."""
    with pytest.raises(EngineSetupError, match=r"/sys/kernel/v\.db.* cannot be made: "):
        open_database("/sys/kernel/v.db")


def test_database_of_another_program(path: str) -> None:
    """Another program's database is refused and stays as it was."""
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE theirs (x)")
    before = Path(path).read_bytes()
    with pytest.raises(EngineSetupError, match="is the database of another program"):
        open_database(path)
    assert Path(path).read_bytes() == before


def test_newer_schema(path: str) -> None:
    """A database of a newer version is refused and not changed."""
    open_database(path).close()
    with closing(sqlite3.connect(path)) as newer:
        newer.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    before = Path(path).read_bytes()
    with pytest.raises(EngineSetupError, match=r"newer version \(schema 2, this one knows 1\); update voyant-cloud"):
        open_database(path)
    assert Path(path).read_bytes() == before


def test_file_without_the_newer_index(path: str) -> None:
    """A file that was written before there was an index of channels gets it, and keeps its version."""
    open_database(path).close()
    with closing(sqlite3.connect(path)) as older:
        older.execute("DROP INDEX channels_by_time")
    with closing(open_database(path)) as database:
        indexes = {name for (name,) in database._connection.execute("SELECT name FROM sqlite_master")}
        [(version,)] = database._connection.execute("PRAGMA user_version")
    assert "channels_by_time" in indexes
    assert version == SCHEMA_VERSION == 1


@pytest.mark.parametrize("offset", [100, 4096, 8192])
def test_damaged_pages(path: str, offset: int) -> None:
    """A file whose pages make no sense, the first or a later one, is refused with what to do."""
    open_database(path).close()
    content = bytearray(Path(path).read_bytes())
    content[offset : offset + 64] = b"\xff" * 64
    Path(path).write_bytes(content)
    with pytest.raises(EngineSetupError, match=r"v\.db is damaged \(.+\); restore a backup, or move it away"):
        open_database(path)


def test_file_that_cannot_be_written(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is open for reading alone is found out at once, not at the first publish."""
    open_database(path).close()
    connect = sqlite3.connect

    def read_only(name: str, **options: object) -> sqlite3.Connection:
        if name.endswith(".lock"):
            return connect(name, **options)  # type: ignore[call-overload,no-any-return]
        return connect(f"file:{name}?mode=ro", uri=True, **options)  # type: ignore[call-overload,no-any-return]

    monkeypatch.setattr(sqlite3, "connect", read_only)
    with pytest.raises(EngineSetupError, match=r"v\.db cannot be opened: attempt to write a readonly database"):
        open_database(path)
