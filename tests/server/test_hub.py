"""The hub: joining while messages flow, shared reads, and what happens when the chain of messages breaks."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from tests.server.follower import Follower
from tests.server.gated_engine import CHANNEL, EPOCH, GatedEngine, stored
from voyant_cloud.server.engine.base import EngineUnavailableError, StoredMessage
from voyant_cloud.server.hub import Hub
from voyant_cloud.server.message_id import MessageId
from voyant_cloud.server.resume import resolve, resolve_text


def make_hub(engine: Any) -> Hub:
    return Hub(engine)


def run(test: Any) -> None:
    asyncio.run(test)


def test_what_is_committed_while_the_tail_is_read_is_in_it() -> None:
    """No window of the join loses a message: not before the read, not during, not after."""

    async def test() -> None:
        engine = GatedEngine(3)
        hub = make_hub(engine)
        engine.gate.clear()
        joining = asyncio.ensure_future(hub.join(CHANNEL, Follower()))
        while not engine.reads:
            await asyncio.sleep(0)
        hub.on_messages(CHANNEL, engine.commit(4, 5))
        engine.gate.set()
        tail = await (await joining).tail()
        assert tail.head.seq == 5
        assert [tail.id_of(seq) for seq in (4, 5)] == [message.id for message in engine.messages[3:]]

    run(test())


def test_a_thousand_joins_at_once_are_one_read() -> None:
    """Many who resume at the same time share one read of the engine."""

    async def test() -> None:
        engine = GatedEngine(3)
        hub = make_hub(engine)
        await asyncio.gather(*(hub.join(CHANNEL, Follower()) for _ in range(1_000)))
        assert engine.reads == 1

    run(test())


def test_subscribers_are_counted_by_channel() -> None:
    """A channel has as many subscribers as joined and did not leave; one that nobody follows has none."""

    async def test() -> None:
        hub = make_hub(GatedEngine(3))
        followers = [Follower(), Follower()]
        for follower in followers:
            channel = await hub.join(CHANNEL, follower)
        assert (hub.subscribers(CHANNEL), hub.subscribers("other")) == (2, 0)
        for follower in followers:
            await hub.leave(channel, follower)
        assert hub.subscribers(CHANNEL) == 0

    run(test())


def test_a_waiter_that_goes_away_takes_nothing_from_the_others() -> None:
    """A cancelled join leaves the shared read to those who still wait."""

    async def test() -> None:
        engine = GatedEngine(3)
        hub = make_hub(engine)
        engine.gate.clear()
        first, second = (asyncio.ensure_future(hub.join(CHANNEL, Follower())) for _ in range(2))
        while not engine.reads:
            await asyncio.sleep(0)
        first.cancel()
        engine.gate.set()
        assert (await (await second).tail()).head.seq == 3
        with pytest.raises(asyncio.CancelledError):
            await first

    run(test())


def test_the_last_to_leave_ends_the_watch() -> None:
    """A channel is watched while somebody follows it."""

    async def test() -> None:
        engine = GatedEngine(1)
        hub = make_hub(engine)
        one, two = Follower(), Follower()
        channel = await hub.join(CHANNEL, one)
        await hub.join(CHANNEL, two)
        await hub.leave(channel, one)
        assert engine.watched
        watched = len(engine.watched)
        await hub.leave(channel, two)
        await hub.leave(channel, two)
        assert len(engine.watched) == watched - 1

    run(test())


def test_a_failed_join_leaves_nothing_behind() -> None:
    """Where the engine cannot be read nobody stays in the hub, and the next try works."""

    async def test() -> None:
        engine = GatedEngine(1)
        engine.broken = True
        hub = make_hub(engine)
        with pytest.raises(EngineUnavailableError):
            await hub.join(CHANNEL, Follower())
        assert engine.watched == []
        engine.broken = False
        assert (await (await hub.join(CHANNEL, Follower())).tail()).head.seq == 1

    run(test())


def test_live_messages_go_to_everyone_as_one_chunk() -> None:
    """One commit is one chunk for each subscriber; repeats and other channels are none."""

    async def test() -> None:
        engine = GatedEngine(1)
        hub = make_hub(engine)
        followers = [Follower(), Follower()]
        for follower in followers:
            await hub.join(CHANNEL, follower)
        made = engine.commit(2, 3, 4)
        hub.on_messages(CHANNEL, made)
        hub.on_messages(CHANNEL, made)
        hub.on_messages("other", made)
        assert [follower.told for follower in followers] == [[(3, 4)], [(3, 4)]]

    run(test())


@pytest.mark.parametrize(("seqs", "epoch"), [([4], EPOCH), ([1], "f" * 16)], ids=["hole", "new epoch"])
def test_a_broken_chain_sends_everyone_back_to_the_engine(seqs: Sequence[int], epoch: str) -> None:
    """After a hole or a new epoch nothing is handed out before the tail was read anew."""

    async def test() -> None:
        engine = GatedEngine(2)
        hub = make_hub(engine)
        follower = Follower()
        channel = await hub.join(CHANNEL, follower)
        hub.on_messages(CHANNEL, [stored(seq, epoch) for seq in seqs])
        assert (follower.told, follower.fell_behind) == ([], 1)
        reads = engine.reads
        await channel.tail()
        assert engine.reads == reads + 1

    run(test())


@pytest.mark.parametrize(
    ("since", "cursor", "gap_from"),
    [
        (stored(7), 7, None),
        (stored(10), 10, None),
        (stored(4), 4, None),
        (stored(3), 4, 5),
        (stored(11), 4, 5),
        (stored(7, "f" * 16), 4, 5),
    ],
    ids=["retained", "newest", "just before the oldest", "evicted", "rolled back", "other epoch"],
)
def test_where_a_subscriber_resumes(since: StoredMessage, cursor: int, gap_from: int | None) -> None:
    """With 5 to 10 retained, what is known resumes right there, everything else from the oldest with a gap."""

    async def test() -> None:
        channel = await make_hub(GatedEngine(10, first=5)).join(CHANNEL, Follower())
        point = await resolve(since.id, channel)
        assert point.cursor.seq == cursor
        if gap_from is None:
            assert point.gap is None
        else:
            assert point.gap is not None
            assert point.gap.resumed_from == str(stored(gap_from).id)

    run(test())


def test_an_id_far_back_is_checked_against_the_engine() -> None:
    """Further back than the tail, the message itself is read: the same id resumes, another with its seq does not."""

    async def test() -> None:
        channel = await make_hub(GatedEngine(2_500)).join(CHANNEL, Follower())
        assert (await resolve(stored(100).id, channel)).gap is None
        imposter = MessageId(EPOCH, 5, 100)
        assert (await resolve(imposter, channel)).gap is not None

    run(test())


def test_text_that_is_no_id_resumes_at_the_head() -> None:
    """What cannot be read is a gap, after which only new messages follow."""

    async def test() -> None:
        channel = await make_hub(GatedEngine(3)).join(CHANNEL, Follower())
        point = await resolve_text("nonsense", channel)
        assert point.cursor.seq == 3
        assert point.gap is not None
        assert point.gap.resumed_from is None

    run(test())


def test_a_gap_with_nothing_retained_resumes_at_the_head() -> None:
    """Where nothing is retained, the gap says so."""

    async def test() -> None:
        engine = GatedEngine(3, first=4)
        channel = await make_hub(engine).join(CHANNEL, Follower())
        point = await resolve(stored(1).id, channel)
        assert (point.cursor, point.gap is not None) == (engine.head, True)
        assert point.gap is not None
        assert point.gap.resumed_from is None

    run(test())
