"""Frames of messages in a row, in one piece of memory; pure."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Sequence

import attrs

from voyant_cloud.server.message_id import MessageId

__all__ = ["ROW_BYTES", "Block", "Chunk"]

ROW_BYTES = 12
"""What a message takes beside its frame."""


@attrs.frozen
class Chunk:
    """Whole frames on their way to a subscriber.

    Attributes:
        data: the frames.
        count: how many.
        last: the newest of them.
    """

    data: bytes
    count: int
    last: MessageId


class Block:
    """Messages from one ``seq`` on, without a hole, of one epoch.

    Args:
        epoch: their epoch.
        first: ``seq`` of the first.
        frames: their frames.
        times: their ``ms``.

    Attributes:
        first: ``seq`` of the first, also where there is none yet.
    """

    def __init__(self, epoch: str, first: int, frames: Sequence[bytes] = (), times: Iterable[int] = ()) -> None:
        self.first = first
        self._epoch = epoch
        self._frames = bytearray()
        # Where each frame ends, so that a run of them is one slice.
        self._ends = array("L")
        self._times = array("q")
        self.extend(frames, times)

    def __len__(self) -> int:
        return len(self._ends)

    @property
    def next(self) -> int:
        """``seq`` of the message that would follow the last."""
        return self.first + len(self._ends)

    @property
    def size(self) -> int:
        """How many bytes it takes."""
        return len(self._frames) + ROW_BYTES * len(self._ends)

    def holds(self, seq: int) -> bool:
        """Tell whether a message is in it."""
        return self.first <= seq < self.next

    def id_of(self, seq: int) -> MessageId:
        """Return the id of a message that is in it."""
        return MessageId(self._epoch, self._times[seq - self.first], seq)

    def extend(self, frames: Sequence[bytes], times: Iterable[int]) -> None:
        """Add the messages that follow the last."""
        end = len(self._frames)
        for frame in frames:
            end += len(frame)
            self._ends.append(end)
        self._times.extend(times)
        self._frames += b"".join(frames)

    def cut(self, end: int) -> None:
        """Remove the messages from ``seq`` *end* on, where there are any before it."""
        count = end - self.first
        if 0 < count < len(self._ends):
            del self._frames[self._ends[count - 1] :], self._ends[count:], self._times[count:]

    def chunk(self, seq: int, max_bytes: int, max_messages: int) -> Chunk:
        """Return the frames from a message that is in it on: up to *max_bytes* and *max_messages*, one at least."""
        index = seq - self.first
        start = self._ends[index - 1] if index else 0
        fitting = bisect_right(self._ends, start + max_bytes, index + 1)
        stop = min(fitting, index + max_messages)
        # A copy: while a view of it is held somewhere, a bytearray cannot grow.
        data = bytes(memoryview(self._frames)[start : self._ends[stop - 1]])
        return Chunk(data, stop - index, self.id_of(self.first + stop - 1))
