"""Who is present on which channel, keyed by client id; pure: the time is passed in, nothing waits here."""

from __future__ import annotations

import datetime as dt
import heapq
import json
from itertools import count
from typing import Any

import attrs

from voyant_cloud.models import RealtimeChannelPresenceEvent, RealtimePresenceAction, RealtimePresenceMember

__all__ = ["PresenceTable"]


@attrs.define
class _Member:
    """One client on one channel. It is held, and leaves at ``held_until``, while it has no connection."""

    joined_at: dt.datetime
    data: Any
    connections: set[str]
    held_until: float | None = None


class PresenceTable:
    """The members of all channels, as an engine on one node keeps them.

    Two kinds of time are passed in. *at* is the wall clock, UTC, and only shown to people; *now* and *hold_until* are
    seconds of a clock that never goes back, and decide when a held member leaves.
    """

    def __init__(self) -> None:
        self._channels: dict[str, dict[str, _Member]] = {}
        # The soonest first. Entries of members that came back, or left at once, stay until they are met; the serial
        # number settles ties.
        self._deadlines: list[tuple[float, int, str, str]] = []
        self._serials = count()

    def enter(
        self, channel: str, client_id: str, connection_id: str, data: Any, *, at: dt.datetime
    ) -> list[RealtimeChannelPresenceEvent]:
        """Make a client present on behalf of one connection, or change its data: the last writer wins.

        Args:
            channel: the channel's name.
            client_id: who it is.
            connection_id: the connection it speaks through.
            data: what it says of itself, any JSON value.
            at: the time now.

        Returns:
            An ``enter`` event for the first connection, an ``update`` where the data changed, else nothing. A held
            member that enters again counts as never having been away.
        """
        members = self._channels.setdefault(channel, {})
        member = members.get(client_id)
        if member is None:
            members[client_id] = _Member(at, data, {connection_id})
            return [_event(RealtimePresenceAction.ENTER, channel, client_id, data, at)]
        member.connections.add(connection_id)
        member.held_until = None
        changed = not _same(member.data, data)
        member.data = data
        return [_event(RealtimePresenceAction.UPDATE, channel, client_id, data, at)] if changed else []

    def leave(
        self, channel: str, client_id: str, connection_id: str, *, at: dt.datetime, hold_until: float | None = None
    ) -> list[RealtimeChannelPresenceEvent]:
        """End one connection's part in a client's presence.

        Args:
            channel: the channel's name.
            client_id: who it is.
            connection_id: the connection that ends; one without a part in the presence changes nothing.
            at: the time now.
            hold_until: when the client leaves if this was its last connection; ``None`` for at once.

        Returns:
            A ``leave`` event where the client left at once, else nothing.
        """
        member = self._channels.get(channel, {}).get(client_id)
        if member is None or connection_id not in member.connections:
            return []
        member.connections.remove(connection_id)
        if member.connections:
            return []
        if hold_until is None:
            return [self._remove(channel, client_id, at)]
        member.held_until = hold_until
        heapq.heappush(self._deadlines, (hold_until, next(self._serials), channel, client_id))
        return []

    def expire(self, now: float, *, at: dt.datetime) -> list[RealtimeChannelPresenceEvent]:
        """Let go of every member that was held until *now* or earlier.

        Returns:
            Their ``leave`` events, the longest overdue first.
        """
        events = []
        while (deadline := self.next_deadline()) is not None and deadline <= now:
            _, _, channel, client_id = heapq.heappop(self._deadlines)
            events.append(self._remove(channel, client_id, at))
        return events

    def next_deadline(self) -> float | None:
        """Return when ``expire`` has something to do next, ``None`` while nobody is held."""
        while self._deadlines and not self._is_held(*self._deadlines[0]):
            heapq.heappop(self._deadlines)
        return self._deadlines[0][0] if self._deadlines else None

    def members(self, channel: str, *, limit: int) -> list[RealtimePresenceMember]:
        """List who is present, held members included, longest present first.

        Args:
            channel: the channel's name.
            limit: at most how many, 1 or more.
        """
        members = sorted(self._channels.get(channel, {}).items(), key=lambda item: item[1].joined_at)
        return [
            RealtimePresenceMember(client_id=client_id, data=member.data, joined_at=member.joined_at)
            for client_id, member in members[:limit]
        ]

    def _is_held(self, until: float, _: int, channel: str, client_id: str) -> bool:
        member = self._channels.get(channel, {}).get(client_id)
        return member is not None and member.held_until == until

    def _remove(self, channel: str, client_id: str, at: dt.datetime) -> RealtimeChannelPresenceEvent:
        members = self._channels[channel]
        member = members.pop(client_id)
        if not members:
            del self._channels[channel]
        return _event(RealtimePresenceAction.LEAVE, channel, client_id, member.data, at)


def _event(
    action: RealtimePresenceAction, channel: str, client_id: str, data: Any, at: dt.datetime
) -> RealtimeChannelPresenceEvent:
    return RealtimeChannelPresenceEvent(action=action, channel=channel, client_id=client_id, data=data, at=at)


def _same(one: Any, other: Any) -> bool:
    # As JSON, where true is not 1 and the order of keys says nothing.
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
