"""A channel's state, as all threads share it."""

from __future__ import annotations

import traceback

import pytest

from voyant_cloud.errors import RealtimeAuthError, RealtimeClosedError
from voyant_cloud.realtime.lifecycle import ChannelState, Lifecycle


def test_it_ends_once() -> None:
    """The first end counts; later ones change nothing."""
    lifecycle = Lifecycle()
    assert lifecycle.finish(RealtimeAuthError("refused"))
    assert not lifecycle.finish(None)
    assert lifecycle.state is ChannelState.CLOSED
    assert isinstance(lifecycle.error, RealtimeAuthError)


def test_after_close_there_is_nothing_to_wait_for() -> None:
    """Who waits for a channel that the user closed is told that it is closed."""
    lifecycle = Lifecycle()
    lifecycle.finish(None)
    with pytest.raises(RealtimeClosedError, match="was closed"):
        lifecycle.wait_connected(0)


def test_each_raise_is_of_an_error_of_its_own() -> None:
    """However often it is raised, no traceback grows, and no two threads share one."""
    lifecycle = Lifecycle()
    lifecycle.finish(RealtimeAuthError("refused", code="forbidden"))
    raised = []
    for _ in range(50):
        with pytest.raises(RealtimeAuthError) as caught:
            lifecycle.wait_connected(0)
        raised.append(caught.value)
    assert {(str(error), error.code) for error in raised} == {("refused", "forbidden")}
    assert len({id(error) for error in raised}) == 50
    assert len(traceback.extract_tb(raised[-1].__traceback__)) < 5


def test_no_connection_is_made_after_the_end() -> None:
    """A dial that comes too late is told so."""
    lifecycle = Lifecycle()
    lifecycle.finish(None)
    assert not lifecycle.dialing(object())  # type: ignore[arg-type]
