"""The token bucket for inbound frames."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from voyant_cloud.server.rate import TokenBucket


def test_a_burst_passes_and_no_more() -> None:
    """Exactly the burst passes at once."""
    bucket = TokenBucket(50, 100, now=0.0)
    assert [bucket.take(0.0) for _ in range(101)] == [True] * 100 + [False]


def test_it_fills_up_again_with_time_and_not_over_the_burst() -> None:
    """A second gives the rate, an hour no more than the burst."""
    bucket = TokenBucket(50, 100, now=0.0)
    while bucket.take(0.0):
        pass
    assert sum(bucket.take(1.0) for _ in range(200)) == 50
    assert sum(bucket.take(3_600.0) for _ in range(200)) == 100


@given(st.lists(st.floats(0, 5), max_size=300))
def test_over_any_time_no_more_than_rate_and_burst(steps: list[float]) -> None:
    """Whatever the timing, at most burst + rate x time passes."""
    bucket = TokenBucket(10, 5, now=0.0)
    now = passed = 0.0
    for step in steps:
        now += step / 100
        passed += bucket.take(now)
        assert passed <= 5 + 10 * now + 1e-6
