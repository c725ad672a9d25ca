"""Tails for tests, of messages whose ids tell their seq."""

from __future__ import annotations

from voyant_cloud.server.block import Block
from voyant_cloud.server.engine.base import StoredMessage
from voyant_cloud.server.message_id import MessageId
from voyant_cloud.server.tail import Tail
from voyant_cloud.server.wire import message_frame

__all__ = ["block_of", "held", "stored", "tail_of"]

EPOCH = "0123456789abcdef"


def stored(seq: int, *, epoch: str = EPOCH, ms: int | None = None, data: str = "1") -> StoredMessage:
    return StoredMessage(MessageId(epoch, 1_000 + seq if ms is None else ms, seq), "orders:eu", "e", data)


def block_of(seqs: range) -> Block:
    """Messages as they are read from an engine."""
    messages = [stored(seq) for seq in seqs]
    return Block(
        EPOCH, seqs.start, [message_frame(message) for message in messages], [message.id.ms for message in messages]
    )


def tail_of(seqs: range, *, max_messages: int = 100, max_bytes: int = 100_000) -> Tail:
    """A tail that took the messages live."""
    tail = Tail(stored(seqs.start - 1).id, max_messages=max_messages, max_bytes=max_bytes)
    tail.extend([stored(seq) for seq in seqs])
    return tail


def held(tail: Tail) -> list[int]:
    """Return the seq of every message that a tail holds."""
    return [seq for seq in range(tail.head.seq + 2) if tail.id_of(seq) is not None]
