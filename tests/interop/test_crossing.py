"""One channel, the official client on one side and the Python one on the other: both see the same."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.interop.node_process import NodeProcess
from tests.interop.official import OfficialChannel, OfficialClient
from tests.interop.test_rest import EVERY_KIND_OF_JSON
from tests.realtime.channel_tools import Seen
from tests.waiting import PATIENCE
from voyant_cloud import (
    PublishOutcomeUnknown,
    RealtimeChannel,
    VoyantApiError,
    VoyantCloudClient,
    VoyantTransportError,
)
from voyant_cloud.converter import unstructure
from voyant_cloud.testing import VoyantServer

CHANNEL = "orders:eu"
EVERYTHING = ("subscribe", "publish", "presence")


@contextmanager
def both(official: OfficialClient, python: VoyantCloudClient) -> Iterator[tuple[OfficialChannel, RealtimeChannel]]:
    """Open the same channel on both sides, with every capability."""
    there = official.channel(CHANNEL, *EVERYTHING, client_id="official")
    there.wait("connected")
    with python.realtime.channel(CHANNEL, client_id="python") as here:
        assert here.wait_connected(PATIENCE)
        yield there, here


def wire(seen: Seen, count: int) -> list[dict[str, Any]]:
    """Wait for that many events of the Python channel and return them as JSON, as the official client has them."""
    return [unstructure(event) for _, event in seen.wait(count)]


@pytest.mark.parametrize("data", EVERY_KIND_OF_JSON)
def test_every_kind_of_json(official: OfficialClient, python: VoyantCloudClient, data: Any) -> None:
    """Published over the socket or by REST, by one or the other: both receive the same message with the same data."""
    with both(official, python) as (there, here):
        seen = Seen(here, "message")
        there.publish("from.official", data)
        seen.wait(1)
        here.publish("from.python", data)
        seen.wait(2)
        stored = [official.publish(CHANNEL, "rest.official", data=data)]
        stored.append(unstructure(python.realtime.publish(CHANNEL, event="rest.python", data=data)))
        got = there.wait("message", 4)
        assert got == wire(seen, 4)
        assert got[2:] == stored
        assert [message["data"] for message in got] == [data] * 4
        assert official.history(CHANNEL) == got
        assert [unstructure(message) for message in python.realtime.history(CHANNEL)] == got


def test_both_publish_at_once(official: OfficialClient, python: VoyantCloudClient) -> None:
    """However the messages of the two mix, both see the one order of the channel, and each sender's own order in it."""
    with both(official, python) as (there, here):
        seen = Seen(here, "message")
        sender = threading.Thread(target=lambda: [here.publish("python", number) for number in range(80)])
        sender.start()
        for number in range(80):
            there.publish("official", number)
        sender.join()
        got = there.wait("message", 160)
        assert got == wire(seen, 160)
        for name in ("official", "python"):
            assert [message["data"] for message in got if message["event"] == name] == list(range(80))


def test_batches(official: OfficialClient, python: VoyantCloudClient) -> None:
    """A batch by either arrives at both, in its order."""
    with both(official, python) as (there, here):
        seen = Seen(here, "message")
        messages = [{"channel": CHANNEL, "event": "e", "data": number} for number in range(100)]
        stored = official.publish_batch(messages)
        stored += [unstructure(message) for message in python.realtime.publish_batch(messages)]
        assert there.wait("message", 200) == wire(seen, 200) == stored


def test_presence(official: OfficialClient, python: VoyantCloudClient) -> None:
    """Each sees the other come, change and go, with the same data at the same time."""
    with both(official, python) as (there, here):
        seen = Seen(here, "presence")
        there.enter_presence({"name": "Größe \N{ROCKET}"})
        seen.wait(1)
        here.enter_presence({"name": "Python"})
        there.wait("presence", 2)
        there.update_presence({"busy": True})
        seen.wait(3)
        here.update_presence([1, 2])
        expected = [
            ("enter", "official", {"name": "Größe \N{ROCKET}"}),
            ("enter", "python", {"name": "Python"}),
            ("update", "official", {"busy": True}),
            ("update", "python", [1, 2]),
        ]
        got = there.wait("presence", 4)
        assert [(event["action"], event["clientId"], event["data"]) for event in got] == expected
        assert wire(seen, 4) == got
        members = official.presence(CHANNEL)
        assert {member["clientId"]: member["data"] for member in members} == {
            "official": {"busy": True},
            "python": [1, 2],
        }
        assert [unstructure(member) for member in python.realtime.presence.get(CHANNEL)] == members
        here.leave_presence()
        there.wait("presence", 5)
        there.close()
        ends = wire(seen, 6)[4:]
        assert [(event["action"], event["clientId"]) for event in ends] == [("leave", "python"), ("leave", "official")]


def test_tokens(official: OfficialClient, python: VoyantCloudClient, server: VoyantServer) -> None:
    """A token minted by one client serves a channel of the other."""
    token = official.mint("user_42", {CHANNEL: ["subscribe"]})["token"]
    with RealtimeChannel(channel=CHANNEL, token=token, base_url=server.url) as here:
        assert here.wait_connected(PATIENCE)
    minted = python.realtime.tokens.mint(client_id="user_42", capabilities={CHANNEL: ["subscribe"]})
    official.channel(CHANNEL, token=minted.token).wait("connected")


def test_resuming_where_the_other_stopped(
    official: OfficialClient, python: VoyantCloudClient, server: VoyantServer
) -> None:
    """A position of one client is a position of the other."""
    stored = [official.publish(CHANNEL, "e", data=number) for number in range(10)]
    with python.realtime.channel(CHANNEL, client_id="python", since_id=stored[3]["id"]) as here:
        assert wire(Seen(here, "message"), 6) == stored[4:]
    channel = official.channel(CHANNEL, sinceId=python.realtime.history(CHANNEL)[6].id)
    assert channel.wait_for(stored[-1]["id"]) == stored[7:]


def test_a_thousand_messages_through_a_restart(node: NodeProcess, tmp_path: Path) -> None:
    """Python publishes 1,000 messages, the server restarts among them: the official channel gets every one in order."""
    with (
        VoyantServer(data=str(tmp_path / "voyant.db"), limits={"history_messages": 2_000}) as server,
        OfficialClient(node, server.url, server.api_key) as official,
        VoyantCloudClient(api_key=server.api_key, base_url=server.url) as python,
    ):
        channel = official.channel(CHANNEL)
        channel.wait("connected")
        sent: list[str] = []
        sender = threading.Thread(target=publish_all, args=(python, 1_000, sent))
        sender.start()
        channel.wait("message", 200)
        server.restart()
        channel.wait("connected", 2)
        sender.join(PATIENCE)
        assert len(sent) == 1_000
        got = channel.wait_for(sent[-1])
        assert len({message["data"] for message in got}) == 1_000
        # The official client may be given a message again when it resumes; it passes both on.
        assert list(dict.fromkeys(message["id"] for message in got)) == sent
        assert channel.seen("dial")[-1]["sinceId"] in sent
        assert channel.seen("error") == []


def publish_all(client: VoyantCloudClient, count: int, sent: list[str]) -> None:
    """Publish numbers by tens, each until it is acknowledged, and note the ids. The key keeps it from doubling."""
    pause = threading.Event()
    while len(sent) < count:
        start = len(sent)
        messages = [{"channel": CHANNEL, "event": "e", "data": number} for number in range(start, start + 10)]
        try:
            stored = client.realtime.publish_batch(messages, idempotency_key=f"from-{start}")
        except (VoyantTransportError, VoyantApiError, PublishOutcomeUnknown):
            pause.wait(0.02)
        else:
            sent += [message.id for message in stored]
