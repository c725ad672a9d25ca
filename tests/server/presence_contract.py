"""The part of the engines' contract that is about presence."""

from __future__ import annotations

from tests.server.engine_harness import Clock, NewEngine, in_loop, opened


class PresenceContract:
    """Who is present."""

    @in_loop
    async def test_one_enter_and_one_leave_a_session(self, new_engine: NewEngine) -> None:
        """However many connections a client has, it enters once and leaves once."""
        engine = new_engine()
        async with opened(engine, "a") as heard:
            for connection in ("c1", "c2", "c3"):
                await engine.enter("a", "ann", connection, {"x": 1})
            for connection in ("c2", "c1", "c3", "c3"):
                await engine.leave("a", "ann", connection)
            await engine.enter("a", "bob", "c4", None)
            await heard.until(lambda: len(heard.presence) >= 3)
        assert heard.actions() == [("enter", "ann", {"x": 1}), ("leave", "ann", {"x": 1}), ("enter", "bob", None)]

    @in_loop
    async def test_update_only_where_data_changed(self, new_engine: NewEngine) -> None:
        """The last writer wins, and the same data again is no event."""
        engine = new_engine()
        async with opened(engine, "a") as heard:
            for connection, data in (("c1", 1), ("c2", 2), ("c1", 2), ("c1", True)):
                await engine.enter("a", "ann", connection, data)
            await heard.until(lambda: len(heard.presence) >= 3)
            [member] = await engine.members("a", limit=10)
        assert heard.actions() == [("enter", "ann", 1), ("update", "ann", 2), ("update", "ann", True)]
        assert member.data is True

    @in_loop
    async def test_held_member_leaves_after_its_grace(self, new_engine: NewEngine) -> None:
        """A client whose last connection dropped is present until the grace is over, then leaves."""
        engine = new_engine()
        async with opened(engine, "a") as heard:
            await engine.enter("a", "ann", "c1", 1)
            await engine.leave("a", "ann", "c1", grace=0.05)
            held = await engine.members("a", limit=10)
            await heard.until(lambda: len(heard.presence) == 2)
            gone = await engine.members("a", limit=10)
        assert [member.client_id for member in held] == ["ann"]
        assert gone == []
        assert heard.actions()[-1] == ("leave", "ann", 1)

    @in_loop
    async def test_held_members_leave_soonest_first(self, new_engine: NewEngine) -> None:
        """A shorter grace that begins later ends first, and ends nobody else's."""
        engine = new_engine()
        async with opened(engine, "a") as heard:
            for client, grace in (("ann", 3_600.0), ("bob", 0.1), ("eve", 0.05)):
                await engine.enter("a", client, client, None)
                await engine.leave("a", client, client, grace=grace)
            await heard.until(lambda: len(heard.presence) == 5)
            members = await engine.members("a", limit=10)
        assert [client for action, client, _ in heard.actions() if action == "leave"] == ["eve", "bob"]
        assert [member.client_id for member in members] == ["ann"]

    @in_loop
    async def test_return_within_the_grace_is_no_event(self, new_engine: NewEngine) -> None:
        """A held client that enters again was never away: joined_at stays and only new data is told."""
        engine = new_engine()
        async with opened(engine, "a") as heard:
            await engine.enter("a", "ann", "c1", 1)
            [before] = await engine.members("a", limit=10)
            await engine.leave("a", "ann", "c1", grace=0.05)
            await engine.enter("a", "ann", "c2", 1)
            await engine.enter("a", "bob", "c3", None)
            await engine.leave("a", "bob", "c3", grace=0.1)
            await heard.until(lambda: ("leave", "bob", None) in heard.actions())
            [after] = await engine.members("a", limit=10)
        assert after == before
        assert heard.actions() == [("enter", "ann", 1), ("enter", "bob", None), ("leave", "bob", None)]

    @in_loop
    async def test_members_longest_present_first(self, new_engine: NewEngine) -> None:
        """Members are listed by when they first entered, at most as many as asked for."""
        clock = Clock()
        engine = new_engine(clock=clock)
        async with opened(engine):
            for client in ("zoe", "ann", "bob"):
                await engine.enter("a", client, client, None)
                clock.seconds += 1
            await engine.enter("a", "zoe", "c2", 2)
            members = await engine.members("a", limit=2)
            elsewhere = await engine.members("b", limit=2)
        assert [(member.client_id, member.data) for member in members] == [("zoe", 2), ("ann", None)]
        assert [member.joined_at.timestamp() for member in members] == [1_800_000_000, 1_800_000_001]
        assert elsewhere == []

    @in_loop
    async def test_presence_is_told_of_watched_channels(self, new_engine: NewEngine) -> None:
        """Presence of a channel that nobody watches changes without a word."""
        engine = new_engine()
        async with opened(engine, "b") as heard:
            await engine.enter("a", "ann", "c1", None)
            await engine.enter("b", "bob", "c2", None)
            await heard.until(lambda: bool(heard.presence))
            members = await engine.members("a", limit=10)
        assert [(event.channel, event.client_id) for event in heard.presence] == [("b", "bob")]
        assert [member.client_id for member in members] == ["ann"]
