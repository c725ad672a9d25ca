"""Backoff: doubling, capped, drawn from the upper half."""

from __future__ import annotations

import pytest

from voyant_cloud.realtime.backoff import Backoff


@pytest.mark.parametrize(
    ("chance", "expected"),
    [
        (0.0, [0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0]),
        (0.5, [0.75, 1.5, 3.0, 6.0, 12.0, 22.5, 22.5]),
        (1.0, [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]),
    ],
)
def test_delays_double_to_thirty_seconds(chance: float, expected: list[float]) -> None:
    """As in the official client: 1 s doubling to 30 s, each drawn from its upper half."""
    backoff = Backoff(chance=lambda: chance)
    assert [backoff.next_delay() for _ in expected] == expected


def test_reset_begins_again() -> None:
    """After a reset the first step follows, and then the second."""
    backoff = Backoff(chance=lambda: 1.0)
    for _ in range(4):
        backoff.next_delay()
    backoff.reset()
    assert [backoff.next_delay(), backoff.next_delay()] == [1.0, 2.0]


def test_steps_stay_at_the_cap_for_ever() -> None:
    """A service that is down for days does not make the step overflow."""
    backoff = Backoff(chance=lambda: 1.0, base=0.5, cap=2.0)
    assert [backoff.next_delay() for _ in range(5000)][-1] == 2.0
