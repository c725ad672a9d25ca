"""The rules for single values, lists and maps, each just inside and just outside its limits."""

from __future__ import annotations

import datetime
import enum
import math
from collections import UserDict, deque
from typing import Any

import attrs
import pytest

from voyant_cloud.errors import VoyantValidationError
from voyant_cloud.models._check import Check
from voyant_cloud.models._containers import Entries, Items, own
from voyant_cloud.models._validators import (
    AwareDatetime,
    Boolean,
    Constant,
    InstanceOf,
    Integer,
    JsonValue,
    Nullable,
    Number,
    OneOf,
    String,
)


class Colour(enum.StrEnum):
    """A closed enumeration."""

    RED = "red"
    BLUE = "blue"


@attrs.frozen
class Note:
    """A model."""

    text: str


def nested(depth: int) -> Any:
    """Return *depth* lists in each other."""
    value: Any = []
    for _ in range(depth - 1):
        value = [value]
    return value


NAME = String(pattern=r"^(?!\.{1,2}$)[a-z.]{1,9}$")
NOON = datetime.datetime(2026, 11, 24, 12, tzinfo=datetime.UTC)

ACCEPTED: list[tuple[Check, Any]] = [
    (String(), ""),
    (String(), "a\x00\U0001f600"),
    (String(min_length=1), "a"),
    (String(max_length=2), "ab"),
    # Characters are counted, not bytes or UTF-16 units.
    (String(max_length=1), "\U0001f600"),
    (NAME, "a"),
    (NAME, "..."),
    (String(pattern="^rtm_"), "rtm_1"),
    (String(pattern=r"^[$]\$$"), "$$"),
    (Integer(minimum=1, maximum=3), 1),
    (Integer(minimum=1, maximum=3), 3),
    (Integer(), -(10**30)),
    (Number(minimum=0.5, maximum=1.5), 0.5),
    (Number(minimum=0.5, maximum=1.5), 1.5),
    (Number(exclusive_minimum=0, exclusive_maximum=1), 0.001),
    (Number(exclusive_minimum=0, exclusive_maximum=1), 0.999),
    (Number(), 3),
    (Boolean(), False),
    (Constant("a"), "a"),
    (Constant(1), 1),
    (OneOf(Colour), "red"),
    (OneOf(Colour), Colour.BLUE),
    (AwareDatetime(), NOON),
    (JsonValue(), None),
    (JsonValue(max_bytes=4), "ab"),
    (JsonValue(max_bytes=4), "é"),
    (JsonValue(max_bytes=13), {"a": [1, 2.5]}),
    (JsonValue(max_depth=3), nested(3)),
    (InstanceOf(Note), Note("a")),
    (Nullable(Integer()), None),
    (Nullable(Integer()), 1),
    (Items(), []),
    (Items(min_items=1, max_items=2), ["a"]),
    (Items(min_items=1, max_items=2), ("a", 1)),
    (Items(), deque([1])),
    (Items(each=Integer(), unique_items=True), [1, 2]),
    (Entries(keys=String()), {}),
    (Entries(keys=String(), min_entries=1, max_entries=2), {"a": 1}),
    (Entries(keys=String(), min_entries=1, max_entries=2), UserDict({"a": 1, "b": None})),
    (Entries(keys=NAME, values=Items(each=OneOf(Colour))), {"a": ["red"], "b": []}),
]

REFUSED: list[tuple[Check, Any, str, str]] = [
    (String(), 5, "", "must be a string, got int 5"),
    (String(), None, "", "must be a string, got None"),
    (String(), b"a", "", "must be a string, got bytes b'a'"),
    (String(min_length=1), "", "", "is 0 characters long, at least 1 is required"),
    (String(min_length=2), "a", "", "is 1 character long, at least 2 are required"),
    (String(max_length=2), "abc", "", "is 3 characters long, at most 2 are allowed"),
    (String(), "a\ud800", "", "contains a lone surrogate, which is not valid Unicode"),
    (NAME, "..", "", r"'..' must match ^(?!\.{1,2}$)[a-z.]{1,9}$"),
    (NAME, "a\n", "", r"'a\n' must match ^(?!\.{1,2}$)[a-z.]{1,9}$"),
    (String(pattern=r"^\d$", pattern_hint="a digit"), "٣", "", r"'٣' must match ^\d$; a digit"),
    (String(secret=True), 5, "", "must be a string, got int"),
    (String(secret=True, pattern="^b"), "abc", "", "the value must match ^b"),
    (Integer(minimum=1), 0, "", "is 0, at least 1 is required"),
    (Integer(maximum=86400), 86401, "", "is 86401, at most 86400 is allowed"),
    (Integer(), True, "", "must be an integer, got bool True"),
    (Integer(), 5.0, "", "must be an integer, got float 5.0"),
    (Integer(), "5", "", "must be an integer, got str '5'"),
    (Number(minimum=0.5), 0.25, "", "is 0.25, at least 0.5 is required"),
    (Number(maximum=1.5), 2, "", "is 2, at most 1.5 is allowed"),
    (Number(exclusive_minimum=0), 0, "", "is 0, more than 0 is required"),
    (Number(exclusive_maximum=1), 1.0, "", "is 1.0, less than 1 is required"),
    (Number(), True, "", "must be a number, got bool True"),
    (Number(), math.nan, "", "nan is not JSON"),
    (Number(), -math.inf, "", "-inf is not JSON"),
    (Boolean(), 1, "", "must be a boolean, got int 1"),
    (Constant("a"), "b", "", "must be 'a', got str 'b'"),
    (Constant(1), True, "", "must be 1, got bool True"),
    (OneOf(Colour), "green", "", "must be one of 'red', 'blue', got str 'green'"),
    (OneOf(Colour), ["red"], "", "must be one of 'red', 'blue', got list ['red']"),
    (AwareDatetime(), "2026-11-24", "", "must be a datetime, got str '2026-11-24'"),
    (
        AwareDatetime(),
        NOON.replace(tzinfo=None),
        "",
        "must be a datetime with a time zone, got 2026-11-24T12:00:00 without one",
    ),
    (JsonValue(max_bytes=4), "abc", "", "is 5 bytes of JSON, at most 4 are allowed"),
    (JsonValue(max_bytes=3), "é", "", "is 4 bytes of JSON, at most 3 are allowed"),
    (JsonValue(max_bytes=12), {"a": [1, 2.5]}, "", "is 13 bytes of JSON, at most 12 are allowed"),
    (JsonValue(max_depth=3), nested(4), "", "is nested more than 3 deep, at most 3 is allowed"),
    (JsonValue(), {"items": [0, 1, 2, NOON]}, ".items[3]", "datetime is not JSON"),
    (JsonValue(), math.nan, "", "nan is not JSON"),
    (JsonValue(), ["\ud800"], "[0]", "contains a lone surrogate, which is not valid Unicode"),
    (InstanceOf(Note), {"text": "a"}, "", "must be of type Note, got dict {'text': 'a'}"),
    (Nullable(Integer(minimum=1)), 0, "", "is 0, at least 1 is required"),
    (Items(), "abc", "", "must be a list or tuple, got str 'abc'"),
    (Items(), b"abc", "", "must be a list or tuple, got bytes b'abc'"),
    (Items(), {"a": 1}, "", "must be a list or tuple, got dict {'a': 1}"),
    (Items(), None, "", "must be a list or tuple, got None"),
    (Items(min_items=1), [], "", "has 0 items, at least 1 is required"),
    (Items(max_items=1), [1, 2], "", "has 2 items, at most 1 is allowed"),
    (
        Items(max_items=2, too_many_hint="publish_many takes any number"),
        [1, 2, 3],
        "",
        "has 3 items, at most 2 are allowed; publish_many takes any number",
    ),
    (Items(each=String(max_length=1)), ["a", "bc"], "[1]", "is 2 characters long, at most 1 is allowed"),
    (Items(unique_items=True), ["a", "b", "a"], "[2]", "repeats 'a', each item may appear only once"),
    (Items(unique_items=True), [{}, {}], "[1]", "repeats {}, each item may appear only once"),
    (Entries(keys=String()), [("a", 1)], "", "must be a dict, got list [('a', 1)]"),
    (Entries(keys=String(), min_entries=1), {}, "", "has 0 entries, at least 1 is required"),
    (Entries(keys=String(), max_entries=1), {"a": 1, "b": 1}, "", "has 2 entries, at most 1 is allowed"),
    (Entries(keys=String()), {5: 1}, "[5]", "key must be a string, got int 5"),
    (Entries(keys=String(max_length=1)), {"ab": 1}, "['ab']", "key is 2 characters long, at most 1 is allowed"),
    (
        Entries(keys=String(), values=Items(each=OneOf(Colour))),
        {"a": ["red", "x"]},
        "['a'][1]",
        "must be one of 'red', 'blue', got str 'x'",
    ),
]


@pytest.mark.parametrize(("check", "value"), ACCEPTED, ids=repr)
def test_accepts(check: Check, value: Any) -> None:
    """A value just inside the limits has no problem."""
    assert check.find_problem(value) is None


@pytest.mark.parametrize(("check", "value", "path", "text"), REFUSED, ids=repr)
def test_refuses(check: Check, value: Any, path: str, text: str) -> None:
    """A value just outside the limits is refused with its place, the limit and the value."""
    problem = check.find_problem(value)
    assert problem is not None
    assert problem[:2] == (path, text)


class TestMessages:
    """How a problem is worded."""

    def test_names_class_and_field(self) -> None:
        """As an attrs validator, a rule raises with the class, the field and the place in it."""

        @attrs.frozen
        class Album:
            notes: list[int] = attrs.field(validator=Items(each=Integer(maximum=3)))

        with pytest.raises(VoyantValidationError) as refused:
            Album([1, 4])
        assert refused.value.field == "Album.notes[1]"
        assert refused.value.problem == "is 4, at most 3 is allowed"
        assert str(refused.value) == "Album.notes[1]: is 4, at most 3 is allowed"

    @pytest.mark.parametrize("value", ["x" * 10_000, list(range(10_000)), ["y" * 500] * 9, 10**4000, {"z" * 500: 1}])
    def test_long_values_are_cut(self, value: Any) -> None:
        """However long a value is, the message stays short."""
        problem = Boolean().find_problem(value)
        assert problem is not None
        assert len(problem.text) < 130

    def test_value_that_cannot_be_shown(self) -> None:
        """A value whose repr raises is refused like any other."""

        class Rude:
            def __repr__(self) -> str:
                raise RuntimeError

        problem = Boolean().find_problem(Rude())
        assert problem is not None
        assert problem.text.startswith("must be a boolean, got Rude <Rude instance")


class TestOwn:
    """How a model makes lists and maps its own."""

    def test_caller_keeps_and_cannot_reach(self) -> None:
        """The model holds copies: neither side sees later changes of the other, and the caller's value is as it was."""

        @attrs.frozen
        class Grants:
            of: Any

        given = {"a": ["red"]}
        grants = Grants(given)
        own(grants, of=2)
        given["a"].append("blue")
        given["b"] = []
        assert grants.of == {"a": ("red",)}

    def test_deeper_values_stay(self) -> None:
        """What lies below the given levels is the caller's own object."""

        @attrs.frozen
        class Notes:
            items: Any

        inner: list[int] = []
        notes = Notes([inner])
        own(notes, items=1)
        assert isinstance(notes.items, tuple)
        assert notes.items[0] is inner

    def test_left_out(self) -> None:
        """A field that was left out stays None."""

        @attrs.frozen
        class Notes:
            items: Any = None

        notes = Notes()
        own(notes, items=1)
        assert notes.items is None


def test_only_too_much_data_is_refused_as_too_large() -> None:
    """A server answers data over its size with 413, and everything else that is wrong with 400."""
    large = JsonValue(max_bytes=3).find_problem("xxxx")
    wrong = JsonValue(max_bytes=3).find_problem(float("nan"))
    assert large is not None
    assert wrong is not None
    assert (large.code, wrong.code) == ("payload_too_large", "invalid_request")
