"""The WebSocket route, over real sockets: connecting, live messages, refusals."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from typing import Any
from urllib.parse import urlsplit

import pytest
import websocket

from tests.server.wire_client import call, members, mint, publish, refused_upgrade, subscribe
from tests.waiting import until
from voyant_cloud.realtime.client_frame import client_frame
from voyant_cloud.server.hub import HubChannel
from voyant_cloud.server.tail import Tail
from voyant_cloud.testing import VoyantServer


def publish_text(data: str) -> str:
    return f'{{"type": "publish", "event": "e", "data": {data}}}'


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
        assert members(server) == []
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


def test_what_comes_with_the_upgrade_is_not_lost(server: VoyantServer) -> None:
    """A client that does not wait for the answer gets ``connected`` first, then what it asked for."""
    address = urlsplit(server.url)
    head = (
        f"GET /realtime/v1/connect?channel=orders:eu&token={mint(server)} HTTP/1.1\r\nHost: {address.netloc}\r\n"
        "Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    frame = client_frame(0x1, publish_text("1").encode(), b"mask")
    with socket.create_connection((address.hostname, address.port), timeout=20) as raw, raw.makefile("rb") as answer:
        raw.sendall(head.encode() + frame)
        status, *headers = iter(lambda: answer.readline().decode().strip(), "")
        rest = b""
        while b'"message"' not in rest:
            rest += answer.read1()
    assert status == "HTTP/1.1 101 Switching Protocols"
    names = {name.lower(): value for name, _, value in (header.partition(": ") for header in headers)}
    # The answer to this key in RFC 6455, section 1.3.
    assert names["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    assert (names["upgrade"].lower(), names["connection"].lower()) == ("websocket", "upgrade")
    assert names["x-request-id"].startswith("req_")
    assert "content-length" not in names
    assert "transfer-encoding" not in names
    assert rest.index(b'"connected"') < rest.index(b'"message"')


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Upgrade", "h2c"),
        ("Connection", "close"),
        ("Sec-WebSocket-Version", "12"),
        ("Sec-WebSocket-Key", "short"),
        ("Sec-WebSocket-Key", ""),
    ],
)
def test_what_is_no_handshake_is_told(server: VoyantServer, name: str, value: str) -> None:
    """A request that only looks like an upgrade gets an error as any other request does."""
    headers = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        name: value,
    }
    path = f"/realtime/v1/connect?channel=orders:eu&token={mint(server)}"
    answer = call(server, "GET", path, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    assert "WebSocket upgrades only" in answer.json()["error"]


def test_who_leaves_before_its_frames_are_read_is_let_go_of(
    server: VoyantServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection is gone while the channel's standing is read once more: nobody would tell of its end any more."""
    has_left = threading.Event()
    standing = HubChannel.tail

    async def slow(channel: HubChannel) -> Tail:
        tail = await standing(channel)
        if channel.subscribers and server_is_asked.is_set():
            while not has_left.is_set():
                await asyncio.sleep(0.01)
            # For the loop to see it.
            await asyncio.sleep(0.1)
        server_is_asked.set()
        return tail

    server_is_asked = threading.Event()
    monkeypatch.setattr(HubChannel, "tail", slow)
    url = f"{server.url.replace('http', 'ws')}/realtime/v1/connect?channel=orders:eu&token={mint(server)}"
    raw = websocket.create_connection(url, timeout=20)
    raw.shutdown()
    has_left.set()
    until(lambda: server.connections == 0)
