"""What matches, what is near, and how a difference is written."""

from __future__ import annotations

import datetime as dt
from typing import Any
from unittest import mock

import pytest

from voyant_cloud import RealtimeMessageSummary
from voyant_cloud.testing.wanted import ANYTHING, Wanted


def message(data: Any = None, *, channel: str = "orders:eu", event: str = "order.updated") -> RealtimeMessageSummary:
    return RealtimeMessageSummary(
        id="rtm_1", channel=channel, event=event, data=data, published_at=dt.datetime.now(dt.UTC)
    )


class TestData:
    """``data``."""

    @pytest.mark.parametrize(
        ("wanted", "published"),
        [
            (None, None),
            ({"a": [1, 2.0, True, None, "x"]}, {"a": [1, 2, True, None, "x"]}),
            ({"a": (1, 2)}, {"a": [1, 2]}),
            ({"id": mock.ANY, "n": pytest.approx(0.3)}, {"id": "ord_1", "n": 0.1 + 0.2}),
            (mock.ANY, {"a": 1}),
            (ANYTHING, {"a": 1}),
        ],
    )
    def test_like(self, wanted: Any, published: Any) -> None:
        """Equal as JSON, or said to be equal by an object in it."""
        assert Wanted(data=wanted).matches(message(published))

    @pytest.mark.parametrize(
        ("wanted", "published"),
        [
            (None, 0),
            (1, True),
            (False, 0),
            (1, "1"),
            ({"a": 1}, {"a": 1, "b": 2}),
            ({"a": 1, "b": 2}, {"a": 1}),
            ([1], [1, 2]),
            ({"a": 1}, [1]),
        ],
    )
    def test_unlike(self, wanted: Any, published: Any) -> None:
        """More and less both differ, and true is not 1."""
        assert not Wanted(data=wanted).matches(message(published))


class TestPart:
    """``data_contains``."""

    def test_at_every_depth(self) -> None:
        """Objects may have more keys, lists no more items."""
        published = {"order": {"id": "ord_1", "lines": [{"sku": "a", "n": 1}, {"sku": "b", "n": 2}]}, "by": "user_1"}
        assert Wanted(data_contains={"order": {"lines": [{"n": 1}, {"sku": "b"}]}}).matches(message(published))
        assert not Wanted(data_contains={"order": {"lines": [{"n": 1}]}}).matches(message(published))
        assert not Wanted(data_contains={"order": {"id": "ord_2"}}).matches(message(published))
        assert not Wanted(data_contains={"to": 1}).matches(message(published))


class TestNames:
    """Channel and event."""

    def test_both_count(self) -> None:
        """What is given must be the same; what is not given may be anything."""
        assert Wanted().matches(message())
        assert Wanted("orders:eu", "order.updated").matches(message())
        assert not Wanted("orders:us", "order.updated").matches(message())
        assert not Wanted(event="order.created").matches(message())

    def test_likeness(self) -> None:
        """A name counts for more than any data."""
        wanted = Wanted("orders:eu", "order.updated", {"a": 1, "b": 2})
        near = [
            message({"a": 1, "b": 2}),
            message({"a": 1, "b": 3}),
            message("other"),
            message({"a": 1, "b": 2}, channel="orders:us"),
            message({"a": 1, "b": 2}, channel="orders:us", event="order.created"),
        ]
        mixed = [near[index] for index in (3, 0, 4, 2, 1)]
        assert sorted(mixed, key=wanted.likeness, reverse=True) == near


class TestDifferences:
    """What a failing test shows."""

    def test_names(self) -> None:
        """What was wanted instead."""
        lines = Wanted("orders:us", "order.created").differences(message())
        assert lines == ["channel: 'orders:us' was wanted", "event: 'order.created' was wanted"]

    def test_data(self) -> None:
        """Keys are sorted, commas left out, and parts that match are no difference."""
        wanted = Wanted(data={"n": 1, "id": mock.ANY, "lines": [mock.ANY, 3], "gone": {2: dt.date(2026, 11, 24)}})
        assert wanted.differences(message({"id": "ord_1", "lines": [1, 2], "n": 1})) == [
            "data, - as wanted, + as published:",
            "    {",
            '  -   "gone": {',
            '  -     "2": "datetime.date(2026, 11, 24)"',
            "  -   }",
            '      "id": "ord_1"',
            '      "lines": [',
            "        1",
            "  -     3",
            "  +     2",
            "      ]",
            '      "n": 1',
            "    }",
        ]

    def test_a_part(self) -> None:
        """Only what was asked for is compared."""
        wanted = Wanted(data_contains={"order": {"status": "paid", "lines": [{"n": 1}]}, "to": "x"})
        published = message({"order": {"id": "ord_1", "status": "open", "lines": [{"n": 1, "sku": "a"}]}, "by": "y"})
        lines = wanted.differences(published)
        assert [line for line in lines if line.startswith(("  -", "  +"))] == [
            '  -     "status": "paid"',
            '  +     "status": "open"',
            '  -   "to": "x"',
        ]
        assert not any("sku" in line or "ord_1" in line for line in lines)
        partly = Wanted(data_contains=[{"a": 1}, {"a": 2}]).differences(message([{"a": 1, "b": 1}, {"a": 3, "b": 1}]))
        assert [line for line in partly if line.startswith(("  -", "  +"))] == ['  -     "a": 2', '  +     "a": 3']

    def test_what_is_wanted(self) -> None:
        """Only what was given is said."""
        assert Wanted().lines() == []
        assert Wanted("c", "e", None, {"b": 1, "a": [2]}).lines() == [
            "channel: c",
            "event: e",
            "data: null",
            'data with at least: {"a": [2], "b": 1}',
        ]

    def test_anything(self) -> None:
        """It is named where it is shown."""
        assert repr(ANYTHING) == "ANYTHING"
