"""When a call is tried again: the whole table, without a clock."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from voyant_cloud.errors import VoyantConfigError
from voyant_cloud.retry import Outcome, RetryPolicy, outcome_of_status, parse_retry_after, time_allowed

NOW = dt.datetime(2026, 11, 24, 9, 30, tzinfo=dt.UTC)


def delay(policy: RetryPolicy, attempt: int = 0, **given: Any) -> float | None:
    arguments: dict[str, Any] = {
        "outcome": Outcome.UNSURE,
        "retry_after": None,
        "left": 1000.0,
        "chance": lambda: 1.0,
        **given,
    }
    return policy.delay(attempt, **arguments)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (429, Outcome.REFUSED),
        (503, Outcome.REFUSED),
        (502, Outcome.UNSURE),
        (504, Outcome.UNSURE),
        *((status, Outcome.FINAL) for status in (301, 307, 400, 401, 403, 404, 409, 413)),
        *((status, Outcome.FAILED) for status in (408, 500, 501, 520, 524, 599)),
    ],
)
def test_outcome_of_status(status: int, outcome: Outcome) -> None:
    """429 and 503 applied nothing, 5xx and 408 may have, the rest would end the same again."""
    assert outcome_of_status(status) is outcome


def test_bounds_double_to_the_largest() -> None:
    """The bound of the wait doubles from the base to the maximum."""
    policy = RetryPolicy(retries=100, base_delay=0.5, max_delay=3)
    assert [delay(policy, attempt) for attempt in (0, 1, 2, 3, 99)] == [0.5, 1.0, 2.0, 3.0, 3.0]


@pytest.mark.parametrize("chance", [0.0, 0.25, 1.0])
def test_full_jitter(chance: float) -> None:
    """The wait is drawn from all of 0 to the bound."""
    assert delay(RetryPolicy(base_delay=4), chance=lambda: chance) == 4 * chance


def test_as_often_as_allowed() -> None:
    """After the last retry there is none."""
    policy = RetryPolicy(retries=2)
    assert delay(policy, 1) is not None
    assert delay(policy, 2) is None
    assert delay(RetryPolicy(retries=0)) is None


@pytest.mark.parametrize("outcome", [Outcome.FINAL, Outcome.FAILED])
def test_final_is_final(outcome: Outcome) -> None:
    """What would end the same is not tried again."""
    assert delay(RetryPolicy(), outcome=outcome) is None


def test_retry_after_is_waited_in_full() -> None:
    """The service's wish is a lower bound; chance is added, so that not all come back at that moment."""
    assert delay(RetryPolicy(base_delay=1), retry_after=7.0, chance=lambda: 0.0) == 7.0
    assert delay(RetryPolicy(base_delay=1), retry_after=7.0, chance=lambda: 1.0) == 8.0


def test_retry_after_beyond_the_deadline() -> None:
    """A wish that does not fit into the time left ends it at once."""
    assert delay(RetryPolicy(), retry_after=30.0, left=30.0, chance=lambda: 0.0) is None
    assert delay(RetryPolicy(), retry_after=29.0, left=30.0, chance=lambda: 0.0) == 29.0


def test_nothing_left() -> None:
    """With no time left there is no retry, even without a wait."""
    assert delay(RetryPolicy(), left=0.0, chance=lambda: 0.0) is None


@pytest.mark.parametrize(
    ("is_publish", "unsure", "key_lifetime", "seconds"),
    [
        (False, True, 0.0, 60.0),
        (True, False, 0.0, 60.0),
        (True, True, 0.0, 0.0),
        (True, True, 300.0, 60.0),
        (True, True, 20.0, 20.0),
    ],
)
def test_time_allowed(is_publish: bool, unsure: bool, key_lifetime: float, seconds: float) -> None:
    """A publish that may have been applied is repeated only while the service remembers its key."""
    policy = RetryPolicy(deadline=60)
    assert time_allowed(policy, is_publish=is_publish, unsure=unsure, key_lifetime=key_lifetime) == seconds


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("0", 0.0),
        ("7", 7.0),
        (" 1.5 ", 1.5),
        ("-1", None),
        ("nan", None),
        ("inf", None),
        ("1e9", None),
        ("٣", None),
        ("soon", None),
        ("Tue, 24 Nov 2026 09:30:07 GMT", 7.0),
        ("Tue, 24 Nov 2026 09:29:00 GMT", 0.0),
        ("Tuesday, 24-Nov-26 09:30:07 GMT", 7.0),
        ("Tue, 24 Nov 2026 09:30:07 -0000", 7.0),
        ("Tue, 99 Nov 2026 09:30:07 GMT", None),
        ("Mon, 01 Jan 2026 00:00:00 +99999999999999", None),
    ],
)
def test_parse_retry_after(header: str | None, seconds: float | None) -> None:
    """Seconds and HTTP dates are understood, anything else is as if it were not there."""
    assert parse_retry_after(header, now=NOW) == seconds


@pytest.mark.parametrize(
    "settings",
    [
        {"retries": -1},
        {"retries": 1.5},
        {"retries": True},
        {"retries": 101},
        {"base_delay": -0.1},
        {"max_delay": float("nan")},
        {"deadline": float("inf")},
        {"deadline": "60"},
    ],
)
def test_limits(settings: dict[str, Any]) -> None:
    """A policy out of range is refused by name."""
    with pytest.raises(VoyantConfigError, match=f"RetryPolicy.{next(iter(settings))}: must be 0 to"):
        RetryPolicy(**settings)
