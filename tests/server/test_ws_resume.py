"""Resuming, over real sockets: replay, gaps, and ids that are none."""

from __future__ import annotations

from typing import Any

import pytest

from tests.server.wire_client import Socket, call, publish, subscribe
from voyant_cloud.testing import VoyantServer


def received(socket: Socket, count: int) -> list[Any]:
    return [socket.next("message")["data"] for _ in range(count)]


def test_resume_replays_what_was_missed_then_goes_live(server: VoyantServer) -> None:
    """After sinceId everything that followed comes once, in order, and live messages after it."""
    ids = [publish(server, data=n)["id"] for n in range(10)]
    with subscribe(server, since_id=ids[3]) as socket:
        assert socket.connected["recovered"] is True
        publish(server, data=10)
        assert received(socket, 7) == [4, 5, 6, 7, 8, 9, 10]


def test_resume_from_a_channel_that_was_empty(server: VoyantServer) -> None:
    """The lastId of an empty channel is a place to resume from."""
    with subscribe(server) as socket:
        start = socket.connected["lastId"]
    publish(server, data="first")
    with subscribe(server, since_id=start) as socket:
        assert socket.connected["recovered"] is True
        assert received(socket, 1) == ["first"]


def test_resume_from_the_newest_has_nothing_to_replay(server: VoyantServer) -> None:
    """The newest id resumes with live messages only."""
    newest = publish(server, data=1)["id"]
    with subscribe(server, since_id=newest) as socket:
        publish(server, data=2)
        assert received(socket, 1) == [2]


def test_an_evicted_id_is_a_gap() -> None:
    """Where history no longer reaches back there is a gap frame, then what is retained."""
    with VoyantServer(limits={"history_messages": 3}) as server:
        ids = [publish(server, data=n)["id"] for n in range(6)]
        with subscribe(server, since_id=ids[0]) as socket:
            assert socket.connected["recovered"] is False
            gap = socket.next("error")
            assert (gap["code"], gap["sinceId"], gap["resumedFrom"]) == ("history_gap", ids[0], ids[3])
            assert received(socket, 3) == [3, 4, 5]
        with subscribe(server, since_id=ids[2]) as socket:
            assert socket.connected["recovered"] is True, "everything after it is still there"
            assert received(socket, 3) == [3, 4, 5]


def test_an_id_of_another_channel_is_a_gap(server: VoyantServer) -> None:
    """An id that this channel never gave is a gap, and this channel's messages follow."""
    other = publish(server, channel="other")["id"]
    mine = publish(server, data="mine")["id"]
    with subscribe(server, since_id=other) as socket:
        assert socket.next("error")["resumedFrom"] == mine
        assert received(socket, 1) == ["mine"]


@pytest.mark.parametrize("change", ["seq", "ms"])
def test_an_id_of_a_future_that_was_rolled_back_is_a_gap(server: VoyantServer, change: str) -> None:
    """An id newer than the newest, or of the same seq with another time, was given by a history that is gone."""
    newest = publish(server, data=1)["id"]
    prefix, epoch, ms, seq = newest.split("_")
    odd = (
        f"{prefix}_{epoch}_{ms}_{int(seq) + 5:012d}"
        if change == "seq"
        else f"{prefix}_{epoch}_{int(ms) + 1:015d}_{seq}"
    )
    with subscribe(server, since_id=odd) as socket:
        assert socket.next("error")["code"] == "history_gap"
        assert received(socket, 1) == [1]


@pytest.mark.parametrize("since_id", ["nonsense", "rtm_1_2_3", "x" * 900, "é"])
def test_what_is_no_id_is_a_gap_then_live_only(server: VoyantServer, since_id: str) -> None:
    """A sinceId that cannot be read never fails the upgrade; after the gap only new messages come."""
    publish(server, data="old")
    with subscribe(server, since_id=since_id) as socket:
        gap = socket.next("error")
        assert gap["code"] == "history_gap"
        assert "resumedFrom" not in gap
        publish(server, data="new")
        assert received(socket, 1) == ["new"]


def test_resume_over_several_pages(server: VoyantServer) -> None:
    """A long and heavy backlog comes whole and in order, from the engine's pages and the tail."""
    start = publish(server, data="start")["id"]
    for first in range(0, 900, 30):
        messages = [{"channel": "orders:eu", "event": "e", "data": [n, "x" * 4_000]} for n in range(first, first + 30)]
        assert call(server, "POST", "/realtime/v1/messages", json={"messages": messages}).status_code == 200
    with subscribe(server, since_id=start) as socket:
        assert [data[0] for data in received(socket, 900)] == list(range(900))
