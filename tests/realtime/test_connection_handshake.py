"""The handshake: what is asked, every way in which it fails, and one deadline over all of it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.fake_realtime import PATIENCE, FakePeer, FakeRealtime
from voyant_cloud._version import __version__
from voyant_cloud.errors import ForbiddenError, UnauthorizedError
from voyant_cloud.realtime.connection import (
    ConnectFailedError,
    Connection,
    HandshakeRefusedError,
)
from voyant_cloud.realtime.dial import Dialer
from voyant_cloud.urls import connect_url

SECRET = "rtok_secret"


def new_connection() -> Connection:
    return Connection(Dialer(proxies={}, verify=True))


def address_of(url: str) -> str:
    return connect_url(url, channel="orders:eu", token=SECRET, since_id=None)


def open_to(url: str, timeout: float = PATIENCE) -> None:
    connection = new_connection()
    try:
        connection.open(address_of(url), time.monotonic() + timeout)
    finally:
        connection.shut()


def test_the_request_says_who_connects_to_what() -> None:
    """Channel, token and cursor are in the query; there is no Origin, which is for browsers."""
    with FakeRealtime() as service, ThreadPoolExecutor() as pool:
        connection = new_connection()
        url = connect_url(service.url + "/base", channel="a:b;c=d,e@f", token="t+/=&", since_id="m 1")
        opening = pool.submit(connection.open, url, time.monotonic() + PATIENCE)
        peer = service.accept()
        peer.upgrade()
        opening.result(PATIENCE)
        connection.shut()
    assert peer.path == "/base/realtime/v1/connect"
    assert peer.query == {"channel": "a:b;c=d,e@f", "token": "t+/=&", "sinceId": "m 1"}
    assert "origin" not in peer.headers
    assert "sec-websocket-extensions" not in peer.headers
    assert peer.headers["user-agent"] == peer.headers["x-voyant-sdk"] == f"voyant-cloud-python/{__version__}"


@pytest.mark.parametrize(("status", "kind"), [(401, UnauthorizedError), (403, ForbiddenError)])
def test_a_refusal_has_the_services_words(status: int, kind: type[Exception]) -> None:
    """Status, code, words and request id, from the body of the answer."""
    body = {"error": "the token has expired", "code": None, "requestId": "req_1"}
    with FakeRealtime(lambda peer: peer.refuse(status, body)) as service:
        with pytest.raises(HandshakeRefusedError, match="the token has expired") as caught:
            open_to(service.url)
    assert type(caught.value.answer) is kind
    assert caught.value.answer.request_id == "req_1"


@pytest.mark.parametrize("body", [b"", b"x" * 100_000])
def test_a_refusal_whose_body_cannot_be_read_is_one(body: bytes) -> None:
    """The status alone decides, where the body never comes, and where it is too large."""
    with FakeRealtime() as service, ThreadPoolExecutor() as pool:
        opening = pool.submit(open_to, service.url, 0.3)
        service.accept().write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 999999\r\n\r\n" + body)
        with pytest.raises(HandshakeRefusedError) as caught:
            opening.result(PATIENCE)
    assert type(caught.value.answer) is ForbiddenError


def test_a_refusal_may_ask_to_wait() -> None:
    """Retry-After is read from the headers."""
    with FakeRealtime(lambda peer: peer.refuse(503, b"busy", Retry_After="7")) as service:
        with pytest.raises(HandshakeRefusedError, match="busy") as caught:
            open_to(service.url)
    assert caught.value.answer.retry_after == 7.0


def test_a_redirect_is_not_followed() -> None:
    """Another host must not get the token."""
    with FakeRealtime() as elsewhere:
        target = elsewhere.url.replace("http", "ws")
        with FakeRealtime(lambda peer: peer.refuse(307, b"", Location=target)) as service:
            with pytest.raises(HandshakeRefusedError, match=r"redirects to 127\.0\.0\.1") as caught:
                open_to(service.url)
    assert caught.value.answer.status == 307


def bad_accept(peer: FakePeer) -> None:
    peer.write(b"HTTP/1.1 101 OK\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n")


@pytest.mark.parametrize(
    "script",
    [
        lambda peer: peer.drop(),
        lambda peer: peer.reset(),
        lambda peer: peer.write(b"SSH-2.0-OpenSSH\r\n\r\n"),
        lambda peer: peer.write(b"HTTP/1.1 101 OK\r\nno colon\r\n\r\n"),
        lambda peer: peer.write(b"\xff\xfe\r\n\r\n"),
        lambda peer: peer.write(b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n"),
        lambda peer: peer.write(b"HTTP/1.1 101 OK\r\nSet-Cookie: \x01=;\r\n\r\n"),
        lambda peer: peer.write(b"HTTP/1.1 101 " + b"x" * 100_000),
        lambda peer: peer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 999999\r\n\r\n" + b"x" * 100_000),
        bad_accept,
    ],
)
def test_a_peer_that_is_no_service_is_a_failed_connect(script: Callable[[FakePeer], None]) -> None:
    """Whatever it answers, there is one exception, it is soon there, and it shows no token."""
    with FakeRealtime(script) as service:
        with pytest.raises(ConnectFailedError) as caught:
            open_to(service.url)
    assert SECRET not in str(caught.value)
    assert caught.value.__suppress_context__


def test_nobody_there_is_a_failed_connect() -> None:
    """A refused connection says so."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(ConnectFailedError, match="refused"):
        open_to(f"http://127.0.0.1:{port}")


def test_a_name_that_is_unknown_is_a_failed_connect() -> None:
    """A lookup that fails is like any network that is down."""
    with pytest.raises(ConnectFailedError, match="gaierror"):
        open_to("http://voyant.invalid")


def test_one_deadline_covers_the_whole_handshake() -> None:
    """A peer that answers one byte at a time cannot draw it out: each byte is no new chance."""
    done = threading.Event()

    def trickle(peer: FakePeer) -> None:
        for byte in b"HTTP/1.1 101 Switching Protocols\r\n" * 100:
            peer.write(bytes((byte,)))
            if done.wait(0.02):
                return

    with FakeRealtime(trickle) as service:
        started = time.monotonic()
        with pytest.raises(ConnectFailedError, match="took too long"):
            open_to(service.url, timeout=0.3)
        assert time.monotonic() - started < 2
        done.set()


def test_abort_ends_a_connect() -> None:
    """close() need not wait for a peer that never answers."""
    with FakeRealtime() as service, ThreadPoolExecutor() as pool:
        connection = new_connection()
        opening = pool.submit(connection.open, address_of(service.url), time.monotonic() + 60)
        service.accept()
        connection.abort()
        with pytest.raises(ConnectFailedError):
            opening.result(PATIENCE)
        connection.shut()
