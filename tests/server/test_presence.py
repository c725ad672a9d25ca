"""The presence table: its events and its members, also against a naive model of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voyant_cloud.models import RealtimeChannelPresenceEvent
from voyant_cloud.server.presence import PresenceTable

START = dt.datetime(2026, 11, 24, 9, 30, tzinfo=dt.UTC)


def at(seconds: float) -> dt.datetime:
    return START + dt.timedelta(seconds=seconds)


def told(events: Sequence[RealtimeChannelPresenceEvent]) -> list[tuple[str, str, str, Any]]:
    return [(str(event.action), event.channel, event.client_id, event.data) for event in events]


@pytest.fixture
def table() -> PresenceTable:
    return PresenceTable()


def test_events_say_who_and_when(table: PresenceTable) -> None:
    """An event holds the channel, the client, its data and the time that was passed in."""
    [entered] = table.enter("a", "ann", "c1", {"x": 1}, at=at(1))
    [left] = table.leave("a", "ann", "c1", at=at(2))
    assert (entered.channel, entered.client_id, entered.data, entered.at) == ("a", "ann", {"x": 1}, at(1))
    assert (left.action, left.data, left.at) == ("leave", {"x": 1}, at(2))


@pytest.mark.parametrize(
    ("before", "after"),
    [(1, True), (0, False), (None, 0), (None, False), ("", None), ([1], [True]), ({"a": 1}, {"a": True}), (1, 1.0)],
)
def test_data_of_another_type_is_a_change(table: PresenceTable, before: Any, after: Any) -> None:
    """What differs as JSON is an update, though Python may call it equal."""
    table.enter("a", "ann", "c1", before, at=at(0))
    assert told(table.enter("a", "ann", "c1", after, at=at(1))) == [("update", "a", "ann", after)]


def test_order_of_keys_is_no_change(table: PresenceTable) -> None:
    """The same object written in another order is no update."""
    table.enter("a", "ann", "c1", {"x": 1, "y": [{"b": 1, "a": 2}]}, at=at(0))
    assert table.enter("a", "ann", "c1", {"y": [{"a": 2, "b": 1}], "x": 1}, at=at(1)) == []


def test_leave_of_one_without_a_part(table: PresenceTable) -> None:
    """A channel, client or connection that never entered leaves nothing behind and ends nobody's presence."""
    table.enter("a", "ann", "c1", None, at=at(0))
    assert table.leave("b", "ann", "c1", at=at(1)) == []
    assert table.leave("a", "bob", "c1", at=at(1)) == []
    assert table.leave("a", "ann", "c2", at=at(1)) == []
    assert [member.client_id for member in table.members("a", limit=9)] == ["ann"]


def test_hold_ends_at_its_deadline(table: PresenceTable) -> None:
    """A held member is there before its deadline and leaves at it, once."""
    table.enter("a", "ann", "c1", 1, at=at(0))
    assert table.leave("a", "ann", "c1", at=at(1), hold_until=16.0) == []
    assert table.next_deadline() == 16.0
    assert table.expire(15.9, at=at(15)) == []
    assert told(table.expire(16.0, at=at(16))) == [("leave", "a", "ann", 1)]
    assert table.expire(17.0, at=at(17)) == []
    assert table.next_deadline() is None


def test_return_ends_the_hold(table: PresenceTable) -> None:
    """A held member that enters again with other data is an update, and nothing expires any more."""
    table.enter("a", "ann", "c1", 1, at=at(0))
    table.leave("a", "ann", "c1", at=at(1), hold_until=16.0)
    assert told(table.enter("a", "ann", "c2", 2, at=at(15))) == [("update", "a", "ann", 2)]
    assert table.next_deadline() is None
    assert table.expire(100.0, at=at(100)) == []
    assert [member.joined_at for member in table.members("a", limit=9)] == [at(0)]


def test_second_drop_counts_from_itself(table: PresenceTable) -> None:
    """Dropping, returning and dropping again holds until the second deadline, not the first."""
    table.enter("a", "ann", "c1", 1, at=at(0))
    table.leave("a", "ann", "c1", at=at(1), hold_until=16.0)
    table.enter("a", "ann", "c2", 1, at=at(10))
    table.leave("a", "ann", "c2", at=at(11), hold_until=26.0)
    assert table.expire(20.0, at=at(20)) == []
    assert told(table.expire(26.0, at=at(26))) == [("leave", "a", "ann", 1)]


def test_drop_of_one_of_two_connections_holds_nobody(table: PresenceTable) -> None:
    """While another connection is there, a dropped one needs no hold."""
    table.enter("a", "ann", "c1", 1, at=at(0))
    table.enter("a", "ann", "c2", 1, at=at(0))
    table.leave("a", "ann", "c1", at=at(1), hold_until=16.0)
    assert table.next_deadline() is None


def test_members_by_joined_at_though_the_clock_went_back(table: PresenceTable) -> None:
    """Members are sorted by the time they show."""
    table.enter("a", "late", "c1", None, at=at(60))
    table.enter("a", "early", "c2", None, at=at(0))
    assert [member.client_id for member in table.members("a", limit=9)] == ["early", "late"]


@attrs.define
class Session:
    """A client's presence in the model."""

    joined: int
    data: int
    connections: set[str]
    until: float | None = None


class Model:
    """Presence said naively: one dict, searched from end to end."""

    def __init__(self) -> None:
        self.sessions: dict[tuple[str, str], Session] = {}

    def enter(self, channel: str, client: str, connection: str, data: int, now: int) -> list[tuple[str, str, str, int]]:
        session = self.sessions.get((channel, client))
        if session is None:
            self.sessions[channel, client] = Session(now, data, {connection})
            return [("enter", channel, client, data)]
        changed = session.data != data
        session.connections.add(connection)
        session.data, session.until = data, None
        return [("update", channel, client, data)] if changed else []

    def leave(self, channel: str, client: str, connection: str, until: float | None) -> list[tuple[str, str, str, int]]:
        session = self.sessions.get((channel, client))
        if session is None or connection not in session.connections:
            return []
        session.connections.discard(connection)
        if session.connections:
            return []
        if until is not None:
            session.until = until
            return []
        del self.sessions[channel, client]
        return [("leave", channel, client, session.data)]

    def expire(self, now: int) -> list[tuple[str, str, str, int]]:
        due = [(key, it) for key, it in self.sessions.items() if it.until is not None and it.until <= now]
        for key, _ in due:
            del self.sessions[key]
        return [("leave", *key, it.data) for key, it in due]

    def next_deadline(self) -> float | None:
        return min((it.until for it in self.sessions.values() if it.until is not None), default=None)


channels = st.sampled_from(["a", "b"])
clients = st.sampled_from(["ann", "bob", "eve"])
connections = st.sampled_from(["c1", "c2", "c3"])
steps = st.one_of(
    st.tuples(st.just("enter"), channels, clients, connections, st.integers(0, 2)),
    st.tuples(st.just("leave"), channels, clients, connections, st.sampled_from([None, 1, 5, 5, 9])),
    st.tuples(st.just("wait"), st.integers(0, 6)),
)


@given(st.lists(steps, max_size=60))
def test_table_does_what_the_model_does(script: list[tuple[Any, ...]]) -> None:
    """Any order of entering, leaving and waiting gives the model's events, deadlines and members."""
    table, model, now = PresenceTable(), Model(), 0
    for kind, *rest in script:
        if kind == "enter":
            assert told(table.enter(*rest, at=at(now))) == model.enter(*rest, now)
        elif kind == "leave":
            *who, grace = rest
            until = None if grace is None else now + grace
            assert told(table.leave(*who, at=at(now), hold_until=until)) == model.leave(*who, until)
        else:
            now += rest[0]
            # Those that are due together leave soonest first, which the model does not say.
            assert sorted(told(table.expire(now, at=at(now)))) == sorted(model.expire(now))
        assert table.next_deadline() == model.next_deadline()
    for channel in ("a", "b"):
        there = [(m.joined_at, m.client_id, m.data) for m in table.members(channel, limit=9)]
        expected = [(at(s.joined), client, s.data) for (name, client), s in model.sessions.items() if name == channel]
        assert sorted(there) == sorted(expected)
        assert [joined for joined, _, _ in there] == sorted(joined for joined, _, _ in there)
