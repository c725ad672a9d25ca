"""The handover: one message at a time, from one thread to another."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.fake_realtime import PATIENCE, message_frame
from voyant_cloud.converter import structure
from voyant_cloud.errors import RealtimeError
from voyant_cloud.models import RealtimeMessageSummary
from voyant_cloud.realtime.handover import Given, Handover


def message(message_id: str) -> RealtimeMessageSummary:
    return structure(message_frame(message_id), RealtimeMessageSummary)


def test_a_message_is_done_when_the_loop_comes_back() -> None:
    """The giver is held until the next take, no shorter."""
    handover = Handover()
    handover.begin()
    with ThreadPoolExecutor() as pool:
        first = pool.submit(handover.give, message("m1"))
        assert handover.take() == message("m1")
        assert not first.done()
        second = pool.submit(handover.take)
        assert first.result(PATIENCE) is Given.DONE
        handover.finish()
        assert second.result(PATIENCE) is None


def test_a_message_of_a_loop_that_left_is_taken() -> None:
    """It went to somebody, though nobody said that it is done with."""
    handover = Handover()
    handover.begin()
    with ThreadPoolExecutor() as pool:
        giving = pool.submit(handover.give, message("m1"))
        handover.take()
        handover.end()
        assert giving.result(PATIENCE) is Given.TAKEN


def test_a_message_that_nobody_takes_is_left() -> None:
    """The giver may keep it for the next loop."""
    handover = Handover()
    assert handover.give(message("m1")) is Given.LEFT
    handover.begin()
    handover.end()
    assert handover.give(message("m1")) is Given.LEFT


def test_there_is_one_loop_at_a_time() -> None:
    """A second one would steal every other message."""
    handover = Handover()
    handover.begin()
    with pytest.raises(RealtimeError, match="another loop"):
        handover.begin()
    handover.end()
    handover.begin()


def test_finish_releases_both_sides() -> None:
    """Nobody waits after the end, and a late giver is not held."""
    handover = Handover()
    handover.begin()
    with ThreadPoolExecutor() as pool:
        giving = pool.submit(handover.give, message("m1"))
        handover.take()
        handover.finish()
        assert giving.result(PATIENCE) is Given.TAKEN
    assert handover.take() is None
    assert handover.give(message("m2")) is Given.LEFT
