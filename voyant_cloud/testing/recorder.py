"""An engine around another that notes what is stored: every message, whoever published it and by whichever way."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from voyant_cloud import jsontext
from voyant_cloud.models import RealtimeMessageSummary, RealtimePresenceMember
from voyant_cloud.server.engine.base import (
    ChannelStanding,
    Engine,
    EngineListener,
    History,
    IdempotencyKey,
    NewMessage,
    Replay,
    StoredMessage,
)

__all__ = ["Record", "RecordingEngine"]


class Record:
    """The messages that were stored, in the order in which that was known. Any thread may read it."""

    def __init__(self) -> None:
        self._stored: dict[str, StoredMessage] = {}
        self._lock = threading.Lock()

    def add(self, messages: Sequence[StoredMessage]) -> None:
        """Note messages. A repeat, as an idempotency key gives it, changes nothing."""
        with self._lock:
            for message in messages:
                self._stored.setdefault(str(message.id), message)

    def clear(self) -> None:
        """Forget them."""
        with self._lock:
            self._stored.clear()

    def summaries(self) -> list[RealtimeMessageSummary]:
        """Return them as the REST API would."""
        with self._lock:
            stored = list(self._stored.values())
        return [_summary(message) for message in stored]


class RecordingEngine:
    """An ``Engine`` that leaves all work to another; see there for the methods.

    Args:
        engine: does the work.
        record: where what it stored is noted.
    """

    def __init__(self, engine: Engine, record: Record) -> None:
        self._engine = engine
        self._record = record
        self.deliver_now = engine.deliver_now

    async def open(self, listener: EngineListener) -> None:
        """Make the store ready."""
        await self._engine.open(_Noting(listener, self._record))

    async def close(self) -> None:
        """Let go of the store."""
        await self._engine.close()

    async def check(self) -> None:
        """Do a round trip to the store."""
        await self._engine.check()

    async def watch(self, channel: str) -> None:
        """Start delivering a channel's messages and presence."""
        await self._engine.watch(channel)

    async def unwatch(self, channel: str) -> None:
        """Stop delivering them."""
        await self._engine.unwatch(channel)

    async def append(
        self, messages: Sequence[NewMessage], idempotency: IdempotencyKey | None = None
    ) -> list[StoredMessage]:
        """Commit messages, and note them."""
        stored = await self._engine.append(messages, idempotency)
        self._record.add(stored)
        return stored

    def append_now(self, message: NewMessage) -> StoredMessage | None:
        """Commit one message if that needs no wait, and note it."""
        stored = self._engine.append_now(message)
        if stored is not None:
            self._record.add([stored])
        return stored

    async def history(self, channel: str, *, after_seq: int | None = None, limit: int) -> History:
        """Read retained messages."""
        return await self._engine.history(channel, after_seq=after_seq, limit=limit)

    async def replay(self, channel: str, *, after_seq: int, limit: int, max_bytes: int) -> Replay:
        """Read what a subscriber missed."""
        return await self._engine.replay(channel, after_seq=after_seq, limit=limit, max_bytes=max_bytes)

    async def channels(self, prefix: str, limit: int) -> list[ChannelStanding]:
        """List channels."""
        return await self._engine.channels(prefix, limit)

    async def enter(self, channel: str, client_id: str, connection_id: str, data: Any) -> None:
        """Make a client present, or change its data."""
        await self._engine.enter(channel, client_id, connection_id, data)

    async def leave(self, channel: str, client_id: str, connection_id: str, *, grace: float = 0.0) -> None:
        """End one connection's part in a client's presence."""
        await self._engine.leave(channel, client_id, connection_id, grace=grace)

    async def members(self, channel: str, *, limit: int) -> list[RealtimePresenceMember]:
        """List who is present."""
        return await self._engine.members(channel, limit=limit)


class _Noting:
    """An ``EngineListener`` that notes what it is told before anybody else hears of it.

    So a test that got a message finds it noted, though subscribers may have it before its publisher has an answer.
    """

    def __init__(self, listener: EngineListener, record: Record) -> None:
        self._record = record
        self._tell = listener.on_messages
        self.on_presence = listener.on_presence
        self.on_standing = listener.on_standing

    def on_messages(self, channel: str, messages: Sequence[StoredMessage]) -> None:
        """Note messages, and tell of them."""
        self._record.add(messages)
        self._tell(channel, messages)


def _summary(message: StoredMessage) -> RealtimeMessageSummary:
    return RealtimeMessageSummary(
        id=str(message.id),
        channel=message.channel,
        event=message.event,
        data=jsontext.loads(message.data),
        published_at=message.published_at,
    )
