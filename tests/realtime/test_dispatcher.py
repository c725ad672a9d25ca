"""The dispatcher: order, what is kept for whom, and where the position stands."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.fake_realtime import PATIENCE, message_frame
from voyant_cloud.converter import structure
from voyant_cloud.errors import VoyantConfigError
from voyant_cloud.models import RealtimeChannelConnectedEvent, RealtimeChannelError, RealtimeMessageSummary
from voyant_cloud.realtime.dispatcher import Dispatcher
from voyant_cloud.realtime.events import Event, RealtimeChannelDisconnectedEvent, RealtimeChannelGapEvent
from voyant_cloud.realtime.handlers import KEPT_EVENTS

LAST = RealtimeChannelDisconnectedEvent(code=1000, reason="over", will_reconnect=False, retry_in=None)


def message(number: int) -> RealtimeMessageSummary:
    return structure(message_frame(f"m{number}", number), RealtimeMessageSummary)


@pytest.fixture
def dispatcher() -> Iterator[Dispatcher]:
    made = Dispatcher(channel="orders:eu", capacity=100_000, position=None)
    made.start()
    yield made
    made.discard(LAST)
    assert made.join(PATIENCE)


def put(dispatcher: Dispatcher, *events: Event) -> None:
    assert dispatcher.put(events, PATIENCE)


def finish(dispatcher: Dispatcher) -> None:
    """Let it deliver everything."""
    dispatcher.finish(LAST)
    assert dispatcher.join(PATIENCE)


def test_a_handler_that_comes_late_gets_everything_in_order(dispatcher: Dispatcher) -> None:
    """What came before it, then what comes after, whenever it registers itself."""
    received: list[int] = []
    put(dispatcher, *(message(number) for number in range(500)))
    dispatcher.on("message", lambda event: received.append(event.data))
    put(dispatcher, *(message(number) for number in range(500, 1000)))
    finish(dispatcher)
    assert received == list(range(1000))


@contextmanager
def flowing(count: int) -> Iterator[Dispatcher]:
    """A dispatcher to which another thread gives messages meanwhile; all are delivered at the end."""
    dispatcher = Dispatcher(channel="c", capacity=1000, position=None)
    dispatcher.start()

    def flow() -> None:
        for number in range(count):
            put(dispatcher, message(number))

    thread = threading.Thread(target=flow)
    thread.start()
    yield dispatcher
    thread.join(PATIENCE)
    finish(dispatcher)


def test_handlers_that_come_while_messages_flow_see_them_in_order() -> None:
    """Over and over, at any moment of the flow: kept ones first, then the others, none twice."""
    for _ in range(100):
        received: list[RealtimeMessageSummary] = []
        with flowing(50) as dispatcher:
            dispatcher.on("message", received.append)
        assert received == [message(number) for number in range(50)]


def test_loops_that_come_while_messages_flow_see_them_in_order() -> None:
    """However often one breaks and another goes on."""
    for _ in range(50):
        received: list[int] = []
        with flowing(57) as dispatcher:
            while received[-1:] != [56]:
                received += take_to_a_multiple_of_seven(dispatcher)
        assert received == list(range(57))


def take_to_a_multiple_of_seven(dispatcher: Dispatcher) -> list[int]:
    numbers = []
    for each in dispatcher.messages():
        numbers.append(each.data)
        if each.data % 7 == 0:
            break
    return numbers


def test_a_handler_that_comes_after_the_end_still_gets_what_was_kept(dispatcher: Dispatcher) -> None:
    """Also the last event: a channel that was refused at once tells whoever asks a line later."""
    put(dispatcher, message(1))
    finish(dispatcher)
    received: list[Event] = []
    dispatcher.on("message", received.append)
    dispatcher.on("disconnected", received.append)
    assert dispatcher.join(PATIENCE)
    assert received == [message(1), LAST]


def test_a_loop_that_comes_after_the_end_still_gets_what_was_kept(dispatcher: Dispatcher) -> None:
    """And then ends."""
    put(dispatcher, message(1), message(2))
    finish(dispatcher)
    assert [each.data for each in dispatcher.messages()] == [1, 2]
    assert list(dispatcher.messages()) == []


def test_only_the_newest_are_kept(dispatcher: Dispatcher, caplog: pytest.LogCaptureFixture) -> None:
    """Memory is bounded where nobody listens."""
    put(dispatcher, *(message(number) for number in range(KEPT_EVENTS + 10)))
    finish(dispatcher)
    assert [each.data for each in dispatcher.messages()] == list(range(10, KEPT_EVENTS + 10))
    assert "before their first handler" in caplog.text


def test_a_handler_that_left_gets_nothing_more(dispatcher: Dispatcher) -> None:
    """What on() returned takes it away; calling it twice does no harm."""
    received: list[Event] = []
    off = dispatcher.on("message", received.append)
    put(dispatcher, message(1))
    done = threading.Event()
    dispatcher.on("connected", lambda _: done.set())
    put(dispatcher, RealtimeChannelConnectedEvent(channel="c"))
    assert done.wait(PATIENCE)
    off()
    off()
    put(dispatcher, message(2))
    finish(dispatcher)
    assert received == [message(1)]


def test_discard_drops_what_waits(dispatcher: Dispatcher) -> None:
    """A handler that runs may end; the next event it sees is the last one."""
    running, go_on = threading.Event(), threading.Event()
    received: list[Event] = []

    def handle(event: Event) -> None:
        received.append(event)
        running.set()
        go_on.wait(PATIENCE)

    dispatcher.on("message", handle)
    dispatcher.on("disconnected", received.append)
    put(dispatcher, *(message(number) for number in range(10)))
    assert running.wait(PATIENCE)
    dispatcher.discard(LAST)
    assert not dispatcher.join(0)
    go_on.set()
    assert dispatcher.join(PATIENCE)
    assert received == [message(0), LAST]
    assert dispatcher.last_message_id == "m0"


def test_nothing_is_delivered_after_a_discard(dispatcher: Dispatcher) -> None:
    """Not even what was kept."""
    put(dispatcher, message(1))
    dispatcher.discard(LAST)
    assert dispatcher.join(PATIENCE)
    received: list[Event] = []
    dispatcher.on("message", received.append)
    assert dispatcher.join(PATIENCE)
    assert received == []
    assert list(dispatcher.messages()) == []


def test_position_moves_after_the_handlers(dispatcher: Dispatcher) -> None:
    """While they run it is the message before; one that raises counts as run."""
    positions: list[str | None] = []

    def handle(_: object) -> None:
        positions.append(dispatcher.last_message_id)
        raise ValueError("broken")

    dispatcher.on("message", handle)
    put(dispatcher, message(1), message(2))
    finish(dispatcher)
    assert positions == [None, "m1"]
    assert dispatcher.last_message_id == "m2"


def test_position_does_not_move_for_kept_messages(dispatcher: Dispatcher) -> None:
    """Nobody has dealt with them."""
    put(dispatcher, message(1))
    finish(dispatcher)
    assert dispatcher.last_message_id is None


def test_position_before_the_first_message_is_what_the_service_names(dispatcher: Dispatcher) -> None:
    """So that a program that saw nothing can resume without loss, too; later names do not take it back."""
    put(dispatcher, RealtimeChannelConnectedEvent(channel="c", last_id="m7"))
    put(dispatcher, RealtimeChannelConnectedEvent(channel="c", last_id="m9"))
    finish(dispatcher)
    assert dispatcher.last_message_id == "m7"


def test_position_is_not_what_the_service_names_once_messages_came(dispatcher: Dispatcher) -> None:
    """A message that is kept for nobody yet is not jumped over by the newest id of a later connection."""
    put(dispatcher, RealtimeChannelConnectedEvent(channel="c"), message(1))
    put(dispatcher, RealtimeChannelConnectedEvent(channel="c", last_id="m1"))
    finish(dispatcher)
    assert dispatcher.last_message_id is None


def test_errors_and_gaps_without_a_handler_are_logged(dispatcher: Dispatcher, caplog: pytest.LogCaptureFixture) -> None:
    """They must not pass in silence; with a handler they are its business."""
    error = RealtimeChannelError(code="forbidden", message="no publish")
    gap = RealtimeChannelGapEvent(since_id="m1", resumed_from=None, reason="history_gap")
    with caplog.at_level(logging.WARNING):
        put(dispatcher, error, gap)
        finish(dispatcher)
    assert [record.getMessage() for record in caplog.records] == [
        "channel orders:eu: the service says forbidden: no publish",
        "channel orders:eu: messages may be missing (history_gap)",
    ]


def test_a_wrong_registration_is_refused(dispatcher: Dispatcher) -> None:
    """By name and by what cannot be called."""
    with pytest.raises(VoyantConfigError):
        dispatcher.on("mesage", print)
    with pytest.raises(VoyantConfigError):
        dispatcher.on("message", None)  # type: ignore[arg-type]
