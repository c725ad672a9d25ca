"""How connections end, over real sockets: expiry, broken protocol, floods, stalled readers, a stop."""

from __future__ import annotations

import contextlib
import socket as sockets
import struct
import time

import pytest
import websocket

from tests.server.wire_client import call, mint, publish, subscribe
from tests.waiting import until
from voyant_cloud.testing import VoyantServer


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
        (b"\x81\x0f" + b'{"type":"ping"}', 1002),
        (b"\xc1\x80\x00\x00\x00\x00", 1002),
        (b"\x83\x80\x00\x00\x00\x00", 1002),
        (b"\x80\x80\x00\x00\x00\x00", 1002),
        (b"\x09\x80\x00\x00\x00\x00", 1002),
        (b"\x81\xff" + struct.pack("!Q", 200_000) + b"\x00\x00\x00\x00" + b"x" * 200_000, 1009),
    ],
    ids=[
        "bad UTF-8",
        "not masked",
        "reserved bit",
        "reserved opcode",
        "stray continuation",
        "fragmented control",
        "too big",
    ],
)
def test_protocol_errors_get_the_code_of_the_rfc(server: VoyantServer, raw: bytes, code: int) -> None:
    """What breaks RFC 6455 is closed with its code."""
    with subscribe(server) as socket:
        socket.raw.sock.sendall(raw)
        assert socket.close_code() == code


def test_who_still_sends_learns_why_it_was_closed(server: VoyantServer) -> None:
    """What nobody wants any more is taken off the socket all the same: a reset would swallow the code."""
    with subscribe(server) as socket:
        socket.raw.sock.sendall(b"\x83\x80\x00\x00\x00\x00" + b"x" * 20_000_000)
        assert socket.close_code() == 1002
        assert socket.raw.sock.recv(1) == b""


def test_who_sends_for_ever_is_aborted(server: VoyantServer) -> None:
    """It has a second to read why it was closed."""
    with subscribe(server) as socket:
        socket.raw.sock.sendall(b"\x83\x80\x00\x00\x00\x00")
        began = time.monotonic()
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            send_for(socket.raw.sock, 10)
        assert 0.5 < time.monotonic() - began < 5


def send_for(sock: sockets.socket, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        sock.sendall(b"x")
        time.sleep(0.01)


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


def test_stopping_does_not_leave_behind_who_closed_and_does_not_read(server: VoyantServer) -> None:
    """A peer that said goodbye, but takes no more of what was written to it, is cut off when the server stops."""
    with subscribe(server) as stalled:
        messages = [{"channel": "orders:eu", "event": "e", "data": "x" * 60_000}] * 30
        # More than any buffer of the system between the two takes.
        for _ in range(10):
            assert call(server, "POST", "/realtime/v1/messages", json={"messages": messages}).status_code == 200
        stalled.raw.send_close()
        until(lambda: server.connections == 0)
        server.stop()
        with contextlib.suppress(ConnectionResetError):
            while stalled.raw.sock.recv(1 << 20):
                pass
