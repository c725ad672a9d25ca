"""Who of two threads goes on with a reader's steps, and in which order its events are taken."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

import pytest

from tests.waiting import until
from voyant_cloud.models import RealtimeChannelError
from voyant_cloud.realtime import own_reading
from voyant_cloud.realtime.events import Event
from voyant_cloud.realtime.own_reading import Reading
from voyant_cloud.realtime.steps import Blocking, Call, Put, Steps
from voyant_cloud.realtime.watch import CAN_WATCH, Watch

pytestmark = pytest.mark.skipif(not CAN_WATCH, reason="this system cannot")

FIRST, SECOND, THIRD = (RealtimeChannelError(code=code, message="m") for code in ("1", "2", "3"))


class Sink:
    """Keeps what the reader's own thread puts, and who it was."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.threads: set[threading.Thread] = set()

    def put(self, events: Sequence[Event], timeout: float) -> bool:
        self.events += events
        self.threads.add(threading.current_thread())
        return True

    def put_now(self, events: Sequence[Event], otherwise: Call) -> bool:
        raise AssertionError


class Helper:
    """The handlers' thread, which is this one."""

    is_asleep = False


@pytest.fixture
def watch() -> Iterator[Watch]:
    with closing(Watch()) as watch:
        yield watch


@pytest.fixture
def sink() -> Sink:
    return Sink()


def begun(steps: Steps[None], helper: Any = None) -> Reading:
    reading = Reading()
    if helper is not None:
        reading.begin_help(helper)
    reading.start(steps, "reader")
    return reading


def not_ready() -> bool:
    return False


def test_what_was_put_comes_first(watch: Watch, sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    """Events that the other thread put are older than those that stand in the steps."""
    monkeypatch.setattr(own_reading, "GRACE", 30)
    helper = Helper()
    helper.is_asleep = True

    def steps() -> Steps[None]:
        yield Put(sink, [FIRST], 1)
        helper.is_asleep = False
        yield Put(sink, [SECOND], 1)

    reading = begun(steps(), helper)
    until(lambda: sink.events)
    until(lambda: not reading._held.locked())
    assert reading.help(lambda: True, watch) is None
    assert reading.help(not_ready, watch) == [SECOND]
    assert reading.help(not_ready, watch) is None
    reading.join(10)
    assert not reading.is_alive()
    assert sink.events == [FIRST]


def test_what_takes_its_time_is_left_to_the_other_thread(watch: Watch, sink: Sink) -> None:
    """The helper goes on with its own work, and comes back for what follows."""
    called: list[threading.Thread] = []

    def steps() -> Steps[None]:
        yield Put(sink, [FIRST], 1)
        yield Blocking(lambda: called.append(threading.current_thread()))
        yield Put(sink, [SECOND], 1)

    reading = begun(steps(), Helper())
    until(lambda: reading.help(not_ready, watch) == [FIRST])
    assert reading.help(not_ready, watch) is None
    until(lambda: reading.help(not_ready, watch) == [SECOND])
    assert called
    assert threading.current_thread() not in called
    assert reading.help(not_ready, watch) is None
    reading.join(10)
    assert not reading.is_alive()


def test_without_help(watch: Watch, sink: Sink) -> None:
    """It all goes on when the helper does not come back, has ended, or never was."""

    def steps() -> Steps[None]:
        for event in (FIRST, SECOND, THIRD):
            yield Put(sink, [event], 1)

    begun(steps()).join(10)
    assert sink.events == [FIRST, SECOND, THIRD]
    helper = Helper()
    reading = begun(steps(), helper)
    until(lambda: reading.help(not_ready, watch) == [FIRST])
    # What was taken is not put as well.
    until(lambda: sink.events[3:] == [SECOND, THIRD])
    reading.end_help(helper)
    reading.join(10)
    assert not reading.is_alive()
    assert threading.current_thread() not in sink.threads
