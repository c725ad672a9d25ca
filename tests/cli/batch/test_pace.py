"""The bucket of tokens: never faster than the rate, never a burst after a wait."""

from __future__ import annotations

import pytest

from voyant_cloud.cli.batch.pace import Pace, batch_size_for


def taken_within(pace: Pace, start: float, seconds: float) -> int:
    """Count what may go within some seconds, waiting each time for as long as it asks."""
    now, count = start, 0
    while True:
        now += pace.take(now)
        if now > start + seconds:
            return count
        count += 1


@pytest.mark.parametrize("rate", [0.5, 1, 10, 1000, 20_000.5])
def test_rate(rate: float) -> None:
    """Over ten seconds it is the rate, from the beginning on."""
    assert rate * 10 - 1 <= taken_within(Pace(rate, 100.0), 100.0, 10.0) <= rate * 10 + 1


def test_no_burst_after_a_wait() -> None:
    """An hour in which nothing came is not made up for."""
    pace = Pace(10, 0.0)
    taken_within(pace, 0.0, 1.0)
    assert taken_within(pace, 3600.0, 1.0) <= 11


@pytest.mark.parametrize(("rate", "size"), [(1, 1), (0.1, 1), (10, 2), (399, 99), (400, 100), (1e9, 100)])
def test_batches_are_small_where_messages_are_slow(rate: float, size: int) -> None:
    """A batch holds a quarter of a second's worth."""
    assert batch_size_for(rate, 100) == size
