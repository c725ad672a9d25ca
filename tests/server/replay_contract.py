"""The part of the engine contract that is about what subscribers missed."""

from __future__ import annotations

from tests.server.engine_harness import Clock, NewEngine, in_loop, opened, publish
from voyant_cloud.server.engine.base import NewMessage
from voyant_cloud.server.wire import message_frame


class ReplayContract:
    """What a subscriber missed."""

    @in_loop
    async def test_replay_gives_what_follows(self, new_engine: NewEngine) -> None:
        """The first messages after a seq come in a row, as they were published, with where the channel stands."""
        engine = new_engine()
        async with opened(engine):
            stored = await publish(engine, *map(str, range(1, 11)))
            some = await engine.replay("a", after_seq=4, limit=3, max_bytes=10_000)
            none = await engine.replay("a", after_seq=10, limit=3, max_bytes=10_000)
        assert (some.start, some.frames) == (5, [message_frame(it) for it in stored[4:7]])
        assert some.times == [it.id.ms for it in stored[4:7]]
        assert (none.frames, none.times) == ([], [])
        assert some.head == none.head == stored[-1].id
        assert some.first_seq == none.first_seq == 1

    @in_loop
    async def test_replay_ends_at_its_bytes(self, new_engine: NewEngine) -> None:
        """A replay is cut where it has grown large, but never empty."""
        engine = new_engine()
        async with opened(engine):
            await engine.append([NewMessage("a", "e", '"' + "é" * 500 + '"') for _ in range(10)])
            some = await engine.replay("a", after_seq=0, limit=100, max_bytes=3_000)
            one = await engine.replay("a", after_seq=5, limit=100, max_bytes=1)
        assert 1 < len(some.frames) == len(some.times) < 10
        assert (one.start, len(one.frames)) == (6, 1)

    @in_loop
    async def test_replay_begins_at_what_is_retained(self, new_engine: NewEngine) -> None:
        """Where messages after the seq are gone, the oldest that is retained comes first, and first_seq says so."""
        clock = Clock()
        engine = new_engine(history_messages=3, history_seconds=60.0, clock=clock)
        async with opened(engine):
            stored = await publish(engine, *map(str, range(1, 6)))
            some = await engine.replay("a", after_seq=0, limit=2, max_bytes=10_000)
            clock.seconds += 61
            none = await engine.replay("a", after_seq=0, limit=2, max_bytes=10_000)
        assert (some.start, some.first_seq, some.frames) == (3, 3, [message_frame(it) for it in stored[2:4]])
        assert (none.first_seq, none.frames, none.head) == (6, [], some.head)

    @in_loop
    async def test_replay_of_an_unused_channel(self, new_engine: NewEngine) -> None:
        """A channel that was never used gets its epoch here, too."""
        engine = new_engine()
        async with opened(engine):
            unused = await engine.replay("a", after_seq=0, limit=10, max_bytes=10_000)
            [first] = await publish(engine, "1")
        assert (unused.frames, unused.head.seq, unused.first_seq) == ([], 0, 1)
        assert first.id.epoch == unused.head.epoch

    @in_loop
    async def test_replay_carries_text_as_it_was(self, new_engine: NewEngine) -> None:
        """Event and data are carried as they are."""
        engine = new_engine()
        new = NewMessage("a", "naïve ✓\0", '{"n": 12345678901234567890123, "s":"\\u0000 é 😀\\u2028", "x":[ ]}')
        async with opened(engine):
            [stored] = await engine.append([new])
            replay = await engine.replay("a", after_seq=0, limit=1, max_bytes=1)
        assert replay.frames == [message_frame(stored)]

    @in_loop
    async def test_where_a_channel_stands(self, new_engine: NewEngine) -> None:
        """A history of no messages tells the position alone."""
        engine = new_engine(history_messages=3)
        async with opened(engine):
            stored = await publish(engine, "1", "2", "3", "4")
            standing = await engine.history("a", limit=0)
        assert (standing.messages, standing.head, standing.first_seq) == ([], stored[-1].id, 2)
