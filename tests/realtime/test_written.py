"""Messages as they are written: the same by the fast way and by the models, and refused in the same words."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voyant_cloud import fast_batch
from voyant_cloud.errors import VoyantValidationError
from voyant_cloud.models import RealtimeBatchMessage
from voyant_cloud.realtime.inputs import batch_message_from
from voyant_cloud.realtime.written import Writer, body_of, size_of, write

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


def test_names_are_remembered_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that was good once is good; so many names at a time are kept."""
    monkeypatch.setattr(fast_batch, "_REMEMBERED", 2)
    check = fast_batch.FastCheck()
    for name in ("a", "b", "a", "c", "a"):
        assert check.data_text(name, "e", None) == "null"
        assert len(check._good) <= 2
    assert ("b", "e") not in check._good


@pytest.mark.parametrize("data", ["x", "ü", None])
def test_sizes_add_up(data: Any) -> None:
    """What messages take is what the body has, but for what stands around them."""
    texts = [write(RealtimeBatchMessage(channel="a", event="e", data=data)).text] * 3
    assert len(body_of(texts)) == sum(map(size_of, texts)) - 1 + len('{"messages":[]}')
