"""Many channels on few threads: each keeps its promises, whatever the others do."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Any, cast

import pytest

from tests.fake_realtime import PATIENCE, PING, FakePeer, FakeRealtime, frame_bytes, message_frame
from tests.realtime.channel_tools import Seen, open_channel, shared_thread_names
from tests.waiting import until
from voyant_cloud import (
    RealtimeChannel,
    RealtimeChannelOptions,
    RealtimeError,
    SharedThreads,
    VoyantCloudClient,
)
from voyant_cloud.realtime import connection as connection_module
from voyant_cloud.realtime import wire
from voyant_cloud.testing import VoyantServer

pytestmark = pytest.mark.usefixtures("quick")

CERTIFICATES = Path(__file__).resolve().parents[1] / "certificates"


@pytest.fixture
def threads() -> Iterator[SharedThreads]:
    """Two for handlers, two for connects."""
    with SharedThreads(handlers=2, connectors=2) as shared:
        yield shared


def take(channel: RealtimeChannel, count: int) -> list[Any]:
    return [message.data for message in islice(channel, count)]


# Few threads


def test_many_channels_on_few_threads() -> None:
    """200 of them on 8 threads, each with its messages and in order."""
    count, each = 200, 20

    def script(peer: FakePeer) -> None:
        name = peer.query["channel"]
        peer.go_live()
        for number in range(each):
            peer.message(f"{name}-{number}", [name, number])
        peer.wait_for_end()
        peer.drop()

    names = [f"c{number}" for number in range(count)]
    with FakeRealtime(script) as service, SharedThreads() as threads:
        channels = [RealtimeChannel(channel=n, token="rtok_1", base_url=service.url, threads=threads) for n in names]
        seen = [Seen(channel, "message") for channel in channels]
        for name, events in zip(names, seen, strict=True):
            assert [event.data for _, event in events.wait(each)] == [[name, number] for number in range(each)]
        assert 3 <= len(shared_thread_names()) <= 8
        assert {channel.last_message_id for channel in channels} == {f"{name}-{each - 1}" for name in names}
    assert shared_thread_names() == []
    assert not any(channel.wait_closed(0) is False for channel in channels)


def test_the_clients_channels_and_options_take_them(server: VoyantServer, threads: SharedThreads) -> None:
    """Wherever a channel's settings are given."""
    client = VoyantCloudClient(api_key=server.api_key, base_url=server.url)
    token = client.realtime.tokens.mint(client_id="u", capabilities={"*": ["subscribe"]})
    options = RealtimeChannelOptions(channel="b", token=token, base_url=server.url, threads=threads)
    with client.realtime.channel("a", client_id="u", threads=threads) as first:
        with RealtimeChannel.from_options(options) as second:
            assert first.wait_connected(PATIENCE)
            assert second.wait_connected(PATIENCE)
            client.realtime.publish("a", event="e", data=1)
            client.realtime.publish("b", event="e", data=2)
            assert (take(first, 1), take(second, 1)) == ([1], [2])
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("voyant-reader")]


def test_a_burst_over_tls_is_read_to_its_end(threads: SharedThreads, monkeypatch: pytest.MonkeyPatch) -> None:
    """What TLS has decrypted already, and a read did not take, is no longer announced by the socket."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / "server.pem")
    frames = [frame_bytes(json.dumps(message_frame(f"m{number}"))) for number in range(100, 200)]
    with FakeRealtime(tls=context) as service:
        url = f"https://localhost:{service.port}"
        with open_channel(service, base_url=url, verify=str(CERTIFICATES / "ca.pem"), threads=threads) as channel:
            seen, peer = Seen(channel, "message"), service.accept()
            peer.go_live()
            assert channel.wait_connected(PATIENCE)
            # A read takes a frame, of a record that holds many.
            monkeypatch.setattr(wire, "_READ_SIZE", len(frames[0]))
            peer.write(b"".join(frames))
            seen.wait(100)
        assert seen.ids == [f"m{number}" for number in range(100, 200)]


# Each for itself


def test_a_slow_handler_holds_up_no_other_channel(threads: SharedThreads) -> None:
    """It takes one thread of two; and its full queue stops nobody else's reading."""
    go_on = threading.Event()
    with FakeRealtime() as service, ExitStack() as stack:
        slow = stack.enter_context(open_channel(service, channel="slow", queue_size=5, threads=threads))
        slow.on("message", lambda _: go_on.wait(PATIENCE))
        slow_seen, slow_peer = Seen(slow, "message"), service.accept()
        quick = stack.enter_context(open_channel(service, channel="quick", threads=threads))
        quick_seen, quick_peer = Seen(quick, "message"), service.accept()
        slow_peer.go_live()
        quick_peer.go_live()
        for number in range(100):
            slow_peer.message(f"s{number}")
        for number in range(100):
            quick_peer.message(f"q{number}")
            quick_seen.wait(number + 1)
        assert slow_seen.ids == []
        assert len(slow._dispatcher._inbox._events) <= 5
        go_on.set()
        slow_seen.wait(100)
    assert slow_seen.ids == [f"s{number}" for number in range(100)]


def test_a_busy_channel_holds_up_no_other_channel() -> None:
    """Where both need the only thread for handlers, each gets it for a batch."""
    running, go_on = threading.Event(), threading.Event()
    with FakeRealtime() as service, SharedThreads(handlers=1) as threads, ExitStack() as stack:
        busy = stack.enter_context(open_channel(service, channel="busy", threads=threads))
        busy.on("message", lambda _: running.set() or go_on.wait(PATIENCE))
        busy_seen, busy_peer = Seen(busy, "message"), service.accept()
        busy_peer.go_live()
        other = stack.enter_context(open_channel(service, channel="other", threads=threads))
        before: list[int] = []
        other.on("message", lambda _: before.append(len(busy_seen.all)))
        other_seen, other_peer = Seen(other, "message"), service.accept()
        other_peer.go_live()
        assert other.wait_connected(PATIENCE)
        for number in range(1000):
            busy_peer.message(f"b{number}")
        assert running.wait(PATIENCE)
        until(lambda: len(busy._dispatcher._inbox._events) > 900)
        other_peer.message("o1")
        until(lambda: "o1" in [getattr(event, "id", "") for event in list(other._dispatcher._inbox._events)])
        go_on.set()
        other_seen.wait(1)
        busy_seen.wait(1000)
    assert before[0] < 500


def test_a_host_that_does_not_answer_holds_up_no_other_channel() -> None:
    """While the only connector waits for it, all that is connected flows; the rest connects after it."""
    with FakeRealtime() as service, SharedThreads(connectors=1) as threads, ExitStack() as stack:
        black_hole = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        live = stack.enter_context(open_channel(service, threads=threads))
        seen, peer = Seen(live, "message"), service.accept()
        peer.go_live()
        assert live.wait_connected(PATIENCE)
        url = f"http://127.0.0.1:{black_hole.getsockname()[1]}"
        lost = stack.enter_context(open_channel(service, base_url=url, connect_timeout=0.5, threads=threads))
        accepted, _ = black_hole.accept()
        stack.enter_context(accepted)
        for number in range(20):
            peer.message(f"m{number}")
            seen.wait(number + 1)
        peer.drop()
        again = service.accept()
        assert again.query["sinceId"] == "m19"
        again.go_live()
        again.message("m20")
        seen.wait(21)
        assert not lost.wait_connected(0)


def test_a_lasting_error_of_one_leaves_the_others(threads: SharedThreads) -> None:
    """It ends, and says why; they go on."""
    with FakeRealtime() as service, open_channel(service, threads=threads) as lasting:
        seen, peer = Seen(lasting, "message"), service.accept()
        peer.go_live()
        with open_channel(service, threads=threads) as ending:
            service.accept().refuse(403, {"error": "no", "code": "forbidden", "requestId": "r"})
            assert ending.wait_closed(PATIENCE)
            assert "no" in str(ending.error)
        peer.message("m1")
        seen.wait(1)


def test_a_peer_that_reads_nothing_holds_up_no_other_channel(
    threads: SharedThreads, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A ping that would have to wait behind what a user's thread sends is sent by another thread, when it can be."""
    monkeypatch.setattr(connection_module, "_CONTROL_TIMEOUT", PATIENCE)
    with FakeRealtime() as service, ExitStack() as stack:
        live = stack.enter_context(open_channel(service, threads=threads))
        seen, peer = Seen(live, "message"), service.accept()
        peer.go_live()
        stuck = stack.enter_context(open_channel(service, ping_after=0.5, pong_timeout=60, threads=threads))
        stuck_peer = service.accept()
        stuck_peer.go_live()
        assert stuck.wait_connected(PATIENCE)
        connectors, connection = threads._pool._connectors, cast(Any, stuck._lifecycle.connection())
        until(lambda: connectors._idle == len(connectors._threads))
        # As a user's thread in the middle of a frame does.
        with connection._sending:
            until(lambda: connectors._idle < len(connectors._threads))
            for number in range(20):
                peer.message(f"m{number}")
                seen.wait(number + 1)
        assert stuck_peer.receive() == (PING, b"")


# Loops and handlers


def test_loops_take_no_thread_of_the_handlers() -> None:
    """Three at a time, and a handler beside them, on one thread for handlers."""
    with FakeRealtime() as service, SharedThreads(handlers=1) as threads, ExitStack() as stack:
        channels = [stack.enter_context(open_channel(service, channel=f"c{n}", threads=threads)) for n in range(4)]
        peers = {}
        for _ in channels:
            peer = service.accept()
            peer.go_live()
            peers[peer.query["channel"]] = peer
        seen = Seen(channels[3], "message")
        pool = stack.enter_context(ThreadPoolExecutor())
        loops = [pool.submit(take, channel, 100) for channel in channels[:3]]
        for number in range(100):
            for name, peer in peers.items():
                peer.message(f"{name}-{number}", [name, number])
        for loop, channel in zip(loops, channels, strict=False):
            assert loop.result(PATIENCE) == [[channel.name, number] for number in range(100)]
        seen.wait(100)
        # And one that is in the middle of its body, for ever.
        peers["c0"].message("last")
        held = iter(channels[0])
        next(held)
        peers["c3"].message("last")
        seen.wait(101)


def test_a_handler_cannot_iterate_over_a_channel_that_is_over() -> None:
    """What is kept of it would be delivered on the very thread that the loop blocks."""
    errors: list[str] = []
    tried = threading.Event()
    with FakeRealtime() as service, SharedThreads(handlers=1) as threads, ExitStack() as stack:
        over = stack.enter_context(open_channel(service, channel="over", threads=threads, reconnect=False))
        peer = service.accept()
        peer.go_live()
        peer.message("kept")
        peer.close(1000)
        assert over.wait_closed(PATIENCE)
        channel = stack.enter_context(open_channel(service, threads=threads))

        @channel.on("connected")
        def iterate(_: object) -> None:
            try:
                next(iter(over))
            except RealtimeError as error:
                errors.append(str(error))
            tried.set()

        service.accept().go_live()
        assert tried.wait(PATIENCE)
        assert next(iter(over)).id == "kept"
    assert ["on the same threads" in error for error in errors] == [True]


def test_a_handler_may_close_other_channels_but_not_wait_for_them() -> None:
    """Where all threads waited, none could deliver what they wait for."""
    errors: list[str] = []
    took: list[float] = []
    with FakeRealtime() as service, SharedThreads(handlers=1) as threads, ExitStack() as stack:
        other = stack.enter_context(open_channel(service, channel="other", threads=threads))
        last = Seen(other, "disconnected")
        other_peer = service.accept()
        other_peer.go_live()
        assert other.wait_connected(PATIENCE)
        channel = stack.enter_context(open_channel(service, threads=threads))

        @channel.on("connected")
        def try_all(_: object) -> None:
            for call in (other.wait_closed, lambda: next(iter(other))):
                try:
                    call()
                except RealtimeError as error:
                    errors.append(str(error))
            started = time.monotonic()
            other.close()
            took.append(time.monotonic() - started)

        seen = Seen(channel, "connected")
        service.accept().go_live()
        assert other_peer.wait_for_end() == (1000, "client closed")
        other_peer.drop()
        seen.wait(1)
        last.wait(1)
    assert [error.partition(";")[0] for error in errors] == [
        "a handler cannot wait for the end of its channel, or of one on the same threads",
        "a handler cannot iterate over its channel, or one on the same threads",
    ]
    assert took[0] < 3
