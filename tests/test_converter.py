"""Models and JSON values: wire names, tolerance towards a newer service, and failures that name their place."""

from __future__ import annotations

import datetime as dt
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voyant_cloud import models
from voyant_cloud.converter import make_converter, structure, unstructure, wire_time
from voyant_cloud.errors import VoyantDecodeError, VoyantValidationError
from voyant_cloud.models import (
    MintRealtimeTokenInput,
    PublishRealtimeBatchInput,
    PublishRealtimeMessageInput,
    RealtimeBatchMessage,
    RealtimeCapability,
    RealtimeChannelConnectedEvent,
    RealtimeChannelPresenceEvent,
    RealtimeHistoryQuery,
    RealtimeMessageSummary,
    RealtimePresenceAction,
    RealtimePresenceMember,
)

WHEN = dt.datetime(2026, 11, 24, 9, 30, tzinfo=dt.UTC)
MESSAGE = {"id": "m", "channel": "a", "event": "e", "data": 1, "publishedAt": "2026-11-24T09:30:00.000Z"}
PRESENCE = {"action": "enter", "channel": "a", "clientId": "c", "at": "2026-11-24T09:30:00.000Z"}


def test_wire_names() -> None:
    """Fields go by their names on the wire, in both directions."""
    wire = {"clientId": "c", "data": None, "joinedAt": "2026-11-24T09:30:00.000Z"}
    member = structure(wire, RealtimePresenceMember)
    assert member == RealtimePresenceMember(client_id="c", data=None, joined_at=WHEN)
    # An answer says null where there is no data; only fields with a default are left out.
    assert unstructure(member) == wire


def test_unknown_keys() -> None:
    """A field that only a newer service knows is ignored."""
    assert structure({**MESSAGE, "newer": {"x": 1}}, RealtimeMessageSummary).id == "m"


@pytest.mark.parametrize("action", ["enter", "vanish"])
def test_open_enum(action: str) -> None:
    """A known value becomes the enum's member, an unknown one stays a string; both compare as strings."""
    event = structure({**PRESENCE, "action": action}, RealtimeChannelPresenceEvent)
    assert event.action == action
    assert isinstance(event.action, RealtimePresenceAction) is (action == "enter")
    assert unstructure(event)["action"] == action


@pytest.mark.parametrize("data", [None, 0, "2026-11-24T09:30:00.000Z", {"publishedAt": [1, {"a": None}]}, [[]], 2**70])
def test_data_is_untouched(data: Any) -> None:
    """Data passes through as it is, the very same object."""
    message = structure({**MESSAGE, "data": data}, RealtimeMessageSummary)
    assert message.data is data
    assert unstructure(message)["data"] is data


def test_models_in_data_are_not_taken_apart() -> None:
    """What is in data is the caller's; it is not converted by its type."""
    moment = [WHEN]
    assert unstructure(RealtimeMessageSummary(id="m", channel="a", event="e", data=moment, published_at=WHEN))[
        "data"
    ] == [WHEN]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-24T09:30:00.000Z", WHEN),
        ("2026-11-24T09:30:00Z", WHEN),
        ("2026-11-24T10:30:00+01:00", WHEN),
        ("2026-11-24T09:30:00", WHEN),
        ("2026-11-24T09:30:00.123456Z", WHEN.replace(microsecond=123456)),
    ],
)
def test_times_read(text: str, moment: dt.datetime) -> None:
    """ISO 8601 is read with its offset, or as UTC; the result knows its zone."""
    read = structure({**MESSAGE, "publishedAt": text}, RealtimeMessageSummary).published_at
    assert read == moment
    assert read.tzinfo is not None


@given(st.datetimes(timezones=st.timezones()))
def test_times_written(moment: dt.datetime) -> None:
    """Times are written in UTC with milliseconds and Z, whatever zone they are in, and read back to the millisecond."""
    if not dt.datetime(2, 1, 1) < moment.replace(tzinfo=None) < dt.datetime(9998, 1, 1):
        return
    text = wire_time(moment)
    assert len(text) == 24
    assert text.endswith("Z")
    assert dt.timedelta() <= moment - dt.datetime.fromisoformat(text) < dt.timedelta(milliseconds=1)


def test_optional_fields_are_not_written() -> None:
    """What is None by default is left out."""
    assert unstructure(RealtimeHistoryQuery()) == {}
    assert unstructure(RealtimeHistoryQuery(limit=5)) == {"limit": 5}
    assert unstructure(PublishRealtimeMessageInput(event="e", data=0)) == {"event": "e", "data": 0}


def test_whole_numbers() -> None:
    """To JSON Schema 5.0 is an integer; here it becomes one."""
    limit = structure({"limit": 5.0}, RealtimeHistoryQuery).limit
    assert (limit, type(limit)) == (5, int)


def test_nested_models() -> None:
    """Lists and maps of models are converted through and through."""
    batch = PublishRealtimeBatchInput(messages=[RealtimeBatchMessage(channel="a", event="e", data=(1,))])
    wire = {"messages": [{"channel": "a", "event": "e", "data": (1,)}]}
    assert unstructure(batch) == wire
    assert structure(wire, PublishRealtimeBatchInput) == batch
    mint = {"clientId": "c", "capabilities": {"a:*": ["subscribe", "publish"]}}
    assert unstructure(structure(mint, MintRealtimeTokenInput)) == mint
    assert structure(mint, MintRealtimeTokenInput).capabilities["a:*"][0] is RealtimeCapability.SUBSCRIBE


@pytest.mark.parametrize(
    ("value", "as_type", "path", "problem"),
    [
        (None, RealtimeMessageSummary, "$", "must be an object, got null"),
        ([], RealtimeMessageSummary, "$", "must be an object, got an array"),
        ("x", RealtimeMessageSummary, "$", "must be an object, got a string"),
        ({}, list[RealtimeMessageSummary], "$", "must be an array, got an object"),
        ("", list[RealtimeMessageSummary], "$", "must be an array, got a string"),
        (None, list[RealtimeMessageSummary], "$", "must be an array, got null"),
        ([MESSAGE, 5], list[RealtimeMessageSummary], "$[1]", "must be an object, got an integer"),
        ({**MESSAGE, "id": 5}, RealtimeMessageSummary, "$.id", "must be a string, got an integer"),
        ({**MESSAGE, "id": None}, RealtimeMessageSummary, "$.id", "must be a string, got null"),
        ({**MESSAGE, "publishedAt": 1.5}, RealtimeMessageSummary, "$.publishedAt", "ISO 8601 time, got a number"),
        ({**MESSAGE, "publishedAt": "now"}, RealtimeMessageSummary, "$.publishedAt", "ISO 8601 time, got 'now'"),
        ([MESSAGE, {}], list[RealtimeMessageSummary], "$[1].id", "is missing"),
        ({"limit": True}, RealtimeHistoryQuery, "$.limit", "must be an integer, got a boolean"),
        ({"limit": 5.5}, RealtimeHistoryQuery, "$.limit", "must be an integer, got a number"),
        ({"channel": "a", "recovered": 1}, RealtimeChannelConnectedEvent, "$.recovered", "must be a boolean"),
        ({**PRESENCE, "action": 5}, RealtimeChannelPresenceEvent, "$.action", "must be a string, got an integer"),
        ({"messages": {}}, PublishRealtimeBatchInput, "$.messages", "must be an array, got an object"),
        ({"messages": "ab"}, PublishRealtimeBatchInput, "$.messages", "must be an array, got a string"),
        ({"messages": [{"channel": 5}]}, PublishRealtimeBatchInput, "$.messages[0].channel", "must be a string"),
        ({"clientId": "c", "capabilities": []}, MintRealtimeTokenInput, "$.capabilities", "must be an object"),
        (
            {"clientId": "c", "capabilities": {"a": {"publish": 1}}},
            MintRealtimeTokenInput,
            "$.capabilities.a",
            "must be an array, got an object",
        ),
    ],
)
def test_wrong_shape(value: Any, as_type: type, path: str, problem: str) -> None:
    """What is not of the shape is named by its path, in JSON's words."""
    with pytest.raises(VoyantDecodeError) as caught:
        structure(value, as_type)
    assert caught.value.path == path
    assert problem in caught.value.problem


@pytest.mark.parametrize(
    ("value", "as_type", "field"),
    [
        ({"event": ""}, PublishRealtimeMessageInput, "PublishRealtimeMessageInput.event"),
        ({"messages": [{"channel": "a", "event": ""}]}, PublishRealtimeBatchInput, "messages[0].event"),
        ({"messages": []}, PublishRealtimeBatchInput, "PublishRealtimeBatchInput.messages"),
    ],
)
def test_broken_limit(value: Any, as_type: type, field: str) -> None:
    """What is of the shape and breaks a limit is another error, which names the field."""
    with pytest.raises(VoyantValidationError) as caught:
        structure(value, as_type)
    assert caught.value.field == field


def test_failure_is_not_chained() -> None:
    """The error stands alone: cattrs' own groups of exceptions would only hide it."""
    with pytest.raises(VoyantDecodeError) as caught:
        structure({}, RealtimeMessageSummary)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("name", models.__all__)
def test_both_converters_know_every_model(name: str) -> None:
    """Each generated model can be read by the fast and by the detailed converter."""
    model = getattr(models, name)
    if attrs.has(model):
        for detailed in (False, True):
            make_converter(detailed_validation=detailed).get_structure_hook(model)
