"""Data by Django's rules, as the subscriber sees it."""

from __future__ import annotations

import datetime as dt
import decimal
import uuid
from typing import Any

import pytest
from django.utils.translation import gettext_lazy

from voyant_cloud import VoyantValidationError
from voyant_cloud.integrations.django.encoding import message_of, plain

UTC = dt.UTC
KEY = uuid.UUID("0192f3c4-7a1b-4c2d-9e8f-001122334455")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (dt.datetime(2026, 11, 24, 9, 30, 0, 123456, tzinfo=UTC), "2026-11-24T09:30:00.123Z"),
        (dt.date(2026, 11, 24), "2026-11-24"),
        (dt.time(9, 30), "09:30:00"),
        (dt.timedelta(days=1, seconds=2), "P1DT00H00M02S"),
        (decimal.Decimal("129.50"), "129.50"),
        (KEY, str(KEY)),
        (gettext_lazy("Save"), "Save"),
        ((1, [2.5, None, True]), [1, [2.5, None, True]]),
        ({1: "one", None: "none"}, {"1": "one", "null": "none"}),
        (2**60 + 1, 2**60 + 1),
        ("é😀\x7f", "é😀\x7f"),
        (None, None),
    ],
)
def test_plain(given: Any, expected: Any) -> None:
    """Each kind of value becomes what ``DjangoJSONEncoder`` makes of it."""
    assert plain({"nested": [given]}) == {"nested": [expected]}
    assert plain(given) == expected


def deep(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels - 1):
        value = [value]
    return value


def circle() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (object(), "object is not JSON serializable"),
        ({1, 2}, "set is not JSON serializable"),
        (dt.time(9, 30, tzinfo=UTC), "timezone-aware times"),
        (float("nan"), "NaN"),
        (float("inf"), "Infinity"),
        ("\ud800", "surrogate"),
        ({1: "a", "1": "b"}, "repeats the key"),
        ({KEY: 1}, "keys must be str"),
        (circle(), "Circular"),
        (deep(65), "at most 64"),
        (deep(100_000), "too deep"),
        ("x" * 65_535, "at most 65536"),
    ],
)
def test_refused(given: Any, words: str) -> None:
    """What is no JSON by Django's rules either, or too much, is refused."""
    with pytest.raises(VoyantValidationError, match=words):
        message_of("orders:eu", "order.updated", given)


def test_a_copy() -> None:
    """What the caller changes later is not in the message."""
    data = {"lines": [1]}
    message = message_of("orders:eu", "order.updated", data)
    data["lines"].append(2)
    assert message.data == {"lines": [1]}
