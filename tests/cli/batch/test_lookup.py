"""Whether a batch was published: what history proves, and what it cannot."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from voyant_cloud.cli.batch.lookup import NEWEST, Finding, find
from voyant_cloud.models import RealtimeMessageSummary

SENT = dt.datetime(2026, 11, 24, 12, 0, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)
BATCH = [{"channel": "a", "event": "e", "data": {"n": 1}}, {"channel": "a", "event": "e", "data": {"n": 2}}]


def stored(number: int, data: Any, *, at: dt.datetime = SENT, event: str = "e") -> RealtimeMessageSummary:
    return RealtimeMessageSummary(id=f"rtm_{number}", channel="a", event=event, data=data, published_at=at)


BEFORE = stored(1, "before", at=SENT - dt.timedelta(hours=5))


@pytest.mark.parametrize(
    ("history", "after", "finding"),
    [
        ([BEFORE, stored(2, {"n": 1}), stored(3, {"n": 2})], "rtm_1", Finding.PUBLISHED),
        ([BEFORE, stored(2, {"n": 1}), stored(3, "other"), stored(4, {"n": 2})], "rtm_1", Finding.PUBLISHED),
        ([BEFORE], "rtm_1", Finding.NOT_PUBLISHED),
        ([BEFORE, stored(2, "other")], "rtm_1", Finding.NOT_PUBLISHED),
        ([stored(0, {"n": 1}), stored(0, {"n": 2}), BEFORE], "rtm_1", Finding.NOT_PUBLISHED),
        ([BEFORE, stored(2, {"n": 1})], "rtm_1", Finding.UNKNOWN),
        ([BEFORE, stored(2, {"n": 2}), stored(3, {"n": 1})], "rtm_1", Finding.UNKNOWN),
        ([BEFORE, stored(2, {"n": 1}, event="f"), stored(3, {"n": 2}, event="f")], "rtm_1", Finding.NOT_PUBLISHED),
        ([BEFORE, stored(2, {"n": True}), stored(3, {"n": 2})], "rtm_1", Finding.NOT_PUBLISHED),
        ([stored(2, {"n": 1}), stored(3, {"n": 2})], "rtm_1", Finding.UNKNOWN),
        ([stored(2, {"n": 1}), stored(3, {"n": 2})], None, Finding.UNKNOWN),
        ([stored(2, {"n": 1}), stored(3, {"n": 2})], "", Finding.PUBLISHED),
        ([stored(2, "other")], "", Finding.NOT_PUBLISHED),
        ([stored(2, {"n": 1})], "", Finding.UNKNOWN),
        ([], "", Finding.NOT_PUBLISHED),
        ([], "rtm_1", Finding.UNKNOWN),
        ([], None, Finding.UNKNOWN),
    ],
)
def test_what_history_says(history: list[RealtimeMessageSummary], after: str | None, finding: Finding) -> None:
    """All of it behind what is known to be older proves that it was published, none of it that it was not."""
    assert find(BATCH, history, after=after, age=MINUTE) is finding


def test_an_empty_channel_of_long_ago() -> None:
    """What was published to it may be gone by now, so that finding nothing says nothing; finding all of it does."""
    age = dt.timedelta(hours=2)
    assert find(BATCH, [], after="", age=age) is Finding.UNKNOWN
    assert find(BATCH, [stored(2, {"n": 1}), stored(3, {"n": 2})], after="", age=age) is Finding.PUBLISHED


def test_a_full_answer_may_not_reach_back() -> None:
    """As many messages as can be read at once may hide what was before them."""
    assert find(BATCH, [stored(2, "other")] * NEWEST, after="", age=MINUTE) is Finding.UNKNOWN


def test_keys_in_another_order_and_data_left_out_are_the_same() -> None:
    """JSON objects have no order, and null is the same as none."""
    batch = [{"event": "e", "data": {"a": 1, "b": 2}}, {"event": "e"}]
    history = [BEFORE, stored(2, {"b": 2, "a": 1}), stored(3, None)]
    assert find(batch, history, after="rtm_1", age=MINUTE) is Finding.PUBLISHED
