"""Strict JSON text: what is refused, and that all else comes back as it was."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voyant_cloud import jsontext
from voyant_cloud.jsontext import MAX_DEPTH, JsonTextError, dumps, loads, quote

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4)
    ),
    max_leaves=20,
)


def nested(depth: int, *, objects: bool = False) -> Any:
    """Arrays or objects, *depth* of them in each other."""
    value: Any = {} if objects else []
    for _ in range(depth - 1):
        value = {"a": value} if objects else [value]
    return value


@given(VALUES)
def test_round_trip(value: Any) -> None:
    """What is written is read back the same, strictly and not, as text and as bytes, and by any other reader."""
    text = dumps(value)
    assert loads(text) == loads(text, strict=False) == loads(text.encode()) == json.loads(text) == value


def test_compact() -> None:
    """No space is wasted, and no character escaped that need not be."""
    assert dumps({"a": [1, 2], "ü": "€😀"}) == '{"a":[1,2],"ü":"€😀"}'
    assert dumps((1, (2,))) == "[1,[2]]"


def test_minus_zero_and_large_integers() -> None:
    """Numbers are kept exactly."""
    assert math.copysign(1, loads(dumps(-0.0))) == -1
    assert loads(dumps(2**53 + 1)) == 2**53 + 1


LOOP: list[Any] = []
LOOP.append(LOOP)


@pytest.mark.parametrize(
    ("value", "path", "problem"),
    [
        (math.nan, "", "nan is not JSON"),
        (math.inf, "", "inf is not JSON"),
        ({"a": [0, -math.inf]}, ".a[1]", "-inf is not JSON"),
        ("\ud800", "", "lone surrogate"),
        (["a", {"b": "x\udfff"}], "[1].b", "lone surrogate"),
        ({"\ud800": 1}, "", "lone surrogate"),
        ({1: 2}, "", "key 1 is int, a JSON key is a string"),
        ({"a": {None: 2}}, ".a", "key None is NoneType"),
        (b"bytes", "", "bytes is not JSON"),
        ({"a": {1, 2}}, ".a", "set is not JSON"),
        ([object()], "[0]", "object is not JSON"),
        pytest.param(10**5000, "", "too many digits", id="long integer"),
        pytest.param({"a": ["x", 1.5, None, 10**5000]}, "", "too many digits", id="long integer deep inside"),
        (nested(MAX_DEPTH + 1), "", "more than 64 deep, at most 64"),
        (nested(100_000), "", "more than 64 deep"),
        (nested(MAX_DEPTH + 1, objects=True), "", "more than 64 deep"),
        (LOOP, "", "more than 64 deep"),
    ],
)
def test_not_written(value: Any, path: str, problem: str) -> None:
    """What JSON cannot say is refused, and the place is named."""
    with pytest.raises(JsonTextError) as caught:
        dumps(value)
    assert caught.value.path == path
    assert problem in caught.value.problem


@pytest.mark.parametrize("objects", [False, True])
def test_depth(objects: bool) -> None:
    """As deep as allowed is allowed, and the limit can be another."""
    assert loads(dumps(nested(MAX_DEPTH, objects=objects))) == nested(MAX_DEPTH, objects=objects)
    assert dumps(nested(3, objects=objects), max_depth=3)
    with pytest.raises(JsonTextError, match="at most 2 is allowed"):
        dumps(nested(3, objects=objects), max_depth=2)


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "is not JSON"),
        ("{", "is not JSON"),
        ("[1,]", "is not JSON"),
        ("1 2", "is not JSON"),
        ("{'a': 1}", "is not JSON"),
        ("NaN", "NaN, which is not JSON"),
        ("[-Infinity]", "-Infinity, which is not JSON"),
        ("\ufeff{}", "is not JSON"),
        (b"\xef\xbb\xbf{}", "is not JSON"),
        (b'"\xff"', "is not UTF-8 at byte 1"),
        (b'"\xed\xa0\x80"', "is not UTF-8"),
        ("9" * 5000, "too many digits"),
        ("[" * 100_000, "too deep"),
        ('"\t"', "is not JSON"),
    ],
)
def test_not_read(text: str | bytes, problem: str, strict: bool) -> None:
    """What is not RFC 8259 JSON is refused in one way."""
    with pytest.raises(JsonTextError, match=problem):
        loads(text, strict=strict)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"a": 1, "a": 2}', "repeats the key 'a'"),
        ('[{"b": {"a": 1, "a": 1}}]', "repeats the key 'a'"),
        ("1e400", "1e400, which is too large for a double"),
        ("[-1e999]", "too large for a double"),
        (r'"\ud800"', "lone surrogate"),
        (r'{"\udfff": 1}', "lone surrogate"),
        (r'["\ud800\ud800"]', "lone surrogate"),
    ],
)
def test_strict(text: str, problem: str) -> None:
    """A server also refuses what readers understand differently; a client that is not strict reads it."""
    with pytest.raises(JsonTextError, match=problem):
        loads(text)
    loads(text, strict=False)


def test_escaped_pair_is_one_character() -> None:
    """A surrogate pair that is escaped is a character like any other."""
    assert loads(r'"\ud83d\ude00"') == "😀"


@pytest.mark.parametrize("text", [" 1 ", "\n[]\r\n", "\t{}"])
def test_white_space(text: str) -> None:
    """White space around a value is no harm."""
    loads(text)


@given(st.text(st.characters(codec="utf-8")))
def test_quote(text: str) -> None:
    """A string by itself is written as in a value."""
    assert quote(text) == dumps(text)


def test_without_the_encoder_in_c(monkeypatch: pytest.MonkeyPatch) -> None:
    """An interpreter that has none writes the same."""
    monkeypatch.setattr(json.encoder, "c_make_encoder", None)
    value = {"é": [1, 1.5, None, True, {"a": "\u2028"}]}
    assert jsontext._encoder()(value) == dumps(value)
