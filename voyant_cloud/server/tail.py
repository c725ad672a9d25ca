"""The newest messages of one channel, encoded once for all of its subscribers; pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from operator import attrgetter
from typing import Final

from voyant_cloud.server.block import ROW_BYTES, Block, Chunk
from voyant_cloud.server.engine.base import StoredMessage
from voyant_cloud.server.message_id import MessageId
from voyant_cloud.server.wire import message_frame

__all__ = ["Tail"]

BLOCK_MESSAGES = 500
BLOCK_BYTES = 128 * 1024
_NOTHING: Final[tuple[int, list[bytes], list[int]]] = (0, [], [])
_first = attrgetter("first")


class Tail:
    """The end of a channel's history: where it stands, and in memory what came last and what was read lately.

    It is what catches a subscriber up without a read from the engine. It keeps at most *max_messages* and *max_bytes*
    of encoded frames, the newest at least; what is oldest goes first.

    Args:
        head: the newest position.
        max_messages: 1 or more.
        max_bytes: 1 or more.

    Attributes:
        head: the newest position.
        size: how many bytes it keeps.
    """

    def __init__(self, head: MessageId, *, max_messages: int, max_bytes: int) -> None:
        self.head = head
        self.size = 0
        self._count = 0
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        # What goes at once is small against what is kept.
        self._block_messages = min(BLOCK_MESSAGES, max(max_messages // 8, 1))
        self._block_bytes = min(BLOCK_BYTES, max_bytes // 8)
        # By seq; none overlaps another, and there may be holes between them.
        self._blocks: list[Block] = []
        # What ``advance`` wrote: where it begins, the frames and their ``ms``.
        self._new = _NOTHING
        # In the last block, if live messages are in it: one that was read is the last only where there is no other.
        self._room_messages = self._room_bytes = 0

    def extend(self, messages: Sequence[StoredMessage]) -> list[bytes] | None:
        """Take newly committed messages; see ``advance``."""
        frames = self.advance(messages)
        self.keep()
        return frames

    def advance(self, messages: Sequence[StoredMessage]) -> list[bytes] | None:
        """Write the frames of newly committed messages; ``keep`` has to follow before anything else.

        So these can be handed out first, which somebody waits for.

        Returns:
            The frames of those that were new, or ``None`` when they do not follow the head (another epoch, or a hole):
            then this tail is of no more use and has to be read anew.
        """
        frames: list[bytes] = []
        times: list[int] = []
        epoch, first = self.head.epoch, self.head.seq + 1
        for message in messages:
            at = message.id
            if at.epoch != epoch or at.seq > self.head.seq + 1:
                return None
            if at.seq == self.head.seq + 1:
                frames.append(message_frame(message))
                times.append(at.ms)
                self.head = at
            elif at.ms > self.head.ms:
                # An old seq with a newer time: the store went back and counts again.
                return None
        self._new = first, frames, times
        return frames

    def keep(self) -> None:
        """Keep what ``advance`` wrote."""
        first, frames, times = self._new
        self._new = _NOTHING
        if frames:
            self._hold(first, frames, times)
            self._shrink()

    def insert(self, block: Block) -> None:
        """Take messages that were read from the engine, as far as they are not held yet."""
        at = bisect_right(self._blocks, block.first, key=_first)
        end = self._blocks[at].first if at < len(self._blocks) else self.head.seq + 1
        if block.first >= end or (at and self._blocks[at - 1].next > block.first):
            return
        block.cut(end)
        self._blocks.insert(at, block)
        self._count += len(block)
        self.size += block.size
        self._shrink()

    def id_of(self, seq: int) -> MessageId | None:
        """Return the id of a message held here."""
        block = self._holding(seq)
        return None if block is None else block.id_of(seq)

    def after(self, seq: int, max_bytes: int, max_messages: int) -> Chunk | None:
        """Return some of the frames that follow *seq*, one at least, up to *max_bytes* and *max_messages*.

        ``None`` where what follows *seq* is not held, or there is nothing yet.
        """
        block = self._holding(seq + 1)
        return None if block is None else block.chunk(seq + 1, max_bytes, max_messages)

    def missing_after(self, seq: int) -> int:
        """Return how many messages follow *seq* before one that is held here, or before the head's end."""
        if self._holding(seq + 1) is not None:
            return 0
        at = bisect_right(self._blocks, seq, key=_first)
        end = self._blocks[at].first if at < len(self._blocks) else self.head.seq + 1
        return max(end - seq - 1, 0)

    def end_of_page(self, seq: int) -> int:
        """Return the last ``seq`` of the page that holds *seq*, or *seq* itself where none does."""
        block = self._holding(seq)
        return seq if block is None else block.next - 1

    def would_keep(self, seq: int, size: int) -> bool:
        """Tell whether *size* bytes of messages that follow *seq* would stay here, and leave here what holds *seq*."""
        return self.size + size <= self._max_bytes or seq >= self._blocks[0].next

    def drop_oldest(self) -> None:
        """Let go of some of the oldest messages, of the last ones, too; there are some."""
        block = self._blocks.pop(0)
        self._count -= len(block)
        self.size -= block.size
        if not self._blocks:
            self._room_messages = 0

    def _holding(self, seq: int) -> Block | None:
        at = bisect_right(self._blocks, seq, key=_first) - 1
        return self._blocks[at] if at >= 0 and self._blocks[at].holds(seq) else None

    def _hold(self, first: int, frames: list[bytes], times: list[int]) -> None:
        size = sum(map(len, frames)) + ROW_BYTES * len(frames)
        if len(frames) > self._room_messages or size > self._room_bytes:
            if len(frames) > 1 and (len(frames) > self._block_messages or size > self._block_bytes):
                half = len(frames) // 2
                self._hold(first, frames[:half], times[:half])
                self._hold(first + half, frames[half:], times[half:])
                return
            self._blocks.append(Block(self.head.epoch, first))
            self._room_messages, self._room_bytes = self._block_messages, self._block_bytes
        self._blocks[-1].extend(frames, times)
        self._room_messages -= len(frames)
        self._room_bytes -= size
        self._count += len(frames)
        self.size += size

    def _shrink(self) -> None:
        while len(self._blocks) > 1 and (self._count > self._max_messages or self.size > self._max_bytes):
            self.drop_oldest()
