"""The WebSocket route, over real sockets: connecting, live messages, presence, refusals."""

from __future__ import annotations

import socket as sockets
import struct
import time
from typing import Any

import pytest
import websocket

from tests.server.wire_client import Socket, call, mint, publish, refused_upgrade, subscribe
from voyant_cloud.testing import VoyantServer


def publish_text(data: str) -> str:
    return f'{{"type": "publish", "event": "e", "data": {data}}}'


def presence(server: VoyantServer, channel: str = "orders:eu") -> list[dict[str, Any]]:
    members: list[dict[str, Any]] = call(server, "GET", f"/realtime/v1/channels/{channel}/presence").json()["data"]
    return members


def test_connected_says_where_the_channel_stands(server: VoyantServer) -> None:
    """The first frame has the channel and, additively, the newest id and the server's clock."""
    newest = publish(server)["id"]
    with subscribe(server) as socket:
        assert socket.connected["channel"] == "orders:eu"
        assert socket.connected["lastId"] == newest
        assert socket.connected["serverTime"].endswith("Z")
        assert "recovered" not in socket.connected


def test_messages_arrive_as_they_are_stored(server: VoyantServer) -> None:
    """What is published over REST arrives with the same id, time and data."""
    with subscribe(server) as socket:
        summary = publish(server, event="order.updated", data={"n": [1, {"é": "😀"}]})
        assert socket.next("message") == {"type": "message", **summary}


def test_only_the_connected_channel_arrives(server: VoyantServer) -> None:
    """Another channel's messages do not arrive."""
    with subscribe(server) as socket:
        publish(server, channel="other")
        mine = publish(server)
        assert socket.next("message")["id"] == mine["id"]


def test_a_publisher_gets_its_own_messages_back(server: VoyantServer) -> None:
    """What is sent over the socket comes back as a message, in order."""
    with subscribe(server) as socket:
        for n in range(5):
            socket.send(type="publish", event="cursor.moved", data={"n": n})
        assert [socket.next("message")["data"]["n"] for _ in range(5)] == list(range(5))


def test_ping_is_answered(server: VoyantServer) -> None:
    """Both kinds of ping get their pong, with the payload where there is one."""
    with subscribe(server) as socket:
        socket.send(type="ping")
        assert socket.next() == {"type": "pong"}
        socket.raw.ping("hello")
        assert socket.raw.recv_data(control_frame=True) == (websocket.ABNF.OPCODE_PONG, b"hello")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is not JSON"),
        ("{", "is not JSON"),
        ("[]", "must be an object"),
        ("null", "must be an object"),
        ("{}", "$.type: is missing"),
        ('{"type": 5}', "$.type: must be a string"),
        ('{"type": "publish"}', "$.event: is missing"),
        ('{"type": "publish", "event": ""}', "at least 1"),
        ('{"type": "publish", "event": "e", "data": NaN}', "NaN"),
        ('{"type": "publish", "event": "e", "data": "\\ud800"}', "lone surrogate"),
        (publish_text("[" * 65 + "]" * 65), "nested more than 64"),
        (publish_text(f'"{"x" * 65_535}"'), "at most 65536"),
        ('{"type": "presence", "action": "dance"}', "'enter', 'update', 'leave'"),
        (f'{{"type": "presence", "action": "enter", "data": "{"x" * 4_095}"}}', "at most 4096"),
    ],
)
def test_bad_frames_are_refused_and_the_connection_stays(server: VoyantServer, text: str, words: str) -> None:
    """A bad frame gets an error frame that names what is wrong; the next good one works."""
    with subscribe(server) as socket:
        socket.raw.send(text)
        error = socket.next("error")
        assert error["code"] in ("invalid_request", "payload_too_large")
        assert words in error["message"]
        socket.send(type="publish", event="e", data="good")
        assert socket.next("message")["data"] == "good"


def test_unknown_frames_are_no_error(server: VoyantServer) -> None:
    """A newer client's frames and fields are passed over."""
    with subscribe(server) as socket:
        socket.send(type="newer", value=1)
        socket.send(type="publish", event="e", newer=True)
        assert socket.next("message")["event"] == "e"


@pytest.mark.parametrize(
    ("frame", "verbs", "missing"),
    [
        ({"type": "publish", "event": "e"}, ["subscribe", "presence"], "publish"),
        ({"type": "presence", "action": "enter"}, ["subscribe", "publish"], "presence"),
        ({"type": "presence", "action": "leave"}, ["subscribe"], "presence"),
    ],
)
def test_frames_need_their_capability(
    server: VoyantServer, frame: dict[str, Any], verbs: list[str], missing: str
) -> None:
    """Without its capability a frame is forbidden, nothing happens, and the connection stays."""
    with subscribe(server, token=mint(server, {"orders:*": verbs})) as socket:
        socket.send(**frame)
        assert socket.next("error")["code"] == "forbidden"
        assert presence(server) == []
        live = publish(server)
        assert socket.next("message")["id"] == live["id"], missing


@pytest.mark.parametrize(
    ("capabilities", "channel", "status", "code"),
    [
        ({"orders:*": ["presence"]}, "orders:eu", 403, "forbidden"),
        ({"orders:*": ["subscribe"]}, "orders", 403, "forbidden"),
        ({"orders:*": ["subscribe"]}, "orders:", 403, "forbidden"),
        ({"orders:*": ["subscribe"]}, "Orders:eu", 403, "forbidden"),
        ({"orders:eu": ["subscribe"]}, "orders:eu:1", 403, "forbidden"),
        ({"*": ["subscribe"]}, "", 400, "invalid_request"),
        ({"*": ["subscribe"]}, "..", 400, "invalid_request"),
        ({"*": ["subscribe"]}, "a b", 400, "invalid_request"),
        ({"*": ["subscribe"]}, "x" * 201, 400, "invalid_request"),
    ],
)
def test_refused_before_the_upgrade(
    server: VoyantServer, capabilities: dict[str, list[str]], channel: str, status: int, code: str
) -> None:
    """What a token does not grant, and what is no channel, never becomes a WebSocket."""
    refused, body = refused_upgrade(server, channel, mint(server, capabilities))
    assert (refused, body["code"]) == (status, code)


def test_bad_tokens_get_401_and_one_constant_body(server: VoyantServer) -> None:
    """No token, a wrong one and an API key are all told the same."""
    bodies = set()
    for token in ("", "rtok_", "rtok_a.b.c", server.api_key, "x" * 5_000):
        status, body = refused_upgrade(server, "orders:eu", token)
        assert status == 401
        bodies.add((body["error"], body["code"]))
    assert len(bodies) == 1


def test_origins_must_match_the_list_exactly() -> None:
    """A browser's origin is taken from the list only; without one there is nothing to check."""
    with VoyantServer(allowed_origins=["https://app.example"]) as server:
        with subscribe(server, origin="https://app.example") as socket:
            assert socket.connected
        for origin in ("https://app.example:8443", "http://app.example", "https://app.example.evil", "null"):
            status, body = refused_upgrade(server, "orders:eu", mint(server), origin=origin)
            assert (status, body["code"]) == (403, "forbidden")


def test_connections_are_limited() -> None:
    """Over the limit a connect gets 503 with the number; when one goes there is room again."""
    with VoyantServer(limits={"connections": 1}) as server:
        token = mint(server)
        with subscribe(server, token=token):
            status, body = refused_upgrade(server, "orders:eu", token)
            assert (status, body["code"]) == (503, "service_unavailable")
            assert "all 1 connections" in body["error"]
        deadline = time.monotonic() + 10
        while server.connections:
            assert time.monotonic() < deadline
        with subscribe(server, token=token) as socket:
            assert socket.connected


# Presence


def test_presence_is_seen_by_all_and_listed(server: VoyantServer) -> None:
    """Enter, update and leave reach every subscriber, and REST lists who is there."""
    with subscribe(server) as watcher, subscribe(server, token=mint(server, clientId="alice")) as alice:
        alice.send(type="presence", action="enter", data={"name": "Alice"})
        entered = watcher.next("presence")
        assert (entered["action"], entered["clientId"], entered["data"]) == ("enter", "alice", {"name": "Alice"})
        [member] = presence(server)
        assert (member["clientId"], member["data"]) == ("alice", {"name": "Alice"})
        assert member["joinedAt"] == entered["at"]
        alice.send(type="presence", action="update", data={"name": "Alice", "typing": True})
        assert watcher.next("presence")["action"] == "update"
        alice.send(type="presence", action="leave")
        assert watcher.next("presence")["action"] == "leave"
        assert presence(server) == []


def test_a_clean_close_leaves_at_once(server: VoyantServer) -> None:
    """A close with 1000 is a leave."""
    with subscribe(server) as watcher:
        with subscribe(server, token=mint(server, clientId="alice")) as alice:
            alice.send(type="presence", action="enter")
            assert watcher.next("presence")["action"] == "enter"
            alice.raw.send_close(1000)
            assert watcher.next("presence")["action"] == "leave"


def test_a_drop_is_held_and_a_return_is_no_event() -> None:
    """A member whose connection drops is held; when it enters again in time, nobody is told anything."""
    with VoyantServer(presence_grace=30.0) as server:
        token = mint(server, clientId="alice")
        with subscribe(server) as watcher:
            with subscribe(server, token=token) as alice:
                alice.send(type="presence", action="enter", data=1)
                assert watcher.next("presence")["action"] == "enter"
                joined = presence(server)[0]["joinedAt"]
                alice.raw.sock.setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, struct.pack("ii", 1, 0))
            assert presence(server)[0]["clientId"] == "alice"
            with subscribe(server, token=token) as alice:
                alice.send(type="presence", action="enter", data=1)
                alice.send(type="publish", event="e")
                assert watcher.next("message")["event"] == "e"
                assert presence(server)[0]["joinedAt"] == joined


def test_a_drop_without_return_leaves_after_the_grace() -> None:
    """Held members leave when the grace is over."""
    with VoyantServer(presence_grace=0.2) as server, subscribe(server) as watcher:
        with subscribe(server, token=mint(server, clientId="alice")) as alice:
            alice.send(type="presence", action="enter")
            assert watcher.next("presence")["action"] == "enter"
            alice.raw.sock.setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, struct.pack("ii", 1, 0))
        assert watcher.next("presence")["action"] == "leave"
        assert presence(server) == []


def test_three_connections_of_one_client_are_one_member(server: VoyantServer) -> None:
    """One enter for the first and one leave for the last, however many connections."""
    token = mint(server, clientId="alice")
    with subscribe(server) as watcher:
        with subscribe(server, token=token) as first, subscribe(server, token=token) as second:
            for each in (first, second):
                each.send(type="presence", action="enter", data=1)
                each.send(type="publish", event="entered")
            kinds = [watcher.next()["type"] for _ in range(3)]
            assert sorted(kinds) == ["message", "message", "presence"]
            first.raw.send_close(1000)
            second.send(type="publish", event="still here")
            assert watcher.next("message")["event"] == "still here"
            second.raw.send_close(1000)
            assert watcher.next("presence")["action"] == "leave"


# Resume


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


# Ends


def test_a_token_that_expires_closes_with_4401() -> None:
    """At its end the connection is told and closed; before it there is a notice."""
    with VoyantServer() as server, subscribe(server, token=mint(server, ttlSeconds=3)) as socket:
        assert socket.next("token_expiring")["expiresAt"].endswith("Z")
        assert socket.close_code() == 4401


def test_binary_is_refused_with_1003(server: VoyantServer) -> None:
    """Frames are text."""
    with subscribe(server) as socket:
        socket.raw.send_binary(b"x")
        assert socket.close_code() == 1003


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"\x81\x82\x00\x00\x00\x00\xff\xfe", 1007),
        (b"\xc1\x80\x00\x00\x00\x00", 1002),
        (b"\x83\x80\x00\x00\x00\x00", 1002),
        (b"\x80\x80\x00\x00\x00\x00", 1002),
        (b"\x09\x80\x00\x00\x00\x00", 1002),
        (b"\x81\xff" + struct.pack("!Q", 200_000) + b"\x00\x00\x00\x00" + b"x" * 200_000, 1009),
    ],
    ids=["bad UTF-8", "reserved bit", "reserved opcode", "stray continuation", "fragmented control", "too big"],
)
def test_protocol_errors_get_the_code_of_the_rfc(server: VoyantServer, raw: bytes, code: int) -> None:
    """What breaks RFC 6455 is closed with its code."""
    with subscribe(server) as socket:
        socket.raw.sock.sendall(raw)
        assert socket.close_code() == code


def test_a_flood_is_slowed_then_closed_with_4429(server: VoyantServer) -> None:
    """Frames over the rate get one notice; who goes on is closed, and others are unhurt."""
    with subscribe(server) as other, subscribe(server) as socket:
        frame = websocket.ABNF.create_frame('{"type":"ping"}', websocket.ABNF.OPCODE_TEXT).format()
        socket.raw.sock.sendall(frame * 500)
        codes = []
        while not codes or codes[-1] != "rate_limited":
            codes.append(socket.next().get("code"))
        assert socket.close_code() == 4429
        live = publish(server)
        assert other.next("message")["id"] == live["id"]


def test_a_reader_that_never_reads_is_dropped_and_others_are_unhurt(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stalled reader is gone after the time for it, while another gets everything."""
    monkeypatch.setattr("voyant_cloud.server.connection.STUCK_AFTER", 0.5)
    with VoyantServer(limits={"history_messages": 5_000}) as server, subscribe(server) as stalled:
        stalled.raw.sock.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4_096)
        with subscribe(server) as reader:
            sent = 0
            deadline = time.monotonic() + 30
            while server.connections == 2:
                assert time.monotonic() < deadline, "the stalled reader is still there"
                messages = [{"channel": "orders:eu", "event": "e", "data": [sent + n, "x" * 20_000]} for n in range(50)]
                assert call(server, "POST", "/realtime/v1/messages", json={"messages": messages}).status_code == 200
                assert [reader.next("message")["data"][0] for _ in range(50)] == list(range(sent, sent + 50))
                sent += 50


def test_stopping_sends_clients_away_with_1012(server: VoyantServer) -> None:
    """A server that stops says so, with a time to come back."""
    with subscribe(server) as socket:
        server.stop()
        opcode, data = socket.raw.recv_data(control_frame=True)
        assert opcode == websocket.ABNF.OPCODE_CLOSE
        assert int.from_bytes(data[:2], "big") == 1012
        assert data[2:].startswith(b"retry-after=")
