"""Liveness: when silence becomes a ping, and a ping the end."""

from __future__ import annotations

import pytest

from voyant_cloud.realtime.liveness import Check, Liveness

WALL = 1_764_000_000.0


def live(now: float = 0.0) -> Liveness:
    return Liveness(ping_after=20.0, pong_timeout=10.0, now=now, wall=WALL + now)


def check(
    liveness: Liveness, now: float, received: int = 0, *, found_nothing: bool = True, slept: float = 0.0
) -> Check:
    return liveness.check(received=received, found_nothing=found_nothing, now=now, wall=WALL + now + slept)


def test_silence_is_answered_with_one_ping() -> None:
    """After 20 s without a byte there is a ping, and no second one."""
    liveness = live()
    assert [check(liveness, now) for now in (19.9, 20.0, 20.1, 29.0)] == [
        Check.WAIT,
        Check.PING,
        Check.WAIT,
        Check.WAIT,
    ]


def test_ten_more_seconds_are_the_end() -> None:
    """A peer that does not answer the ping within 10 s is dead."""
    liveness = live()
    assert check(liveness, 20.0) is Check.PING
    assert check(liveness, 29.9) is Check.WAIT
    assert check(liveness, 30.0) is Check.DEAD


def test_any_byte_is_life() -> None:
    """A byte, before or after the ping, starts the silence anew."""
    liveness = live()
    assert check(liveness, 15.0, received=1) is Check.WAIT
    assert check(liveness, 34.0, received=1) is Check.WAIT
    assert check(liveness, 35.0, received=1) is Check.PING
    assert check(liveness, 44.9, received=2) is Check.WAIT
    assert check(liveness, 50.0, received=2) is Check.WAIT
    assert check(liveness, 64.9, received=2) is Check.PING


def test_what_nobody_listened_to_is_no_silence() -> None:
    """The peer may have spoken while we read nothing: only a later silence counts, before and after the ping."""
    liveness = live()
    assert check(liveness, 50.0, found_nothing=False) is Check.WAIT
    assert check(liveness, 69.9) is Check.WAIT
    assert check(liveness, 70.0) is Check.PING
    assert check(liveness, 99.0, found_nothing=False) is Check.WAIT
    assert check(liveness, 118.9) is Check.WAIT
    assert check(liveness, 119.0) is Check.PING


def test_a_suspended_machine_counts_as_silence() -> None:
    """The wall clock went on while the monotonic clock stood still: ping at once, then 10 s to answer."""
    liveness = live()
    assert check(liveness, 1.0, slept=3600) is Check.PING
    assert check(liveness, 10.9, slept=3600) is Check.WAIT
    assert check(liveness, 11.0, slept=3600) is Check.DEAD


def test_a_clock_that_is_set_costs_one_ping() -> None:
    """A jump of the wall clock cannot end a connection that answers."""
    liveness = live()
    assert check(liveness, 1.0, slept=3600) is Check.PING
    assert check(liveness, 1.1, received=2, slept=3600) is Check.WAIT
    assert check(liveness, 21.0, received=2, slept=3600) is Check.WAIT


@pytest.mark.parametrize(("now", "wait"), [(0.0, 5.0), (17.0, 3.0), (20.0, 0.01), (100.0, 0.01)])
def test_next_check_is_due_with_the_ping(now: float, wait: float) -> None:
    """It never waits longer than 5 s, so that waking up from a suspension is noticed soon."""
    assert live().next_check_in(now) == pytest.approx(wait)


def test_next_check_after_a_ping_is_due_with_the_end() -> None:
    """After the ping the next thing that can happen is the end."""
    liveness = live()
    check(liveness, 20.0)
    assert liveness.next_check_in(28.0) == pytest.approx(2.0)
