"""The tables of the SQLite engine: all of its SQL, and the checksum that every row carries.

SQLite does not check its pages, so a bit that flips on the disk would come back as data. Each row's ``crc`` covers the
whole row, the channel's name and the message's id included; a row that does not match raises ``DamagedRowError``.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

import attrs

from voyant_cloud.server.engine.base import StoredMessage
from voyant_cloud.server.message_id import MessageId, parse_message_id
from voyant_cloud.server.wire import Row

__all__ = ["INDEXES", "SCHEMA", "Answer", "Channel", "DamagedRowError", "Oldest", "Tables"]

# Messages are read by channel and in the order of seq alone, so the table itself is the index. Their key begins with a
# number, which is shorter than the channel's name.
SCHEMA: Final = """
CREATE TABLE channels (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    epoch TEXT NOT NULL,
    head_ms INTEGER NOT NULL,
    head_seq INTEGER NOT NULL,
    crc INTEGER NOT NULL
);
CREATE TABLE messages (
    channel_id INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    ms INTEGER NOT NULL,
    event TEXT NOT NULL,
    data TEXT NOT NULL,
    crc INTEGER NOT NULL,
    PRIMARY KEY (channel_id, seq)
) WITHOUT ROWID;
CREATE TABLE answers (
    key TEXT PRIMARY KEY,
    digest TEXT NOT NULL,
    ids TEXT NOT NULL,
    expires_ms INTEGER NOT NULL,
    crc INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX answers_by_expiry ON answers (expires_ms);
"""
# Made at each opening, for files that were written before there was one. With the name in it a prefix is looked for in
# the index alone: of 100,000 channels the newest 500 take 2 ms, and 500 that are nowhere to be found 30 ms.
INDEXES: Final = "CREATE INDEX IF NOT EXISTS channels_by_time ON channels (head_ms, name);"


class DamagedRowError(Exception):
    """A row is not what was written; the message says which."""


@attrs.define
class Channel:
    """A channel's row.

    Attributes:
        id: its number in the other tables.
        name: its name.
        head: the newest position.
    """

    id: int
    name: str
    head: MessageId


@attrs.frozen
class Answer:
    """What was answered to a request with an idempotency key.

    Attributes:
        key: the caller's key.
        digest: the request's digest.
        ids: the ids of its messages, in its order.
        expires_ms: when it is forgotten, milliseconds since 1970.
    """

    key: str
    digest: str
    ids: Sequence[MessageId]
    expires_ms: int


@attrs.frozen
class Oldest:
    """The oldest message of a channel; ``None`` where it has none."""

    channel_id: int
    seq: int | None
    ms: int | None


class Tables:
    """Reads and writes of rows. What fails raises ``sqlite3.Error``; transactions are the caller's."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    def find_channel(self, name: str) -> Channel | None:
        """Read a channel's row."""
        row = self._one("SELECT name, id, epoch, head_ms, head_seq, crc FROM channels WHERE name = ?", name)
        return None if row is None else _channel(row)

    def recent_channels(self, prefix: str, limit: int) -> list[Channel]:
        """Read the rows of channels whose name begins with *prefix*, those with the latest position first."""
        # Not a range of names, which would have SQLite look at every channel in it and sort them all.
        rows = self._db.execute(
            "SELECT name, id, epoch, head_ms, head_seq, crc FROM channels WHERE substr(name, 1, ?) = ? "
            "ORDER BY head_ms DESC LIMIT ?",
            (len(prefix), prefix, limit),
        )
        return [_channel(row) for row in rows]

    def insert_channel(self, name: str, head: MessageId) -> Channel:
        """Add a channel's row."""
        [(channel_id,)] = self._db.execute("SELECT coalesce(max(id), 0) + 1 FROM channels")
        crc = _checksum(name, channel_id, head.epoch, head.ms, head.seq)
        self._db.execute(
            "INSERT INTO channels (id, name, epoch, head_ms, head_seq, crc) VALUES (?, ?, ?, ?, ?, ?)",
            (channel_id, name, head.epoch, head.ms, head.seq, crc),
        )
        return Channel(channel_id, name, head)

    def move_head(self, channel: Channel) -> None:
        """Write a channel's new position."""
        head = channel.head
        crc = _checksum(channel.name, channel.id, head.epoch, head.ms, head.seq)
        self._db.execute(
            "UPDATE channels SET head_ms = ?, head_seq = ?, crc = ? WHERE id = ?", (head.ms, head.seq, crc, channel.id)
        )

    def insert_messages(self, channel: Channel, messages: Iterable[StoredMessage]) -> None:
        """Add messages of one channel."""
        self._db.executemany(
            "INSERT INTO messages (channel_id, seq, ms, event, data, crc) VALUES (?, ?, ?, ?, ?, ?)",
            [(channel.id, it.id.seq, it.id.ms, it.event, it.data, _message_checksum(it)) for it in messages],
        )

    def read_messages(self, channel: Channel, start: int, limit: int) -> list[StoredMessage]:
        """Read at most *limit* messages from seq *start* on, oldest first, and see that none is missing between."""
        last = min(start + limit - 1, channel.head.seq)
        rows = self._db.execute(
            "SELECT seq, ms, event, data, crc FROM messages WHERE channel_id = ? AND seq BETWEEN ? AND ? ORDER BY seq",
            (channel.id, start, last),
        ).fetchall()
        if len(rows) != max(last - start + 1, 0):
            raise _holes(channel, start, last)
        return [_message(channel, seq, row) for seq, row in enumerate(rows, start)]

    def read_rows(self, channel: Channel, start: int, limit: int, max_bytes: int) -> list[Row]:
        """Read messages in a row from seq *start* on, until there are *limit* or *max_bytes* of them, as they are."""
        last = min(start + limit - 1, channel.head.seq)
        # Bytes are what is summed up and what is sent, and the seq counts up: a resume waits for nothing else.
        found = self._db.execute(
            "SELECT ms, CAST(event AS BLOB), CAST(data AS BLOB), crc FROM messages "
            "WHERE channel_id = ? AND seq BETWEEN ? AND ? ORDER BY seq",
            (channel.id, start, last),
        )
        before = zlib.crc32(f"{channel.name}\0{channel.head.epoch}\0".encode())
        rows: list[Row] = []
        size = 0
        for seq, (ms, event, data, crc) in enumerate(found, start):
            text = b"%b\0%d\0%b\0%b" % (str(ms).encode(), seq, event, data)
            if zlib.crc32(text, before) != crc:
                raise _damaged(channel, seq)
            rows.append((ms, event, data))
            size += len(text)
            if size >= max_bytes:
                return rows
        if len(rows) != max(last - start + 1, 0):
            raise _holes(channel, start, last)
        return rows

    def first_seq(self, channel: Channel, *, above_seq: int, from_ms: int) -> int | None:
        """Find the oldest message that is above a ``seq`` and not older than a time."""
        row = self._one(
            "SELECT seq FROM messages WHERE channel_id = ? AND seq > ? AND ms >= ? ORDER BY seq LIMIT 1",
            channel.id,
            above_seq,
            from_ms,
        )
        return None if row is None else int(row[0])

    def delete_messages(self, channel_id: int, *, up_to_seq: int, before_ms: int | None = None) -> int:
        """Remove the messages of a channel up to a ``seq``, only those older than a time if one is given."""
        done = self._db.execute(
            "DELETE FROM messages WHERE channel_id = ? AND seq <= ? AND (? IS NULL OR ms < ?)",
            (channel_id, up_to_seq, before_ms, before_ms),
        )
        return done.rowcount

    def oldest_messages(self, after_channel: int, limit: int) -> list[Oldest]:
        """List channels in the order of their numbers, each with its oldest message."""
        rows = self._db.execute(
            "SELECT channels.id, messages.seq, messages.ms FROM channels LEFT JOIN messages "
            "ON channel_id = channels.id AND seq = (SELECT min(seq) FROM messages WHERE channel_id = channels.id) "
            "WHERE channels.id > ? ORDER BY channels.id LIMIT ?",
            (after_channel, limit),
        )
        return [Oldest(*row) for row in rows]

    def find_answer(self, key: str) -> Answer | None:
        """Read what was answered to a key."""
        row = self._one("SELECT digest, ids, expires_ms, crc FROM answers WHERE key = ?", key)
        if row is None:
            return None
        digest, ids, expires_ms, crc = row
        _verify(crc, "the record of an idempotency key", key, digest, ids, expires_ms)
        return Answer(key, digest, [_known(parse_message_id(each)) for each in ids.split()], expires_ms)

    def save_answer(self, answer: Answer) -> None:
        """Write what was answered to a key, over what was there."""
        ids = " ".join(map(str, answer.ids))
        crc = _checksum(answer.key, answer.digest, ids, answer.expires_ms)
        self._db.execute(
            "REPLACE INTO answers (key, digest, ids, expires_ms, crc) VALUES (?, ?, ?, ?, ?)",
            (answer.key, answer.digest, ids, answer.expires_ms, crc),
        )

    def expired_answers(self, now_ms: int, limit: int) -> list[str]:
        """List keys that are past their time."""
        rows = self._db.execute("SELECT key FROM answers WHERE expires_ms <= ? LIMIT ?", (now_ms, limit))
        return [key for (key,) in rows]

    def delete_answers(self, keys: Collection[str]) -> None:
        """Forget keys."""
        self._db.executemany("DELETE FROM answers WHERE key = ?", [(key,) for key in keys])

    def _one(self, sql: str, *values: Any) -> Any:
        return self._db.execute(sql, values).fetchone()


def _channel(row: tuple[Any, ...]) -> Channel:
    name, channel_id, epoch, ms, seq, crc = row
    _verify(crc, f"the position of channel {name}", name, channel_id, epoch, ms, seq)
    return Channel(channel_id, name, MessageId(epoch, ms, seq))


def _message(channel: Channel, seq: int, row: tuple[Any, ...]) -> StoredMessage:
    found, ms, event, data, crc = row
    if crc != _checksum(channel.name, channel.head.epoch, ms, found, event, data):
        raise _damaged(channel, seq)
    return StoredMessage(MessageId(channel.head.epoch, ms, seq), channel.name, event, data)


def _damaged(channel: Channel, seq: int) -> DamagedRowError:
    return DamagedRowError(f"message {seq} of channel {channel.name} is not what was written")


def _holes(channel: Channel, start: int, last: int) -> DamagedRowError:
    return DamagedRowError(f"channel {channel.name} has holes between its messages {start} and {last}")


def _message_checksum(message: StoredMessage) -> int:
    # The same text as _checksum makes, in one step: this runs for every message.
    at = message.id
    return zlib.crc32(f"{message.channel}\0{at.epoch}\0{at.ms}\0{at.seq}\0{message.event}\0{message.data}".encode())


def _verify(crc: Any, what: str, *values: Any) -> None:
    if crc != _checksum(*values):
        raise DamagedRowError(f"{what} is not what was written")


def _checksum(*values: Any) -> int:
    return zlib.crc32("\0".join(map(str, values)).encode())


def _known(found: MessageId | None) -> MessageId:
    assert found is not None, "a row whose checksum is right holds ids that this server wrote"
    return found
