"""The fast way to a batch's messages: what it takes is what the models make of it, and the rest it leaves to them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voyant_cloud import jsontext
from voyant_cloud.converter import structure
from voyant_cloud.models import PublishRealtimeBatchInput
from voyant_cloud.server.engine.base import NewMessage
from voyant_cloud.server.fast_batch import read_batch
from voyant_cloud.server.limits import Limits

GOOD = {"channel": "orders:eu", "event": "order.updated", "data": {"total": 129.5}}
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
    max_leaves=8,
)
ITEMS = st.one_of(
    VALUES,
    st.fixed_dictionaries(
        {},
        optional={
            "channel": st.one_of(st.just("a"), st.just(".."), VALUES),
            "event": st.one_of(st.just("e"), st.just(""), VALUES),
            "data": VALUES,
        },
    ),
)


@given(st.one_of(VALUES, st.fixed_dictionaries({"messages": st.one_of(VALUES, st.lists(ITEMS, max_size=3))})))
def test_what_it_takes(body: Any) -> None:
    """Whatever it takes, the models take, with the same messages."""
    messages = read_batch(body, Limits())
    if messages is not None:
        given = structure(body, PublishRealtimeBatchInput).messages
        assert messages == [NewMessage(each.channel, each.event, jsontext.dumps(each.data)) for each in given]


def test_a_usual_batch() -> None:
    """It takes up to as many messages as the limit says, with data or without."""
    without = {"channel": "a", "event": "e"}
    messages = read_batch({"messages": [GOOD] * 99 + [without]}, Limits())
    assert messages is not None
    assert messages[0] == NewMessage("orders:eu", "order.updated", '{"total":129.5}')
    assert messages[99] == NewMessage("a", "e", "null")


@pytest.mark.parametrize(
    ("items", "limits"),
    [
        ([], Limits()),
        ([GOOD] * 101, Limits()),
        ([GOOD] * 3, Limits(batch_messages=2)),
        ([{**GOOD, "data": "x" * 65_535}], Limits()),
        ([{**GOOD, "data": "ü" * 40_000}], Limits()),
        ([{**GOOD, "data": "x" * 10}], Limits(message_bytes=11)),
        ([GOOD, {**GOOD, "channel": "a b"}], Limits()),
        ([{**GOOD, "event": "e" * 201}], Limits()),
        ([{**GOOD, "event": "\ud800"}], Limits()),
        ([{**GOOD, "channel": ["a"]}], Limits()),
    ],
)
def test_what_it_leaves(items: list[Any], limits: Limits) -> None:
    """What breaks a limit, the contract's or the server's own, is for the models to refuse in words."""
    assert read_batch({"messages": items}, limits) is None


@pytest.mark.parametrize("size", [65_534, 32_767])
def test_the_largest_data(size: int) -> None:
    """To the last byte, whatever the characters take."""
    letter = "x" if size > 40_000 else "ü"
    messages = read_batch({"messages": [{**GOOD, "data": letter * size}]}, Limits())
    assert messages is not None
    assert len(messages[0].data.encode()) == 65_536
