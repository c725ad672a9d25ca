"""The connection: websocket-client over real sockets, its traps included."""

from __future__ import annotations

import errno
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, cast

import pytest

from tests.fake_realtime import BINARY, CLOSE, PATIENCE, PING, PONG, TEXT, FakePeer, FakeRealtime, frame_bytes
from voyant_cloud.errors import RealtimeError, RealtimeNotConnectedError
from voyant_cloud.realtime import connection as connection_module
from voyant_cloud.realtime.connection import (
    Connection,
    ConnectionEndedError,
)
from voyant_cloud.realtime.dial import Dialer
from voyant_cloud.urls import connect_url

CONTINUATION = 0x0


@contextmanager
def pair(defer: Callable[[Callable[[], None]], None] | None = None) -> Iterator[tuple[Connection, FakePeer]]:
    """Both ends of an upgraded connection."""
    with FakeRealtime() as service, ThreadPoolExecutor() as pool:
        connection = Connection(Dialer(proxies={}, verify=True, secure=False), defer=defer)
        url = connect_url(service.url, channel="orders:eu", token="rtok_1", since_id=None)
        opening = pool.submit(connection.open, url, time.monotonic() + PATIENCE)
        peer = service.accept()
        peer.upgrade()
        opening.result(PATIENCE)
        yield connection, peer
        connection.shut()


def receive_all(connection: Connection, count: int) -> list[str]:
    texts: list[str] = []
    deadline = time.monotonic() + PATIENCE
    while len(texts) < count:
        assert time.monotonic() < deadline, "not all came in time"
        texts += connection.receive(PATIENCE, 256)
    return texts


def end_of(connection: Connection) -> ConnectionEndedError:
    """Read until the connection ends."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            connection.receive(PATIENCE, 256)
        except ConnectionEndedError as end:
            return end
    raise AssertionError("it did not end in time")


# Reading


def test_texts_come_in_order() -> None:
    """Those that are there are returned together."""
    with pair() as (connection, peer):
        peer.write(b"".join(frame_bytes(str(number)) for number in range(1000)))
        assert receive_all(connection, 1000) == [str(number) for number in range(1000)]


def test_the_limit_bounds_what_is_returned() -> None:
    """A fast service does not fill the memory of a slow reader."""
    with pair() as (connection, peer):
        peer.write(frame_bytes("a") * 5)
        assert connection.receive(PATIENCE, 2) == ["a", "a"]


def test_nothing_in_time_is_nothing() -> None:
    """A quiet connection is no error."""
    with pair() as (connection, _):
        assert connection.receive(0.01, 9) == []


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536, 300_000])
def test_frames_of_all_sizes(size: int) -> None:
    """Each of the three ways to write a length."""
    with pair() as (connection, peer), ThreadPoolExecutor() as pool:
        pool.submit(peer.write, frame_bytes("é" * (size // 2) + "x" * (size % 2)))
        [text] = receive_all(connection, 1)
        assert len(text.encode()) == size


def test_a_frame_may_come_in_pieces() -> None:
    """A timeout in mid-frame loses nothing of it."""
    frame = frame_bytes("x" * 200)
    with pair() as (connection, peer):
        for place in range(len(frame) - 1):
            peer.write(frame[place : place + 1])
            assert connection.receive(0.001, 9) == []
        peer.write(frame[-1:])
        assert receive_all(connection, 1) == ["x" * 200]


def test_fragments_are_put_together() -> None:
    """With a control frame between them, and a part of a character at the cut."""
    whole = "héllo".encode()
    with pair() as (connection, peer):
        peer.write(frame_bytes(whole[:2], TEXT, fin=False))
        peer.write(frame_bytes(b"hi", PING))
        peer.write(frame_bytes(b"", CONTINUATION, fin=False) + frame_bytes(whole[2:], CONTINUATION))
        assert receive_all(connection, 1) == ["héllo"]
        assert peer.receive() == (PONG, b"hi")


def test_binary_frames_are_dropped_with_a_word(caplog: pytest.LogCaptureFixture) -> None:
    """The protocol knows text only, and what follows is still read."""
    with pair() as (connection, peer):
        peer.write(frame_bytes(b"\x00\x01", BINARY) + frame_bytes("after"))
        assert receive_all(connection, 1) == ["after"]
    assert "dropped a binary frame of 2 bytes" in caplog.text


def test_bytes_are_counted() -> None:
    """What liveness looks at counts parts of frames, too."""
    with pair() as (connection, peer):
        before = connection.bytes_received
        peer.write(frame_bytes("abc")[:3])
        assert connection.receive(0.05, 9) == []
        assert connection.bytes_received == before + 3


# Ends


@pytest.mark.parametrize(
    ("code", "reason"), [(1000, ""), (1001, "bye"), (1012, "retry-after=3"), (4401, "é"), (4999, "x" * 123)]
)
def test_a_close_frame_has_code_and_reason(code: int, reason: str) -> None:
    """It is answered with the same code."""
    with pair() as (connection, peer), ThreadPoolExecutor() as pool:
        answering = pool.submit(peer.wait_for_end)
        peer.write(frame_bytes(code.to_bytes(2, "big") + reason.encode(), CLOSE))
        end = end_of(connection)
        assert (end.code, end.reason) == (code, reason)
        assert answering.result(PATIENCE)[0] == code


def test_a_close_frame_without_a_code() -> None:
    """That is 1005, as in RFC 6455."""
    with pair() as (connection, peer):
        peer.write(frame_bytes(b"", CLOSE))
        assert end_of(connection).code == 1005


def test_a_code_survives_a_peer_that_is_gone() -> None:
    """The answer to the close frame cannot be sent any more; the code still counts."""
    with pair() as (connection, peer):
        connection.send("unread")
        peer.write(frame_bytes((4401).to_bytes(2, "big"), CLOSE))
        # The client's frame lies unread, so that this is a reset.
        peer.drop()
        assert end_of(connection).code == 4401


def test_what_came_before_the_end_is_returned_first() -> None:
    """The end is told when there is nothing more."""
    with pair() as (connection, peer):
        peer.write(frame_bytes("last") + frame_bytes((4000).to_bytes(2, "big"), CLOSE))
        assert connection.receive(PATIENCE, 9) == ["last"]
        assert end_of(connection).code == 4000
        assert end_of(connection).code == 4000, "it stays ended"


@pytest.mark.parametrize("end", [FakePeer.drop, FakePeer.reset])
def test_a_lost_connection_is_1006(end: Callable[[FakePeer], None]) -> None:
    """FIN or RST without a close frame; no bare OSError comes out."""
    with pair() as (connection, peer):
        end(peer)
        assert end_of(connection).code == 1006


def test_abort_ends_a_read() -> None:
    """From any thread, at once."""
    with pair() as (connection, _), ThreadPoolExecutor() as pool:
        reading = pool.submit(end_of, connection)
        connection.abort()
        assert reading.result(PATIENCE).code == 1006


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (frame_bytes(b"\xff\xfe", TEXT), 1007),
        (frame_bytes("a", CONTINUATION), 1002),
        (frame_bytes("a", TEXT, fin=False) + frame_bytes("b", TEXT), 1002),
        (b"\xf1\x01a", 1002),
        (b"\x83\x01a", 1002),
        (frame_bytes(b"\x00", CLOSE), 1002),
        (b"\x81\x7f" + (1 << 40).to_bytes(8, "big") + b"x" * 4096, 1009),
    ],
)
def test_frames_that_break_the_protocol(data: bytes, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The RFC's close code is sent, and the connection counts as ended with it."""
    monkeypatch.setattr(connection_module, "MAX_FRAME_BYTES", 1000)
    monkeypatch.setattr(connection_module, "_FRAME_ALLOWANCE", 1014)
    with pair() as (connection, peer):
        peer.write(data)
        assert end_of(connection).code == code
        assert peer.wait_for_end()[0] == code


@pytest.mark.parametrize("part", [b"x" * 100, b""])
def test_endless_fragments_are_too_big(part: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is small, their sum is not; empty ones count, too."""
    monkeypatch.setattr(connection_module, "MAX_FRAME_BYTES", 1000)
    with pair() as (connection, peer), ThreadPoolExecutor() as pool:
        ending = pool.submit(end_of, connection)
        peer.write(frame_bytes(part, TEXT, fin=False) + frame_bytes(part, CONTINUATION, fin=False) * 1000)
        assert ending.result(PATIENCE).code == 1009


# Sending


def test_texts_and_pings_arrive() -> None:
    """Masked, in order, in UTF-8."""
    with pair() as (connection, peer):
        connection.send("é")
        connection.ping()
        connection.start_close(1000, "client closed")
        assert [peer.receive(), peer.receive()] == [(TEXT, "é".encode()), (PING, b"")]
        assert peer.wait_for_end() == (1000, "client closed")


def test_a_reader_that_must_not_wait_leaves_a_ping_to_others() -> None:
    """While another frame is under way, or the peer takes no more; and that costs no connection."""
    deferred: list[Callable[[], None]] = []
    with pair(defer=deferred.append) as (connection, peer):
        connection.ping()
        assert (peer.receive(), deferred) == ((PING, b""), [])
        with connection._sending:
            connection.ping()
        deferred.pop()()
        assert (peer.receive(), deferred) == ((PING, b""), [])
        frames = _fill(connection)
        connection.ping()
        assert len(deferred) == 1
        with ThreadPoolExecutor() as pool:
            reading = pool.submit(lambda: [peer.receive() for _ in range(frames)])
            deferred.pop()()
            assert [frame[0] for frame in reading.result(PATIENCE) if frame] == [TEXT] * (frames - 1) + [PING]


def _fill(connection: Connection) -> int:
    """Send whole frames until no more are taken; return how many there will be with one more."""
    count = 1
    cast(Any, connection._wire._socket).setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16_384)
    while connection._wire.takes_more:
        connection.send("x" * 100)
        count += 1
    return count


def test_frames_of_many_threads_do_not_mix() -> None:
    """Each arrives whole."""
    texts = {f"{number}" * 5000 for number in range(8)}
    with pair() as (connection, peer), ThreadPoolExecutor() as pool:
        sending = [pool.submit(connection.send, text) for text in texts]
        received = [peer.receive() for _ in texts]
        for each in sending:
            each.result(PATIENCE)
    assert {data.decode() for _, data in received if data} == texts  # type: ignore[misc]


def test_sending_while_another_thread_reads() -> None:
    """The reader's wait does not hold the sender up."""
    with pair() as (connection, peer), ThreadPoolExecutor() as pool:
        reading = pool.submit(connection.receive, PATIENCE, 1)
        connection.send("a")
        assert peer.receive() == (TEXT, b"a")
        peer.write(frame_bytes("b"))
        assert reading.result(PATIENCE) == ["b"]


def test_a_send_that_gets_stuck_says_that_its_fate_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    """A part of the frame is out, so the connection is over."""
    monkeypatch.setattr(connection_module, "_SEND_TIMEOUT", 0.1)
    with pair() as (connection, _):
        with pytest.raises(RealtimeError, match="may or may not have arrived") as caught:
            connection.send("x" * 50_000_000)
        assert caught.value.code == "send_unknown"
        assert end_of(connection).code == 1006
        with pytest.raises(RealtimeNotConnectedError, match="nothing was sent"):
            connection.send("after")


def test_a_send_behind_one_that_is_stuck_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """It waits for a limited time, and then nothing of it is out."""
    monkeypatch.setattr(connection_module, "_SEND_TIMEOUT", 0.2)
    with pair() as (connection, _), ThreadPoolExecutor() as pool:
        stuck = pool.submit(connection.send, "x" * 50_000_000)
        time_is_up = threading.Event()
        while not connection._sending.locked():
            time_is_up.wait(0.001)
        with pytest.raises(RealtimeNotConnectedError, match="nothing was sent"):
            connection.send("after")
        assert isinstance(stuck.exception(PATIENCE), RealtimeError)


def test_a_code_survives_a_send_that_fails() -> None:
    """What the peer said before it was gone is still read, the more so where it tells why and for how long."""
    with pair() as (connection, peer):
        peer.write(frame_bytes("last") + frame_bytes((4429).to_bytes(2, "big") + b"too many", CLOSE))
        peer.reset()
        with pytest.raises(RealtimeError) as caught:
            send_until_it_fails(connection)
        assert caught.value.code == "send_unknown"
        with pytest.raises(RealtimeNotConnectedError, match="nothing was sent"):
            connection.send("after")
        assert connection.receive(PATIENCE, 9) == ["last"]
        end = end_of(connection)
        assert (end.code, end.reason) == (4429, "too many")


@pytest.mark.parametrize(
    ("stopped_by", "told"),
    [(OSError(errno.ENOBUFS, "No buffer space available"), RealtimeError), (KeyboardInterrupt(), KeyboardInterrupt)],
)
def test_nothing_follows_a_part_of_a_frame(
    stopped_by: BaseException, told: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it stops in the middle while the peer is well, the connection ends at once, whatever else comes."""

    def stop(data: bytes) -> int:
        raise stopped_by

    with pair() as (connection, peer):
        monkeypatch.setattr(connection._wire, "_write_some", stop)
        with pytest.raises(told) as caught:
            connection.send("x" * 50_000_000)
        assert getattr(caught.value, "code", "send_unknown") == "send_unknown"
        monkeypatch.undo()
        with pytest.raises(RealtimeNotConnectedError, match="nothing was sent"):
            connection.send("after")
        peer.write(frame_bytes("late"))
        assert end_of(connection).code == 1006
        assert peer.wait_for_end() == (None, "")


def send_until_it_fails(connection: Connection) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        connection.send("x")


def test_a_ping_that_cannot_be_sent_is_quiet() -> None:
    """The reader learns of the end anyway."""
    with pair() as (connection, _):
        connection.abort()
        connection.ping()
        connection.start_close(1000, "bye")
