"""Who is present on a channel, and who of them the clients of one node were told of; pure.

Pub/sub loses what is published while a node is disconnected. So the members are read when a channel is first followed
and again after each loss, and what then differs from what was told is told, one change after the other. Until that is
done, newer changes wait behind it: each client is told of in order.

Every change of presence has a number, and a reading has that of the newest change that it knows of. So it does not
matter which is faster: a change that the reading knew of is not told again, and a newer one is not taken back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import attrs

from voyant_cloud.models import RealtimePresenceAction
from voyant_cloud.server.engine.redis_payload import PresenceChange

__all__ = ["Reading", "Roster"]


@attrs.define(eq=False)
class Reading:
    """A reading that is under way.

    Attributes:
        meanwhile: the changes that were heard of since it began.
    """

    meanwhile: list[PresenceChange] = attrs.field(factory=list)


class Roster:
    """The members of one channel."""

    def __init__(self) -> None:
        # Client -> data; None until there was a reading.
        self._told: dict[str, str] | None = None
        self._number = 0
        # Only the newest counts: answers may overtake each other.
        self._reading: Reading | None = None
        # While some of it is still to be told: who is there, whom to look at, and whether who is missing has left.
        self._present: dict[str, PresenceChange] = {}
        self._to_tell: deque[str] = deque()
        self._leaves = False
        # Who is known to have left, and not told of yet.
        self._gone: set[str] = set()
        self._read_at = 0

    @property
    def is_known(self) -> bool:
        """Whether there was a reading, so that the next can tell what was missed."""
        return self._told is not None

    @property
    def is_behind(self) -> bool:
        """Whether ``next_change`` may have something to tell."""
        return bool(self._to_tell)

    def take(self, change: PresenceChange) -> PresenceChange | None:
        """Take note of a change that was heard of; returns what is to be told of it at once."""
        if self._reading is not None:
            self._reading.meanwhile.append(change)
        if change.number <= self._number:
            return None
        if self.is_behind:
            _note(self._present, change)
            if change.action is RealtimePresenceAction.LEAVE:
                self._gone.add(change.client_id)
            else:
                self._gone.discard(change.client_id)
            self._to_tell.append(change.client_id)
            return None
        return change if self._told is None else _told_of(self._told, change)

    def lose(self) -> None:
        """Changes may have been missed, also by a reading that is under way."""
        self._number = 0
        self._reading = None

    def begin(self) -> Reading:
        """Begin a reading; the answer must be of a moment after this."""
        self._reading = Reading()
        return self._reading

    def finish(
        self, reading: Reading, number: int, members: Iterable[PresenceChange], *, at: int, leaves: bool
    ) -> None:
        """Go by what was read; ``next_change`` tells what differs from what was told before.

        Args:
            reading: what ``begin`` returned; of one that was overtaken nothing is taken.
            number: that of the newest change that the answer knows of.
            members: those who are present, as if each had just entered.
            at: when it was read, in milliseconds since 1970.
            leaves: whether those who are missing have left. Where Redis itself lost them they are about to be back.
        """
        if reading is not self._reading:
            return
        self._reading, self._number = None, number
        present = {member.client_id: member for member in members}
        for change in reading.meanwhile:
            if change.number > number:
                _note(present, change)
        told = self._told
        if told is None:
            self._told = {client: member.data for client, member in present.items()}
            return
        self._present, self._leaves, self._read_at = present, leaves, at
        self._to_tell = deque(client for client in told if client not in present)
        self._to_tell += (client for client, member in present.items() if told.get(client) != member.data)
        if not self._to_tell:
            self._level()

    def next_change(self) -> PresenceChange | None:
        """Return the next of what is to be told, which then counts as told; ``None`` once that is all."""
        while self._to_tell:
            change = self._difference(self._to_tell.popleft())
            if change is not None:
                return change
        self._level()
        return None

    def _level(self) -> None:
        self._present = {}
        self._gone.clear()

    def _difference(self, client: str) -> PresenceChange | None:
        assert self._told is not None
        told, member = self._told.get(client), self._present.get(client)
        if member is None:
            if told is None or not (self._leaves or client in self._gone):
                return None
            del self._told[client]
            return PresenceChange(self._number, RealtimePresenceAction.LEAVE, client, told, self._read_at)
        if told == member.data:
            return None
        self._told[client] = member.data
        if told is None:
            return attrs.evolve(member, action=RealtimePresenceAction.ENTER)
        return attrs.evolve(member, action=RealtimePresenceAction.UPDATE, ms=max(member.ms, self._read_at))


def _note(members: dict[str, PresenceChange], change: PresenceChange) -> None:
    if change.action is RealtimePresenceAction.LEAVE:
        members.pop(change.client_id, None)
    else:
        members[change.client_id] = change


def _told_of(told: dict[str, str], change: PresenceChange) -> PresenceChange:
    if change.action is RealtimePresenceAction.LEAVE:
        # Also of somebody who was never told of: a client may have seen more in a list.
        told.pop(change.client_id, None)
        return change
    is_new = change.client_id not in told
    told[change.client_id] = change.data
    if is_new and change.action is RealtimePresenceAction.UPDATE:
        return attrs.evolve(change, action=RealtimePresenceAction.ENTER)
    return change
