"""JSON read the fast way: what it takes is what the strict parser reads, with orjson or without."""

from __future__ import annotations

import json
import runpy
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voyant_cloud import fast_json, jsontext
from voyant_cloud.fast_json import compact, read_loosely, read_written

VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False, allow_infinity=False),
        st.floats(-1e17, 1e17),
        st.text(),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(), inner, max_size=3)),
    max_leaves=8,
)
ODD = [
    '{"a":1,"a":2}',
    '[{"a":1,"a":1}]',
    "1e400",
    "-1e400",
    "NaN",
    '"\\ud800"',
    '"\\u0041"',
    "1.0000000000000000000001",
    "[1, 2]",
    " 1",
    "1 ",
    "",
    "[1",
    "[" * 100_000,
    '"\n"',
]


@pytest.fixture(params=["orjson", "standard"], autouse=True)
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "orjson":
        pytest.importorskip("orjson")
    else:
        monkeypatch.setattr(fast_json, "ORJSON", None)


def compacted(text: str) -> Any:
    return compact(text.encode())


def taken(text: str, read: Any = read_written) -> Any:
    try:
        return read(text)
    except (ValueError, RecursionError, StopIteration):
        return ...


@given(VALUES)
def test_what_was_written(value: Any) -> None:
    """Whatever it takes of what is written here, the strict parser reads just so."""
    text = jsontext.dumps(value) if "\ud800" not in repr(value) else "1"
    assert taken(text) in (..., jsontext.loads(text))


@given(st.text(alphabet='{}[]",:\\u0d8e1.-+ aN', max_size=12))
def test_any_text(text: str) -> None:
    """Whatever text it takes, the strict parser does, with the same value."""
    found = taken(text)
    assert found is ... or json.dumps(found) == json.dumps(jsontext.loads(text))


@pytest.mark.parametrize("text", ODD, ids=lambda text: text[:20])
def test_what_stands_otherwise(text: str) -> None:
    """What would lose something by being read, or is no JSON, is left to others."""
    assert taken(text) is ...


@pytest.mark.parametrize("text", ['{"a":[1,2.5,true,null,"ü"],"b":{}}', '"\\n\\"\\\\"', "9007199254740993"])
def test_what_is_usual(text: str) -> None:
    """What is written as usual is taken, escapes and all."""
    assert taken(text) == jsontext.loads(text)


def test_large_numbers() -> None:
    """A number that a parser has no room for is not taken for another."""
    assert taken("123456789012345678901234567890") in (..., 123456789012345678901234567890)


def test_what_is_read_loosely() -> None:
    """It reads one value, and nothing behind it."""
    assert read_loosely(b'{"a":[1]}') == {"a": [1]}
    with pytest.raises(ValueError):  # noqa: PT011 - either parser's own
        read_loosely(b"1 2")


def loose(value: Any) -> str:
    """Write a value with white space in it."""
    return json.dumps(value, ensure_ascii=False, indent=1)


@given(VALUES)
def test_what_is_compacted(value: Any) -> None:
    """Whatever it takes, white space and all, it reads and writes to the letter as the strict ones do."""
    assert taken(loose(value), compacted) in (..., (value, jsontext.dumps(value)))


@given(st.text(alphabet='{}[]",:\\u0d8e1.-+ aN', max_size=12))
def test_any_text_that_is_compacted(text: str) -> None:
    """Whatever text it takes, the strict parser does, with the same value."""
    found = taken(text, compacted)
    assert found is ... or found[1] == jsontext.dumps(jsontext.loads(text))


@pytest.mark.parametrize(
    "value",
    [
        {"a": [1, 2.5, True, None, "ü"], "b": {"c": 0.0, "d": -0.25}},
        1e-4,
        10.00001,
        -(2**63),
        "x",
        'a \n"b\\',
        "0.00001, 2e5",
    ],
)
def test_what_is_usually_compacted(value: Any) -> None:
    """What is usual is taken."""
    assert taken(loose(value), compacted) == (value, jsontext.dumps(value))


@pytest.mark.parametrize(
    "text",
    [
        '{"a":1,"a":2}',
        '[{"b":{"a":"x", "a":1}}]',
        "1.50",
        "0.00001",
        "[0.0000999]",
        "1e-7",
        '"\\ud800"',
        "1e400",
        "NaN",
        "",
        "[1",
        "1 2",
        "[" * 100_000,
    ],
    ids=lambda text: text[:20],
)
def test_what_is_not_compacted(text: str) -> None:
    """What would lose something, or is no JSON, is left to others."""
    assert taken(text, compacted) is ...


@pytest.mark.parametrize("value", [1e16, [1e-5], 9.99e-5, -1e-7, {"a": [{"b": -1e300}]}])
def test_numbers_with_an_exponent(value: Any) -> None:
    """A number that parsers write in several ways is written as it always is, or left to others."""
    assert taken(loose(value), compacted) in (..., (value, jsontext.dumps(value)))


def test_what_is_no_utf_8() -> None:
    """Other bytes than UTF-8 are left to others."""
    with pytest.raises(ValueError):  # noqa: PT011 - either parser's own
        compact(b'"\xff"')


def test_without_orjson(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is not installed there is the standard parser."""
    monkeypatch.setitem(sys.modules, "orjson", None)
    assert runpy.run_path(fast_json.__file__)["ORJSON"] is None
