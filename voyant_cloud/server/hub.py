"""The hub: which connections of this node follow which channel, and the fan-out to them.

Everything here runs on the event loop, and between two ``await``s nothing else does; that is the only lock there is.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Sequence
from typing import Any, Final, Protocol

import attrs

from voyant_cloud.models import RealtimeChannelPresenceEvent
from voyant_cloud.server.block import Block
from voyant_cloud.server.engine.base import Engine, Replay, StoredMessage
from voyant_cloud.server.memory import Memory
from voyant_cloud.server.message_id import MessageId
from voyant_cloud.server.tail import Tail
from voyant_cloud.server.tally import Tally
from voyant_cloud.server.wire import text_frame

__all__ = ["Hub", "HubChannel", "Page", "Subscriber"]

MEMORY_BYTES: Final = 64 * 1024 * 1024
"""What the tails of all channels may take together."""
TAIL_BYTES: Final = 4 * 1024 * 1024
"""What the tail of one channel may take of it."""
PAGE_MESSAGES: Final = 500
PAGE_BYTES: Final = 256 * 1024
"""A page keeps the engine from its commits for a few milliseconds at most."""


class Subscriber(Protocol):
    """A connection, as the hub sees it. No method may block, await or raise."""

    def deliver(self, chunk: bytes, count: int, last: MessageId) -> bool:
        """Take *count* messages as one chunk of whole frames, the newest of them *last*; tell whether it did."""

    def deliver_presence(self, frame: bytes) -> None:
        """Take a presence frame."""

    def fall_behind(self) -> None:
        """The chain of messages broke: catch up from the engine before taking anything live."""


@attrs.frozen
class Page:
    """Messages read from the engine for those who are further back than the tail.

    Attributes:
        head: the newest position.
        first_seq: ``seq`` of the oldest message retained; ``head.seq + 1`` where none is.
        block: what was read.
    """

    head: MessageId
    first_seq: int
    block: Block


class HubChannel:
    """One channel on this node: its subscribers, and the tail that they share.

    Args:
        name: the channel's name.
        engine: where its messages are.
        max_messages: how many messages its tail keeps.
        memory: what it shares with the tails of other channels.
        tally: what is counted of it and its subscribers.
    """

    def __init__(self, name: str, engine: Engine, max_messages: int, memory: Memory, tally: Tally) -> None:
        self.name = name
        self.tally = tally
        self.subscribers: set[Subscriber] = set()
        self.leaving: asyncio.TimerHandle | None = None
        self._engine = engine
        self._max_messages = max_messages
        self._memory = memory
        self._tail: Tail | None = None
        self._loading: asyncio.Task[None] | None = None
        self._early: list[StoredMessage] = []
        self._stale = False
        self._reads: dict[int, asyncio.Task[Page]] = {}

    async def tail(self) -> Tail:
        """Return the tail: at first where the channel stands, read from the engine once for all who ask meanwhile.

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
        """Read a page of messages after *after_seq*, once for all who wait for the same messages at the same time.

        Where it is of the tail's epoch it stays in the tail, for those who come next.

        Raises:
            EngineUnavailableError: the engine cannot be read.
        """
        while True:
            start = next((each for each in self._reads if each <= after_seq < each + PAGE_MESSAGES), after_seq)
            page = await asyncio.shield(self._reading(start))
            # One that began earlier may have ended before it came to what was asked for.
            if start == after_seq or page.block.holds(after_seq + 1):
                return page

    def read_ahead(self, seq: int) -> None:
        """Begin to read the page after the one that holds *seq*, if the tail does not hold it and would keep it."""
        tail = self._tail
        if tail is not None:
            end = tail.end_of_page(seq)
            if tail.missing_after(end) and tail.would_keep(end, PAGE_BYTES):
                self._reading(end)

    def on_messages(self, messages: Sequence[StoredMessage]) -> None:
        """Take newly committed messages and hand them to every subscriber that is live."""
        tail = self._tail
        if tail is None:
            if self._loading is not None:
                self._early.extend(messages)
            return
        frames = tail.advance(messages)
        try:
            if frames:
                self._fan_out(b"".join(frames), len(frames), tail.head)
        finally:
            # After those who wait for them, and whatever becomes of these.
            tail.keep()
        if frames is None:
            self._break()
        elif frames:
            self._memory.use(tail)

    def on_standing(self, head: MessageId | None) -> None:
        """Messages may have been missed: go by where the channel stands now."""
        if self._tail is None:
            self._stale = True
        elif self._tail.head != head:
            self._break()

    def on_presence(self, event: RealtimeChannelPresenceEvent) -> None:
        """Hand a presence event to every subscriber."""
        frame = text_frame(event)
        for subscriber in tuple(self.subscribers):
            subscriber.deliver_presence(frame)

    def forget(self) -> None:
        """Let go of the tail."""
        if self._loading is not None:
            self._loading.cancel()
        if self._tail is not None:
            self._memory.forget(self._tail)
            self._tail = None

    def _break(self) -> None:
        self.forget()
        for subscriber in tuple(self.subscribers):
            subscriber.fall_behind()

    def _fan_out(self, chunk: bytes, count: int, last: MessageId) -> None:
        # A copy: a subscriber that is full leaves the set while it is told.
        taken = 0
        for subscriber in tuple(self.subscribers):
            if subscriber.deliver(chunk, count, last):
                taken += 1
        if taken:
            self.tally.fanned_out(count, taken, last.ms)

    async def _load(self) -> None:
        try:
            self._stale = False
            history = await self._engine.history(self.name, limit=0)
            tail = Tail(history.head, max_messages=self._max_messages, max_bytes=TAIL_BYTES)
            # What was committed while the engine was read; a break in it means that the read is out of date already.
            if not self._stale and tail.extend(self._early) is not None:
                self._tail = tail
                self._memory.use(tail)
        finally:
            self._early.clear()
            self._loading = None

    def _reading(self, after_seq: int) -> asyncio.Task[Page]:
        if after_seq not in self._reads:
            self._reads[after_seq] = _start(self._read(after_seq))
        return self._reads[after_seq]

    async def _read(self, after_seq: int) -> Page:
        tail = self._tail
        # No further than to what is held or being read already. Where it is held itself, somebody wants to see it anew.
        missing = tail.missing_after(after_seq) if tail is not None else 0
        others = (start - after_seq for start in self._reads if start > after_seq)
        limit = min(missing or PAGE_MESSAGES, PAGE_MESSAGES, *others)
        try:
            replay = await self._engine.replay(self.name, after_seq=after_seq, limit=limit, max_bytes=PAGE_BYTES)
        finally:
            del self._reads[after_seq]
        page = _page(replay)
        if tail is not None and tail is self._tail:
            self._keep(page, tail)
        return page

    def _keep(self, page: Page, tail: Tail) -> None:
        if page.head.epoch != tail.head.epoch:
            self._break()
        elif page.block:
            # What is newer still has to come from the engine as a live message.
            page.block.cut(tail.head.seq + 1)
            tail.insert(page.block)
            self._memory.use(tail)


def _page(replay: Replay) -> Page:
    block = Block(replay.head.epoch, replay.start, replay.frames, replay.times)
    return Page(replay.head, replay.first_seq, block)


class Hub:
    """All channels that this node's connections follow. It is the engine's listener.

    Args:
        engine: where messages are.
        keep_messages: how many messages a channel's tail keeps at most, 1 or more: no more than the engine retains.
        keep_for: for how many seconds a channel is kept once its last subscriber left, so that one that comes back
            finds in memory what it missed.
        tally: what is counted of them; ``None`` for counts that nobody reads.
    """

    def __init__(
        self, engine: Engine, *, keep_messages: int = 1_000, keep_for: float = 0.0, tally: Tally | None = None
    ) -> None:
        self._engine = engine
        self._keep_messages = keep_messages
        self._keep_for = keep_for
        self._memory = Memory(MEMORY_BYTES)
        self._tally = tally or Tally(time.time)
        self._channels: dict[str, HubChannel] = {}

    @property
    def size(self) -> int:
        """How many channels are kept."""
        return len(self._channels)

    async def join(self, name: str, subscriber: Subscriber) -> HubChannel:
        """Add a subscriber to a channel. It gets nothing before it has caught up and says that it is live.

        Raises:
            EngineUnavailableError: the engine cannot watch the channel.
        """
        channel = self._channels.get(name)
        if channel is None:
            channel = HubChannel(name, self._engine, self._keep_messages, self._memory, self._tally)
            self._channels[name] = channel
        elif channel.leaving is not None:
            channel.leaving.cancel()
            channel.leaving = None
        channel.subscribers.add(subscriber)
        try:
            await self._engine.watch(name)
            await channel.tail()
        except BaseException:
            await self.leave(channel, subscriber)
            raise
        return channel

    async def leave(self, channel: HubChannel, subscriber: Subscriber) -> None:
        """Remove a subscriber; some time after the last one the channel goes, too. Safe to call twice."""
        channel.subscribers.discard(subscriber)
        if not self._keep_for:
            await self._forget(channel)
        elif not channel.subscribers and channel.leaving is None:
            loop = asyncio.get_running_loop()
            channel.leaving = loop.call_later(self._keep_for, lambda: _start(self._forget(channel)))

    async def _forget(self, channel: HubChannel) -> None:
        # Somebody may have come since the timer went off, and another channel of that name since the first leave.
        if not channel.subscribers and self._channels.get(channel.name) is channel:
            del self._channels[channel.name]
            channel.forget()
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

    def on_standing(self, channel: str, head: MessageId | None) -> None:
        """Messages may have been missed."""
        found = self._channels.get(channel)
        if found is not None:
            found.on_standing(head)

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
