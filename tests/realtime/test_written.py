"""Messages as they are written: the same by the fast way and by the models, and refused in the same words."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from voyant_cloud import fast_check, jsontext
from voyant_cloud.errors import VoyantValidationError
from voyant_cloud.models import PublishRealtimeMessageInput, RealtimeBatchMessage
from voyant_cloud.realtime.frames import encode_frame
from voyant_cloud.realtime.inputs import batch_message_from
from voyant_cloud.realtime.written import FrameWriter, Writer, Written, body_of, size_of, write

ODD = st.one_of(st.none(), st.integers(), st.floats(), st.text(max_size=3), st.lists(st.text(max_size=3)))
VALUES = st.recursive(ODD, lambda inner: st.dictionaries(st.text(max_size=3), inner, max_size=3), max_leaves=5)
ITEMS = st.one_of(
    VALUES,
    st.fixed_dictionaries(
        {}, optional={"channel": st.one_of(st.just("a:b"), ODD), "event": st.text(), "data": VALUES, "dta": VALUES}
    ),
)


def outcome(make: Any, item: Any) -> Any:
    try:
        return make(item, "messages[3]")
    except VoyantValidationError as error:
        return str(error)


@given(ITEMS)
def test_any_item(item: Any) -> None:
    """Whatever it is given, it writes what the model is, or says what the model says."""
    assert outcome(Writer().write, item) == outcome(lambda *given: write(batch_message_from(*given)), item)


@given(VALUES, VALUES)
def test_any_frame(event: Any, data: Any) -> None:
    """A frame that publishes says what the model's would, or refuses it in the model's words."""

    def by_the_model() -> str:
        return encode_frame(PublishRealtimeMessageInput(event=event, data=data))

    assert _said(lambda: FrameWriter("a:b").write(event, data)) == _said(by_the_model)


@given(st.text(min_size=1, max_size=3), VALUES)
def test_any_event(event: str, data: Any) -> None:
    """The same with an event that could be one."""
    by_the_model = _said(lambda: encode_frame(PublishRealtimeMessageInput(event=event, data=data)))
    assert _said(lambda: FrameWriter("a:b").write(event, data)) == by_the_model


def _said(write_one: Callable[[], str]) -> str:
    try:
        return write_one()
    except VoyantValidationError as error:
        return f"refused: {error}"


@given(ITEMS, st.sampled_from([None, 1]))
@example({"channel": "a:b", "event": "e", "data": None}, None)
def test_any_json(item: Any, indent: int | None) -> None:
    """What it takes as JSON it writes just as it writes the value that the strict parser reads."""
    text = json.dumps(item, indent=indent, ensure_ascii=False)
    written = Writer().write_json(text.encode())
    assert written is None or written == Writer().write(jsontext.loads(text), "messages[3]")


def test_usual_json() -> None:
    """White space makes no difference to what is usual."""
    assert Writer().write_json('{"channel": "a", "event": "é", "data": {"n": [1, 2.5]} }'.encode()) == Written(
        "a", '{"channel":"a","event":"é","data":{"n":[1,2.5]}}'
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "[" * 100_000,
        '["channel","event","data"]',
        '{"channel":"a","event":"e"}',
        '{"event":"e","channel":"a","data":1}',
        '{"channel":"a","event":"e","data":1,"more":1}',
        '{"channel":"a b","event":"e","data":1}',
        '{"channel":"a","event":"e","data":1,"data":2}',
        '{"channel":"a","event":"e","data":{"k":"x","k":1}}',
        '{"channel":"a","event":"\\u0065","data":1}',
        '{"channel":"a","event":"e","data":%s}' % ("[" * 65 + "]" * 65),
        '{"channel":"a","event":"e","data":"%s"}' % ("x" * 65_535),
    ],
    ids=lambda text: text[:50],
)
def test_json_that_it_leaves(text: str) -> None:
    """What is unusual, or breaks a limit, is for the strict parser and the models."""
    assert Writer().write_json(text.encode()) is None


def test_names_are_remembered_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that was good once is good; so many names at a time are kept."""
    monkeypatch.setattr(fast_check, "_REMEMBERED", 2)
    check = fast_check.FastCheck()
    for name in ("a", "b", "a", "c", "a"):
        assert check.data_text(name, "e", None) == "null"
        assert len(check._good) <= 2
    assert ("b", "e") not in check._good


@pytest.mark.parametrize("data", ["x", "ü", None])
def test_sizes_add_up(data: Any) -> None:
    """What messages take is what the body has, but for what stands around them."""
    texts = [write(RealtimeBatchMessage(channel="a", event="e", data=data)).text] * 3
    assert len(body_of(texts)) == sum(map(size_of, texts)) - 1 + len('{"messages":[]}')
