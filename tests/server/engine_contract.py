"""The contract that every engine keeps, as tests: subclass ``EngineContract`` and give it a ``new_engine`` fixture.

``new_engine(**options)`` makes an engine of an empty store that is not open yet; ``options`` are ``history_messages``,
``history_seconds``, ``idempotency_seconds`` and ``clock``.
"""

from __future__ import annotations

import asyncio
import datetime as dt

import pytest

from tests.server.engine_harness import Clock, NewEngine, in_loop, opened, publish, seqs, texts
from tests.server.idempotency_contract import IdempotencyContract
from tests.server.presence_contract import PresenceContract
from tests.server.replay_contract import ReplayContract
from voyant_cloud.server.engine.base import (
    EngineUnavailableError,
    NewMessage,
)


class MessagesContract:
    """Order, atomicity, delivery and history."""

    @in_loop
    async def test_seq_counts_from_one_in_one_epoch(self, new_engine: NewEngine) -> None:
        """The ids of a channel share an epoch and count 1, 2, 3."""
        engine = new_engine()
        async with opened(engine):
            stored = await publish(engine, "1", "2", "3")
        assert seqs(stored) == [1, 2, 3]
        assert len({message.id.epoch for message in stored}) == 1

    @in_loop
    async def test_channels_are_apart(self, new_engine: NewEngine) -> None:
        """Two channels have their own epochs and their own count."""
        engine = new_engine()
        async with opened(engine):
            [one] = await publish(engine, "1", channel="a")
            [other] = await publish(engine, "1", channel="b")
        assert (one.id.seq, other.id.seq) == (1, 1)
        assert one.id.epoch != other.id.epoch

    @in_loop
    async def test_batch_keeps_its_order(self, new_engine: NewEngine) -> None:
        """A batch is answered in its order, and each channel's part stands together in that order."""
        engine = new_engine()
        batch = [NewMessage("ab"[n % 2], "e", str(n)) for n in range(6)]
        async with opened(engine):
            stored = await engine.append(batch)
            history = await engine.history("b", limit=10)
        assert [(message.channel, message.data) for message in stored] == [(it.channel, it.data) for it in batch]
        assert (seqs(stored), texts(history.messages)) == ([1, 1, 2, 2, 3, 3], ["1", "3", "5"])

    @in_loop
    async def test_batches_at_the_same_time_stay_contiguous(self, new_engine: NewEngine) -> None:
        """Batches that are appended concurrently do not mix."""
        engine = new_engine()
        async with opened(engine):
            answers = await asyncio.gather(
                *(engine.append([NewMessage("a", "e", f"{n}") for _ in range(5)]) for n in range(20))
            )
        for answer in answers:
            first = answer[0].id.seq
            assert seqs(answer) == list(range(first, first + 5))

    @in_loop
    async def test_order_is_the_same_for_all(self, new_engine: NewEngine) -> None:
        """What is delivered, what history gives and the seq all say the same order."""
        engine = new_engine()
        async with opened(engine, "a") as heard:
            await asyncio.gather(*(publish(engine, *map(str, range(n, n + 10))) for n in range(0, 100, 10)))
            await heard.until(lambda: len(heard.messages()) == 100)
            history = await engine.history("a", limit=1_000)
        assert heard.messages() == history.messages
        assert seqs(history.messages) == list(range(1, 101))

    @in_loop
    async def test_ms_never_goes_back(self, new_engine: NewEngine) -> None:
        """A clock that is set back does not set the time of a channel back."""
        clock = Clock()
        engine = new_engine(clock=clock)
        async with opened(engine):
            [before] = await publish(engine, "1")
            clock.seconds -= 3_600
            [after] = await publish(engine, "2")
        assert after.id.ms == before.id.ms == 1_800_000_000_000

    @in_loop
    async def test_published_at_is_the_clocks_time(self, new_engine: NewEngine) -> None:
        """A message shows when it was stored, UTC, to the millisecond."""
        engine = new_engine(clock=Clock(1_795_512_600.125))
        async with opened(engine):
            [stored] = await publish(engine, "1")
        assert stored.published_at == dt.datetime(2026, 11, 24, 9, 30, 0, 125_000, tzinfo=dt.UTC)

    @in_loop
    async def test_text_comes_back_as_it_was(self, new_engine: NewEngine) -> None:
        """Event and data are carried as they are: emoji, NUL, big integers, escapes, spaces."""
        engine = new_engine()
        new = NewMessage("a", "naïve ✓\0", '{"n": 12345678901234567890123, "s":"\\u0000\\ud83d é 😀", "x":[ ]}')
        async with opened(engine, "a") as heard:
            await engine.append([new])
            [stored] = (await engine.history("a", limit=1)).messages
            await heard.until(lambda: bool(heard.calls))
        assert (stored.event, stored.data) == (new.event, new.data)
        assert heard.messages() == [stored]

    @in_loop
    async def test_delivery_is_for_watched_channels(self, new_engine: NewEngine) -> None:
        """Only channels that are watched are delivered, and no longer once they are not."""
        engine = new_engine()
        async with opened(engine, "a", "b") as heard:
            await engine.append([NewMessage(name, "e", "1") for name in ("a", "b", "c")])
            await heard.until(lambda: len(heard.calls) == 2)
            await engine.unwatch("a")
            await engine.append([NewMessage(name, "e", "2") for name in ("a", "b", "c")])
            await heard.until(lambda: len(heard.calls) == 3)
        assert [(name, texts(messages)) for name, messages in heard.calls] == [("a", ["1"]), ("b", ["1"]), ("b", ["2"])]

    @in_loop
    async def test_at_once_is_as_any_other(self, new_engine: NewEngine) -> None:
        """What is stored at once stands and is delivered between the others; an engine may always ask to wait."""
        engine = new_engine()
        async with opened(engine, "a") as heard:
            stored = await publish(engine, "1")
            for data in ("2", "3"):
                message = engine.append_now(NewMessage("a", "e", data))
                engine.deliver_now()
                stored += await publish(engine, data) if message is None else [message]
            stored += await publish(engine, "4")
            await heard.until(lambda: len(heard.messages()) == 4)
            history = await engine.history("a", limit=10)
        assert (seqs(stored), texts(stored)) == ([1, 2, 3, 4], ["1", "2", "3", "4"])
        assert stored == heard.messages() == history.messages

    @in_loop
    async def test_cancelled_append_is_delivered_or_not_stored(self, new_engine: NewEngine) -> None:
        """A caller that goes away takes nothing with it: what was stored is delivered, and others are answered."""
        engine = new_engine()
        async with opened(engine, "a") as heard:
            leaving = [asyncio.ensure_future(publish(engine, f'"{n}"')) for n in range(10)]
            await asyncio.sleep(0)
            for task in leaving[::2]:
                task.cancel()
            await asyncio.gather(*leaving, return_exceptions=True)
            await publish(engine, '"last"')
            await heard.until(lambda: '"last"' in texts(heard.messages()))
            history = await engine.history("a", limit=100)
        assert heard.messages() == history.messages
        assert {f'"{n}"' for n in range(1, 10, 2)} <= set(texts(history.messages))

    @in_loop
    async def test_history_gives_the_newest_or_what_follows(self, new_engine: NewEngine) -> None:
        """Without after_seq the newest come, with it the first that follow; always oldest first."""
        engine = new_engine()
        async with opened(engine):
            stored = await publish(engine, *map(str, range(1, 11)))
            newest = await engine.history("a", limit=3)
            following = await engine.history("a", after_seq=4, limit=3)
            beyond = await engine.history("a", after_seq=10, limit=3)
        assert seqs(newest.messages) == [8, 9, 10]
        assert seqs(following.messages) == [5, 6, 7]
        assert beyond.messages == []
        assert {newest.head, following.head, beyond.head} == {stored[-1].id}
        assert newest.first_seq == following.first_seq == beyond.first_seq == 1

    @in_loop
    async def test_unused_channel_has_a_position(self, new_engine: NewEngine) -> None:
        """Reading a channel that was never used gives it the epoch that its messages then have."""
        engine = new_engine()
        async with opened(engine):
            unused = await engine.history("a", limit=10)
            again = await engine.history("a", limit=10)
            [first] = await publish(engine, "1")
        assert (unused.messages, unused.head.seq, unused.first_seq) == ([], 0, 1)
        assert again == unused
        assert (first.id.epoch, first.id.seq) == (unused.head.epoch, 1)

    @in_loop
    async def test_many_unused_channels_are_read_at_once(self, new_engine: NewEngine) -> None:
        """Reads of new channels at the same time give each its own epoch, and one to each channel."""
        engine = new_engine()
        async with opened(engine):
            read = await asyncio.gather(*(engine.history(f"c{n % 20}", limit=1) for n in range(40)))
        assert len({history.head.epoch for history in read}) == 20

    @in_loop
    async def test_history_keeps_so_many_messages(self, new_engine: NewEngine) -> None:
        """The oldest messages go where there are more than are kept, and first_seq says so."""
        engine = new_engine(history_messages=3)
        async with opened(engine):
            await engine.append([NewMessage("a", "e", str(n)) for n in range(5)])
            await publish(engine, "5", "6")
            history = await engine.history("a", after_seq=0, limit=100)
        assert (seqs(history.messages), history.first_seq, history.head.seq) == ([5, 6, 7], 5, 7)

    @in_loop
    async def test_history_may_keep_everything(self, new_engine: NewEngine) -> None:
        """Retention without end, by number and by age, is a retention like any other."""
        engine = new_engine(history_messages=10**30, history_seconds=float("inf"))
        async with opened(engine):
            await publish(engine, "1", "2")
            history = await engine.history("a", limit=100)
        assert (seqs(history.messages), history.first_seq) == ([1, 2], 1)

    @in_loop
    async def test_history_keeps_messages_so_long(self, new_engine: NewEngine) -> None:
        """Messages past their time are not given, and the position stays where it was."""
        clock = Clock()
        engine = new_engine(history_seconds=60.0, clock=clock)
        async with opened(engine):
            await publish(engine, "1", "2")
            clock.seconds += 50
            [third] = await publish(engine, "3")
            clock.seconds += 11
            some = await engine.history("a", limit=100)
            clock.seconds += 50
            none = await engine.history("a", after_seq=0, limit=100)
            [fourth] = await publish(engine, "4")
        assert (seqs(some.messages), some.first_seq) == ([3], 3)
        assert (none.messages, none.first_seq, none.head) == ([], 4, third.id)
        assert (fourth.id.epoch, fourth.id.seq) == (third.id.epoch, 4)


class ChannelsContract:
    """Listing channels."""

    @in_loop
    async def test_channels_are_listed_with_where_they_stand(self, new_engine: NewEngine) -> None:
        """The most recently used come first, each with its head, at most as many as were asked for."""
        clock = Clock()
        engine = new_engine(clock=clock)
        async with opened(engine):
            for name in ("a", "b", "c", "b"):
                clock.seconds += 1
                [newest] = await publish(engine, "1", channel=name)
            listed = await engine.channels("", 10)
            some = await engine.channels("", 2)
        assert [(it.name, it.head.seq) for it in listed] == [("b", 2), ("c", 1), ("a", 1)]
        assert (listed[0].head, listed[0].last_at) == (newest.id, newest.published_at)
        assert some == listed[:2]

    @in_loop
    async def test_channels_are_found_by_prefix(self, new_engine: NewEngine) -> None:
        """A prefix is taken as it is: by case, nothing in it is a wildcard, and a whole name is one of its own."""
        names = ["orders:eu", "orders:us", "Orders:eu", "order_x", "orders:"]
        engine = new_engine()
        async with opened(engine):
            await engine.append([NewMessage(name, "e", "1") for name in names])
            found = {
                prefix: sorted(it.name for it in await engine.channels(prefix, 10))
                for prefix in ("orders:", "order_", "orders:eu", "%", "*", "x")
            }
        assert found == {
            "orders:": ["orders:", "orders:eu", "orders:us"],
            "order_": ["order_x"],
            "orders:eu": ["orders:eu"],
            "%": [],
            "*": [],
            "x": [],
        }

    @in_loop
    async def test_channel_without_messages_is_listed(self, new_engine: NewEngine) -> None:
        """A channel that was only read has a place in the list and no newest message."""
        clock = Clock()
        engine = new_engine(clock=clock)
        async with opened(engine):
            await publish(engine, "1")
            clock.seconds += 1
            head = (await engine.history("b", limit=1)).head
            listed = await engine.channels("", 10)
        assert [it.name for it in listed] == ["b", "a"]
        assert (listed[0].head, listed[0].last_at) == (head, None)

    @in_loop
    async def test_channel_stays_listed_without_its_messages(self, new_engine: NewEngine) -> None:
        """What was ever published counts, also once it is past its time."""
        clock = Clock()
        engine = new_engine(history_seconds=60.0, clock=clock)
        async with opened(engine):
            [_, last] = await publish(engine, "1", "2")
            clock.seconds += 61
            listed = await engine.channels("", 10)
        assert [(it.name, it.head, it.last_at) for it in listed] == [("a", last.id, last.published_at)]


class LifeContract:
    """Opening, readiness and closing."""

    @in_loop
    async def test_check_of_a_sound_store(self, new_engine: NewEngine) -> None:
        """A store that works is ready."""
        engine = new_engine()
        async with opened(engine):
            await engine.check()

    @in_loop
    async def test_close_finishes_what_was_accepted(self, new_engine: NewEngine) -> None:
        """Appends that were under way when the engine is closed are committed and answered."""
        engine = new_engine()
        async with opened(engine, "a") as heard:
            waiting = [asyncio.ensure_future(publish(engine, str(n))) for n in range(50)]
            await asyncio.sleep(0)
            await engine.close()
            answers = await asyncio.gather(*waiting)
        assert sorted(seqs([message for [message] in answers])) == list(range(1, 51))
        assert len(heard.messages()) == 50

    @in_loop
    async def test_closed_engine_refuses(self, new_engine: NewEngine) -> None:
        """After close, which may be called twice, everything is refused, as it is before open."""
        engine = new_engine()
        with pytest.raises(EngineUnavailableError):
            await engine.check()
        async with opened(engine):
            await engine.close()
        for call in (
            engine.append([NewMessage("a", "e", "1")]),
            engine.history("a", limit=1),
            engine.replay("a", after_seq=0, limit=1, max_bytes=1),
            engine.channels("", 1),
            engine.check(),
            engine.watch("a"),
            engine.enter("a", "ann", "c1", None),
            engine.leave("a", "ann", "c1"),
            engine.members("a", limit=1),
        ):
            with pytest.raises(EngineUnavailableError):
                await call

    @in_loop
    async def test_closing_an_engine_that_was_never_opened(self, new_engine: NewEngine) -> None:
        """Closing what was not opened does nothing."""
        await new_engine().close()


class EngineContract(
    MessagesContract, ReplayContract, ChannelsContract, IdempotencyContract, LifeContract, PresenceContract
):
    """All of it."""
