"""The generated models, as callers meet them."""

from __future__ import annotations

import copy
import datetime
import inspect
import pickle
from typing import Any, get_type_hints

import attrs
import pytest

from voyant_cloud import models
from voyant_cloud.errors import VoyantValidationError
from voyant_cloud.models import (
    MintRealtimeTokenInput,
    PublishRealtimeBatchInput,
    PublishRealtimeMessageInput,
    RealtimeBatchMessage,
    RealtimeCapability,
    RealtimeChannelPresenceEvent,
    RealtimeChannelTarget,
    RealtimeHistoryQuery,
    RealtimeMessageSummary,
    RealtimePresenceAction,
    RealtimePresenceInput,
    RealtimeTokenSummary,
)

NOON = datetime.datetime(2026, 11, 24, 12, tzinfo=datetime.UTC)
MESSAGE = RealtimeBatchMessage(channel="orders:eu", event="order.updated")
CLASSES = [getattr(models, name) for name in models.__all__]
MODELS = [cls for cls in CLASSES if attrs.has(cls)]


def mint(**changes: Any) -> MintRealtimeTokenInput:
    """Return a valid input with some fields changed."""
    fields: dict[str, Any] = {"client_id": "user_42", "capabilities": {"orders:*": ["subscribe"]}}
    return MintRealtimeTokenInput(**{**fields, **changes})


ACCEPTED: list[tuple[type, dict[str, Any]]] = [
    (PublishRealtimeMessageInput, {"event": "a"}),
    (PublishRealtimeMessageInput, {"event": "a" * 200}),
    (PublishRealtimeMessageInput, {"event": "a", "data": "x" * 65_534}),
    (PublishRealtimeBatchInput, {"messages": [MESSAGE]}),
    (PublishRealtimeBatchInput, {"messages": [MESSAGE] * 100}),
    (RealtimeChannelTarget, {"channel": "..."}),
    (RealtimeChannelTarget, {"channel": "A" * 200}),
    (RealtimeHistoryQuery, {"limit": 1}),
    (RealtimeHistoryQuery, {"limit": 1000, "since_id": "r" * 200}),
    (RealtimePresenceInput, {"action": "leave", "data": "x" * 4094}),
    (MintRealtimeTokenInput, {"client_id": "c" * 128, "capabilities": {"*": ["publish"]}, "ttl_seconds": 86_400}),
    (
        MintRealtimeTokenInput,
        {"client_id": "c", "capabilities": {f"{n}:*": ["presence"] * 10 for n in range(100)}, "ttl_seconds": 1},
    ),
]

REFUSED: list[tuple[type, dict[str, Any], str]] = [
    (PublishRealtimeMessageInput, {"event": ""}, "event: is 0 characters long, at least 1 is required"),
    (PublishRealtimeMessageInput, {"event": "a" * 201}, "event: is 201 characters long, at most 200 are allowed"),
    (PublishRealtimeMessageInput, {"event": 5}, "event: must be a string, got int 5"),
    (
        PublishRealtimeMessageInput,
        {"event": "a", "data": "x" * 65_535},
        "data: is 65537 bytes of JSON, at most 65536 are allowed",
    ),
    (PublishRealtimeBatchInput, {"messages": []}, "messages: has 0 items, at least 1 is required"),
    (
        PublishRealtimeBatchInput,
        {"messages": [MESSAGE] * 101},
        "messages: has 101 items, at most 100 are allowed; publish_many takes any number",
    ),
    (
        PublishRealtimeBatchInput,
        {"messages": [MESSAGE, {"channel": "a"}]},
        "messages[1]: must be of type RealtimeBatchMessage, got dict {'channel': 'a'}",
    ),
    (PublishRealtimeBatchInput, {"messages": "abc"}, "messages: must be a list or tuple, got str 'abc'"),
    (RealtimeHistoryQuery, {"limit": 0}, "limit: is 0, at least 1 is required"),
    (RealtimeHistoryQuery, {"limit": 1001}, "limit: is 1001, at most 1000 is allowed"),
    (
        RealtimePresenceInput,
        {"action": "join"},
        "action: must be one of 'enter', 'update', 'leave', got str 'join'",
    ),
    (
        RealtimePresenceInput,
        {"action": "enter", "data": "x" * 4095},
        "data: is 4097 bytes of JSON, at most 4096 are allowed",
    ),
]


@pytest.mark.parametrize(("model", "fields"), ACCEPTED)
def test_accepts(model: type, fields: dict[str, Any]) -> None:
    """Values at their limits make a model that equals one made of the same values."""
    assert model(**fields) == model(**fields)


@pytest.mark.parametrize(("model", "fields", "message"), REFUSED)
def test_refuses(model: type, fields: dict[str, Any], message: str) -> None:
    """Values just over their limits are refused; the message names the class and field, the limit and the value."""
    with pytest.raises(VoyantValidationError) as refused:
        model(**fields)
    assert str(refused.value) == f"{model.__name__}.{message}"


@pytest.mark.parametrize("channel", ["", ".", "..", "a/b", "a b", "orders:*", "a\n", "é", "a%2Fb", "A" * 201])
def test_channel_names(channel: str) -> None:
    """A channel name that could change a URL's path, or is a pattern, is refused."""
    with pytest.raises(VoyantValidationError, match=r"^RealtimeChannelTarget\.channel: "):
        RealtimeChannelTarget(channel=channel)


@pytest.mark.parametrize("pattern", ["*", "orders:*", "orders:eu:*", "orders", "...", "a" * 198 + ":*"])
def test_capability_patterns(pattern: str) -> None:
    """A capability is for a channel, for every channel, or for a prefix that ends in ``:*``."""
    assert list(mint(capabilities={pattern: ["subscribe"]}).capabilities) == [pattern]


@pytest.mark.parametrize("pattern", ["", "**", "a*", "*:a", "a:*:b", ".", "..", "a:*\n", "a" * 199 + ":*"])
def test_bad_capability_patterns(pattern: str) -> None:
    """A capability for anything else is refused, and the key is named."""
    with pytest.raises(VoyantValidationError) as refused:
        mint(capabilities={pattern: ["subscribe"]})
    assert refused.value.field.startswith("MintRealtimeTokenInput.capabilities['")
    assert refused.value.problem.startswith("key ")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"client_id": "c" * 129}, "client_id: is 129 characters long, at most 128 are allowed"),
        ({"ttl_seconds": 0}, "ttl_seconds: is 0, at least 1 is required"),
        ({"ttl_seconds": 86_401}, "ttl_seconds: is 86401, at most 86400 is allowed"),
        ({"ttl_seconds": True}, "ttl_seconds: must be an integer, got bool True"),
        ({"capabilities": {}}, "capabilities: has 0 entries, at least 1 is required"),
        (
            {"capabilities": {str(n): ["publish"] for n in range(101)}},
            "capabilities: has 101 entries, at most 100 are allowed",
        ),
        ({"capabilities": {"a": "publish"}}, "capabilities['a']: must be a list or tuple, got str 'publish'"),
        ({"capabilities": {"a": []}}, "capabilities['a']: has 0 items, at least 1 is required"),
        ({"capabilities": {"a": ["publish"] * 11}}, "capabilities['a']: has 11 items, at most 10 are allowed"),
        (
            {"capabilities": {"a": ["publish", "admin"]}},
            "capabilities['a'][1]: must be one of 'subscribe', 'publish', 'presence', got str 'admin'",
        ),
    ],
)
def test_token_inputs(changes: dict[str, Any], message: str) -> None:
    """Each limit of a token's grant is kept."""
    with pytest.raises(VoyantValidationError) as refused:
        mint(**changes)
    assert str(refused.value) == f"MintRealtimeTokenInput.{message}"


class TestValues:
    """What models do with what they are given."""

    def test_input_is_copied(self) -> None:
        """A model neither changes what it was given nor follows its changes."""
        capabilities = {"orders:*": ["subscribe"]}
        model = mint(capabilities=capabilities)
        assert capabilities == {"orders:*": ["subscribe"]}
        capabilities["orders:*"].append("publish")
        assert model.capabilities == {"orders:*": ("subscribe",)}

    def test_lists_become_tuples(self) -> None:
        """A list in a model cannot be changed, so a model without data can be hashed."""
        batch = PublishRealtimeBatchInput(messages=[MESSAGE])
        assert batch.messages == (MESSAGE,)
        assert hash(batch) == hash(PublishRealtimeBatchInput(messages=(MESSAGE,)))

    def test_models_are_frozen(self) -> None:
        """A field cannot be set, and a misspelt one cannot be added."""
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            MESSAGE.event = "other"  # type: ignore[misc]
        with pytest.raises(AttributeError):
            MESSAGE.evnet = "other"  # type: ignore[attr-defined]

    def test_models_can_be_pickled_and_copied(self) -> None:
        """A model survives a process boundary and a deep copy."""
        model = mint(ttl_seconds=60)
        assert pickle.loads(pickle.dumps(model)) == model == copy.deepcopy(model)

    def test_members_and_strings_are_the_same(self) -> None:
        """An enumeration's member and its string make equal models."""
        by_member = mint(capabilities={"a": [RealtimeCapability.SUBSCRIBE]})
        assert by_member == mint(capabilities={"a": ["subscribe"]})

    def test_open_enum_takes_newer_values(self) -> None:
        """An action that a newer service invents is kept as a string."""
        event = RealtimeChannelPresenceEvent(action="blink", channel="a", client_id="c", at=NOON)
        assert event.action == "blink"
        assert attrs.evolve(event, action="enter") == attrs.evolve(event, action=RealtimePresenceAction.ENTER)

    def test_naive_time_is_refused(self) -> None:
        """A point in time needs its offset."""
        with pytest.raises(VoyantValidationError, match="without one"):
            RealtimeTokenSummary(token="rtok_a", expires_at=NOON.replace(tzinfo=None))

    def test_token_is_not_in_repr(self) -> None:
        """A token never shows."""
        assert "rtok_a" not in repr(RealtimeTokenSummary(token="rtok_a", expires_at=NOON))

    def test_answers_take_any_data(self) -> None:
        """What the service answers with is not measured again."""
        data = {"big": "x" * 100_000}
        message = RealtimeMessageSummary(id="1", channel="a", event="e", data=data, published_at=NOON)
        assert message.data is data


class TestShape:
    """What holds for every generated class."""

    @pytest.mark.parametrize("model", MODELS)
    def test_every_field_has_a_wire_name(self, model: type) -> None:
        """Each field says what it is called on the wire, once."""
        names = [field.metadata["wire"] for field in attrs.fields(model)]
        assert len(set(names)) == len(names) > 0

    @pytest.mark.parametrize("model", MODELS)
    def test_annotations_resolve(self, model: type) -> None:
        """Every annotation can be evaluated, which the converter needs."""
        assert set(get_type_hints(model)) == {field.name for field in attrs.fields(model)}

    @pytest.mark.parametrize("model", MODELS)
    def test_docstring_lists_every_field(self, model: type) -> None:
        """The docstring describes each field."""
        for field in attrs.fields(model):
            assert f"\n    {field.name}: " in inspect.cleandoc(str(model.__doc__))

    def test_public_names_are_those_of_the_file(self) -> None:
        """``from voyant_cloud.models import *`` gives the generated classes and nothing else."""
        assert all(cls.__module__ == "voyant_cloud.models._generated" for cls in CLASSES)
        assert len(CLASSES) >= 19
