"""The presence of the channels that this node follows: read at first, and again after pub/sub may have lost changes."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Sequence
from typing import Final

from voyant_cloud.models import RealtimeChannelPresenceEvent
from voyant_cloud.server.engine.base import EngineUnavailableError
from voyant_cloud.server.engine.redis_lane import Lane, Value
from voyant_cloud.server.engine.redis_names import Names
from voyant_cloud.server.engine.redis_payload import PresenceChange, read_members
from voyant_cloud.server.engine.redis_roster import Roster
from voyant_cloud.server.engine.redis_routine import always, certain, describe
from voyant_cloud.server.engine.redis_script import ROSTERS

__all__ = ["Following"]

_CHANNELS_AT_ONCE: Final = 500
_MEMBERS_AT_ONCE: Final = 2_000
"""Redis does nothing else while it lists them."""
_TOLD_AT_ONCE: Final = 65_536
"""Bytes after which a moment has to pass, so that clients can take what they are told."""
_MOMENT: Final = 0.02
_OVERHEAD: Final = 256
"""Bytes of an event beside its data, about."""
_log = logging.getLogger("voyant_cloud.server")


class Following:
    """Who is present on the channels that are followed, and who of them this node's clients were told of.

    For one event loop.

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
        # What of the rosters is still to be told.
        self._behind: dict[str, Roster] = {}
        self._is_behind = asyncio.Event()
        self._telling: asyncio.Task[None] | None = None
        # What Redis had when the last loss was over. A node's members are known to it some time later.
        self._generation: bytes | None = None
        self._losses = 0
        self._unsettled = False

    def start(self) -> None:
        """Begin to tell what readings find."""
        telling = always("presence cannot be told", self._tell_differences, self._is_behind.wait)
        self._telling = asyncio.ensure_future(telling)

    async def stop(self) -> None:
        """Tell no more. Safe to call twice."""
        if self._telling is not None:
            self._telling.cancel()
            await asyncio.wait([self._telling])

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
        self._behind.pop(channel, None)

    def take(self, channel: str, change: PresenceChange) -> RealtimeChannelPresenceEvent | None:
        """Take note of a change that was published; returns what is to be told of it at once.

        Raises:
            ValueError, OverflowError, RecursionError: its data is no JSON, or its time is none.
        """
        event = change.event(channel)
        roster = self._rosters.get(channel)
        if roster is None:
            return event
        told = roster.take(change)
        if told is None or told is change:
            return None if told is None else event
        return told.event(channel)

    async def catch_up(self) -> None:
        """Find who entered and what changed while nothing was heard, to tell it soon; who left ``settle`` finds.

        Raises:
            EngineUnavailableError: Redis cannot be read.
        """
        self._losses += 1
        self._unsettled = True
        for roster in self._rosters.values():
            roster.lose()
        self._generation = await self._claim_generation()
        await self._read_all(leaves=False)

    async def settle(self) -> None:
        """Find who left while nothing was heard, once all nodes have had the time to say who is still there.

        Raises:
            EngineUnavailableError: Redis cannot be read, or has lost what it had; then they need that time once more.
        """
        if not self._unsettled:
            return
        self._unsettled = False
        try:
            await self._read_all(leaves=True)
        except BaseException:
            self._unsettled = True
            raise

    async def _claim_generation(self) -> bytes | None:
        claimed = self._lane.send("SET", self._names.generation, secrets.token_hex(8), "NX")
        generation = self._lane.send("GET", self._names.generation)
        _, found = await asyncio.gather(certain(claimed), certain(generation))
        return found  # type: ignore[no-any-return]

    def _first_reading(self, channel: str) -> asyncio.Task[int]:
        reading = self._first.get(channel)
        if reading is None:
            reading = self._first[channel] = asyncio.ensure_future(self._read((channel,), leaves=False))
            reading.add_done_callback(lambda done: self._end_first_reading(channel, done))
        return reading

    def _end_first_reading(self, channel: str, reading: asyncio.Task[int]) -> None:
        if self._first.get(channel) is reading:
            del self._first[channel]
        # Where every waiter was cancelled nobody is left to look at the error.
        if not reading.cancelled():
            reading.exception()

    async def _read_all(self, *, leaves: bool) -> None:
        channels, losses = tuple(self._rosters), self._losses
        start = 0
        # What came in between reads all of them itself.
        while start < len(channels) and losses == self._losses:
            start += await self._read(channels[start : start + _CHANNELS_AT_ONCE], leaves=leaves)

    async def _read(self, channels: Sequence[str], *, leaves: bool) -> int:
        """Read some of the channels, from the first on; returns how many."""
        rosters = [self._rosters.get(channel, Roster()) for channel in channels]
        readings = [roster.begin() for roster in rosters]
        keys = [self._names.generation, self._names.changes]
        keys += [self._names.presence(channel)[0] for channel in channels]
        generation, number, at, *found = await certain(self._lane.run(ROSTERS, keys, self._now_ms(), _MEMBERS_AT_ONCE))
        if leaves and generation != self._generation:
            self._generation = await self._claim_generation()
            raise EngineUnavailableError("Redis lost what it had")
        for channel, roster, reading, kept in zip(channels, rosters, readings, found, strict=False):
            members = read_members(channel, int(number), kept)
            roster.finish(reading, int(number), members, at=int(at), leaves=leaves)
            # Nobody is to be told of a channel that was let go of meanwhile.
            if roster.is_behind and self._rosters.get(channel) is roster:
                self._behind[channel] = roster
                self._is_behind.set()
        return len(found)

    async def _tell_differences(self) -> None:
        told = 0
        while self._behind:
            channel, roster = next(iter(self._behind.items()))
            change = roster.next_change()
            if change is None:
                del self._behind[channel]
                continue
            self._tell_one(channel, change)
            told += len(change.data) + _OVERHEAD
            # With many subscribers each change takes its time, and others want theirs.
            await asyncio.sleep(_MOMENT if told >= _TOLD_AT_ONCE else 0)
            told %= _TOLD_AT_ONCE
        self._is_behind.clear()

    def _tell_one(self, channel: str, change: PresenceChange) -> None:
        try:
            event = change.event(channel)
        except Exception as error:  # noqa: BLE001 - what somebody else wrote must not keep the rest from being told
            _log.warning("a member of channel %s cannot be read: %s", channel, describe(error))
        else:
            self._tell(event)
