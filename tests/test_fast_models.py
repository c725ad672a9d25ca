"""The fast way to a model gives what its constructor would, or leaves the value to the converter."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voyant_cloud.converter import structure
from voyant_cloud.errors import VoyantError
from voyant_cloud.fast_models import fast_reader
from voyant_cloud.models import (
    RealtimeChannelConnectedEvent,
    RealtimeMessageSummary,
    RealtimePresenceMember,
    RealtimeTokenSummary,
)

WIRE_NAMES = {name: field.metadata["wire"] for name, field in attrs.fields_dict(RealtimeMessageSummary).items()}
MESSAGE = {"id": "m", "channel": "a", "event": "e", "data": [1], "publishedAt": "2026-11-24T09:30:00.000Z"}
ODD = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.text()))
TIMES = st.one_of(ODD, st.datetimes().map(str), st.datetimes().map(lambda moment: moment.isoformat() + "+02:00"))


def read_fast(value: Any) -> Any:
    read = fast_reader(RealtimeMessageSummary, WIRE_NAMES)
    assert read is not None
    return read(value)


def test_a_usual_message() -> None:
    """It is equal to one that was constructed, as hashable, and as frozen."""
    message = read_fast({**MESSAGE, "data": None, "newer": 1})
    made = RealtimeMessageSummary(**{name: getattr(message, name) for name in WIRE_NAMES})
    assert (message, hash(message), repr(message)) == (made, hash(made), repr(made))
    with pytest.raises(AttributeError):
        message.id = "other"


@given(
    st.fixed_dictionaries({}, optional={**dict.fromkeys(("id", "channel", "event", "data"), ODD), "publishedAt": TIMES})
)
def test_whatever_it_takes_is_right(changes: dict[str, Any]) -> None:
    """A value that it takes passes every check of the constructor; one that is refused is not taken."""
    message = read_fast({**MESSAGE, **changes})
    if message is not None:
        assert attrs.evolve(message) == message


@pytest.mark.parametrize("key", MESSAGE)
def test_a_missing_key(key: str) -> None:
    """It is left to the converter, which names it."""
    value = {name: each for name, each in MESSAGE.items() if name != key}
    assert read_fast(value) is None
    with pytest.raises(VoyantError, match=rf"\$\.{key}"):
        structure(value, RealtimeMessageSummary)


@pytest.mark.parametrize("value", [None, 5, "text", [], [MESSAGE]])
def test_no_object(value: Any) -> None:
    """So is what is no object."""
    assert read_fast(value) is None


@pytest.mark.parametrize(
    ("model", "is_known"),
    [
        (RealtimePresenceMember, True),
        # One has defaults, the other a rule of its own.
        (RealtimeChannelConnectedEvent, False),
        (RealtimeTokenSummary, False),
    ],
)
def test_models_that_it_knows(model: type, is_known: bool) -> None:
    """Only models whose rules are all about types."""
    names = {field.name: field.metadata["wire"] for field in attrs.fields(model)}
    assert (fast_reader(model, names) is not None) is is_known
