"""Presence through the official client: enter, update, leave, and every way to be gone."""

from __future__ import annotations

import re

import pytest

from tests.interop.node_process import NodeProcess
from tests.interop.official import OfficialChannel, OfficialClient
from tests.interop.test_rest import WIRE_TIME
from voyant_cloud.testing import VoyantServer

CHANNEL = "orders:eu"
ALICE = {"name": "Alice", "mood": "Größe \N{ROCKET}"}


def member(official: OfficialClient, client_id: str = "alice") -> OfficialChannel:
    """Return a live channel that may be present."""
    channel = official.channel(CHANNEL, "subscribe", "presence", client_id=client_id)
    channel.wait("connected")
    return channel


def watcher(official: OfficialClient) -> OfficialChannel:
    """Return a live channel that only looks on."""
    channel = official.channel(CHANNEL, client_id="watcher")
    channel.wait("connected")
    return channel


def steps(channel: OfficialChannel, count: int) -> list[tuple[str, str, object]]:
    """Wait for presence events and return the action, whose it was, and the data of each."""
    events = channel.wait("presence", count)
    assert all(event["channel"] == CHANNEL and WIRE_TIME.fullmatch(event["at"]) for event in events)
    return [(event["action"], event["clientId"], event.get("data")) for event in events]


def test_enter_update_leave(official: OfficialClient) -> None:
    """Everybody sees each step with its data, the one who takes it, too."""
    looking, alice = watcher(official), member(official)
    alice.enter_presence(ALICE)
    alice.update_presence({"name": "Alice", "mood": "busy"})
    steps(looking, 2)
    [shown] = official.presence(CHANNEL)
    assert (shown["clientId"], shown["data"]) == ("alice", {"name": "Alice", "mood": "busy"})
    assert re.fullmatch(WIRE_TIME, shown["joinedAt"])
    alice.leave_presence()
    expected = [
        ("enter", "alice", ALICE),
        ("update", "alice", {"name": "Alice", "mood": "busy"}),
        ("leave", "alice"),
    ]
    assert [step[: len(want)] for step, want in zip(steps(looking, 3), expected, strict=True)] == expected
    assert steps(alice, 3) == steps(looking, 3)
    assert official.presence(CHANNEL) == []


@pytest.mark.parametrize("data", [[], [None], [0], [""], [False], [[]]], ids=str)
def test_data_that_is_hardly_any(official: OfficialClient, data: list[object]) -> None:
    """Nothing, null, zero and their like are kept apart as JSON keeps them apart; nothing is null."""
    looking, alice = watcher(official), member(official)
    alice.enter_presence(*data)
    assert steps(looking, 1) == [("enter", "alice", data[0] if data else None)]
    [shown] = official.presence(CHANNEL)
    assert shown["data"] == (data[0] if data else None)


def test_too_much_data(official: OfficialClient) -> None:
    """Over 4 KiB is an error event; who was refused is not present, and may try again."""
    alice = member(official)
    alice.enter_presence("x" * 4_095)
    assert alice.wait("error")[0]["code"] == "payload_too_large"
    assert official.presence(CHANNEL) == []
    alice.enter_presence("x" * 4_094)
    assert steps(alice, 1) == [("enter", "alice", "x" * 4_094)]


def test_two_connections_of_one_client(official: OfficialClient) -> None:
    """They are one member, who leaves with the last of them."""
    looking, first, second = watcher(official), member(official), member(official)
    first.enter_presence(1)
    steps(looking, 1)
    second.enter_presence(2)
    steps(looking, 2)
    first.close()
    first.wait("disconnected")
    assert [each["data"] for each in official.presence(CHANNEL)] == [2]
    second.close()
    actions = [(action, who) for action, who, _ in steps(looking, 3)]
    assert actions == [("enter", "alice"), ("update", "alice"), ("leave", "alice")]


def test_close_leaves_at_once(node: NodeProcess) -> None:
    """The official client closes with 1000, which needs no grace: here that would be an hour."""
    with (
        VoyantServer(presence_grace=3600.0) as server,
        OfficialClient(node, server.url, server.api_key) as official,
    ):
        looking, alice = watcher(official), member(official)
        alice.enter_presence()
        steps(looking, 1)
        alice.close()
        assert [action for action, _, _ in steps(looking, 2)] == ["enter", "leave"]
        assert official.presence(CHANNEL) == []


def test_back_within_the_grace(node: NodeProcess) -> None:
    """A drop, and entering again: for the others nothing has happened."""
    with (
        VoyantServer(presence_grace=3600.0) as server,
        OfficialClient(node, server.url, server.api_key) as official,
    ):
        looking, alice = watcher(official), member(official)
        alice.enter_presence(ALICE)
        steps(looking, 1)
        server.drop_connections()
        for channel in (looking, alice):
            channel.wait("connected", 2)
        alice.enter_presence(ALICE)
        alice.update_presence("back")
        assert steps(looking, 2) == [("enter", "alice", ALICE), ("update", "alice", "back")]


def test_not_back_within_the_grace(node: NodeProcess) -> None:
    """The official client forgets its presence when it reconnects: so it has left, when the grace is over."""
    with (
        VoyantServer(presence_grace=2.0) as server,
        OfficialClient(node, server.url, server.api_key) as official,
    ):
        alice = member(official)
        alice.enter_presence(ALICE)
        steps(alice, 1)
        server.drop_connections()
        looking = watcher(official)
        assert [action for action, _, _ in steps(looking, 1)] == ["leave"]
        assert official.presence(CHANNEL) == []
