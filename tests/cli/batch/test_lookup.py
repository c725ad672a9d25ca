"""Whether a batch was published: what history proves, and what it cannot."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from voyant_cloud.cli.batch.lookup import Finding, find
from voyant_cloud.models import RealtimeMessageSummary

SENT = dt.datetime(2026, 11, 24, 12, 0, tzinfo=dt.UTC)
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
        ([stored(2, {"n": 1}), stored(3, {"n": 2})], "rtm_1", Finding.PUBLISHED),
        ([stored(2, {"n": 1}), stored(3, {"n": 2})], None, Finding.PUBLISHED),
        ([stored(2, "other")], None, Finding.UNKNOWN),
        ([], "rtm_1", Finding.UNKNOWN),
        ([], None, Finding.UNKNOWN),
    ],
)
def test_what_history_says(history: list[RealtimeMessageSummary], after: str | None, finding: Finding) -> None:
    """All of it behind a known message proves that it was published, none of it that it was not; else nobody knows."""
    assert find(BATCH, history, after=after, sent_at=SENT) is finding


def test_yesterdays_run_is_no_proof() -> None:
    """The same messages of long before, where nothing tells what is older, say nothing."""
    old = SENT - dt.timedelta(days=1)
    history = [stored(2, {"n": 1}, at=old), stored(3, {"n": 2}, at=old)]
    assert find(BATCH, history, after=None, sent_at=SENT) is Finding.UNKNOWN


def test_keys_in_another_order_and_data_left_out_are_the_same() -> None:
    """JSON objects have no order, and null is the same as none."""
    batch = [{"event": "e", "data": {"a": 1, "b": 2}}, {"event": "e"}]
    history = [BEFORE, stored(2, {"b": 2, "a": 1}), stored(3, None)]
    assert find(batch, history, after="rtm_1", sent_at=SENT) is Finding.PUBLISHED
