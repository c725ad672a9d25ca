"""An engine in memory whose reads wait for the test to let them through, to put barriers into a replay's windows."""

from __future__ import annotations

import asyncio

from voyant_cloud.server.engine.base import EngineUnavailableError, History, Replay, StoredMessage
from voyant_cloud.server.message_id import MessageId
from voyant_cloud.server.wire import message_frame

__all__ = ["CHANNEL", "EPOCH", "GatedEngine", "stored"]

EPOCH = "0123456789abcdef"
CHANNEL = "orders:eu"


def stored(seq: int, epoch: str = EPOCH) -> StoredMessage:
    return StoredMessage(MessageId(epoch, 1_000 + seq, seq), CHANNEL, "e", "1")


class GatedEngine:
    """See the top of the file."""

    def __init__(self, count: int, first: int = 1) -> None:
        self.messages = [stored(seq) for seq in range(first, count + 1)]
        self.head = MessageId(EPOCH, 1_000 + count, count)
        self.reads = 0
        self.rows_read = 0
        self.most_rows = 10_000
        self.watched: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.broken = False

    async def watch(self, channel: str) -> None:
        self.watched.append(channel)

    async def unwatch(self, channel: str) -> None:
        self.watched.remove(channel)

    async def history(self, channel: str, *, after_seq: int | None = None, limit: int) -> History:
        assert (after_seq, limit) == (None, 0), "messages are read as a replay"
        answer = History([], self.head, self.first_seq)
        await self._read()
        return answer

    async def replay(self, channel: str, *, after_seq: int, limit: int, max_bytes: int) -> Replay:
        found = [message for message in self.messages if message.id.seq > after_seq][: min(limit, self.most_rows)]
        self.rows_read += len(found)
        start = found[0].id.seq if found else after_seq + 1
        answer = Replay(self.head, self.first_seq, start, list(map(message_frame, found)), [it.id.ms for it in found])
        await self._read()
        return answer

    async def _read(self) -> None:
        self.reads += 1
        if self.broken:
            raise EngineUnavailableError("broken")
        await self.gate.wait()

    @property
    def first_seq(self) -> int:
        return self.messages[0].id.seq if self.messages else self.head.seq + 1

    def commit(self, *seqs: int, epoch: str = EPOCH) -> list[StoredMessage]:
        made = [stored(seq, epoch) for seq in seqs]
        self.messages += made
        self.head = made[-1].id
        return made
