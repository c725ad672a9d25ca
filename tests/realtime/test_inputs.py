"""What callers may pass to publish, and how a mistake in it is named."""

from __future__ import annotations

from collections import OrderedDict
from itertools import count, repeat
from typing import Any

import pytest

from voyant_cloud.errors import VoyantValidationError
from voyant_cloud.models import PublishRealtimeBatchInput, PublishRealtimeMessageInput, RealtimeBatchMessage
from voyant_cloud.realtime.inputs import batch_from, batch_message_from, message_from

MODEL = RealtimeBatchMessage(channel="orders:eu", event="order.updated", data={"n": 1})


def test_message_from_fields() -> None:
    """Event and data make a message; data is optional."""
    assert message_from(None, "order.updated", None) == PublishRealtimeMessageInput(event="order.updated")


def test_message_from_model() -> None:
    """A model is taken as it is."""
    message = PublishRealtimeMessageInput(event="order.updated", data=0)
    assert message_from(message, None, None) is message


@pytest.mark.parametrize(
    ("message", "event", "data", "words"),
    [
        (PublishRealtimeMessageInput(event="a"), "b", None, "not both"),
        (PublishRealtimeMessageInput(event="a"), None, 0, "not both"),
        ({"event": "a"}, None, None, "got dict"),
        ("a", None, None, "got str"),
    ],
)
def test_message_from_mix(message: Any, event: Any, data: Any, words: str) -> None:
    """The two forms cannot be mixed."""
    with pytest.raises(TypeError, match=words):
        message_from(message, event, data)


@pytest.mark.parametrize(
    "item",
    [
        MODEL,
        {"channel": "orders:eu", "event": "order.updated", "data": {"n": 1}},
        OrderedDict(channel="orders:eu", event="order.updated", data={"n": 1}),
    ],
)
def test_batch_from_items(item: Any) -> None:
    """Models and mappings do, in any iterable."""
    expected = PublishRealtimeBatchInput(messages=[MODEL])
    assert batch_from([item]) == batch_from((item,)) == batch_from(iter([item])) == expected


def test_batch_from_model() -> None:
    """A whole batch is taken as it is."""
    batch = PublishRealtimeBatchInput(messages=[MODEL])
    assert batch_from(batch) is batch


@pytest.mark.parametrize(
    ("item", "field", "problem"),
    [
        ({"channel": "a", "event": ""}, "messages[1].event", "at least 1"),
        ({"channel": "..", "event": "b"}, "messages[1].channel", "'..'"),
        ({"channel": "a", "event": "b", "data": {"x": [float("nan")]}}, "messages[1].data.x[0]", "nan is not JSON"),
        ({"channel": "a"}, "messages[1].event", "must be a string, got None"),
        ({"event": "b"}, "messages[1].channel", "must be a string, got None"),
        ({"channel": "a", "event": "b", "dta": 1}, "messages[1]", "unknown key 'dta'; it takes channel, event, data"),
        ({"channel": "a", "event": "b", 5: 1}, "messages[1]", "unknown key '5'"),
        (("a", "b"), "messages[1]", "must be a dict or a RealtimeBatchMessage, got tuple"),
        (None, "messages[1]", "got NoneType"),
    ],
)
def test_bad_item(item: Any, field: str, problem: str) -> None:
    """The error names the index and the field."""
    with pytest.raises(VoyantValidationError) as caught:
        batch_from([MODEL, item])
    assert caught.value.field == field
    assert problem in caught.value.problem


def test_too_large_keeps_its_code() -> None:
    """An element that is too large is refused with the code a server would use."""
    with pytest.raises(VoyantValidationError) as caught:
        batch_message_from({"channel": "a", "event": "b", "data": "x" * 70_000}, "messages[0]")
    assert caught.value.code == "payload_too_large"


@pytest.mark.parametrize("messages", ["text", b"bytes", {"channel": "a", "event": "b"}, None, 5, MODEL])
def test_no_list(messages: Any) -> None:
    """One message where a list is due is named as such."""
    with pytest.raises(VoyantValidationError, match="messages: must be a list of messages, got"):
        batch_from(messages)


@pytest.mark.parametrize(
    ("count", "words"), [(0, "at least 1"), (101, "at most 100 are allowed; publish_many takes any")]
)
def test_batch_size(count: int, words: str) -> None:
    """A batch has 1 to 100 messages, and the error shows the way out."""
    with pytest.raises(VoyantValidationError, match=words):
        batch_from([MODEL] * count)


def test_endless_batch() -> None:
    """A generator is read no further than one over the limit, and the error says so."""
    numbers = count()
    endless = (item for item, _ in zip(repeat(MODEL), numbers, strict=True))
    with pytest.raises(VoyantValidationError, match="has more than 100 items, at most 100 are allowed; publish_many"):
        batch_from(endless)
    assert next(numbers) == 101


def test_too_many_reads_as_the_model_says() -> None:
    """A list is refused by its length, in the words of the model."""
    with pytest.raises(VoyantValidationError) as of_model:
        PublishRealtimeBatchInput(messages=[MODEL] * 250)
    with pytest.raises(VoyantValidationError) as caught:
        batch_from([MODEL] * 250)
    assert str(caught.value) == str(of_model.value)
    assert caught.value.code == of_model.value.code
