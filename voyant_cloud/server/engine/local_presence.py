"""Presence within one process: the presence table, with the event loop's clock and timer."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable, Iterable
from typing import Any

from voyant_cloud.models import RealtimeChannelPresenceEvent, RealtimePresenceMember
from voyant_cloud.server.presence import PresenceTable

__all__ = ["LocalPresence"]


class LocalPresence:
    """Members that live as long as the process. All methods are for one event loop, and none of them waits.

    Args:
        clock: seconds since 1970, for the times that members and events show.
        tell: is called with each event, in order.
    """

    def __init__(self, clock: Callable[[], float], tell: Callable[[RealtimeChannelPresenceEvent], None]) -> None:
        self._clock = clock
        self._tell = tell
        self._table = PresenceTable()
        self._timer: asyncio.TimerHandle | None = None

    def enter(self, channel: str, client_id: str, connection_id: str, data: Any) -> None:
        """Make a client present, or change its data; see ``Engine.enter``."""
        self._tell_all(self._table.enter(channel, client_id, connection_id, data, at=self._at()))

    def leave(self, channel: str, client_id: str, connection_id: str, grace: float) -> None:
        """End one connection's part; the client may come back within *grace* seconds. See ``Engine.leave``."""
        hold_until = asyncio.get_running_loop().time() + grace if grace > 0 else None
        self._tell_all(self._table.leave(channel, client_id, connection_id, at=self._at(), hold_until=hold_until))
        self._wake_in_time()

    def members(self, channel: str, limit: int) -> list[RealtimePresenceMember]:
        """List who is present; see ``Engine.members``."""
        return self._table.members(channel, limit=limit)

    def close(self) -> None:
        """Stop the timer; those who are held stay unannounced. Safe to call twice."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wake_in_time(self) -> None:
        deadline = self._table.next_deadline()
        # A timer that is early does no harm: it looks, and sets itself again.
        if deadline is None or (self._timer is not None and self._timer.when() <= deadline):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_at(deadline, self._expire)

    def _expire(self) -> None:
        self._timer = None
        self._tell_all(self._table.expire(asyncio.get_running_loop().time(), at=self._at()))
        self._wake_in_time()

    def _tell_all(self, events: Iterable[RealtimeChannelPresenceEvent]) -> None:
        for event in events:
            self._tell(event)

    def _at(self) -> dt.datetime:
        return dt.datetime.fromtimestamp(self._clock(), dt.UTC)
