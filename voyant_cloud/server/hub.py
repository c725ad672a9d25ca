"""The hub: which connections of this node follow which channel, and the fan-out to them.

Everything here runs on the event loop, and between two ``await``s nothing else does; that is the only lock there is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, Protocol

import attrs

from voyant_cloud.models import RealtimeChannelPresenceEvent
from voyant_cloud.server.engine.base import Engine, History, StoredMessage
from voyant_cloud.server.message_id import MessageId
from voyant_cloud.server.tail import Tail
from voyant_cloud.server.wire import message_frame, text_frame

__all__ = ["Hub", "HubChannel", "Page", "Subscriber"]

TAIL_MESSAGES = 1_000
TAIL_BYTES = 1024 * 1024
PAGE_MESSAGES = 200


class Subscriber(Protocol):
    """A connection, as the hub sees it. No method may block, await or raise."""

    def deliver(self, chunk: bytes, count: int, last: MessageId) -> None:
        """Take *count* messages as one chunk of whole frames, the newest of them *last*."""

    def deliver_presence(self, frame: bytes) -> None:
        """Take a presence frame."""

    def fall_behind(self) -> None:
        """The chain of messages broke: catch up from the engine before taking anything live."""


@attrs.frozen
class Page:
    """Messages read from the engine for those who are further back than the tail.

    Attributes:
        history: what was read.
        frames: its messages, encoded.
    """

    history: History
    frames: list[bytes]


class HubChannel:
    """One channel on this node: its subscribers, and the tail that they share."""

    def __init__(self, name: str, engine: Engine) -> None:
        self.name = name
        self.subscribers: set[Subscriber] = set()
        self._engine = engine
        self._tail: Tail | None = None
        self._loading: asyncio.Task[None] | None = None
        self._early: list[StoredMessage] = []
        self._reads: dict[int, asyncio.Task[Page]] = {}

    async def tail(self) -> Tail:
        """Return the tail, read from the engine once for all who ask at the same time.

        Raises:
            EngineUnavailableError: the engine cannot be read.
        """
        while self._tail is None:
            if self._loading is None:
                self._loading = _start(self._load())
            # Shielded: one waiter that is cancelled must not take the read away from the others.
            await asyncio.shield(self._loading)
        return self._tail

    async def read(self, after_seq: int) -> Page:
        """Read a page of messages after *after_seq*, once for all who ask for the same at the same time.

        Raises:
            EngineUnavailableError: the engine cannot be read.
        """
        if after_seq not in self._reads:
            self._reads[after_seq] = _start(self._read(after_seq))
        return await asyncio.shield(self._reads[after_seq])

    def on_messages(self, messages: Sequence[StoredMessage]) -> None:
        """Take newly committed messages and hand them to every subscriber that is live."""
        if self._tail is None:
            if self._loading is not None:
                self._early.extend(messages)
            return
        frames = self._tail.extend(messages)
        if frames is None:
            self._tail = None
            for subscriber in tuple(self.subscribers):
                subscriber.fall_behind()
        elif frames:
            self._fan_out(b"".join(frames), len(frames), self._tail.head)

    def on_presence(self, event: RealtimeChannelPresenceEvent) -> None:
        """Hand a presence event to every subscriber."""
        frame = text_frame(event)
        for subscriber in tuple(self.subscribers):
            subscriber.deliver_presence(frame)

    def _fan_out(self, chunk: bytes, count: int, last: MessageId) -> None:
        # A copy: a subscriber that is full leaves the set while it is told.
        for subscriber in tuple(self.subscribers):
            subscriber.deliver(chunk, count, last)

    async def _load(self) -> None:
        try:
            history = await self._engine.history(self.name, limit=TAIL_MESSAGES)
            tail = Tail(history, max_messages=TAIL_MESSAGES, max_bytes=TAIL_BYTES)
            # What was committed while the engine was read; a break in it means that the read is out of date already.
            self._tail = tail if tail.extend(self._early) is not None else None
        finally:
            self._early.clear()
            self._loading = None

    async def _read(self, after_seq: int) -> Page:
        try:
            history = await self._engine.history(self.name, after_seq=after_seq, limit=PAGE_MESSAGES)
            return Page(history, [message_frame(message) for message in history.messages])
        finally:
            del self._reads[after_seq]


class Hub:
    """All channels that this node's connections follow. It is the engine's listener."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._channels: dict[str, HubChannel] = {}

    async def join(self, name: str, subscriber: Subscriber) -> HubChannel:
        """Add a subscriber to a channel. It gets nothing before it has caught up and says that it is live.

        Raises:
            EngineUnavailableError: the engine cannot watch the channel.
        """
        channel = self._channels.get(name)
        if channel is None:
            channel = self._channels[name] = HubChannel(name, self._engine)
        channel.subscribers.add(subscriber)
        try:
            await self._engine.watch(name)
            await channel.tail()
        except BaseException:
            await self.leave(channel, subscriber)
            raise
        return channel

    async def leave(self, channel: HubChannel, subscriber: Subscriber) -> None:
        """Remove a subscriber; the last one takes the channel with it. Safe to call twice."""
        channel.subscribers.discard(subscriber)
        if not channel.subscribers and self._channels.get(channel.name) is channel:
            del self._channels[channel.name]
            await self._engine.unwatch(channel.name)

    def subscribers(self, channel: str) -> int:
        """Count the connections of this node that follow a channel."""
        found = self._channels.get(channel)
        return 0 if found is None else len(found.subscribers)

    def on_messages(self, channel: str, messages: Sequence[StoredMessage]) -> None:
        """Messages were committed."""
        found = self._channels.get(channel)
        if found is not None:
            found.on_messages(messages)

    def on_presence(self, event: RealtimeChannelPresenceEvent) -> None:
        """A member entered, left or changed its data."""
        found = self._channels.get(event.channel)
        if found is not None:
            found.on_presence(event)


def _start(work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    task = asyncio.ensure_future(work)
    # Where every waiter was cancelled nobody is left to look at the error.
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    return task
