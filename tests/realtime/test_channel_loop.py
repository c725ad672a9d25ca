"""``for message in channel``: one at a time, none lost or repeated, and every way in which it ends."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.fake_realtime import PATIENCE, FakeRealtime
from tests.realtime.channel_tools import Seen, open_channel
from voyant_cloud.errors import RealtimeError
from voyant_cloud.realtime.channel import RealtimeChannel

pytestmark = pytest.mark.usefixtures("quick", "threads")


def take(channel: RealtimeChannel, count: int) -> list[str]:
    """Iterate until *count* messages have come."""
    ids: list[str] = []
    for message in channel:
        ids.append(message.id)
        if len(ids) == count:
            break
    return ids


def test_messages_from_before_the_loop_come_first() -> None:
    """A worker may set itself up before it begins to listen."""
    with FakeRealtime() as service, open_channel(service) as channel:
        connected = Seen(channel, "connected", "presence")
        peer = service.accept()
        peer.go_live()
        for number in range(3):
            peer.message(f"m{number}")
        peer.send(
            {"type": "presence", "action": "enter", "channel": "c", "clientId": "u", "at": "2026-11-24T09:30:00Z"}
        )
        # The presence event is behind the messages, so these wait by now.
        connected.wait(2)
        peer.message("m3")
        assert take(channel, 4) == ["m0", "m1", "m2", "m3"]


def test_a_loop_that_breaks_can_be_gone_on_with() -> None:
    """The next loop begins with the next message, live or waiting."""
    with FakeRealtime() as service, open_channel(service) as channel:
        peer = service.accept()
        peer.go_live()
        for number in range(6):
            peer.message(f"m{number}")
        assert [take(channel, 1), take(channel, 2), take(channel, 1)] == [["m0"], ["m1", "m2"], ["m3"]]
        peer.message("m6")
        assert take(channel, 3) == ["m4", "m5", "m6"]


def test_the_position_moves_when_the_loop_comes_back() -> None:
    """A program that dies in the loop's body gets the message again."""
    with FakeRealtime() as service, open_channel(service) as channel:
        peer = service.accept()
        peer.go_live()
        peer.message("m1")
        peer.message("m2")
        positions = []
        for message in channel:
            positions.append((message.id, channel.last_message_id))
            if message.id == "m2":
                break
        assert positions == [("m1", None), ("m2", "m1")]
        assert channel.last_message_id == "m1"


def test_an_exception_in_the_body_leaves_the_channel_usable() -> None:
    """The next loop goes on; the position has not moved past the message that failed."""
    with FakeRealtime() as service, open_channel(service) as channel:
        peer = service.accept()
        peer.go_live()
        peer.message("m1")
        peer.message("m2")
        with pytest.raises(ZeroDivisionError):
            fail_on_first(channel)
        assert channel.last_message_id is None
        assert take(channel, 1) == ["m2"]


def fail_on_first(channel: RealtimeChannel) -> None:
    for message in channel:
        raise ZeroDivisionError(message.id)


def test_there_is_one_loop_at_a_time() -> None:
    """Two would each get a part of the messages."""
    with FakeRealtime() as service, open_channel(service) as channel:
        peer = service.accept()
        peer.go_live()
        peer.message("m1")
        first = iter(channel)
        assert next(first).id == "m1"
        with pytest.raises(RealtimeError, match="another loop"):
            next(iter(channel))
        peer.message("m2")
        assert next(first).id == "m2"


def test_a_handler_cannot_iterate() -> None:
    """It would wait for itself."""
    with FakeRealtime() as service, open_channel(service) as channel:
        errors: list[RealtimeError] = []
        done = threading.Event()

        @channel.on("connected")
        def loop(_: object) -> None:
            try:
                next(iter(channel))
            except RealtimeError as error:
                errors.append(error)
            done.set()

        service.accept().go_live()
        assert done.wait(PATIENCE)
    assert "a handler cannot iterate" in str(errors[0])


def test_handlers_and_a_loop_both_get_a_message() -> None:
    """They do not take it from each other."""
    with FakeRealtime() as service, open_channel(service) as channel:
        seen = Seen(channel, "message")
        with ThreadPoolExecutor() as pool:
            looping = pool.submit(take, channel, 2)
            peer = service.accept()
            peer.go_live()
            while not channel._dispatcher._handover.wanted:
                seen.pause()
            peer.message("m1")
            peer.message("m2")
            assert looping.result(PATIENCE) == ["m1", "m2"]
        assert [name for name, _ in seen.wait(2)] == ["message", "message"]


def test_close_from_another_thread_ends_it() -> None:
    """Quietly: it was wished. A loop that waits is woken."""
    came = threading.Semaphore(0)

    def loop(channel: RealtimeChannel) -> list[str]:
        ids = []
        for message in channel:
            ids.append(message.id)
            came.release()
        return ids

    with FakeRealtime() as service, open_channel(service) as channel, ThreadPoolExecutor() as pool:
        looping = pool.submit(loop, channel)
        peer = service.accept()
        peer.go_live()
        for message_id in ("m1", "m2"):
            peer.message(message_id)
            assert came.acquire(timeout=PATIENCE)
        channel.close(timeout=0)
        assert looping.result(PATIENCE) == ["m1", "m2"]


def test_close_in_the_body_ends_it() -> None:
    """Waiting messages are not given out any more; the position says where to go on."""
    with FakeRealtime() as service, open_channel(service) as channel:
        peer = service.accept()
        peer.go_live()
        for number in range(5):
            peer.message(f"m{number}")
        ids = []
        for message in channel:
            ids.append(message.id)
            if message.id == "m1":
                channel.close(timeout=0)
        assert ids == ["m0", "m1"]


def test_a_terminal_error_is_raised_after_the_last_message() -> None:
    """Everything received is given out first, also to a loop that starts when all is over."""
    with FakeRealtime() as service, open_channel(service) as channel:
        peer = service.accept()
        peer.go_live()
        for number in range(200):
            peer.message(f"m{number}")
        peer.close(4500, "over")
        assert channel.wait_closed(PATIENCE)
        ids: list[str] = []
        with pytest.raises(RealtimeError, match="4500 over"):
            ids.extend(message.id for message in channel)
        assert ids == [f"m{number}" for number in range(200)]
        with pytest.raises(RealtimeError, match="4500 over"):
            next(iter(channel))


def test_a_slow_loop_loses_nothing() -> None:
    """The service closes in the middle of a burst that the loop takes one by one."""
    with FakeRealtime() as service, open_channel(service, queue_size=10) as channel:
        peer = service.accept()
        peer.go_live()
        with ThreadPoolExecutor() as pool:

            def burst() -> None:
                for number in range(3000):
                    peer.message(f"m{number}")
                peer.close(4500, "over")

            pool.submit(burst)
            ids: list[str] = []
            with pytest.raises(RealtimeError, match="over"):
                ids.extend(message.id for message in channel)
        assert ids == [f"m{number}" for number in range(3000)]


LISTENER = """
    import sys
    from voyant_cloud import RealtimeChannel, SharedThreads

    threads = SharedThreads() if sys.argv[2] == "shared" else None
    try:
        with RealtimeChannel(channel="orders:eu", token="rtok_1", base_url=sys.argv[1], threads=threads) as channel:
            for message in channel:
                print(message.id, flush=True)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
"""


def test_ctrl_c_ends_it(threads: str) -> None:
    """In the waiting thread, at once, with a clean close to the service."""
    with FakeRealtime() as service:
        command = [sys.executable, "-c", textwrap.dedent(LISTENER), service.url, threads]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            peer = service.accept()
            peer.go_live()
            peer.message("m1")
            assert process.stdout.readline() == "m1\n"
            process.send_signal(signal.SIGINT)
            assert peer.wait_for_end() == (1000, "client closed")
            peer.drop()
            assert process.stdout.read() == "interrupted\n"
        assert process.returncode == 0
