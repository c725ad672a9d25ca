"""Waiting for a socket and another thread together."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from voyant_cloud.realtime.watch import CAN_WATCH, Watch

pytestmark = pytest.mark.skipif(not CAN_WATCH, reason="this system cannot")


@pytest.fixture
def watch() -> Iterator[Watch]:
    with closing(Watch()) as watch:
        yield watch


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def soon() -> float:
    return time.monotonic() + 10


def test_something_comes(watch: Watch, pair: tuple[socket.socket, socket.socket]) -> None:
    """The wait ends when there is something to read, or the peer has gone."""
    pair[1].send(b"x")
    assert not watch.is_woken(pair[0].fileno(), soon())
    pair[0].recv(1)
    threading.Timer(0.02, pair[1].close).start()
    assert not watch.is_woken(pair[0].fileno(), soon())


def test_nothing_comes(watch: Watch, pair: tuple[socket.socket, socket.socket]) -> None:
    """It waits as long as it was told, and no shorter."""
    started = time.monotonic()
    assert not watch.is_woken(pair[0].fileno(), started + 0.05)
    assert time.monotonic() - started >= 0.05
    assert not watch.is_woken(pair[0].fileno(), started)
    assert not watch.is_woken(None, soon())


def test_woken(watch: Watch, pair: tuple[socket.socket, socket.socket]) -> None:
    """By another thread, meanwhile or before, however often; the next wait is one again."""
    threading.Timer(0.02, watch.wake).start()
    assert watch.is_woken(pair[0].fileno(), soon())
    watch.wake()
    watch.wake()
    assert watch.is_woken(pair[0].fileno(), soon())
    assert not watch.is_woken(pair[0].fileno(), time.monotonic() + 0.01)


def test_waiting_for_threads_alone(watch: Watch, pair: tuple[socket.socket, socket.socket]) -> None:
    """A socket that was watched before is none of its business."""
    pair[1].send(b"x")
    assert not watch.is_woken(pair[0].fileno(), soon())
    threading.Timer(0.05, watch.wake).start()
    started = time.monotonic()
    watch.wait()
    assert time.monotonic() - started >= 0.04


def test_closed() -> None:
    """A wake that comes late touches nothing: the number may be somebody else's by then."""
    watch = Watch()
    watch.close()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        watch.wake()
        ours.setblocking(False)
        for end in (ours, theirs):
            end.setblocking(False)
            with pytest.raises(BlockingIOError):
                end.recv(8)
