"""The history of one channel in memory; pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from operator import itemgetter
from typing import Final

from voyant_cloud.server.engine.base import NewMessage, StoredMessage
from voyant_cloud.server.message_id import MessageId
from voyant_cloud.server.wire import Row

__all__ = ["MemoryHistory"]

_ms: Final = itemgetter(0)


class MemoryHistory:
    """Messages from some ``seq`` on, without a hole.

    Args:
        name: the channel's name.
        head: where it stands: before its first message.

    Attributes:
        name: the channel's name.
        head: the newest position.
    """

    def __init__(self, name: str, head: MessageId) -> None:
        self.name = name
        self.head = head
        # ``seq`` of the first row.
        self._first = head.seq + 1
        self._rows: list[Row] = []

    def add(self, messages: Sequence[NewMessage], now_ms: int) -> list[StoredMessage]:
        """Take messages, one or more, and give them their places."""
        epoch, ms, seq = self.head
        ms = max(ms, now_ms)
        stored = []
        for channel, event, data in messages:
            seq += 1
            self._rows.append((ms, event.encode(), data.encode()))
            stored.append(StoredMessage(MessageId(epoch, ms, seq), channel, event, data))
        self.head = stored[-1].id
        return stored

    def first_seq(self, *, above_seq: int, from_ms: int) -> int:
        """Return the ``seq`` of the oldest message above another and not older than a time, or one past the head."""
        index = bisect_left(self._rows, from_ms, lo=self._index(above_seq + 1), key=_ms)
        return self._first + index

    def rows(self, start: int, limit: int, max_bytes: int) -> Sequence[Row]:
        """Return messages from ``seq`` *start* on, until there are *limit* or *max_bytes* of them."""
        begin = self._index(start)
        rows = self._rows[begin : begin + limit]
        size = 0
        for count, (_, event, data) in enumerate(rows, 1):
            size += len(event) + len(data)
            if size >= max_bytes:
                return rows[:count]
        return rows

    def messages(self, start: int, limit: int) -> list[StoredMessage]:
        """Return at most *limit* messages from ``seq`` *start* on, oldest first."""
        begin = self._index(start)
        epoch = self.head.epoch
        return [
            StoredMessage(MessageId(epoch, ms, seq), self.name, event.decode(), data.decode())
            for seq, (ms, event, data) in enumerate(self._rows[begin : begin + limit], self._first + begin)
        ]

    def remove(self, *, up_to_seq: int) -> None:
        """Let go of the messages up to a ``seq``."""
        count = self._index(up_to_seq + 1)
        del self._rows[:count]
        self._first += count

    def _index(self, seq: int) -> int:
        return max(seq - self._first, 0)
