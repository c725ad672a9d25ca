"""The engine that notes what is stored: before anybody hears of it."""

from __future__ import annotations

from collections.abc import Sequence

from tests.server.engine_harness import Heard, in_loop
from voyant_cloud.server.engine.base import IdempotencyKey, NewMessage, StoredMessage
from voyant_cloud.server.engine.memory import MemoryEngine
from voyant_cloud.testing.recorder import Record, RecordingEngine


class Early(MemoryEngine):
    """Delivers before it answers, as an engine may whose store is on another thread."""

    async def append(
        self, messages: Sequence[NewMessage], idempotency: IdempotencyKey | None = None
    ) -> list[StoredMessage]:
        stored = await super().append(messages, idempotency)
        self.deliver_now()
        return stored


class Looking(Heard):
    """A listener that looks into the record when it is told."""

    def __init__(self, record: Record) -> None:
        super().__init__()
        self.record = record
        self.known: list[int] = []

    def on_messages(self, channel: str, messages: Sequence[StoredMessage]) -> None:
        super().on_messages(channel, messages)
        self.known.append(len(self.record.summaries()))


@in_loop
async def test_who_hears_of_a_message_finds_it_noted() -> None:
    """A test that got a message may look at once, though the publisher has no answer yet."""
    record = Record()
    engine = RecordingEngine(Early(), record)
    heard = Looking(record)
    await engine.open(heard)
    await engine.watch("a")
    await engine.append([NewMessage("a", "e", "1"), NewMessage("b", "e", "2")])
    # Once in a turn of the loop.
    await engine.check()
    stored = engine.append_now(NewMessage("a", "e", "3"))
    engine.deliver_now()
    assert stored is not None
    await engine.close()
    assert heard.known == [1, 3]
    assert [summary.data for summary in record.summaries()] == [1, 2, 3]
