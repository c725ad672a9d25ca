"""The handover: messages from one thread to another, and who is done with which."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.fake_realtime import PATIENCE, message_frame
from voyant_cloud.converter import structure
from voyant_cloud.errors import RealtimeError
from voyant_cloud.models import RealtimeMessageSummary
from voyant_cloud.realtime.handover import Handover

M1, M2, M3 = (structure(message_frame(f"m{number}"), RealtimeMessageSummary) for number in (1, 2, 3))


@pytest.fixture
def done() -> list[RealtimeMessageSummary]:
    return []


@pytest.fixture
def handover(done: list[RealtimeMessageSummary]) -> Handover:
    """A handover whose loop has begun."""
    made = Handover(done.append)
    made.begin()
    return made


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor() as running:
        yield running


def test_a_message_is_done_when_the_loop_comes_back(
    handover: Handover, done: list[RealtimeMessageSummary], pool: ThreadPoolExecutor
) -> None:
    """Not when it is taken; and the giver is held until the last one is."""
    giving = pool.submit(handover.give, [M1, M2])
    assert handover.take() == M1
    assert done == []
    assert handover.take() == M2
    assert done == [M1]
    assert not giving.done()
    taking = pool.submit(handover.take)
    assert giving.result(PATIENCE) == []
    assert done == [M1, M2]
    handover.finish()
    assert taking.result(PATIENCE) is None


def test_a_loop_that_leaves_is_not_done_with_its_message(
    handover: Handover, done: list[RealtimeMessageSummary], pool: ThreadPoolExecutor
) -> None:
    """It may have failed on it. What it did not take goes back to the giver."""
    giving = pool.submit(handover.give, [M1, M2, M3])
    handover.take()
    handover.end()
    assert giving.result(PATIENCE) == [M2, M3]
    assert done == []


def test_messages_go_back_when_nobody_wants_them() -> None:
    """The giver may keep them for the next loop."""
    handover = Handover(lambda _: None)
    assert handover.give([M1, M2]) == [M1, M2]
    handover.begin()
    handover.end()
    assert handover.give([M1]) == [M1]


def test_there_is_one_loop_at_a_time(handover: Handover) -> None:
    """A second one would steal every other message."""
    with pytest.raises(RealtimeError, match="another loop"):
        handover.begin()
    handover.end()
    handover.begin()


def test_finish_releases_both_sides(handover: Handover, pool: ThreadPoolExecutor) -> None:
    """Nobody waits after the end, no message is taken any more, and a late giver is not held."""
    giving = pool.submit(handover.give, [M1, M2])
    handover.take()
    handover.finish()
    assert giving.result(PATIENCE) == [M2]
    assert handover.take() is None
    assert handover.give([M3]) == [M3]


def test_a_loop_may_begin_again_after_the_end(handover: Handover, pool: ThreadPoolExecutor) -> None:
    """What was kept until the channel had ended is still given out."""
    handover.finish()
    handover.end()
    handover.begin()
    giving = pool.submit(handover.give, [M1])
    assert handover.take() == M1
    handover.end()
    assert giving.result(PATIENCE) == []
