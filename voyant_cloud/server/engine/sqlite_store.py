"""The store in one SQLite database: groups of appends, history, repeated requests, and the check for readiness.

Synchronous and plain; everything here runs on the thread that opened the database.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

import attrs

from voyant_cloud.server.engine.base import (
    ChannelStanding,
    EngineError,
    History,
    IdempotencyConflictError,
    IdempotencyKey,
    NewMessage,
    Replay,
    StoredMessage,
)
from voyant_cloud.server.engine.retention import Retention
from voyant_cloud.server.engine.sqlite_database import Database
from voyant_cloud.server.engine.sqlite_tables import Answer, Channel, DamagedRowError, Tables
from voyant_cloud.server.message_id import MessageId, new_epoch
from voyant_cloud.server.wire import message_frames

__all__ = ["AppendRequest", "Committed", "SqliteStore"]

_PROBE: Final = Answer("", " " * 80_000, [], 0)
"""As much as the largest message takes, to see whether something that needs room can be written."""


@attrs.frozen
class AppendRequest:
    """What one caller asks to store: all of it or nothing."""

    messages: Sequence[NewMessage]
    idempotency: IdempotencyKey | None = None


@attrs.frozen
class Committed:
    """What a group of requests came to.

    Attributes:
        answers: one a request, in their order: its messages, or why it alone was refused.
        fresh: what was stored now, by channel, in commit order.
    """

    answers: list[list[StoredMessage] | EngineError] = attrs.field(factory=list)
    fresh: dict[str, list[StoredMessage]] = attrs.field(factory=dict)


class SqliteStore:
    """Messages in a database. A method that raises ``EngineUnavailableError`` has changed nothing."""

    def __init__(self, database: Database, retention: Retention) -> None:
        self._database = database
        self._retention = retention

    def append_group(self, requests: Sequence[AppendRequest]) -> Committed:
        """Commit several requests in one transaction. One that is refused by itself leaves the others as they are.

        Raises:
            EngineUnavailableError: nothing of any of them was stored.
        """
        with self._database.writing() as tables:
            group = _Group(tables, self._retention)
            for request in requests:
                try:
                    group.add(request)
                except DamagedRowError as error:
                    group.done.answers.append(self._database.unavailable(error))
            group.save()
        return group.done

    def ensure_channels(self, names: Collection[str]) -> None:
        """Give each channel that was never used its epoch: one transaction for all, none where none is new.

        Raises:
            EngineUnavailableError: none of them got one.
        """
        with self._database.reading() as tables:
            new = [name for name in names if tables.find_channel(name) is None]
        if new:
            now = self._retention.now_ms()
            with self._database.writing() as tables:
                for name in new:
                    tables.insert_channel(name, MessageId(new_epoch(), now, 0))

    def history(self, name: str, after_seq: int | None, limit: int) -> History:
        """Read a channel's history; see ``Engine.history``.

        Raises:
            EngineUnavailableError: it cannot be read, or what was read is damaged.
        """
        self.ensure_channels([name])
        with self._database.reading() as tables:
            channel, first = self._retained(tables, name)
            start = channel.head.seq - limit + 1 if after_seq is None else after_seq + 1
            return History(tables.read_messages(channel, max(first, start), limit), channel.head, first)

    def replay(self, name: str, after_seq: int, limit: int, max_bytes: int) -> Replay:
        """Read what a subscriber missed; see ``Engine.replay``.

        Raises:
            EngineUnavailableError: it cannot be read, or what was read is damaged.
        """
        self.ensure_channels([name])
        with self._database.reading() as tables:
            channel, first = self._retained(tables, name)
            start = max(first, after_seq + 1)
            rows = tables.read_rows(channel, start, limit, max_bytes)
        # Here, and not where they are sent: the event loop has other work.
        frames = message_frames(name, channel.head.epoch, start, rows)
        return Replay(channel.head, first, start, frames, [ms for ms, _, _ in rows])

    def _retained(self, tables: Tables, name: str) -> tuple[Channel, int]:
        """Find a channel that there is, and the ``seq`` of its oldest message that is retained."""
        channel = tables.find_channel(name)
        assert channel is not None
        above = self._retention.trimmed_seq(channel.head.seq)
        oldest = tables.first_seq(channel, above_seq=above, from_ms=self._retention.oldest_ms())
        return channel, oldest or channel.head.seq + 1

    def channels(self, prefix: str, limit: int) -> list[ChannelStanding]:
        """List channels; see ``Engine.channels``.

        Raises:
            EngineUnavailableError: they cannot be read, or one of them is damaged.
        """
        with self._database.reading() as tables:
            return [ChannelStanding(each.name, each.head) for each in tables.recent_channels(prefix, limit)]

    def check(self) -> None:
        """See whether a publish would be taken: by the write lock, or by a real write once one has failed.

        Raises:
            EngineUnavailableError: it would not.
        """
        if not self._database.failing:
            self._database.try_lock()
            return
        with self._database.writing() as tables:
            tables.save_answer(_PROBE)
        with self._database.writing() as tables:
            tables.delete_answers([_PROBE.key])


class _Group:
    """Requests on their way into one transaction."""

    def __init__(self, tables: Tables, retention: Retention) -> None:
        self.done = Committed()
        self._tables = tables
        self._retention = retention
        self._now = retention.now_ms()
        self._channels: dict[str, Channel] = {}

    def add(self, request: AppendRequest) -> None:
        """Give a request its places, or the answer that its key already has.

        Raises:
            DamagedRowError: the request has no place and no answer.
        """
        answer = self._earlier(request)
        if answer is None:
            # All of its channels before the first place is given: nothing of a request is stored, or all.
            places = [(self._channel(message.channel), message) for message in request.messages]
            answer = [self._place(channel, message) for channel, message in places]
            self._remember(request.idempotency, answer)
        self.done.answers.append(answer)

    def save(self) -> None:
        """Write what was placed, and let go of what that pushes out."""
        for name, messages in self.done.fresh.items():
            channel = self._channels[name]
            self._tables.insert_messages(channel, messages)
            self._tables.move_head(channel)
            too_many = self._retention.to_trim(channel.head.seq, len(messages))
            if too_many:
                self._tables.delete_messages(channel.id, up_to_seq=too_many)

    def _earlier(self, request: AppendRequest) -> list[StoredMessage] | EngineError | None:
        key = request.idempotency
        answer = None if key is None else self._tables.find_answer(key.key)
        if key is None or answer is None or answer.expires_ms <= self._now:
            return None
        if answer.digest != key.digest:
            return IdempotencyConflictError("the idempotency key was used with another request")
        # The digest stands for the messages, so the repeat brings their text along: only the ids were kept.
        pairs = zip(answer.ids, request.messages, strict=True)
        return [StoredMessage(at, new.channel, new.event, new.data) for at, new in pairs]

    def _channel(self, name: str) -> Channel:
        channel = self._channels.get(name) or self._tables.find_channel(name)
        if channel is None:
            channel = self._tables.insert_channel(name, MessageId(new_epoch(), self._now, 0))
        self._channels[name] = channel
        return channel

    def _place(self, channel: Channel, new: NewMessage) -> StoredMessage:
        head = channel.head
        channel.head = MessageId(head.epoch, max(head.ms, self._now), head.seq + 1)
        message = StoredMessage(channel.head, new.channel, new.event, new.data)
        self.done.fresh.setdefault(new.channel, []).append(message)
        return message

    def _remember(self, key: IdempotencyKey | None, answer: Sequence[StoredMessage]) -> None:
        if key is not None:
            expires = self._now + int(self._retention.answer_seconds * 1000)
            self._tables.save_answer(Answer(key.key, key.digest, [message.id for message in answer], expires))
