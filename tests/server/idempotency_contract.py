"""The part of an engine's contract that is about repeated requests; see ``engine_contract``."""

from __future__ import annotations

import asyncio

from tests.server.engine_harness import Clock, NewEngine, in_loop, opened, publish, texts
from voyant_cloud.server.engine.base import IdempotencyConflictError, IdempotencyKey, NewMessage


class IdempotencyContract:
    """Requests that are repeated."""

    @in_loop
    async def test_repeat_gets_the_first_answer(self, new_engine: NewEngine) -> None:
        """The same key and digest are answered as before; nothing is stored or delivered again."""
        engine = new_engine()
        batch = [NewMessage("a", "e", "1"), NewMessage("b", "e", "2")]
        async with opened(engine, "a") as heard:
            first = await engine.append(batch, IdempotencyKey("k", "d"))
            again = await engine.append(batch, IdempotencyKey("k", "d"))
            await publish(engine, "3")
            await heard.until(lambda: "3" in texts(heard.messages()))
        assert again == first
        assert texts(heard.messages()) == ["1", "3"]

    @in_loop
    async def test_repeat_at_the_same_moment(self, new_engine: NewEngine) -> None:
        """Of requests with one key that meet in the engine one is stored and all get its answer."""
        engine = new_engine()
        key = IdempotencyKey("k", "d")
        async with opened(engine):
            answers = await asyncio.gather(*(engine.append([NewMessage("a", "e", "1")], key) for _ in range(10)))
            history = await engine.history("a", limit=100)
        assert {answer[0].id for answer in answers} == {history.head}
        assert history.head.seq == 1

    @in_loop
    async def test_other_body_is_a_conflict(self, new_engine: NewEngine) -> None:
        """The same key with another digest is refused, stores nothing and harms no one beside it."""
        engine = new_engine()
        async with opened(engine):
            await engine.append([NewMessage("a", "e", "1")], IdempotencyKey("k", "d"))
            results = await asyncio.gather(
                engine.append([NewMessage("a", "e", "2")]),
                engine.append([NewMessage("a", "e", "3")], IdempotencyKey("k", "other")),
                engine.append([NewMessage("a", "e", "4")], IdempotencyKey("k2", "d")),
                return_exceptions=True,
            )
            history = await engine.history("a", limit=100)
        assert isinstance(results[1], IdempotencyConflictError)
        assert texts(history.messages) == ["1", "2", "4"]

    @in_loop
    async def test_key_is_forgotten_after_its_time(self, new_engine: NewEngine) -> None:
        """A key can be used anew, even with another body, once its time is over; until then it is remembered."""
        clock = Clock()
        engine = new_engine(idempotency_seconds=300.0, clock=clock)
        new = NewMessage("a", "e", "1")
        async with opened(engine):
            [first] = await engine.append([new], IdempotencyKey("k", "d"))
            clock.seconds += 299
            [within] = await engine.append([new], IdempotencyKey("k", "d"))
            clock.seconds += 1
            [after] = await engine.append([new], IdempotencyKey("k", "other"))
        assert (within.id, after.id.seq) == (first.id, 2)

    @in_loop
    async def test_answer_outlives_its_messages(self, new_engine: NewEngine) -> None:
        """A repeat gets the first answer though its messages have left the history."""
        engine = new_engine(history_messages=1)
        batch = [NewMessage("a", "e", "1"), NewMessage("a", "e", "2")]
        async with opened(engine):
            first = await engine.append(batch, IdempotencyKey("k", "d"))
            await publish(engine, "3", "4")
            again = await engine.append(batch, IdempotencyKey("k", "d"))
        assert again == first
