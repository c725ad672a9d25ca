"""The writing side of one WebSocket: whole frames onto its transport, and how much of them still waits there."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import Callable
from operator import itemgetter

from aiohttp.abc import AbstractStreamWriter

from voyant_cloud.server.limits import Limits

__all__ = ["Outbox"]

_end = itemgetter(0)
DRAIN_AT = 64 * 1024
"""Bytes that may wait before a replay pauses: less than half of the limits of bytes and of messages, however small they
are, so that with half of the limits more there is still room for a frame of another kind. It costs no speed: while some
wait here, the socket's own buffer is full."""


class Outbox:
    """Counts what a peer has not taken yet.

    It writes prebuilt frames straight to the transport: one write for a chunk that every subscriber shares, where
    going through ``WebSocketResponse`` would frame it once for each.

    Args:
        transport: the socket.
        writer: what tells when the transport has room again.
        limits: how much may wait.
        clock: the loop's time.
    """

    __slots__ = ("_clock", "_max_bytes", "_max_messages", "_messages", "_transport", "_waiting", "_writer", "_written")

    def __init__(
        self,
        transport: asyncio.Transport,
        writer: AbstractStreamWriter,
        limits: Limits,
        clock: Callable[[], float],
    ) -> None:
        self._transport = transport
        self._writer = writer
        self._clock = clock
        self._max_bytes = limits.queue_bytes
        self._max_messages = limits.queue_messages
        self._written = 0
        self._messages = 0
        # (bytes written up to and with it, messages in it, when): the oldest first. A list, since an empty deque takes
        # as much as all else here, and few peers have anything in theirs.
        self._waiting: list[tuple[int, int, float]] = []
        transport.set_write_buffer_limits(high=DRAIN_AT)

    @property
    def queued(self) -> int:
        """How many bytes the peer has not taken yet."""
        return self._transport.get_write_buffer_size()

    def write_if_room(self, chunk: bytes, messages: int) -> bool:
        """Write whole frames if they stay within the limits; tell whether they do."""
        # One commit may hold more than the limit; a peer that has taken everything so far still gets it.
        if self._transport.get_write_buffer_size() and not self._has_room(len(chunk), messages):
            return False
        self.write(chunk, messages)
        return True

    def write(self, chunk: bytes, messages: int = 0) -> None:
        """Write whole frames."""
        if self._transport.is_closing():
            return
        self._transport.write(chunk)
        self._written += len(chunk)
        if self._transport.get_write_buffer_size():
            self._waiting.append((self._written, messages, self._clock()))
            self._messages += messages
        elif self._waiting:
            self._waiting.clear()
            self._messages = 0

    async def drained(self) -> None:
        """Wait until the peer has taken enough for more to be written.

        Raises:
            ConnectionError: the connection is gone.
        """
        await self._writer.drain()

    def stuck_for(self, now: float) -> float:
        """Return for how many seconds the oldest waiting write has waited."""
        self._settle()
        return now - self._waiting[0][2] if self._waiting else 0.0

    def _has_room(self, size: int, messages: int) -> bool:
        queued = self._settle()
        return queued + size <= self._max_bytes and self._messages + messages <= self._max_messages

    def _settle(self) -> int:
        queued = self._transport.get_write_buffer_size()
        taken = self._written - queued
        done = bisect_right(self._waiting, taken, key=_end)
        self._messages -= sum(messages for _, messages, _ in self._waiting[:done])
        del self._waiting[:done]
        return queued
