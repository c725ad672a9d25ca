"""How threads that many channels share come to their end, and how they are refused."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.fake_realtime import PATIENCE, FakeRealtime, message_frame
from tests.realtime.channel_tools import Seen, open_channel, shared_thread_names
from tests.realtime.forking import check_forking
from tests.waiting import until
from voyant_cloud import (
    RealtimeChannel,
    RealtimeChannelOptions,
    RealtimeClosedError,
    RealtimeError,
    SharedThreads,
    VoyantConfigError,
)

pytestmark = pytest.mark.usefixtures("quick")


def test_the_end_is_the_channels_and_the_threads() -> None:
    """All channels at a time: those that are live, in the making, between attempts, or ended before."""
    with FakeRealtime() as service, SharedThreads(handlers=2, connectors=2) as threads:
        names = ("live", "dialing", "waiting", "ended")
        channels = {name: RealtimeChannel.from_options(_options(name, service, threads)) for name in names}
        seen = {name: Seen(channel, "disconnected") for name, channel in channels.items()}
        peers = {}
        while len(peers) < len(names):
            peer = service.accept()
            peers[peer.query["channel"]] = peer
            if peer.query["channel"] != "dialing":
                peer.go_live()
        peers["waiting"].close(1012, "retry-after=60")
        seen["waiting"].wait(1)
        peers["ended"].close(4500, "over")
        assert channels["ended"].wait_closed(PATIENCE)
        with ThreadPoolExecutor() as pool:
            ending = pool.submit(threads.close)
            assert peers["live"].wait_for_end() == (1000, "client closed")
            peers["live"].drop()
            ending.result(PATIENCE)
        assert shared_thread_names() == []
        assert all(channel.wait_closed(0) for channel in channels.values())
        assert [event.code for _, event in seen["waiting"].all] == [1012, 1000]
        threads.close()
        with pytest.raises(RealtimeClosedError, match="were closed"):
            RealtimeChannel.from_options(_options("late", service, threads))
        assert repr(threads) == "<SharedThreads handlers=2 connectors=2 closed>"


def _options(name: str, service: FakeRealtime, threads: SharedThreads) -> RealtimeChannelOptions:
    return RealtimeChannelOptions(channel=name, token="rtok_1", base_url=service.url, threads=threads)


def test_the_end_from_a_handler() -> None:
    """It does not wait for the thread that it runs on; that ends when the handler has."""
    with FakeRealtime() as service, SharedThreads() as threads:
        channel = RealtimeChannel.from_options(_options("c", service, threads))
        channel.on("connected", lambda _: threads.close(timeout=0.2))
        seen = Seen(channel, "disconnected")
        service.accept().go_live()
        seen.wait(1)
        until(lambda: not shared_thread_names())


def test_the_end_does_not_wait_for_what_hangs() -> None:
    """Neither for a handler nor for a token callable; both end when they return."""
    go_on, asked, called = threading.Event(), threading.Event(), threading.Event()

    def provide() -> str:
        asked.set()
        go_on.wait(PATIENCE)
        return "rtok_1"

    with FakeRealtime() as service, SharedThreads() as threads:
        hanging = RealtimeChannel(channel="c", token=provide, base_url=service.url, threads=threads)
        channel = RealtimeChannel.from_options(_options("c", service, threads))
        channel.on("message", lambda _: called.set() or go_on.wait(PATIENCE))
        peer = service.accept()
        peer.go_live()
        peer.send(message_frame("m1"))
        assert called.wait(PATIENCE)
        assert asked.wait(PATIENCE)
        started = time.monotonic()
        threads.close(timeout=0.2)
        assert time.monotonic() - started < 2
        until(lambda: sorted(shared_thread_names()) == ["voyant-shared-connector", "voyant-shared-handlers"])
        go_on.set()
        assert hanging.wait_closed(PATIENCE)
        assert channel.wait_closed(PATIENCE)
        until(lambda: not shared_thread_names())
        until(lambda: not hanging._reader.is_alive())


def test_a_loop_ends_with_the_threads() -> None:
    """Also one over what a channel kept that ended long before."""
    with FakeRealtime() as service, SharedThreads() as threads:
        channel = RealtimeChannel.from_options(_options("c", service, threads))
        peer = service.accept()
        peer.go_live()
        for number in range(3):
            peer.message(f"m{number}", number)
        peer.close(4500, "over")
        assert channel.wait_closed(PATIENCE)
        # Only what still runs is looked after.
        with open_channel(service, threads=threads):
            pass
        loop = iter(channel)
        assert next(loop).data == 0
        threads.close()
        with pytest.raises(RealtimeError, match="over"):
            list(loop)
        with pytest.raises(RealtimeError, match="over"):
            list(channel)


@pytest.mark.parametrize("wrong", [0, 65, True, 1.5, "4", None])
@pytest.mark.parametrize("name", ["handlers", "connectors"])
def test_wrong_numbers_are_named(name: str, wrong: Any) -> None:
    """With the range and the value."""
    with pytest.raises(VoyantConfigError, match=rf"{name}: must be a whole number, 1 to 64, got {wrong!r}"):
        SharedThreads(**{name: wrong})
    assert shared_thread_names() == []


@pytest.mark.parametrize("wrong", [-1, "5", float("nan")])
def test_a_wrong_timeout_is_named(wrong: Any) -> None:
    """As for a channel."""
    with SharedThreads() as threads, pytest.raises(VoyantConfigError, match="timeout"):
        threads.close(wrong)


FORKED = """
    import os, sys
    from voyant_cloud import RealtimeChannel, RealtimeError, SharedThreads

    threads = SharedThreads()
    options = {"token": "rtok_1", "base_url": sys.argv[1], "threads": threads}
    channel = RealtimeChannel(channel="orders:eu", **options)
    assert channel.wait_connected(10)
    if os.fork() == 0:
        try:
            RealtimeChannel(channel="orders:us", **options)
        except RealtimeError as error:
            print("child", "before a fork" in str(error), flush=True)
        channel.close()
        threads.close()
        del channel, options, threads
        os._exit(0)
    os.wait()
    channel.publish("alive")
    print("parent", next(iter(channel)).id, flush=True)
    threads.close()
"""


def test_a_forked_child_is_told_and_the_parent_unhurt() -> None:
    """In the child there are no threads; what it lets go of is still the parent's."""
    check_forking(FORKED)
