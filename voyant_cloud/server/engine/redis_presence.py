"""Presence over several nodes: what this node's connections hold in Redis, refreshed while it lives.

A node that dies stops refreshing, and whichever node looks first lets go of what it held: the script that removes a
member is the one that tells of it, so each leaves once. While Redis is away nobody can refresh; so once it is back all
nodes refresh at once, and nobody is let go of until they have had the time to.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any, Final

import attrs

from voyant_cloud import jsontext
from voyant_cloud.models import RealtimePresenceMember
from voyant_cloud.server.engine.base import EngineUnavailableError
from voyant_cloud.server.engine.redis_lane import Lane, Value
from voyant_cloud.server.engine.redis_names import Names
from voyant_cloud.server.engine.redis_payload import read_members
from voyant_cloud.server.engine.redis_routine import RefusedError, always, certain
from voyant_cloud.server.engine.redis_script import ENTER, LEAVE, OVERDUE, REFRESH, SWEEP, Script

__all__ = ["RedisPresence"]

COUNTS_FOR: Final = 60.0
"""Seconds that a connection counts without being refreshed."""
REFRESH_EVERY: Final = 20.0
"""Seconds between two refreshes, as long as nothing is wrong."""
SWEEP_EVERY: Final = 1.0
"""Seconds between two looks for what has ended, and until a refresh that failed is tried again."""
STANDS_STILL: Final = 1.0
"""Seconds that such a look may take longer before Redis, or this node, counts as having been away."""
SPARE_FOR: Final = 10.0
"""Seconds after trouble in which nobody is let go of, so that every node that lives can refresh first."""
_AT_ONCE: Final = 500
_CHANNELS_AT_ONCE: Final = 20
_log = logging.getLogger("voyant_cloud.server")


@attrs.frozen
class _Held:
    """What a connection of this node says of its client."""

    digest: str
    data: str


class RedisPresence:
    """Members in Redis. For one event loop.

    Args:
        lane: where commands go to.
        names: what things are called in Redis.
        now_ms: the time now as scripts take it, for what members and events show.
        settle: is called about once a second, except for a while after trouble.
    """

    def __init__(
        self, lane: Lane, names: Names, now_ms: Callable[[], Value], settle: Callable[[], Awaitable[None]]
    ) -> None:
        self._lane = lane
        self._names = names
        self._now_ms = now_ms
        self._settle = settle
        self._loop = asyncio.get_running_loop()
        # By channel, then by connection and client. Only what Redis was told.
        self._held: dict[str, dict[tuple[str, str], _Held]] = {}
        self._refresh_now = asyncio.Event()
        self._sweep_now = asyncio.Event()
        self._looked_at = 0.0
        self._spare_until = 0.0
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to refresh what this node holds, and to let go of what has ended anywhere."""
        self._looked_at = self._loop.time()
        refreshing = always("presence cannot be refreshed", self._refresh_all, self._until_refresh)
        sweeping = always("presence cannot be looked after", self._sweep, self._until_sweep)
        self._tasks = [asyncio.ensure_future(refreshing), asyncio.ensure_future(sweeping)]

    async def stop(self) -> None:
        """Stop both; what this node holds ends by itself. Safe to call twice."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def spare(self) -> None:
        """Redis was away, or lost something: refresh at once, and let go of nobody until all nodes have."""
        self._spare_until = self._loop.time() + SPARE_FOR
        self._refresh_now.set()

    async def enter(self, channel: str, client_id: str, connection_id: str, data: Any) -> None:
        """Make a client present, or change its data; see ``Engine.enter``."""
        held = _Held(_digest(data), jsontext.dumps(data))
        await self._enter(channel, client_id, connection_id, held, "")
        self._held.setdefault(channel, {})[connection_id, client_id] = held

    async def leave(self, channel: str, client_id: str, connection_id: str, grace: float) -> None:
        """End one connection's part; the client may come back within *grace* seconds. See ``Engine.leave``."""
        # First, so that it ends by itself where Redis cannot be told.
        mine = self._held.get(channel, {})
        mine.pop((connection_id, client_id), None)
        if not mine:
            self._held.pop(channel, None)
        await self._run(LEAVE, channel, client_id, connection_id, self._now_ms(), int(grace * 1000))
        if grace > 0:
            self._loop.call_later(grace + 0.005, self._sweep_now.set)

    async def members(self, channel: str, limit: int) -> list[RealtimePresenceMember]:
        """List who is present; see ``Engine.members``."""
        kept = await certain(self._lane.send("HGETALL", self._names.presence(channel)[0]))
        found = sorted(read_members(channel, 0, kept), key=lambda member: member.ms)
        members: list[RealtimePresenceMember] = []
        for member in found:
            if len(members) == limit:
                break
            # What is no JSON, or no time, somebody else wrote there.
            with contextlib.suppress(ValueError, OverflowError, RecursionError):
                event = member.event(channel)
                members.append(RealtimePresenceMember(client_id=event.client_id, data=event.data, joined_at=event.at))
        return members

    async def _enter(self, channel: str, client_id: str, connection_id: str, held: _Held, keep: str) -> None:
        lasts = int(COUNTS_FOR * 1000)
        await self._run(ENTER, channel, client_id, connection_id, self._now_ms(), lasts, held.digest, held.data, keep)

    async def _run(self, script: Script, channel: str, *arguments: Value) -> Any:
        keys = self._names.presence(channel)
        return await certain(self._lane.run(script, keys, channel, self._names.feed(channel), *arguments))

    async def _until_refresh(self) -> None:
        if self._refresh_now.is_set():
            await asyncio.sleep(SWEEP_EVERY)
        else:
            await _happens(self._refresh_now, REFRESH_EVERY)

    async def _refresh_all(self) -> None:
        self._refresh_now.clear()
        with self._sparing():
            channels = tuple(self._held)
            refused: list[RefusedError] = []
            # Several on their way at a time, or those of a node with many channels would be late after trouble.
            for start in range(0, len(channels), _CHANNELS_AT_ONCE):
                some = channels[start : start + _CHANNELS_AT_ONCE]
                refused += await _refusals(map(self._refresh, some))
            if refused:
                # The other channels were refreshed all the same.
                raise refused[0]

    async def _refresh(self, channel: str) -> None:
        _, holds, _, ends, _ = self._names.presence(channel)
        mine = tuple(self._held.get(channel, ()))
        for start in range(0, len(mine), _AT_ONCE):
            some = mine[start : start + _AT_ONCE]
            words = [word for pair in some for word in pair]
            gone = await certain(self._lane.run(REFRESH, [holds, ends], channel, int(COUNTS_FOR * 1000), *words))
            # Together, or those of a large channel would be late after a loss.
            await asyncio.gather(*(self._enter_again(channel, *some[number - 1]) for number in gone))

    async def _enter_again(self, channel: str, connection_id: str, client_id: str) -> None:
        # Redis lost it, or this node was away for longer than it counts. Somebody else may have newer data.
        held = self._held.get(channel, {}).get((connection_id, client_id))
        if held is not None:
            await self._enter(channel, client_id, connection_id, held, "keep")

    async def _until_sweep(self) -> None:
        await _happens(self._sweep_now, SWEEP_EVERY)

    async def _sweep(self) -> None:
        self._sweep_now.clear()
        with self._sparing():
            # Looked for also while they are spared, since that is what notices how long the trouble lasts.
            while (ended := await self._ended()) and self._loop.time() >= self._spare_until:
                for name in ended:
                    await self._sweep_channel(name)
                self._looked_at = self._loop.time()
            if self._loop.time() >= self._spare_until:
                await self._settle()
                self._looked_at = self._loop.time()

    async def _ended(self) -> list[bytes]:
        names: list[bytes] = await certain(self._lane.run(OVERDUE, [self._names.ends]))
        if self._loop.time() - self._looked_at > SWEEP_EVERY + STANDS_STILL:
            self.spare()
        self._looked_at = self._loop.time()
        return names

    async def _sweep_channel(self, name: bytes) -> None:
        try:
            await self._run(SWEEP, name.decode(), self._now_ms())
        except (UnicodeDecodeError, RefusedError) as error:
            # What somebody else wrote there. It would come first for ever, and keep the other channels waiting.
            _log.warning("presence of channel %s cannot be looked after: %s", name.decode(errors="replace"), error)
            await certain(self._lane.send("ZREM", self._names.ends, name))

    @contextlib.contextmanager
    def _sparing(self) -> Iterator[None]:
        try:
            yield
        except RefusedError:
            # Redis is there, and so nobody's refreshing is late.
            raise
        except EngineUnavailableError:
            self.spare()
            raise


async def _refusals(work: Iterable[Awaitable[None]]) -> list[RefusedError]:
    refused = []
    for problem in await asyncio.gather(*work, return_exceptions=True):
        if isinstance(problem, RefusedError):
            refused.append(problem)
        elif problem is not None:
            raise problem
    return refused


async def _happens(event: asyncio.Event, within: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(within):
            await event.wait()


def _digest(data: Any) -> str:
    # As JSON, where true is not 1 and the order of keys says nothing.
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:32]
