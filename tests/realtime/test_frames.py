"""Frames: what either end writes the other reads, and nothing else passes."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest

from tests.fake_realtime import message_frame
from voyant_cloud.errors import VoyantDecodeError, VoyantError, VoyantValidationError
from voyant_cloud.models import (
    PublishRealtimeMessageInput,
    RealtimeChannelConnectedEvent,
    RealtimeChannelError,
    RealtimeChannelPresenceEvent,
    RealtimeChannelTokenExpiringEvent,
    RealtimeMessageSummary,
    RealtimePresenceAction,
    RealtimePresenceInput,
    RealtimePresenceIntent,
)
from voyant_cloud.realtime.frames import (
    ClientFrame,
    CloseCode,
    Ping,
    Pong,
    ServerFrame,
    decode_client_frame,
    decode_server_frame,
    encode_frame,
)

AT = dt.datetime(2026, 11, 24, 9, 30, tzinfo=dt.UTC)

SERVER: list[ServerFrame] = [
    RealtimeChannelConnectedEvent(channel="c"),
    RealtimeChannelConnectedEvent(channel="c", last_id="m1", recovered=True, connection_id="con_1", server_time=AT),
    RealtimeMessageSummary(id="m1", channel="c", event="e", data={"a": [1, None, "é"]}, published_at=AT),
    RealtimeMessageSummary(id="m1", channel="c", event="e", data=None, published_at=AT),
    RealtimeChannelPresenceEvent(
        action=RealtimePresenceAction.ENTER, channel="c", client_id="u", data={"name": "Alice"}, at=AT
    ),
    RealtimeChannelError(code="forbidden", message="no"),
    RealtimeChannelTokenExpiringEvent(expires_at=AT),
    Pong(),
]
CLIENT: list[ClientFrame] = [
    PublishRealtimeMessageInput(event="e", data={"x": 2**70}),
    PublishRealtimeMessageInput(event="e"),
    RealtimePresenceInput(action=RealtimePresenceIntent.ENTER, data={"name": "Alice"}),
    RealtimePresenceInput(action=RealtimePresenceIntent.LEAVE),
    Ping(),
]


@pytest.mark.parametrize("frame", SERVER, ids=lambda frame: type(frame).__name__)
def test_server_frames_survive_the_wire(frame: ServerFrame) -> None:
    """What the server writes the client reads, as text and as bytes."""
    text = encode_frame(frame)
    assert decode_server_frame(text) == frame
    assert decode_server_frame(text.encode()) == frame


@pytest.mark.parametrize("frame", CLIENT, ids=lambda frame: type(frame).__name__)
def test_client_frames_survive_the_wire(frame: ClientFrame) -> None:
    """What the client writes the server reads."""
    assert decode_client_frame(encode_frame(frame)) == frame


def test_frames_have_the_contracts_names() -> None:
    """The type comes first, and fields go by their wire names."""
    frame = RealtimeMessageSummary(id="m1", channel="c", event="e", data=1, published_at=AT)
    assert encode_frame(frame) == (
        '{"type":"message","id":"m1","channel":"c","event":"e","data":1,"publishedAt":"2026-11-24T09:30:00.000Z"}'
    )


@pytest.mark.parametrize("decode", [decode_server_frame, decode_client_frame])
def test_unknown_types_are_none(decode: Any) -> None:
    """A newer peer may send them."""
    assert decode('{"type":"newer","a":1}') is None


def test_unknown_fields_are_ignored() -> None:
    """A newer service may add some."""
    frame = decode_server_frame(json.dumps({**message_frame("m1"), "newer": {"a": 1}}))
    assert isinstance(frame, RealtimeMessageSummary)


def test_unknown_presence_actions_are_kept() -> None:
    """The set is open."""
    text = '{"type":"presence","action":"wave","channel":"c","clientId":"u","at":"2026-11-24T09:30:00.000Z"}'
    frame = decode_server_frame(text)
    assert isinstance(frame, RealtimeChannelPresenceEvent)
    assert frame.action == "wave"


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("", "$"),
        ("null", "$"),
        ("[1]", "$"),
        ("{", "$"),
        ("{}", "$.type"),
        ('{"type":null}', "$.type"),
        ('{"type":7}', "$.type"),
        ('{"type":"message"}', "$.id"),
        ('{"type":"connected","channel":5}', "$.channel"),
        ('{"type":"token_expiring","expiresAt":"soon"}', "$.expiresAt"),
        (b'{"type":"\xff"}', "$"),
    ],
)
def test_bad_server_frames_name_the_place(text: str | bytes, path: str) -> None:
    """The reader can log what is wrong, and where."""
    with pytest.raises(VoyantDecodeError) as caught:
        decode_server_frame(text)
    assert caught.value.path == path


@pytest.mark.parametrize(
    "text",
    [
        '{"type":"publish"}',
        '{"type":"publish","event":5}',
        '{"type":"publish","event":"e","event":"f"}',
        '{"type":"publish","event":"e","data":NaN}',
        '{"type":"publish","event":"e","data":1e400}',
        '{"type":"publish","event":"e","data":"\\ud800"}',
        '{"type":"publish","event":"e","data":' + "[" * 70 + "]" * 70 + "}",
        '{"type":"presence","action":"wave"}',
    ],
)
def test_bad_client_frames_are_refused(text: str) -> None:
    """The server reads its callers' words strictly."""
    with pytest.raises(VoyantError):
        decode_client_frame(text)


def test_broken_limits_name_the_field() -> None:
    """A frame of the right shape that breaks a limit says which."""
    with pytest.raises(VoyantValidationError, match="event"):
        decode_client_frame('{"type":"publish","event":""}')


def test_data_may_be_nested_to_the_limit() -> None:
    """The frame around it takes one level of its own."""
    deep: Any = 0
    for _ in range(64):
        deep = [deep]
    frame = PublishRealtimeMessageInput(event="e", data=deep)
    assert decode_client_frame(encode_frame(frame)) == frame


def test_close_codes_are_in_the_ranges_of_the_rfc() -> None:
    """1000 to 1014 are the RFC's, 4000 to 4999 an application's."""
    assert [code for code in CloseCode if not (1000 <= code <= 1014 or 4000 <= code <= 4999)] == []
