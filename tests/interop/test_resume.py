"""The official channel through drops, restarts and gaps: it resumes with ``sinceId``, and the server fills the hole."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.interop.node_process import NodeProcess
from tests.interop.official import OfficialChannel, OfficialClient
from tests.waiting import until
from voyant_cloud.testing import VoyantServer

CHANNEL = "orders:eu"


def publish(official: OfficialClient, count: int, start: int = 0) -> list[dict[str, object]]:
    """Publish a batch of numbers."""
    numbers = range(start, start + count)
    return official.publish_batch([{"channel": CHANNEL, "event": "e", "data": number} for number in numbers])


def live(official: OfficialClient, **options: object) -> OfficialChannel:
    """Return a channel that is connected."""
    channel = official.channel(CHANNEL, **options)
    channel.wait("connected")
    return channel


def test_since_id_from_the_start(official: OfficialClient) -> None:
    """A channel that begins after a message gets what followed it, then what is live, without a seam."""
    stored = publish(official, 50)
    channel = live(official, sinceId=stored[9]["id"])
    stored += publish(official, 1, start=50)
    assert channel.wait_for(stored[-1]["id"]) == stored[10:]


def test_without_since_id(official: OfficialClient) -> None:
    """A channel that names no message begins with live ones."""
    publish(official, 5)
    channel = live(official)
    [stored] = publish(official, 1, start=5)
    assert channel.wait_for(stored["id"]) == [stored]


@pytest.mark.parametrize("count", [1, 100])
def test_a_drop(official: OfficialClient, server: VoyantServer, count: int) -> None:
    """What was published between a drop and the reconnect arrives once, in order, before what comes later."""
    channel = live(official)
    stored = publish(official, 3)
    channel.wait_for(stored[-1]["id"])
    server.drop_connections()
    [end] = channel.wait("disconnected")
    assert (end["code"], end["willReconnect"]) == (1006, True)
    stored += publish(official, count, start=3)
    channel.wait("connected", 2)
    stored += publish(official, 1, start=3 + count)
    assert channel.wait_for(stored[-1]["id"]) == stored
    assert [dial["sinceId"] for dial in channel.seen("dial")] == [None, stored[2]["id"]]
    assert channel.seen("error") == []


def test_a_restart(node: NodeProcess, tmp_path: Path) -> None:
    """The server goes with 1012 and comes back on its file: token, history and position all still hold."""
    with (
        VoyantServer(data=str(tmp_path / "voyant.db")) as server,
        OfficialClient(node, server.url, server.api_key) as official,
    ):
        channel, other = live(official), live(official, client_id="other")
        stored = publish(official, 3)
        for each in (channel, other):
            each.wait_for(stored[-1]["id"])
        server.stop()
        [end] = channel.wait("disconnected")
        assert (end["code"], end["willReconnect"]) == (1012, True)
        server.start()
        stored += publish(official, 100, start=3)
        for each in (channel, other):
            assert each.wait_for(stored[-1]["id"]) == stored
            assert each.seen("error") == []


def test_a_server_that_stays_away(node: NodeProcess, tmp_path: Path) -> None:
    """Attempts that find nobody are no end: the channel resumes whenever the server is back."""
    with (
        VoyantServer(data=str(tmp_path / "voyant.db")) as server,
        OfficialClient(node, server.url, server.api_key) as official,
    ):
        channel = live(official)
        stored = publish(official, 1)
        channel.wait_for(stored[-1]["id"])
        server.stop()
        channel.wait("refused")
        server.start()
        stored += publish(official, 1, start=1)
        assert channel.wait_for(stored[-1]["id"]) == stored


def test_a_hole_that_is_gone(node: NodeProcess) -> None:
    """Where history no longer reaches back, the error event says so first, then comes what there is, then live."""
    with (
        VoyantServer(limits={"history_messages": 5}) as server,
        OfficialClient(node, server.url, server.api_key) as official,
    ):
        channel = live(official, frames=True)
        seen = publish(official, 1)
        channel.wait_for(seen[0]["id"])
        server.drop_connections()
        channel.wait("disconnected")
        kept = publish(official, 20, start=1)[-5:]
        channel.wait("connected", 2)
        kept += publish(official, 1, start=21)
        assert channel.wait_for(kept[-1]["id"]) == seen + kept
        [error] = channel.seen("error")
        assert error["code"] == "history_gap"
        gap = next(frame for frame in channel.seen("frame") if frame["type"] == "error")
        assert (gap["sinceId"], gap["resumedFrom"]) == (seen[0]["id"], kept[0]["id"])
        told = [event for event, _ in channel.timeline if event in ("connected", "message", "error")]
        assert told == ["connected", "message", "connected", "error"] + ["message"] * 6


def test_a_history_that_is_gone(official: OfficialClient, server: VoyantServer) -> None:
    """A position of another history is a gap as well; the channel goes on with this one."""
    foreign = official.publish("other", "e")["id"]
    stored = publish(official, 3)
    channel = live(official, sinceId=foreign)
    assert channel.wait_for(stored[-1]["id"]) == stored
    assert channel.wait("error")[0]["code"] == "history_gap"


@pytest.mark.parametrize("since_id", ["rubbish", "rtm_", "x" * 1000, "\N{ROCKET}"])
def test_a_position_that_is_none(official: OfficialClient, since_id: str) -> None:
    """It never fails the connection: there is a gap event, then live messages only."""
    publish(official, 3)
    channel = live(official, sinceId=since_id)
    assert channel.wait("error")[0]["code"] == "history_gap"
    [stored] = publish(official, 1, start=3)
    assert channel.wait_for(stored["id"]) == [stored]


def test_a_reader_that_stops_reading(node: NodeProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is cut off while others are not held up; once it reads again, it resumes and has lost nothing."""
    monkeypatch.setattr("voyant_cloud.server.connection.STUCK_AFTER", 0.5)
    with (
        VoyantServer(limits={"queue_bytes": 64 * 1024}) as server,
        OfficialClient(node, server.url, server.api_key) as official,
    ):
        slow, quick = live(official), live(official, client_id="quick")
        stored = [official.publish(CHANNEL, "e", data=0)]
        slow.wait_for(stored[0]["id"])
        slow.pause()
        for number in range(1, 301):
            stored.append(official.publish(CHANNEL, "e", data=[number, "x" * 60_000]))
        assert quick.wait_for(stored[-1]["id"]) == stored
        assert len(slow.seen("message")) < len(stored)
        until(lambda: server.connections == 1)
        slow.resume()
        assert slow.wait_for(stored[-1]["id"]) == stored
        assert len(slow.seen("dial")) == 2
