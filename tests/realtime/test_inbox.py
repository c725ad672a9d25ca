"""The inbox: bounded, in order, and nothing lost at the end."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from tests.fake_realtime import PATIENCE
from voyant_cloud.models import RealtimeChannelConnectedEvent
from voyant_cloud.realtime.events import Event
from voyant_cloud.realtime.inbox import Inbox


def events(*numbers: int) -> list[Event]:
    return [RealtimeChannelConnectedEvent(channel=str(number)) for number in numbers]


def test_events_come_out_in_order() -> None:
    """First in, first out, and not more at a time than asked for."""
    inbox = Inbox(10)
    assert inbox.put(events(1, 2), timeout=0)
    assert inbox.put(events(3), timeout=0)
    assert inbox.take(2) == events(1, 2)
    assert inbox.take(2) == events(3)


def test_a_full_inbox_takes_nothing() -> None:
    """What has no room is not added, not even a part of it."""
    inbox = Inbox(2)
    assert inbox.put(events(1), timeout=0)
    assert not inbox.put(events(2, 3), timeout=0)
    assert inbox.put(events(2), timeout=0)
    assert inbox.take(10) == events(1, 2)


def test_an_empty_inbox_takes_more_than_its_capacity() -> None:
    """A frame may make two events, which must fit into an inbox of one."""
    inbox = Inbox(1)
    assert inbox.put(events(1, 2), timeout=0)
    assert not inbox.put(events(3), timeout=0)


def test_put_goes_on_when_there_is_room() -> None:
    """The reader waits for the handlers, no longer than it must."""
    inbox = Inbox(1)
    inbox.put(events(1), timeout=0)
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(inbox.put, events(2), PATIENCE)
        assert inbox.take(1) == events(1)
        assert waiting.result(PATIENCE)
    assert inbox.take(1) == events(2)


def test_take_waits_for_events() -> None:
    """The handlers' thread sleeps while nothing comes."""
    inbox = Inbox(1)
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(inbox.take, 1)
        inbox.put(events(1), timeout=0)
        assert waiting.result(PATIENCE) == events(1)


def test_wake_makes_take_return() -> None:
    """A handler that comes late is looked after at once."""
    inbox = Inbox(1)
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(inbox.take, 1)
        inbox.wake()
        assert waiting.result(PATIENCE) == []


def test_finish_lets_everything_out() -> None:
    """All that was received is taken, then the last events, then None for ever."""
    inbox = Inbox(2)
    inbox.put(events(1, 2), timeout=0)
    inbox.finish(events(3))
    assert inbox.put(events(4), timeout=0), "what comes after the end is dropped, not waited with"
    assert [inbox.take(2), inbox.take(2), inbox.take(2), inbox.take(2)] == [events(1, 2), events(3), None, None]


def test_discard_drops_what_waits() -> None:
    """After close() only the last event is left."""
    inbox = Inbox(2)
    inbox.put(events(1, 2), timeout=0)
    inbox.discard(events(3))
    assert inbox.discarded
    assert [inbox.take(9), inbox.take(9)] == [events(3), None]


def test_a_waiting_put_is_released_by_the_end() -> None:
    """The reader cannot hang on a handler that never returns once the channel is closed."""
    inbox = Inbox(1)
    inbox.put(events(1), timeout=0)
    with ThreadPoolExecutor() as pool:
        started = threading.Event()

        def put() -> bool:
            started.set()
            return inbox.put(events(2), PATIENCE)

        waiting = pool.submit(put)
        assert started.wait(PATIENCE)
        inbox.discard(events(3))
        assert waiting.result(PATIENCE)
    assert inbox.take(9) == events(3)


def test_discard_after_finish_keeps_the_last_event() -> None:
    """A channel that ended by itself has said its last word; close() adds none."""
    inbox = Inbox(9)
    inbox.put(events(1), timeout=0)
    inbox.finish(events(2))
    inbox.discard(events(3))
    assert inbox.discarded
    assert [inbox.take(9), inbox.take(9)] == [events(1, 2), None]
