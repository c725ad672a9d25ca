"""What the hub reads and keeps: no more than is needed, once for all who need it, and for those who come back."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.server.follower import Follower
from tests.server.gated_engine import CHANNEL, GatedEngine, stored
from voyant_cloud.server.hub import Hub
from voyant_cloud.server.resume import resolve


def make_hub(engine: Any, keep_for: float = 0.0) -> Hub:
    return Hub(engine, keep_messages=10_000, keep_for=keep_for)


def test_a_plain_join_reads_where_the_channel_stands_and_no_message() -> None:
    """However much is retained, a join costs the position alone; only what is committed from then on is in memory."""

    async def test() -> None:
        engine = GatedEngine(1_000)
        hub = make_hub(engine)
        tail = await (await hub.join(CHANNEL, Follower())).tail()
        assert (engine.reads, engine.rows_read, tail.size) == (1, 0, 0)
        hub.on_messages(CHANNEL, engine.commit(1_001))
        assert tail.id_of(1_001) == engine.head

    asyncio.run(test())


def test_a_resume_reads_what_was_missed_and_no_more() -> None:
    """Ten messages back, ten are read, with the one that is resumed from; who comes next finds them in memory."""

    async def test() -> None:
        engine = GatedEngine(1_000)
        channel = await make_hub(engine).join(CHANNEL, Follower())
        for _ in range(3):
            assert (await resolve(stored(990).id, channel)).gap is None
        assert (engine.reads, engine.rows_read) == (2, 11)
        tail = await channel.tail()
        assert not tail.missing_after(989)

    asyncio.run(test())


def test_who_resume_from_near_each_other_share_their_reads() -> None:
    """A thousand who resume at once from near positions read each message once, in few reads."""

    async def test() -> None:
        engine = GatedEngine(600)
        channel = await make_hub(engine).join(CHANNEL, Follower())
        positions = [stored(550 - (n * 7) % 50).id for n in range(1_000)]
        points = await asyncio.gather(*(resolve(each, channel) for each in positions))
        assert [point.cursor for point in points] == positions
        assert engine.reads <= 1 + 8
        assert engine.rows_read <= 101 + 8
        before = engine.reads
        await asyncio.gather(*(resolve(each, channel) for each in positions))
        assert engine.reads == before

    asyncio.run(test())


def test_a_page_that_ended_early_is_not_taken_for_another() -> None:
    """Who waits for a page that turns out too short to hold what it wants reads on from there."""

    async def test() -> None:
        engine = GatedEngine(900)
        channel = await make_hub(engine).join(CHANNEL, Follower())
        engine.gate.clear()
        engine.most_rows = 10
        first, second = (asyncio.ensure_future(channel.read(after)) for after in (100, 150))
        while engine.reads < 2:
            await asyncio.sleep(0)
        engine.gate.set()
        assert (await first).block.holds(101)
        assert (await second).block.holds(151)
        assert engine.reads == 3

    asyncio.run(test())


def test_the_next_page_is_read_ahead_once() -> None:
    """While a page is sent the next is read into memory, unless it is there or nothing follows."""

    async def test() -> None:
        engine = GatedEngine(2_500)
        channel = await make_hub(engine).join(CHANNEL, Follower())
        page = await channel.read(0)
        for seq in (page.block.next - 1, 1, 500, 2_500):
            channel.read_ahead(seq)
        await asyncio.sleep(0.0)
        await asyncio.sleep(0.0)
        assert engine.reads == 3
        tail = await channel.tail()
        assert (tail.missing_after(0), tail.missing_after(500), tail.missing_after(1_000)) == (0, 0, 1_500)

    asyncio.run(test())


def test_a_page_never_runs_ahead_of_the_live_messages() -> None:
    """What the engine has committed but not told yet is left to the telling, or it would seem to be told twice."""

    async def test() -> None:
        engine = GatedEngine(5)
        hub = make_hub(engine)
        follower = Follower()
        channel = await hub.join(CHANNEL, follower)
        untold = engine.commit(6, 7)
        page = await channel.read(3)
        assert [seq for seq in range(9) if page.block.holds(seq)] == [4, 5]
        hub.on_messages(CHANNEL, untold)
        assert (follower.told, follower.fell_behind) == ([(2, 7)], 0)

    asyncio.run(test())


def test_a_page_of_another_history_sends_everyone_back() -> None:
    """A read that shows another epoch ends the tail, before any message tells of it."""

    async def test() -> None:
        engine = GatedEngine(5)
        follower = Follower()
        channel = await make_hub(engine).join(CHANNEL, follower)
        old = engine.head
        engine.messages.clear()
        new = engine.commit(1, epoch="f" * 16)
        assert (await channel.read(3)).head == new[0].id
        assert follower.fell_behind == 1
        point = await resolve(old, channel)
        assert point.gap is not None
        assert point.gap.resumed_from == str(new[0].id)

    asyncio.run(test())


def test_a_channel_is_kept_for_a_while() -> None:
    """Who comes back soon finds in memory what it missed, though nobody else was there; then the channel goes."""

    async def test() -> None:
        engine = GatedEngine(3)
        hub = make_hub(engine, keep_for=0.05)
        channel = await hub.join(CHANNEL, Follower())
        await hub.leave(channel, Follower())
        follower = Follower()
        assert await hub.join(CHANNEL, follower) is channel
        channel.subscribers.clear()
        await hub.leave(channel, follower)
        hub.on_messages(CHANNEL, engine.commit(4, 5))
        again = await hub.join(CHANNEL, follower)
        assert (await resolve(stored(3).id, again)).gap is None
        assert (again, engine.reads) == (channel, 1)
        await hub.leave(channel, follower)
        await hub.leave(channel, follower)
        while engine.watched.count(CHANNEL) == 3:
            await asyncio.sleep(0.005)
        assert await hub.join(CHANNEL, follower) is not channel

    asyncio.run(test())


def test_who_comes_in_the_moment_a_channel_goes_keeps_it() -> None:
    """A subscriber that joins after the time is over, and before the channel is gone, finds it as it was."""

    async def test() -> None:
        engine = GatedEngine(3)
        hub = make_hub(engine, keep_for=1e-9)
        follower = Follower()
        channel = await hub.join(CHANNEL, follower)
        await hub.leave(channel, follower)
        # The timer goes off at the end of this turn, what it begins comes after the join.
        await asyncio.sleep(0)
        back = asyncio.ensure_future(hub.join(CHANNEL, follower))
        assert await back is channel
        await asyncio.sleep(0.01)
        assert (hub.subscribers(CHANNEL), len(engine.watched)) == (1, 2)
        hub.on_messages(CHANNEL, engine.commit(4))
        assert follower.told == [(1, 4)]

    asyncio.run(test())


def test_pages_are_shared_too() -> None:
    """Readers of the same page share it; the next read is a new one."""

    async def test() -> None:
        engine = GatedEngine(3)
        channel = await make_hub(engine).join(CHANNEL, Follower())
        before = engine.reads
        pages = await asyncio.gather(*(channel.read(1) for _ in range(100)))
        assert engine.reads == before + 1
        assert [seq for seq in range(9) if pages[0].block.holds(seq)] == [2, 3]
        await channel.read(1)
        assert engine.reads == before + 2

    asyncio.run(test())
