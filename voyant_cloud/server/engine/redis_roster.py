"""Who is present on a channel, as the clients of one node were told of it; pure.

Pub/sub loses what is published while a node is disconnected. So the members are read when a channel is first followed
and again after each loss, and what then differs from what was told is told.

Every change of presence has a number, and a reading has that of the newest change that it knows of. So it does not
matter which is faster: a change that the reading knew of is not told again, and a newer one is not taken back.
"""

from __future__ import annotations

from collections.abc import Sequence

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
    """The members of one channel, as they were told."""

    def __init__(self) -> None:
        # Client -> data; None until there was a reading.
        self._told: dict[str, str] | None = None
        self._number = 0
        # Only the newest counts: answers may overtake each other.
        self._reading: Reading | None = None

    @property
    def is_known(self) -> bool:
        """Whether there was a reading, so that the next can tell what was missed."""
        return self._told is not None

    def take(self, change: PresenceChange) -> bool:
        """Take note of a change that was heard of; returns whether it is to be told."""
        if self._reading is not None:
            self._reading.meanwhile.append(change)
        if change.number <= self._number:
            return False
        if self._told is not None:
            _apply(self._told, change)
        return True

    def lose(self) -> None:
        """Changes may have been missed. A Redis that was begun anew counts from 1 again."""
        self._number = 0

    def begin(self) -> Reading:
        """Begin a reading; the answer must be of a moment after this."""
        self._reading = Reading()
        return self._reading

    def finish(
        self, reading: Reading, number: int, members: Sequence[PresenceChange], *, at: int, leaves: bool
    ) -> list[PresenceChange]:
        """Go by what was read, and return what is to be told: what differs from what was told before.

        Args:
            reading: what ``begin`` returned.
            number: that of the newest change that the answer knows of.
            members: those who are present, as if each had just entered.
            at: the time of what is told, in milliseconds since 1970, where it is not known better.
            leaves: whether those who are missing have left. Where Redis itself lost them they are about to be back.
        """
        if reading is not self._reading:
            return []
        self._reading, self._number = None, number
        present = {member.client_id: member.data for member in members}
        for change in reading.meanwhile:
            if change.number > number:
                _apply(present, change)
        told, self._told = self._told, present
        if told is None:
            return []
        since = {member.client_id: member.ms for member in members}
        news = [
            PresenceChange(number, action, client, data, since.get(client, at) if client not in told else at)
            for client, data in present.items()
            if (action := _difference(told.get(client), data)) is not None
        ]
        missing = {client: data for client, data in told.items() if client not in present}
        if not leaves:
            self._told = present | missing
            return news
        gone = [PresenceChange(number, RealtimePresenceAction.LEAVE, *each, at) for each in missing.items()]
        return gone + news


def _apply(members: dict[str, str], change: PresenceChange) -> None:
    if change.action is RealtimePresenceAction.LEAVE:
        members.pop(change.client_id, None)
    else:
        members[change.client_id] = change.data


def _difference(told: str | None, data: str) -> RealtimePresenceAction | None:
    if told is None:
        return RealtimePresenceAction.ENTER
    return RealtimePresenceAction.UPDATE if told != data else None
