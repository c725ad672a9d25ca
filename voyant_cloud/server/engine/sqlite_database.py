"""An open SQLite database: its transactions, and what its failures are called."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
from collections.abc import Iterator
from typing import Final

from voyant_cloud.server.engine.base import EngineUnavailableError
from voyant_cloud.server.engine.sqlite_tables import DamagedRowError, Tables

__all__ = ["DAMAGE", "Database", "primary_code"]

DAMAGE: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_log = logging.getLogger("voyant_cloud.server")


class Database:
    """One connection, the only one that writes. It belongs to the thread that opened it, which ``sqlite3`` asserts.

    Args:
        path: the file's name, for messages.
        connection: in autocommit mode, so that nothing but ``writing`` begins a transaction.
        lock: holds the lock that keeps other servers out; ``None`` where there is no file.

    Attributes:
        tables: the tables in it.
        failing: whether the last attempt to write failed.
    """

    def __init__(self, path: str, connection: sqlite3.Connection, lock: sqlite3.Connection | None) -> None:
        self.tables = Tables(connection)
        self.failing = False
        self._path = path
        self._connection = connection
        self._lock = lock

    def close(self) -> None:
        """Close the file, then let other servers in."""
        self._connection.close()
        if self._lock is not None:
            self._lock.close()

    @contextlib.contextmanager
    def reading(self) -> Iterator[Tables]:
        """Read. What is read belongs together, since nobody else writes.

        Raises:
            EngineUnavailableError: the database fails or a row is damaged.
        """
        try:
            yield self.tables
        except (sqlite3.Error, DamagedRowError) as error:
            raise self.unavailable(error) from error

    @contextlib.contextmanager
    def writing(self) -> Iterator[Tables]:
        """Read and write in one transaction, which has reached the disk when this returns.

        Raises:
            EngineUnavailableError: the database fails or a row is damaged; nothing was written.
        """
        try:
            with self.reading():
                try:
                    self._connection.execute("BEGIN IMMEDIATE")
                    yield self.tables
                    self._connection.execute("COMMIT")
                except BaseException:
                    self._roll_back()
                    raise
        except EngineUnavailableError as error:
            if not self.failing:
                _log.error("nothing can be stored: %s", error)
            self.failing = True
            raise
        if self.failing:
            _log.warning("the database %s stores again", self._path)
        self.failing = False

    def try_lock(self) -> None:
        """See whether a transaction could begin.

        Raises:
            EngineUnavailableError: it could not.
        """
        with self.reading():
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.execute("ROLLBACK")

    def unavailable(self, error: sqlite3.Error | DamagedRowError) -> EngineUnavailableError:
        """Say what a failure means for those who asked; the message names the file."""
        damaged = isinstance(error, DamagedRowError) or primary_code(error) in DAMAGE
        trouble = "is damaged" if damaged else "cannot be used now"
        return EngineUnavailableError(f"the database {self._path} {trouble}: {error}")

    def _roll_back(self) -> None:
        # SQLite has already done it after some errors, a full disk among them.
        if self._connection.in_transaction:
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")


def primary_code(error: sqlite3.Error) -> int:
    """Return SQLite's result code without its details; 0 for an error of Python's own module, which has none."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF
