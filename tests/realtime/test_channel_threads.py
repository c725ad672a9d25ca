"""The channel's threads: slow handlers, hanging calls, forks, and nothing left behind."""

from __future__ import annotations

import gc
import os
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.fake_realtime import PATIENCE, PING, PONG, FakePeer, FakeRealtime, frame_bytes
from tests.realtime.channel_tools import Seen, open_channel
from tests.realtime.forking import check_forking
from tests.waiting import until
from voyant_cloud.errors import RealtimeError
from voyant_cloud.realtime import reader
from voyant_cloud.realtime.channel import ChannelState, RealtimeChannel

pytestmark = pytest.mark.usefixtures("quick")

ON_ANY_THREADS = pytest.mark.usefixtures("threads")
BURST = 50_000


def message_bytes(number: int) -> bytes:
    return frame_bytes(
        f'{{"type":"message","id":"m{number}","channel":"c","event":"e","data":{number},'
        '"publishedAt":"2026-11-24T09:30:00.000Z"}'
    )


# Slow handlers


@ON_ANY_THREADS
def test_a_slow_handler_loses_nothing_of_a_burst() -> None:
    """The service closes right behind 50,000 messages; all of them reach the handler, in order."""
    stream = b"".join(message_bytes(number) for number in range(BURST))

    def script(peer: FakePeer) -> None:
        peer.go_live()
        peer.write(stream)
        peer.close(4500, "over")

    received: list[int] = []
    pause = threading.Event()

    def handle(message: Any) -> None:
        received.append(message.data)
        if message.data % 5000 == 0:
            pause.wait(0.05)

    with FakeRealtime(script) as service, open_channel(service, queue_size=100) as channel:
        channel.on("message", handle)
        assert channel.wait_closed(30)
        assert channel.last_message_id == f"m{BURST - 1}"
    assert received == list(range(BURST))


@ON_ANY_THREADS
def test_a_handler_that_hangs_costs_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """While the inbox is full nothing is read, and the service still hears from us."""
    monkeypatch.setattr(reader, "_STALL_PING", 0.05)
    go_on = threading.Event()
    with FakeRealtime() as service, open_channel(service, queue_size=1, ping_after=60) as channel:
        channel.on("message", lambda _: go_on.wait(PATIENCE))
        seen = Seen(channel, "message")
        peer = service.accept()
        peer.go_live()
        for number in range(100):
            peer.write(message_bytes(number))
        assert peer.receive() == (PING, b"")
        assert peer.receive() == (PING, b"")
        go_on.set()
        seen.wait(100)
        assert channel.state is ChannelState.CONNECTED
    assert seen.ids == [f"m{number}" for number in range(100)]


def test_a_slow_handler_is_not_the_peers_silence() -> None:
    """A peer that answers every ping is kept, though its answers wait behind messages for longer than they may take."""

    def script(peer: FakePeer) -> None:
        peer.go_live()
        peer.write(b"".join(message_bytes(number) for number in range(50)))
        while (frame := peer.receive()) is not None:
            if frame[0] == PING:
                peer.write(frame_bytes(frame[1], PONG))

    pause = threading.Event()

    def handle(_: object) -> None:
        pause.wait(0.04)

    with FakeRealtime(script) as service:
        with open_channel(service, queue_size=10, ping_after=0.05, pong_timeout=0.3) as channel:
            channel.on("message", handle)
            seen = Seen(channel, "message", "disconnected")
            events = seen.wait(50)
    assert [name for name, _ in events] == ["message"] * 50


@ON_ANY_THREADS
def test_the_queue_is_bounded() -> None:
    """A handler that hangs stops the service, through TCP, instead of filling the memory."""
    go_on = threading.Event()
    with FakeRealtime() as service, open_channel(service, queue_size=5) as channel, ThreadPoolExecutor() as pool:
        channel.on("message", lambda _: go_on.wait(PATIENCE))
        peer = service.accept()
        peer.go_live()
        sent = []

        def send_for_ever() -> None:
            block = b"".join(message_bytes(number) for number in range(1000))
            while not go_on.is_set():
                peer.write(block)
                sent.append(len(block))

        sending = pool.submit(send_for_ever)
        before = -1
        while before != len(sent):
            before = len(sent)
            threading.Event().wait(0.2)
        assert not sending.done()
        assert len(channel._dispatcher._inbox._events) <= 5
        go_on.set()
        channel.close(timeout=0)
        peer.drop()
        sending.exception(PATIENCE)


# close()


@ON_ANY_THREADS
def test_close_from_a_handler() -> None:
    """It does not wait for the thread it runs on; what waited is dropped, the last event comes."""
    with FakeRealtime() as service, open_channel(service) as channel:
        done: list[float] = []

        @channel.on("message")
        def close(_: object) -> None:
            started = time.monotonic()
            channel.close(timeout=0.2)
            done.append(time.monotonic() - started)

        seen = Seen(channel, "disconnected")
        peer = service.accept()
        peer.upgrade()
        peer.connected()
        peer.write(message_bytes(1) + message_bytes(2))
        assert peer.wait_for_end() == (1000, "client closed")
        [(_, event)] = seen.wait(1)
        assert (event.code, event.will_reconnect) == (1000, False)
    assert len(done) == 1
    assert done[0] < 2


def test_close_while_a_handler_hangs_is_bounded() -> None:
    """The handler is left to itself."""
    go_on = threading.Event()
    running = threading.Event()

    def hang(_: object) -> None:
        running.set()
        go_on.wait(PATIENCE)

    with FakeRealtime() as service, open_channel(service) as channel:
        channel.on("connected", hang)
        service.accept().go_live()
        assert running.wait(PATIENCE)
        assert seconds_to_close(channel, 0.2) < 1
        assert not channel.wait_closed(0)
        go_on.set()


def seconds_to_close(channel: RealtimeChannel, timeout: float) -> float:
    started = time.monotonic()
    channel.close(timeout)
    return time.monotonic() - started


def test_close_while_dialing_a_black_hole() -> None:
    """A listener that never answers, and a host that swallows everything, do not hold it."""
    with socket.create_server(("127.0.0.1", 0)) as silent, socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        with socket.create_connection(full.getsockname()):
            for address in (silent.getsockname(), full.getsockname()):
                channel = RealtimeChannel(channel="c", token="rtok_1", base_url=f"http://127.0.0.1:{address[1]}")
                assert not channel.wait_connected(0.05)
                assert seconds_to_close(channel, 5.0) < 2
                assert not channel._reader.is_alive()


def test_close_while_the_token_callable_hangs() -> None:
    """It ends within its timeout, and the reader when the callable returns."""
    asked, go_on = threading.Event(), threading.Event()

    def provide() -> str:
        asked.set()
        go_on.wait(PATIENCE)
        return "rtok_1"

    with FakeRealtime() as service, open_channel(service, token=provide) as channel:
        assert asked.wait(PATIENCE)
        assert seconds_to_close(channel, 0.2) < 1
        go_on.set()
        channel._reader.join(PATIENCE)
        assert not channel._reader.is_alive()
        assert service._peers.empty()


@ON_ANY_THREADS
def test_close_from_the_token_callable() -> None:
    """It runs on the reader's thread, which then has nothing to connect."""
    channels: list[RealtimeChannel] = []
    opened = threading.Event()

    def provide() -> str:
        opened.wait(PATIENCE)
        channels[0].close()
        return "rtok_1"

    with FakeRealtime() as service, open_channel(service, token=provide) as channel:
        channels.append(channel)
        opened.set()
        assert channel.wait_closed(PATIENCE)
        channel._reader.join(PATIENCE)
        assert service._peers.empty()


def test_close_on_a_dead_network_is_bounded() -> None:
    """A peer that never answers the close gets a second."""
    with FakeRealtime() as service, open_channel(service) as channel:
        peer = service.accept()
        peer.go_live()
        assert channel.wait_connected(PATIENCE)
        assert seconds_to_close(channel, 5.0) < 2.5
        assert not channel._reader.is_alive()


def test_close_between_attempts_tells_the_handlers_once() -> None:
    """While it waits to reconnect, the end is told all the same."""
    with FakeRealtime() as service, open_channel(service) as channel:
        seen = Seen(channel, "disconnected")
        peer = service.accept()
        peer.go_live()
        peer.close(1012, "retry-after=60")
        seen.wait(1)
        assert seconds_to_close(channel, 5.0) < 1
        assert channel.wait_closed(PATIENCE)
    assert [(event.code, event.will_reconnect) for _, event in seen.all] == [(1012, True), (1000, False)]


def test_a_handler_cannot_wait_for_the_end() -> None:
    """It would wait for itself; it is told so."""
    with FakeRealtime() as service, open_channel(service) as channel:
        errors: list[BaseException] = []

        @channel.on("connected")
        def wait(_: object) -> None:
            try:
                channel.wait_closed()
            except RealtimeError as error:
                errors.append(error)

        seen = Seen(channel, "connected")
        service.accept().go_live()
        seen.wait(1)
    assert "cannot wait for the end" in str(errors[0])


@ON_ANY_THREADS
def test_wait_closed_waits_for_the_handlers() -> None:
    """A program may exit after it without losing what was received."""
    with FakeRealtime() as service, open_channel(service) as channel:
        go_on = threading.Event()
        channel.on("message", lambda _: go_on.wait(PATIENCE))
        peer = service.accept()
        peer.go_live()
        peer.write(message_bytes(1))
        peer.close(4500, "over")
        assert channel._lifecycle.closing.wait(PATIENCE)
        assert not channel.wait_closed(0.05)
        go_on.set()
        assert channel.wait_closed(PATIENCE)


# Nothing left behind


@ON_ANY_THREADS
def test_reconnects_leave_no_threads_and_no_descriptors() -> None:
    """Fifty of them, each ended another way."""
    # What tests before this one left to the collector would end while this one counts.
    gc.collect()
    with FakeRealtime() as service, open_channel(service) as channel:
        seen = Seen(channel, "connected")
        ends: list[Callable[[FakePeer], None]] = [FakePeer.drop, FakePeer.reset, lambda peer: peer.close(1011)]
        counts = []
        for number in range(50):
            peer = service.accept()
            peer.go_live()
            seen.wait(number + 1)
            mine = [thread for thread in threading.enumerate() if thread.name.startswith("voyant-")]
            counts.append((len(mine), len(os.listdir("/proc/self/fd"))))
            ends[number % 3](peer)
    assert counts[-1] == counts[5]


def test_a_closed_channel_leaves_no_thread() -> None:
    """Neither does one that ended by itself and is only forgotten."""
    with FakeRealtime(lambda peer: peer.refuse(400)) as service, open_channel(service) as channel:
        assert channel.wait_closed(PATIENCE)
        names = {f"voyant-reader-{channel.name}", f"voyant-handlers-{channel.name}"}
        # All events were delivered; the threads have a last step to go.
        until(lambda: not [thread for thread in threading.enumerate() if thread.name in names])


UNCLOSED = """
    import sys, threading
    from voyant_cloud.realtime.channel import RealtimeChannel

    channel = RealtimeChannel(channel="orders:eu", token="rtok_1", base_url=sys.argv[1])
    channel.on("message", lambda _: threading.Event().wait())
    assert channel.wait_connected(10)
    print("done", flush=True)
"""


def test_a_program_that_forgets_to_close_ends() -> None:
    """Whatever its handlers do: the threads are daemons."""
    with FakeRealtime() as service:
        command = [sys.executable, "-c", textwrap.dedent(UNCLOSED), service.url]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            peer = service.accept()
            peer.go_live()
            peer.write(message_bytes(1))
            out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out, err) == (0, "done\n", "")


# Fork

FORKED = """
    import os, sys
    from voyant_cloud import RealtimeError
    from voyant_cloud.realtime.channel import RealtimeChannel

    channel = RealtimeChannel(channel="orders:eu", token="rtok_1", base_url=sys.argv[1])
    assert channel.wait_connected(10)
    if os.fork() == 0:
        refused = 0
        calls = [
            lambda: channel.publish("e"), channel.enter_presence, channel.update_presence, channel.leave_presence,
            channel.wait_connected, channel.wait_closed, lambda: channel.state, lambda: channel.error,
            lambda: channel.last_message_id, lambda: channel.on("message", print), lambda: next(iter(channel)),
            channel.__enter__,
        ]
        for call in calls:
            try:
                call()
            except RealtimeError as error:
                assert "before a fork" in str(error)
                refused += 1
        channel.close()
        channel.__exit__(None, None, None)
        repr(channel)
        del channel
        print("child", refused == len(calls), flush=True)
        os._exit(0)
    os.wait()
    channel.publish("alive")
    print("parent", next(iter(channel)).id, flush=True)
    channel.close()
"""


def test_a_forked_child_is_told_and_the_parent_unhurt() -> None:
    """The child's calls say what to do, its close() touches nothing, and the parent's stream goes on."""
    check_forking(FORKED)
