"""A channel's own threads: the handlers' thread reads for itself, and nothing of it shows but the speed."""

from __future__ import annotations

import contextlib
import os
import random
import threading
import time
from typing import Any

import pytest

from tests.fake_realtime import PATIENCE, PING, PONG, FakePeer, FakeRealtime, frame_bytes
from tests.realtime.channel_tools import Seen, open_channel
from tests.waiting import until
from voyant_cloud import RealtimeChannel
from voyant_cloud.realtime import own_reading, own_threads
from voyant_cloud.realtime.connection import Connection

pytestmark = pytest.mark.usefixtures("quick")

HANDLERS = "voyant-handlers-orders:eu"
READER = "voyant-reader-orders:eu"


class Where:
    """Which threads read from the sockets of channels, in order."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.names: list[str] = []
        receive = Connection.receive

        def noted(connection: Connection, timeout: float, limit: int) -> list[str]:
            texts = receive(connection, timeout, limit)
            if texts:
                self.names.append(threading.current_thread().name)
            return texts

        monkeypatch.setattr(Connection, "receive", noted)


@pytest.fixture
def where(monkeypatch: pytest.MonkeyPatch) -> Where:
    return Where(monkeypatch)


@pytest.fixture(params=["watches", "cannot watch", "no descriptor left"])
def _system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Systems that can wait for a socket and a thread together, and those that cannot."""

    def none_left() -> Any:
        raise OSError(24, "Too many open files")

    if request.param == "cannot watch":
        monkeypatch.setattr(own_threads, "CAN_WATCH", False)
    elif request.param == "no descriptor left":
        monkeypatch.setattr(own_threads, "Watch", none_left)


@pytest.mark.usefixtures("_system")
def test_whatever_the_handlers_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long they take, each message comes once, in order, on one and the same thread."""
    # So that the threads change places as often as can be.
    monkeypatch.setattr(own_reading, "GRACE", 0.001)
    dice = random.Random(5)
    count = 1500

    def script(peer: FakePeer) -> None:
        peer.go_live()
        for number in range(count):
            peer.message(f"m{number}", number)
            if dice.random() < 0.2:
                time.sleep(dice.random() * 0.003)
        peer.wait_for_end()

    seen: list[int] = []
    threads: set[str] = set()
    over = threading.Event()

    def handle(message: Any) -> None:
        seen.append(message.data)
        threads.add(threading.current_thread().name)
        if dice.random() < 0.1:
            time.sleep(dice.random() * 0.005)
        if len(seen) == count:
            over.set()

    with FakeRealtime(script) as service, open_channel(service) as channel:
        channel.on("message", handle)
        assert over.wait(30)
    assert seen == list(range(count))
    assert threads == {HANDLERS}


def test_the_handlers_thread_reads_for_itself(where: Where) -> None:
    """Once it has nothing to deliver; and again when a slow handler has returned."""
    go_on = threading.Event()
    with FakeRealtime() as service, open_channel(service) as channel:
        seen = Seen(channel, "message")
        channel.on("message", lambda message: message.data == "slow" and go_on.wait(PATIENCE))
        peer = service.accept()
        peer.go_live()

        def is_read_by_handlers() -> bool:
            number = len(seen.all)
            peer.message(f"m{number}")
            seen.wait(number + 1)
            return where.names[-1] == HANDLERS

        until(is_read_by_handlers)
        number = len(seen.all)
        peer.message(f"m{number}", "slow")
        seen.wait(number + 1)
        peer.message(f"m{number + 1}")
        until(lambda: where.names[-1] == READER)
        go_on.set()
        seen.wait(number + 2)
        until(is_read_by_handlers)


def test_the_connection_does_not_notice_a_slow_handler() -> None:
    """What the service asks meanwhile is answered, by the other thread."""
    go_on = threading.Event()
    with FakeRealtime() as service, open_channel(service) as channel:
        seen = Seen(channel, "message")
        channel.on("message", lambda _: go_on.wait(PATIENCE))
        peer = service.accept()
        peer.go_live()
        peer.message("m1")
        seen.wait(1)
        for word in (b"one", b"two"):
            peer.write(frame_bytes(word, PING))
            assert peer.receive() == (PONG, word)
        go_on.set()


@pytest.mark.usefixtures("_system")
def test_a_late_handler_gets_what_was_kept_at_once() -> None:
    """Though the thread that is to call it waits for the socket, which stays silent."""
    with FakeRealtime() as service, open_channel(service) as channel:
        first = Seen(channel, "connected", "message")
        peer = service.accept()
        peer.go_live()
        peer.message("m1")
        peer.send({"type": "error", "code": "forbidden", "message": "no"})
        peer.message("m2")
        first.wait(3)
        started = time.monotonic()
        [(_, error)] = Seen(channel, "error").wait(1)
        assert error.code == "forbidden"
        assert time.monotonic() - started < 2


def test_a_channel_that_is_closed_by_its_handler() -> None:
    """The handler need not wait for a thread that waits for it."""
    with FakeRealtime() as service, open_channel(service) as channel:
        took: list[float] = []

        def close(_: Any) -> None:
            started = time.monotonic()
            channel.close(timeout=5)
            took.append(time.monotonic() - started)

        channel.on("message", close)
        peer = service.accept()
        peer.go_live()
        peer.message("m1")
        assert peer.wait_for_end() == (1000, "client closed")
        peer.drop()
        assert channel.wait_closed(PATIENCE)
        assert took[0] < 1


def test_no_descriptor_is_left_behind() -> None:
    """Each channel gives back what its threads were woken by."""
    with FakeRealtime() as service:
        for attempt in range(8):
            with open_channel(service) as channel:
                seen = Seen(channel, "message", "disconnected")
                peer = service.accept()
                peer.go_live()
                peer.message("m1")
                seen.wait(1)
            peer.wait_for_end()
            peer.drop()
            seen.wait(2)
            if attempt == 2:
                before = _wakers()
        until(lambda: _wakers() <= before)


def _wakers() -> int:
    names = (f"/proc/self/fd/{number}" for number in os.listdir("/proc/self/fd"))
    return sum(os.path.islink(name) and "eventfd" in _target(name) for name in names)


def _target(name: str) -> str:
    try:
        return os.readlink(name)
    except OSError:
        return ""


@pytest.mark.parametrize("which", ["voyant-reader", "voyant-handlers"])
def test_a_thread_that_cannot_be_started(monkeypatch: pytest.MonkeyPatch, which: str) -> None:
    """The channel is not made, and leaves neither the other thread nor a descriptor behind."""
    start = threading.Thread.start

    def refused(thread: threading.Thread) -> None:
        if thread.name.startswith(which):
            raise RuntimeError("can't start new thread")
        start(thread)

    # What tests before have left may still go, so nothing that was not there is what to look for.
    threads, descriptors = set(threading.enumerate()), _descriptors()
    monkeypatch.setattr(threading.Thread, "start", refused)
    for _ in range(3):
        with pytest.raises(RuntimeError, match="can't start"):
            RealtimeChannel(channel="a", token="a.b.c", base_url="http://127.0.0.1:9")
    until(lambda: threads.issuperset(threading.enumerate()) and _descriptors() <= descriptors)


def _descriptors() -> set[tuple[str, str]]:
    """Return the number of each that is open, and what it leads to."""
    found = set()
    for number in os.listdir("/proc/self/fd"):
        # The one that lists them is gone by now.
        with contextlib.suppress(FileNotFoundError):
            found.add((number, os.readlink(f"/proc/self/fd/{number}")))
    return found
