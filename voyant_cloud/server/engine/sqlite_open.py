"""Opening the database's file: made private, locked against a second server, checked for damage and for its version."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from typing import Final

from voyant_cloud.server.engine.base import EngineSetupError
from voyant_cloud.server.engine.sqlite_database import DAMAGE, Database, primary_code
from voyant_cloud.server.engine.sqlite_tables import INDEXES, SCHEMA

__all__ = ["connect", "open_database"]

APPLICATION_ID: Final = 0x564F5941
"""``VOYA`` in the file's header: tells this server's databases from those of other programs."""
SCHEMA_VERSION: Final = 1
BUSY_SECONDS: Final = 1.0
"""How long a write waits while another program, a backup for instance, has the file locked."""
WAL_BYTES: Final = 64 * 1024 * 1024
"""The size to which the write-ahead log is cut back after a burst."""


def open_database(path: str) -> Database:
    """Open a database, making it where there is none.

    Args:
        path: the file's name.

    Raises:
        EngineSetupError: another server has it open, it cannot be written, is damaged, is another program's or of a
            newer version. The message names the file and says what to do.
    """
    # By the real path, so that two names of one file meet at one lock.
    path = os.path.realpath(path)
    if os.path.isdir(path):
        raise EngineSetupError(f"{path} is a folder; name a file in it")
    lock = _lock(path)
    try:
        _make_private(path)
        return Database(path, connect(path), lock)
    except BaseException:
        lock.close()
        raise


def _make_private(path: str) -> None:
    # Never opened where it exists: closing any handle of a file drops the locks that this process holds on it. What
    # SQLite puts beside the database gets the database's mode.
    try:
        with contextlib.suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except OSError as error:
        raise EngineSetupError(f"{path} cannot be made: {error.strerror}") from None


def _lock(path: str) -> sqlite3.Connection:
    # An open transaction on a second, empty database: this lock works on every system and within one process, and the
    # system drops it when the process dies. Its file stays, since removing it could let two servers in.
    lock_path = path + ".lock"
    _make_private(lock_path)
    with _setup_errors(lock_path, busy=f"{path} is in use by another server; stop it or name another file"):
        lock = sqlite3.connect(lock_path, timeout=0, isolation_level=None)
        try:
            lock.execute("BEGIN EXCLUSIVE")
        except BaseException:
            lock.close()
            raise
    return lock


def connect(path: str) -> sqlite3.Connection:
    """Connect to a database, and make its tables where there are none; see ``open_database``."""
    with _setup_errors(path):
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
        try:
            _set_up(path, connection)
        except BaseException:
            connection.close()
            raise
    return connection


def _set_up(path: str, connection: sqlite3.Connection) -> None:
    # Damaged text must reach the checksums, which say so better than a decoder.
    connection.text_factory = _decode
    version = _version(path, connection)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA journal_size_limit = {WAL_BYTES}")
    [(verdict,)] = connection.execute("PRAGMA quick_check(1)")
    if verdict != "ok":
        raise _damaged(path, verdict)
    schema = SCHEMA if version == 0 else ""
    # Written even where nothing changes, so that a file which cannot be written is found out now.
    stamp = f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {SCHEMA_VERSION};"
    connection.executescript(f"BEGIN IMMEDIATE; {schema} {INDEXES} {stamp} COMMIT;")


def _version(path: str, connection: sqlite3.Connection) -> int:
    [(application,)] = connection.execute("PRAGMA application_id")
    [(version,)] = connection.execute("PRAGMA user_version")
    [(tables,)] = connection.execute("SELECT count(*) FROM sqlite_master")
    if tables and application != APPLICATION_ID:
        raise EngineSetupError(f"{path} is the database of another program; name another file")
    if version > SCHEMA_VERSION:
        raise EngineSetupError(
            f"{path} was written by a newer version (schema {version}, this one knows {SCHEMA_VERSION}); "
            "update voyant-cloud or name another file"
        )
    return int(version)


def _decode(text: bytes) -> str:
    return text.decode("utf-8", "replace")


@contextlib.contextmanager
def _setup_errors(path: str, busy: str | None = None) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        code = primary_code(error)
        if busy is not None and code == sqlite3.SQLITE_BUSY:
            raise EngineSetupError(busy) from None
        if code == sqlite3.SQLITE_NOTADB:
            raise EngineSetupError(f"{path} is not a database; name another file") from None
        if code in DAMAGE:
            raise _damaged(path, str(error)) from None
        raise EngineSetupError(f"{path} cannot be opened: {error}") from None


def _damaged(path: str, finding: str) -> EngineSetupError:
    finding = " ".join(finding.split())
    return EngineSetupError(
        f"{path} is damaged ({finding}); restore a backup, or move it away to start with an empty history"
    )
