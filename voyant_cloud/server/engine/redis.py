"""The engine for several nodes: messages and presence in one Redis or Valkey that they share."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Callable, Sequence
from typing import Any, Final

from voyant_cloud.models import RealtimePresenceMember
from voyant_cloud.server.engine.base import (
    ChannelStanding,
    EngineListener,
    EngineOutcomeUnknownError,
    EngineSetupError,
    EngineUnavailableError,
    History,
    IdempotencyKey,
    NewMessage,
    Replay,
    StoredMessage,
)
from voyant_cloud.server.engine.redis_address import Address
from voyant_cloud.server.engine.redis_appends import KEEP_UNUSED_MS, Appends, Retention
from voyant_cloud.server.engine.redis_feed import Feed
from voyant_cloud.server.engine.redis_following import Following
from voyant_cloud.server.engine.redis_lane import Lane
from voyant_cloud.server.engine.redis_names import Names
from voyant_cloud.server.engine.redis_payload import PresenceChange, read_feed, unpack_row
from voyant_cloud.server.engine.redis_presence import RedisPresence
from voyant_cloud.server.engine.redis_routine import always, certain, describe
from voyant_cloud.server.engine.redis_script import CHANNELS, READ, STANDINGS
from voyant_cloud.server.message_id import MessageId, new_epoch
from voyant_cloud.server.wire import message_frames

__all__ = ["RedisEngine"]

OPEN_WITHIN: Final = 10.0
PROBE_EVERY: Final = 2.0
FLUSH_WITHIN: Final = 2.0
"""Seconds that a closing engine waits for what it stored to come back to it."""
_ALL_BYTES: Final = 2**53
_AT_ONCE: Final = 500
_log = logging.getLogger("voyant_cloud.server")


class RedisEngine:
    """The ``Engine`` of several nodes; see there for what each method promises.

    What is committed is as safe as Redis keeps it: with ``appendfsync always`` it survives loss of power, with
    ``everysec`` the last second may go, and what a failover finds missing on the replica is gone. Whoever had seen it
    is then told of a gap.

    While Redis is away connections stay open, and appends raise. Once it is back, what was published meanwhile by other
    nodes is delivered, or a gap is told.

    Args:
        address: which Redis.
        history_messages: messages kept a channel, 1 or more.
        history_seconds: seconds that a message is kept, above 0.
        idempotency_seconds: seconds that a repeated request is recognised, above 0.
        clock: seconds since 1970; ``None`` for the clock of Redis, which is the same for all nodes.
    """

    def __init__(
        self,
        address: Address,
        *,
        history_messages: int = 1_000,
        history_seconds: float = 86_400.0,
        idempotency_seconds: float = 300.0,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self._address = address
        self._names = Names(address.prefix, address.database)
        self._retention = Retention(history_messages, history_seconds, idempotency_seconds, clock)
        self._node = secrets.token_hex(8)
        self._listener: EngineListener | None = None
        self._parts: _Parts | None = None
        self._open = False

    async def open(self, listener: EngineListener) -> None:
        """Connect; once in the life of an engine."""
        assert self._parts is None, "an engine is opened once"
        self._listener = listener
        feed = Feed(self._address.new_connection, self._names.probe(self._node), self._take, self._catch_up)
        parts = _Parts(self._address, self._names, self._retention, self._node, feed, listener)
        self._parts = parts
        try:
            await parts.lane.send("SET", self._names.ready, "1", "PX", 60_000)
            parts.start()
            async with asyncio.timeout(OPEN_WITHIN):
                await feed.until_connected()
        except (EngineUnavailableError, EngineOutcomeUnknownError, TimeoutError) as error:
            await parts.stop()
            why = error or "it does not deliver what is published"
            raise EngineSetupError(f"{self._address.shown} cannot be used: {why}") from None
        self._open = True

    async def close(self) -> None:
        """Commit what was accepted, then disconnect."""
        was_open, self._open = self._open, False
        if self._parts is None:
            return
        await self._parts.appends.stop()
        if was_open and self._parts.feed.connected:
            await self._parts.echo(FLUSH_WITHIN)
        await self._parts.stop()

    async def check(self) -> None:
        """See that Redis takes a write, and that what is published comes here."""
        parts = self._running()
        await certain(parts.lane.send("SET", self._names.ready, "1", "PX", 60_000))
        if not parts.feed.connected:
            raise EngineUnavailableError("Redis does not deliver what is published")

    async def watch(self, channel: str) -> None:
        """Start delivering this channel's messages and presence."""
        parts = self._running()
        await parts.feed.follow(self._names.feed(channel))
        await parts.following.follow(channel)

    async def unwatch(self, channel: str) -> None:
        """Stop delivering them."""
        if self._parts is not None:
            self._parts.feed.unfollow(self._names.feed(channel))
            self._parts.following.unfollow(channel)

    async def append(
        self, messages: Sequence[NewMessage], idempotency: IdempotencyKey | None = None
    ) -> list[StoredMessage]:
        """Commit messages, all or none.

        Raises:
            EngineOutcomeUnknownError: Redis went away before it answered, and is not back.
        """
        return await self._running().appends.append(tuple(messages), idempotency)

    def append_now(self, message: NewMessage) -> StoredMessage | None:
        """Commit one message, if that needs no wait: here it always does."""
        return None

    def deliver_now(self) -> None:
        """Deliver what waits for the end of the loop's turn: here nothing does."""

    async def history(self, channel: str, *, after_seq: int | None = None, limit: int) -> History:
        """Read retained messages: the newest *limit*, or the first *limit* after *after_seq*."""
        mode = "newest" if after_seq is None else "after"
        head, first, start, found = await self._read(channel, mode, after_seq or 0, limit, _ALL_BYTES)
        messages = []
        for seq, at in enumerate(range(0, len(found), 2), start):
            ms, event, data = unpack_row(found[at], found[at + 1])
            messages.append(StoredMessage(MessageId(head.epoch, ms, seq), channel, event.decode(), data.decode()))
        return History(messages, head, first)

    async def replay(self, channel: str, *, after_seq: int, limit: int, max_bytes: int) -> Replay:
        """Read what a subscriber missed."""
        head, first, start, found = await self._read(channel, "after", after_seq, limit, max_bytes)
        rows = [unpack_row(found[at], found[at + 1]) for at in range(0, len(found), 2)]
        frames = message_frames(channel, head.epoch, start, rows)
        return Replay(head, first, start, frames, [ms for ms, _, _ in rows])

    async def channels(self, prefix: str, limit: int) -> list[ChannelStanding]:
        """List channels whose name begins with *prefix*, the most recently used first."""
        keys = [self._names.channels, self._names.used]
        found = await certain(self._running().lane.run(CHANNELS, keys, self._names.places, prefix, limit))
        return [ChannelStanding(name.decode(), _head(*place)) for name, *place in found]

    async def enter(self, channel: str, client_id: str, connection_id: str, data: Any) -> None:
        """Make a client present, or change its data."""
        await self._running().presence.enter(channel, client_id, connection_id, data)

    async def leave(self, channel: str, client_id: str, connection_id: str, *, grace: float = 0.0) -> None:
        """End one connection's part in a client's presence."""
        await self._running().presence.leave(channel, client_id, connection_id, grace)

    async def members(self, channel: str, *, limit: int) -> list[RealtimePresenceMember]:
        """List who is present."""
        return await self._running().presence.members(channel, limit)

    def _running(self) -> _Parts:
        if self._parts is None or not self._open:
            raise EngineUnavailableError("the engine is not open")
        return self._parts

    async def _read(
        self, channel: str, mode: str, after_seq: int, limit: int, max_bytes: int
    ) -> tuple[MessageId, int, int, list[bytes]]:
        names, kept = self._names, self._retention
        keys = [names.place(channel), names.stream(channel), names.channels, names.used, names.unused]
        epoch, ms, seq, first, start, *found = await certain(
            self._running().lane.run(
                READ,
                keys,
                channel,
                *(new_epoch(), kept.now_ms(), kept.message_ms(), mode, after_seq, limit, max_bytes, KEEP_UNUSED_MS),
            )
        )
        return _head(epoch, ms, seq), int(first), int(start), found

    def _take(self, feed: str, payload: bytes) -> None:
        assert self._listener is not None
        assert self._parts is not None
        channel = feed.removeprefix(self._names.feeds)
        try:
            told = read_feed(channel, payload)
            event = self._parts.following.take(channel, told) if isinstance(told, PresenceChange) else None
        except Exception as error:  # noqa: BLE001 - of what others publish nothing is certain
            _log.warning("something that is no message of this project was published on %s: %s", feed, describe(error))
            return
        if isinstance(told, list):
            self._listener.on_messages(channel, told)
        elif event is not None:
            self._listener.on_presence(event)

    async def _catch_up(self, feeds: Sequence[str]) -> None:
        assert self._listener is not None
        assert self._parts is not None
        self._parts.presence.spare()
        channels = [feed.removeprefix(self._names.feeds) for feed in feeds]
        for at in range(0, len(channels), _AT_ONCE):
            some = channels[at : at + _AT_ONCE]
            places = await certain(self._parts.lane.run(STANDINGS, [self._names.place(each) for each in some]))
            for channel, place in zip(some, places, strict=True):
                self._listener.on_standing(channel, _standing(place))
        await self._parts.following.catch_up()
        # From now on, and not only since the loss was noticed.
        self._parts.presence.spare()


class _Parts:
    """What an engine that is open consists of, on the event loop that it is made on."""

    def __init__(
        self, address: Address, names: Names, retention: Retention, node: str, feed: Feed, listener: EngineListener
    ) -> None:
        self.feed = feed
        self.lane = Lane(address)
        # Of their own: a large read must not keep appends waiting.
        self._append_lane = Lane(address)
        self._address = address
        self.appends = Appends(self._append_lane, names, retention, node)
        self.following = Following(self.lane, names, retention.now_ms, listener.on_presence)
        self.presence = RedisPresence(self.lane, names, retention.now_ms, self.following.settle)
        self._names = names
        self._probe = names.probe(node)
        self._generation: bytes | None = None
        self._probing: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to listen, and to look after the connections and presence."""
        self.feed.start()
        self.following.start()
        self.presence.start()
        probing = always("Redis cannot be probed", self._look, lambda: asyncio.sleep(PROBE_EVERY))
        self._probing = asyncio.ensure_future(probing)

    async def stop(self) -> None:
        """Have what was asked for answered, then let go of all connections. Safe to call twice."""
        if self._probing is not None:
            self._probing.cancel()
            await asyncio.wait([self._probing])
        await self.presence.stop()
        await self.following.stop()
        await self.feed.stop()
        await self._append_lane.stop()
        await self.lane.stop()
        await self._address.close()

    async def echo(self, within: float) -> bool:
        """Publish to this node, and wait until it comes back: all that was stored before has come, too."""
        token = secrets.token_hex(8)
        heard = asyncio.ensure_future(self.feed.heard(token.encode(), within))
        with contextlib.suppress(EngineUnavailableError, EngineOutcomeUnknownError):
            await self.lane.send("PUBLISH", self._probe, token)
        return await heard

    async def _look(self) -> None:
        await self.lane.send("PUBLISH", self._probe, "")
        # A Redis that was flushed, or begun anew, says nothing of it on any connection.
        await self.lane.send("SET", self._names.generation, secrets.token_hex(8), "NX")
        generation = await self.lane.send("GET", self._names.generation)
        if self._generation not in (None, generation):
            self.feed.break_off("Redis lost what it had")
        self._generation = generation


def _head(epoch: bytes, ms: bytes, seq: bytes) -> MessageId:
    return MessageId(epoch.decode(), int(ms), int(seq))


def _standing(place: Sequence[bytes]) -> MessageId | None:
    # A place that somebody damaged must not keep those of the other channels.
    try:
        return _head(*place)
    except (TypeError, ValueError, AttributeError):
        return None
