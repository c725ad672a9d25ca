"""Handlers: who is called, what is kept for late comers, what is refused."""

from __future__ import annotations

import logging

import pytest

from voyant_cloud.errors import VoyantConfigError
from voyant_cloud.models import RealtimeChannelConnectedEvent
from voyant_cloud.realtime.events import Event
from voyant_cloud.realtime.handlers import KEPT_EVENTS, Handlers


def connected(number: int = 0) -> Event:
    return RealtimeChannelConnectedEvent(channel=str(number))


def handle(_: object) -> None:
    pass


def other(_: object) -> None:
    pass


def test_handlers_are_called_in_the_order_of_registration() -> None:
    """The first that came is the first called."""
    handlers = Handlers(channel="c")
    handlers.add("message", handle)
    handlers.add("message", other)
    handlers.add("presence", other)
    assert handlers.of("message") == (handle, other)


def test_the_same_function_twice_is_two_handlers() -> None:
    """Each registration is undone by itself."""
    handlers = Handlers(channel="c")
    first = handlers.add("message", handle)
    handlers.add("message", handle)
    handlers.remove("message", first)
    handlers.remove("message", first)
    assert handlers.of("message") == (handle,)


def test_a_snapshot_is_not_changed_by_a_handler_that_leaves() -> None:
    """Whoever goes through the handlers sees those of the moment it began."""
    handlers = Handlers(channel="c")
    token = handlers.add("message", handle)
    snapshot = handlers.of("message")
    handlers.remove("message", token)
    assert (snapshot, handlers.of("message")) == ((handle,), ())


def test_unknown_events_are_refused_with_the_known_ones() -> None:
    """A misspelt name would otherwise never be called."""
    with pytest.raises(VoyantConfigError, match="no such event; there are connected, message, presence, error"):
        Handlers(channel="c").check("mesage", handle)


def test_what_cannot_be_called_is_refused() -> None:
    """The mistake is told where it is made, not when the first message comes."""
    with pytest.raises(VoyantConfigError, match="must be callable, got str"):
        Handlers(channel="c").check("message", "handle")


def test_kept_events_wait_for_their_first_handler() -> None:
    """They come out in order, and only once somebody wants them."""
    handlers = Handlers(channel="c")
    for number in range(3):
        handlers.keep("connected", connected(number))
    assert handlers.take_kept(iterating=True) is None
    handlers.add("connected", handle)
    taken = [handlers.take_kept(iterating=False) for _ in range(4)]
    assert taken == [("connected", connected(number)) for number in range(3)] + [None]


def test_the_newest_thousand_are_kept(caplog: pytest.LogCaptureFixture) -> None:
    """Older ones are dropped, which is said once."""
    handlers = Handlers(channel="orders:eu")
    with caplog.at_level(logging.WARNING):
        for number in range(KEPT_EVENTS + 5):
            handlers.keep("connected", connected(number))
    handlers.add("connected", handle)
    assert handlers.take_kept(iterating=False) == ("connected", connected(5))
    assert [record.getMessage() for record in caplog.records] == [
        "channel orders:eu: more than 1000 connected events came before their first handler; the oldest are dropped"
    ]


def test_nothing_is_kept_after_a_handler_has_left() -> None:
    """Whoever took its handler away wants no more of them."""
    handlers = Handlers(channel="c")
    handlers.remove("connected", handlers.add("connected", handle))
    handlers.keep("connected", connected())
    handlers.add("connected", handle)
    assert handlers.take_kept(iterating=False) is None


def test_what_is_put_back_comes_first_again() -> None:
    """An event that could not be delivered keeps its place."""
    handlers = Handlers(channel="c")
    handlers.keep("connected", connected(1))
    handlers.keep("connected", connected(2))
    handlers.add("connected", handle)
    found = handlers.take_kept(iterating=False)
    assert found is not None
    handlers.put_back(*found)
    assert handlers.take_kept(iterating=False) == found


def test_drop_kept_lets_go_of_everything() -> None:
    """After close() nothing is delivered any more."""
    handlers = Handlers(channel="c")
    handlers.keep("connected", connected())
    handlers.drop_kept()
    handlers.add("connected", handle)
    assert handlers.take_kept(iterating=False) is None
