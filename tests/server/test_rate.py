"""The limits of inbound frames."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voyant_cloud.server.rate import FrameGate, Refused, TokenBucket


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


def refused_at(gate: FrameGate, now: float) -> Refused | None:
    """Send one frame; return what becomes of it if it is not taken."""
    return None if gate.take(now) else gate.refuse(now)


@pytest.mark.parametrize("rate", [200, 300, 2_000, 5_000])
def test_a_steady_flood_is_abuse_within_seconds(rate: int) -> None:
    """However evenly it is paced, a flood is noticed at most once a second and ended soon."""
    gate = FrameGate(50, 100, now=0.0)
    refused = [refused_at(gate, n / rate) for n in range(rate * 5)]
    assert Refused.ABUSE in refused
    before = refused[: refused.index(Refused.ABUSE)]
    assert before.count(Refused.DROPPED_WITH_NOTICE) <= len(before) / rate + 1


def test_a_sender_a_little_over_the_rate_is_only_slowed() -> None:
    """55 frames a second where 50 are allowed: some are dropped, with notice, and the connection lives."""
    gate = FrameGate(50, 100, now=0.0)
    refused = {refused_at(gate, n / 55) for n in range(55 * 120)}
    assert refused == {None, Refused.DROPPED, Refused.DROPPED_WITH_NOTICE}
