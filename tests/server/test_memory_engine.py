"""The engine in memory, where it is not the contract's: what it lets go of, and when."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.server.engine_harness import Clock, Heard, in_loop, texts
from voyant_cloud.server.engine import memory
from voyant_cloud.server.engine.base import IdempotencyKey, NewMessage
from voyant_cloud.server.engine.memory import MemoryEngine
from voyant_cloud.server.engine.memory_history import MemoryHistory
from voyant_cloud.server.engine.retention import Retention
from voyant_cloud.server.message_id import MessageId


@asynccontextmanager
async def running(**options: Any) -> AsyncIterator[MemoryEngine]:
    engine = MemoryEngine(**options)
    await engine.open(Heard())
    try:
        yield engine
    finally:
        await engine.close()


def kept(engine: MemoryEngine) -> int:
    """How many messages it holds, whether they are shown or not."""
    return sum(len(history._rows) for history in engine._channels.values())


@in_loop
async def test_what_is_past_its_time_is_let_go_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages and answers, though nobody asks for them; a few channels at a time."""
    monkeypatch.setattr(memory, "SWEEP_EVERY", 0.01)
    monkeypatch.setattr(memory, "SWEPT_AT_ONCE", 2)
    clock = Clock()
    async with running(history_seconds=60, idempotency_seconds=30, clock=clock) as engine:
        for number in range(5):
            await engine.append([NewMessage(f"c{number}", "e", "1")], IdempotencyKey(f"k{number}", "d"))
        clock.seconds += 40
        await engine.append([NewMessage("c0", "e", "2")])
        async with asyncio.timeout(10):
            while engine._answers:
                await asyncio.sleep(0.01)
        assert kept(engine) == 6
        clock.seconds += 40
        async with asyncio.timeout(10):
            while kept(engine) > 1:
                await asyncio.sleep(0.01)
        history = await engine.history("c0", limit=10)
        assert [message.data for message in history.messages] == ["2"]
        # Where it stands is known for as long as it runs.
        assert [each.head.seq for each in await engine.channels("c", 10)] == [2, 1, 1, 1, 1]


@pytest.mark.parametrize("is_watched", [False, True])
@in_loop
async def test_many_messages_take_no_more_than_they_may(is_watched: bool) -> None:
    """What is too many goes, a few at a time, at the turn's end at the latest, and is not shown before."""
    async with running(history_messages=100) as engine:
        if is_watched:
            await engine.watch("a")
        for number in range(1_000):
            await engine.append([NewMessage("a", "e", str(number))])
            if is_watched:
                await asyncio.sleep(0)
            assert kept(engine) <= 106
        history = await engine.history("a", limit=1_000)
        assert [int(message.data) for message in history.messages] == list(range(900, 1_000))


@in_loop
async def test_nothing_is_stored_at_once_while_it_is_not_open() -> None:
    """Before it opens and after it was closed, ``append`` says why."""
    engine = MemoryEngine()
    assert engine.append_now(NewMessage("a", "e", "1")) is None
    await engine.open(Heard())
    await engine.close()
    assert engine.append_now(NewMessage("a", "e", "2")) is None
    assert kept(engine) == 0


@in_loop
async def test_a_turn_is_told_together_and_on_demand_once_before() -> None:
    """A lone message need not wait for the turn's end; many cost their subscribers few writes."""
    engine = MemoryEngine()
    heard = Heard()
    await engine.open(heard)
    await engine.watch("a")
    await engine.watch("b")
    # Of what nobody watches there is nothing to tell, and that counts for nothing.
    engine.append_now(NewMessage("c", "e", "0"))
    engine.deliver_now()
    for number in range(3):
        engine.append_now(NewMessage("a", "e", str(number)))
        engine.deliver_now()
    await engine.append([NewMessage("b", "e", "3"), NewMessage("a", "e", "4")])
    assert [(name, texts(messages)) for name, messages in heard.calls] == [("a", ["0"])]
    await asyncio.sleep(0)
    assert [(name, texts(messages)) for name, messages in heard.calls[1:]] == [("a", ["1", "2", "4"]), ("b", ["3"])]
    engine.append_now(NewMessage("b", "e", "5"))
    await engine.append([NewMessage("b", "e", "6")])
    assert texts(heard.messages("b")) == ["3"]
    engine.deliver_now()
    assert texts(heard.calls[-1][1]) == ["5", "6"]
    await engine.append([NewMessage("b", "e", "7")])
    assert texts(heard.messages("b")) == ["3", "5", "6"]
    await engine.close()
    assert texts(heard.messages("b")) == ["3", "5", "6", "7"]


@given(
    st.lists(st.tuples(st.integers(1, 40), st.integers(0, 30)), max_size=12),
    st.integers(1, 60),
    st.integers(-5, 80),
    st.integers(1, 50),
)
def test_a_history_beside_a_list(batches: list[tuple[int, int]], most: int, start: int, limit: int) -> None:
    """Whatever comes and goes, what is read is what a plain list would hold."""
    retention = Retention(messages=most)
    history = MemoryHistory("a", MessageId("0" * 16, 1, 0))
    model: list[tuple[int, int]] = []
    now = 0
    for count, later in batches:
        now += later
        new = [NewMessage("a", "e", str(number)) for number in range(len(model), len(model) + count)]
        model += [(message.id.seq, message.id.ms) for message in history.add(new, now)]
        history.remove(up_to_seq=retention.to_trim(history.head.seq, count))
    shown = [each for each in model if each[0] > retention.trimmed_seq(history.head.seq)]
    above = retention.trimmed_seq(history.head.seq)
    for from_ms in (0, 1, now // 2, now, now + 1):
        young = [seq for seq, ms in shown if ms >= from_ms]
        first = history.first_seq(above_seq=above, from_ms=from_ms)
        assert first == (young[0] if young else history.head.seq + 1)
        wanted = [(seq, ms) for seq, ms in shown if ms >= from_ms and seq >= start][:limit]
        begin = max(first, start)
        assert [(it.id.seq, it.id.ms) for it in history.messages(begin, limit)] == wanted
        assert [int(it.data) + 1 for it in history.messages(begin, limit)] == [seq for seq, _ in wanted]
        assert [ms for ms, _, _ in history.rows(begin, limit, 1 << 30)] == [ms for _, ms in wanted]
        assert len(history.rows(begin, limit, 1)) == min(1, len(wanted))
