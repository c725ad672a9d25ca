"""Removing what is past its time from the SQLite database, in steps small enough that an append can wait for one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from voyant_cloud.server.engine.retention import Retention
from voyant_cloud.server.engine.sqlite_database import Database
from voyant_cloud.server.engine.sqlite_tables import Tables

__all__ = ["Sweep"]

CHANNELS: Final = 200
"""Channels looked at in a step."""
ROWS: Final = 200
"""Messages, and answers, removed in a step."""


class Sweep:
    """A walk over all channels that begins again when it is through. Runs on the database's thread."""

    def __init__(self, database: Database, retention: Retention) -> None:
        self._database = database
        self._retention = retention
        self._channel = 0

    def step(self) -> bool:
        """Go one step.

        Returns:
            Whether this was the last step of the walk.

        Raises:
            EngineUnavailableError: nothing was removed.
        """
        with self._database.reading() as tables:
            page = tables.oldest_messages(self._channel, CHANNELS)
            keys = tables.expired_answers(self._retention.now_ms(), ROWS)
        before = self._retention.oldest_ms()
        expired = [
            (it.channel_id, it.seq) for it in page if it.seq is not None and it.ms is not None and it.ms < before
        ]
        through = True
        if expired or keys:
            with self._database.writing() as tables:
                through = _remove(tables, expired, before)
                tables.delete_answers(keys)
        # Where rows were left over, the next step looks at the same channels again.
        if through:
            self._channel = page[-1].channel_id if len(page) == CHANNELS else 0
        return through and len(page) < CHANNELS and len(keys) < ROWS


def _remove(tables: Tables, expired: Iterable[tuple[int, int]], before_ms: int) -> bool:
    room = ROWS
    for channel_id, oldest in expired:
        room -= tables.delete_messages(channel_id, up_to_seq=oldest + room - 1, before_ms=before_ms)
        if room == 0:
            return False
    return True
