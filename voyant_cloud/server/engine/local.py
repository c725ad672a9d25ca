"""What the engines of a single node share: who is present, what is watched, and whom they tell."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from voyant_cloud.models import RealtimeChannelPresenceEvent, RealtimePresenceMember
from voyant_cloud.server.engine.base import EngineListener, EngineUnavailableError, NewMessage, StoredMessage
from voyant_cloud.server.engine.local_presence import LocalPresence

__all__ = ["LocalEngine"]


class LocalEngine:
    """The part of an ``Engine`` that is not about messages; see there for what each method promises.

    Presence is of this process and ends with it.

    Args:
        clock: seconds since 1970.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._presence = LocalPresence(clock, self._tell_presence)
        self._watched: set[str] = set()
        self._listener: EngineListener | None = None
        self._open = False

    async def open(self, listener: EngineListener) -> None:
        """Begin; once in the life of an engine."""
        assert self._listener is None, "an engine is opened once"
        self._listener = listener
        self._open = True

    async def close(self) -> None:
        """End; whatever is asked for from now on is refused."""
        self._open = False
        self._presence.close()

    def append_now(self, message: NewMessage) -> StoredMessage | None:
        """Commit one message, if that needs no wait: it does, unless an engine says otherwise."""
        return None

    def deliver_now(self) -> None:
        """Deliver what waits for the end of the loop's turn: nothing does, unless an engine says otherwise."""

    async def watch(self, channel: str) -> None:
        """Start delivering this channel's messages and presence."""
        self._require_open()
        self._watched.add(channel)

    async def unwatch(self, channel: str) -> None:
        """Stop delivering them."""
        self._watched.discard(channel)

    async def enter(self, channel: str, client_id: str, connection_id: str, data: Any) -> None:
        """Make a client present, or change its data."""
        self._require_open()
        self._presence.enter(channel, client_id, connection_id, data)

    async def leave(self, channel: str, client_id: str, connection_id: str, *, grace: float = 0.0) -> None:
        """End one connection's part in a client's presence."""
        self._require_open()
        self._presence.leave(channel, client_id, connection_id, grace)

    async def members(self, channel: str, *, limit: int) -> list[RealtimePresenceMember]:
        """List who is present."""
        self._require_open()
        return self._presence.members(channel, limit)

    def _require_open(self) -> None:
        if not self._open:
            raise EngineUnavailableError("the engine is not open")

    def _tell_messages(self, fresh: Mapping[str, list[StoredMessage]]) -> None:
        """Tell of messages that were committed, by channel."""
        assert self._listener is not None
        for channel, messages in fresh.items():
            if channel in self._watched:
                self._listener.on_messages(channel, messages)

    def _tell_presence(self, event: RealtimeChannelPresenceEvent) -> None:
        assert self._listener is not None
        if event.channel in self._watched:
            self._listener.on_presence(event)
