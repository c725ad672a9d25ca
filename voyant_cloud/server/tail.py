"""The newest messages of one channel, encoded once for all of its subscribers; pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import islice

from voyant_cloud.server.engine.base import History, StoredMessage
from voyant_cloud.server.message_id import MessageId
from voyant_cloud.server.wire import message_frame

__all__ = ["Tail"]


class Tail:
    """A contiguous run of messages that ends at the newest one.

    It is what catches a subscriber up without a read from the engine. It keeps at most *max_messages* and *max_bytes*
    of encoded frames, the newest at least.

    Attributes:
        head: the newest position.
    """

    def __init__(self, history: History, *, max_messages: int, max_bytes: int) -> None:
        self.head = history.head
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self._bytes = 0
        self._entries: deque[tuple[MessageId, bytes]] = deque()
        for message in history.messages:
            self._push(message)

    @property
    def first_seq(self) -> int:
        """``seq`` of the oldest message held here; ``head.seq + 1`` where none is."""
        return self._entries[0][0].seq if self._entries else self.head.seq + 1

    def extend(self, messages: Sequence[StoredMessage]) -> list[bytes] | None:
        """Take newly committed messages.

        Returns:
            The frames of those that were new, or ``None`` when they do not follow the head (another epoch, or a hole):
            then this tail is of no more use and has to be read anew.
        """
        frames = []
        for message in messages:
            if message.id.epoch != self.head.epoch or message.id.seq > self.head.seq + 1:
                return None
            if message.id.seq == self.head.seq + 1:
                frames.append(self._push(message))
                self.head = message.id
            elif message.id.ms > self.head.ms:
                # An old seq with a newer time: the store went back and counts again.
                return None
        return frames

    def id_of(self, seq: int) -> MessageId | None:
        """Return the id of a message held here."""
        index = seq - self.first_seq
        return self._entries[index][0] if 0 <= index < len(self._entries) else None

    def after(self, seq: int, max_bytes: int) -> tuple[list[bytes], int] | None:
        """Return the frames that follow *seq*, up to about *max_bytes*, and the ``seq`` of the last of them.

        ``None`` where the tail does not reach back that far.
        """
        start = seq + 1 - self.first_seq
        if start < 0:
            return None
        frames: list[bytes] = []
        size = 0
        for _, frame in islice(self._entries, start, None):
            if frames and size + len(frame) > max_bytes:
                break
            frames.append(frame)
            size += len(frame)
        return frames, seq + len(frames)

    def _push(self, message: StoredMessage) -> bytes:
        frame = message_frame(message)
        self._entries.append((message.id, frame))
        self._bytes += len(frame)
        while len(self._entries) > self._max_messages or (self._bytes > self._max_bytes and len(self._entries) > 1):
            self._bytes -= len(self._entries.popleft()[1])
        return frame
