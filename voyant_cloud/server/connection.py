"""One WebSocket of a subscriber: its place in the channel, what it may do, and every way in which it ends."""

from __future__ import annotations

import asyncio
import datetime as dt
import secrets
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import WSCloseCode
from aiohttp.abc import AbstractStreamWriter

from voyant_cloud.models import RealtimeChannelConnectedEvent, RealtimeChannelError, RealtimeChannelTokenExpiringEvent
from voyant_cloud.realtime.frames import CloseCode, ServerFrame
from voyant_cloud.server.block import Chunk
from voyant_cloud.server.engine.base import EngineUnavailableError
from voyant_cloud.server.hub import HubChannel
from voyant_cloud.server.limits import Limits
from voyant_cloud.server.message_id import MessageId
from voyant_cloud.server.outbox import Outbox
from voyant_cloud.server.resume import ResumePoint, resolve
from voyant_cloud.server.wire import close_frame, ping_frame, text_frame

__all__ = ["ABORT_AFTER", "Connection"]

CHUNK_BYTES: Final = 256 * 1024
PING_AFTER: Final = 20.0
DEAD_AFTER: Final = 30.0
STUCK_AFTER: Final = 10.0
ABORT_AFTER: Final = 1.0
"""Seconds that a peer has to take a close frame and what was written before it."""
EXPIRY_NOTICE: Final = 30.0
LOOK_AGAIN_AFTER: Final = 0.5
"""Seconds until a store that was away is read again."""
_OUTCOME: Final = {True: "recovered", False: "gap", None: "live"}


class Connection:
    """A subscriber's connection, from the upgrade to its end. It is the hub's ``Subscriber``.

    It is *live* while its cursor is the channel's head and chunks go straight to its outbox. A chunk that finds no
    room, or does not follow the cursor, makes it fall behind: a task then brings it up to the head again, at the
    peer's own pace. A peer that takes nothing for 10 s, or stays behind for so long, is closed with 4008.

    Attributes:
        id: names it in logs and in ``connected``.
        client_id: whose it is.
        last_heard: the loop's time when the peer last sent a frame; for whoever reads them to set.
        close_code: how it ended, once it has.
    """

    def __init__(self, *, client_id: str, verbs: frozenset[str], expires_at: float, limits: Limits) -> None:
        self.id = "con_" + secrets.token_hex(8)
        self.client_id = client_id
        self.verbs = verbs
        self.entered = False
        self.close_code: int | None = None
        self.last_heard = 0.0
        self._expires_at = expires_at
        self._notice_at = expires_at
        self._limits = limits
        # What a replay writes at once, bytes and messages.
        self._step = min(CHUNK_BYTES, limits.queue_bytes // 2), max(limits.queue_messages // 2, 1)
        self._loop = asyncio.get_running_loop()
        self._channel: HubChannel
        self._transport: asyncio.Transport
        self._outbox: Outbox | None = None
        self._cursor = MessageId("", 0, 0)
        self._started = False
        self._live = False
        self._behind_since: float | None = None
        self._catching_up: asyncio.Task[None] | None = None
        # ``last_heard`` as it was when the peer was pinged.
        self._pinged_after: float | None = None
        self._warned = False

    @property
    def queued_bytes(self) -> int:
        """How many bytes wait for the peer to take them."""
        return 0 if self._outbox is None else self._outbox.queued

    # Opening

    def attach(self, channel: HubChannel, transport: asyncio.Transport, writer: AbstractStreamWriter) -> None:
        """Take the upgraded socket."""
        self._channel = channel
        self._transport = transport
        self._outbox = Outbox(transport, writer, self._limits, self._loop.time)
        self.last_heard = self._loop.time()
        if self.close_code is not None:
            transport.abort()

    def start(self, head: MessageId, point: ResumePoint | None, clock: float) -> None:
        """Say ``connected`` and begin to send what follows *point*, or *head* where there is none."""
        # A token with less than a minute left is announced at half of that, or a client that renews at each notice
        # would do nothing else.
        self._notice_at = max(self._expires_at - EXPIRY_NOTICE, (self._expires_at + clock) / 2)
        recovered = None if point is None else point.gap is None
        self._cursor = head if point is None else point.cursor
        self._started = True
        self._channel.tally.replays[_OUTCOME[recovered]] += 1
        self.send(
            RealtimeChannelConnectedEvent(
                channel=self._channel.name,
                last_id=str(head),
                recovered=recovered,
                connection_id=self.id,
                server_time=dt.datetime.now(dt.UTC),
            )
        )
        if point is not None:
            self._tell_gap(point)
        self._catching_up = asyncio.ensure_future(self._catch_up())

    # What the hub hands over

    def deliver(self, chunk: bytes, count: int, last: MessageId) -> bool:
        """Take live messages; see ``Subscriber``."""
        if not self._live or self._outbox is None:
            return False
        if self._cursor.seq + count != last.seq or not self._outbox.write_if_room(chunk, count):
            self.fall_behind()
            return False
        self._cursor = last
        return True

    def deliver_presence(self, frame: bytes) -> None:
        """Take a presence frame; see ``Subscriber``."""
        if self._started:
            self._write(frame)

    def fall_behind(self) -> None:
        """Go back to catching up; see ``Subscriber``."""
        if self._live and self.close_code is None:
            self._live = False
            self._channel.tally.fell_behind += 1
            self._behind_since = self._loop.time()
            self._catching_up = asyncio.ensure_future(self._fall_back())

    # Sending

    def send(self, frame: ServerFrame) -> None:
        """Send one frame that is not a message."""
        self._write(text_frame(frame))

    def refuse(self, code: str, message: str) -> None:
        """Tell the peer that its frame was refused. The connection stays open."""
        self._channel.tally.refused("websocket", code)
        self.send(RealtimeChannelError(code=code, message=message))

    def write_raw(self, frame: bytes) -> None:
        """Send a prebuilt frame that is not a message."""
        self._write(frame)

    def _write(self, frame: bytes) -> None:
        assert self._outbox is not None
        if self.close_code is not None:
            return
        if not self._outbox.write_if_room(frame, 1):
            # What is not in history cannot be caught up with, so there is no other way than to resume anew.
            self.close(CloseCode.SLOW_CONSUMER, "slow consumer")

    # Catching up

    async def _fall_back(self) -> None:
        # The chain may have broken because the history itself is another one now.
        await self._outlast(self._cross_gap)
        await self._catch_up()

    async def _catch_up(self) -> None:
        try:
            while self.close_code is None and not self._live:
                await self._outlast(self._advance)
        except ConnectionError:
            self.abort()

    async def _outlast(self, step: Callable[[], Awaitable[None]]) -> None:
        """Take a step that reads the store, and where the store is away take it once it is back."""
        while self.close_code is None:
            try:
                await step()
                return
            except EngineUnavailableError:
                # The peer is not the one who is late, and a socket that it would open instead would wait as well.
                self._behind_since = self._loop.time()
                await asyncio.sleep(LOOK_AGAIN_AFTER)

    async def _advance(self) -> None:
        tail = await self._channel.tail()
        if tail.head.epoch != self._cursor.epoch or tail.head.seq < self._cursor.seq:
            await self._cross_gap()
            return
        if tail.head.seq == self._cursor.seq:
            # Nothing was awaited since the tail was looked at, so no message can slip in between.
            self._live = True
            self._behind_since = None
            # A task keeps what it ran in.
            self._catching_up = None
            return
        chunk = tail.after(self._cursor.seq, *self._step)
        if chunk is None:
            await self._replay_page()
        else:
            await self._replay(chunk)

    async def _replay_page(self) -> None:
        page = await self._channel.read(self._cursor.seq)
        block = page.block
        if page.head.epoch != self._cursor.epoch or not block.holds(self._cursor.seq + 1):
            await self._cross_gap()
            return
        while self.close_code is None and block.holds(self._cursor.seq + 1):
            await self._replay(block.chunk(self._cursor.seq + 1, *self._step))

    async def _cross_gap(self) -> None:
        self._go_on_from(await resolve(self._cursor, self._channel))

    def _go_on_from(self, point: ResumePoint) -> None:
        self._cursor = point.cursor
        self._tell_gap(point)

    def _tell_gap(self, point: ResumePoint) -> None:
        if point.gap is not None:
            self._channel.tally.gaps += 1
            self.send(point.gap)

    async def _replay(self, chunk: Chunk) -> None:
        assert self._outbox is not None
        if self.close_code is not None:
            return
        self._outbox.write(chunk.data, chunk.count)
        self._channel.tally.replayed += chunk.count
        self._cursor = chunk.last
        # While the peer takes this page the next one is read, and no more than that.
        self._channel.read_ahead(chunk.last.seq)
        await self._outbox.drained()

    # Liveness, expiry, ends

    def tick(self, now: float, clock: float) -> None:
        """Look after the connection; called about once a second.

        Args:
            now: the loop's time.
            clock: seconds since 1970, by the clock that token times are in.
        """
        if self.close_code is not None or self._outbox is None:
            return
        silent = now - self.last_heard
        if silent >= DEAD_AFTER:
            self.close(CloseCode.NO_PONG, "no pong")
        elif self._outbox.stuck_for(now) >= STUCK_AFTER or self._lagging_for(now) >= STUCK_AFTER:
            self.close(CloseCode.SLOW_CONSUMER, "slow consumer")
        elif clock >= self._expires_at:
            self.close(CloseCode.TOKEN_EXPIRED, "token expired")
        else:
            self._remind(silent, clock)

    def _lagging_for(self, now: float) -> float:
        return 0.0 if self._behind_since is None else now - self._behind_since

    def _remind(self, silent: float, clock: float) -> None:
        if clock >= self._notice_at and not self._warned:
            self._warned = True
            expires_at = dt.datetime.fromtimestamp(self._expires_at, dt.UTC)
            self.send(RealtimeChannelTokenExpiringEvent(expires_at=expires_at))
        if silent >= PING_AFTER and self._pinged_after != self.last_heard:
            self._pinged_after = self.last_heard
            self._write(ping_frame())

    def close(self, code: int, reason: str) -> None:
        """End the connection: a close frame, and after a second the socket, whatever the peer does."""
        if self.close_code is not None:
            return
        self._end(code)
        if self._outbox is not None:
            self._outbox.write(close_frame(code, reason))
            self._loop.call_later(ABORT_AFTER, self._transport.abort)

    def closed_by_peer(self, code: int | None) -> None:
        """Answer the peer's close frame, or note that it went without one."""
        if self.close_code is not None:
            return
        self._end(code or CloseCode.ABNORMAL)
        if code is not None and self._outbox is not None:
            echo = code if code >= WSCloseCode.OK else CloseCode.NORMAL
            self._outbox.write(close_frame(echo, ""))

    def abort(self) -> None:
        """Drop the socket at once, or as soon as there is one."""
        self._end(self.close_code or CloseCode.ABNORMAL)
        if self._outbox is not None:
            self._transport.abort()

    def _end(self, code: int) -> None:
        self.close_code = code
        self._live = False
        if self._catching_up is not None and self._catching_up is not asyncio.current_task():
            self._catching_up.cancel()
