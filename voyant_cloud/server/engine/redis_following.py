"""The presence of the channels that this node follows: read at first, and again after pub/sub may have lost changes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final

from voyant_cloud.models import RealtimeChannelPresenceEvent, RealtimePresenceAction
from voyant_cloud.server.engine.redis_lane import Lane, Value
from voyant_cloud.server.engine.redis_names import Names
from voyant_cloud.server.engine.redis_payload import PresenceChange
from voyant_cloud.server.engine.redis_roster import Roster
from voyant_cloud.server.engine.redis_routine import certain, describe
from voyant_cloud.server.engine.redis_script import ROSTERS

__all__ = ["Following"]

_CHANNELS_AT_ONCE: Final = 500
_MEMBERS_AT_ONCE: Final = 2_000
"""Redis does nothing else while it lists them."""
_log = logging.getLogger("voyant_cloud.server")


class Following:
    """Who is present on the channels that are followed, as this node's clients were told. For one event loop.

    Args:
        lane: where it is read.
        names: what things are called in Redis.
        now_ms: the time now as scripts take it.
        tell: is called with each change that pub/sub did not bring.
    """

    def __init__(
        self,
        lane: Lane,
        names: Names,
        now_ms: Callable[[], Value],
        tell: Callable[[RealtimeChannelPresenceEvent], None],
    ) -> None:
        self._lane = lane
        self._names = names
        self._now_ms = now_ms
        self._tell = tell
        self._rosters: dict[str, Roster] = {}
        # First readings, one a channel for all who wait for it.
        self._first: dict[str, asyncio.Task[int]] = {}
        self._unsettled = False

    async def follow(self, channel: str) -> None:
        """Learn who is present on a channel whose changes come here already; at once where that is known.

        Raises:
            EngineUnavailableError: Redis cannot be read.
        """
        roster = self._rosters.setdefault(channel, Roster())
        while not roster.is_known and self._rosters.get(channel) is roster:
            # Shielded: one waiter that is cancelled must not take the reading away from the others.
            await asyncio.shield(self._first_reading(channel))

    def unfollow(self, channel: str) -> None:
        """Forget about a channel."""
        self._rosters.pop(channel, None)
        self._first.pop(channel, None)

    def take(self, channel: str, change: PresenceChange) -> RealtimeChannelPresenceEvent | None:
        """Take note of a change that was published; returns what is to be told of it.

        Raises:
            ValueError: its data is no JSON.
        """
        event = change.event(channel)
        roster = self._rosters.get(channel)
        return event if roster is None or roster.take(change) else None

    async def catch_up(self) -> None:
        """Tell who entered and what changed while nothing was heard; who left ``settle`` tells.

        Raises:
            EngineUnavailableError: Redis cannot be read.
        """
        self._unsettled = True
        for roster in self._rosters.values():
            roster.lose()
        await self._read_all(leaves=False)

    async def settle(self) -> None:
        """Tell who left while nothing was heard, once all nodes have had the time to say who is still there.

        Raises:
            EngineUnavailableError: Redis cannot be read. It is to be called again.
        """
        if not self._unsettled:
            return
        self._unsettled = False
        try:
            await self._read_all(leaves=True)
        except BaseException:
            self._unsettled = True
            raise

    def _first_reading(self, channel: str) -> asyncio.Task[int]:
        reading = self._first.get(channel)
        if reading is None:
            reading = self._first[channel] = asyncio.ensure_future(self._read((channel,), leaves=True))
            reading.add_done_callback(lambda done: self._end_first_reading(channel, done))
        return reading

    def _end_first_reading(self, channel: str, reading: asyncio.Task[int]) -> None:
        if self._first.get(channel) is reading:
            del self._first[channel]
        # Where every waiter was cancelled nobody is left to look at the error.
        if not reading.cancelled():
            reading.exception()

    async def _read_all(self, *, leaves: bool) -> None:
        channels = tuple(self._rosters)
        start = 0
        while start < len(channels):
            start += await self._read(channels[start : start + _CHANNELS_AT_ONCE], leaves=leaves)

    async def _read(self, channels: Sequence[str], *, leaves: bool) -> int:
        """Read some of the channels, from the first on; returns how many."""
        rosters = [self._rosters.get(channel, Roster()) for channel in channels]
        readings = [roster.begin() for roster in rosters]
        keys = [self._names.presence(channel)[0] for channel in channels]
        number, at, *found = await certain(
            self._lane.run(ROSTERS, [self._names.changes, *keys], self._now_ms(), _MEMBERS_AT_ONCE)
        )
        for channel, roster, reading, texts in zip(channels, rosters, readings, found, strict=False):
            # Nobody is to be told of a channel that was let go of meanwhile.
            if self._rosters.get(channel) is roster:
                members = _members(number, texts)
                self._tell_all(channel, roster.finish(reading, number, members, at=at, leaves=leaves))
        return len(found)

    def _tell_all(self, channel: str, changes: Sequence[PresenceChange]) -> None:
        for change in changes:
            try:
                event = change.event(channel)
            except Exception as error:  # noqa: BLE001 - what somebody else wrote there must not keep the rest from being told
                _log.warning("a member of %s cannot be read: %s", channel, describe(error))
            else:
                self._tell(event)


def _members(number: int, texts: Sequence[bytes]) -> list[PresenceChange]:
    each = iter(text.decode("utf-8", "replace") for text in texts)
    return [
        PresenceChange(number, RealtimePresenceAction.ENTER, client, data, int(ms))
        for client, ms, data in zip(each, each, each, strict=True)
    ]
