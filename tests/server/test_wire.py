"""What the server writes: data spliced in exactly, frames of every length."""

from __future__ import annotations

import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voyant_cloud.models import RealtimeMessageSummary
from voyant_cloud.realtime.frames import decode_server_frame
from voyant_cloud.server.engine.base import StoredMessage, summaries
from voyant_cloud.server.message_id import MessageId
from voyant_cloud.server.wire import close_frame, message_frame, message_frames, ping_frame, pong_frame


def stored(event: str, data: str) -> StoredMessage:
    return StoredMessage(MessageId("0123456789abcdef", 1_764_000_000_001, 7), "orders:eu", event, data)


def test_data_is_carried_as_text() -> None:
    """Numbers keep their digits: what was stored is what is sent."""
    text = stored("e", '{"n":1.10,"big":12345678901234567890}').summary
    assert '"data":{"n":1.10,"big":12345678901234567890}' in text


def test_events_are_escaped() -> None:
    """An event's name may hold any character."""
    event = 'a"b\\c\n\u2028é😀'
    assert json.loads(stored(event, "null").summary)["event"] == event


def test_times_have_milliseconds_and_z() -> None:
    """The time on the wire is that in the id, to the millisecond."""
    assert '"publishedAt":"2025-11-24T16:00:00.001Z"' in stored("e", "null").summary


@pytest.mark.parametrize("size", [0, 1, 60, 125, 126, 127, 65_000, 65_535, 70_000])
def test_a_message_frame_is_one_whole_frame(size: int) -> None:
    """Each of the three length forms is right, and the payload decodes to the message."""
    frame = message_frame(stored("e", json.dumps("x" * size)))
    assert frame[0] == 0x81
    length, start = frame[1], 2
    if length == 126:
        length, start = struct.unpack("!H", frame[2:4])[0], 4
    elif length == 127:
        length, start = struct.unpack("!Q", frame[2:10])[0], 10
    assert len(frame) == start + length
    decoded = decode_server_frame(frame[start:])
    assert isinstance(decoded, RealtimeMessageSummary)
    assert decoded.data == "x" * size


@given(
    st.lists(
        st.tuples(st.integers(0, 10**12).map(lambda ms: ms // 10**10 * 10**10), st.text(max_size=3), st.text()),
        max_size=8,
    ),
    st.integers(1, 10**12 - 9),
)
def test_many_frames_are_those_of_each_message(rows: list[tuple[int, str, str]], start: int) -> None:
    """Frames that are written together are, to the last byte, those that are written one by one."""
    epoch = "0123456789abcdef"
    alone = [
        message_frame(StoredMessage(MessageId(epoch, ms, seq), "orders:eu", event, data))
        for seq, (ms, event, data) in enumerate(rows, start)
    ]
    encoded = [(ms, event.encode(), data.encode()) for ms, event, data in rows]
    assert message_frames("orders:eu", epoch, start, encoded) == alone


def test_control_frames() -> None:
    """Control frames are whole and hold at most 125 bytes."""
    assert ping_frame() == b"\x89\x00"
    assert pong_frame(b"abc") == b"\x8a\x03abc"
    assert close_frame(4008, "slow") == b"\x88\x06" + struct.pack("!H", 4008) + b"slow"
    assert close_frame(1000, "x" * 200)[1] == 125


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(["e", 'é"']), st.integers(0, 2)), max_size=8))
def test_summaries_together(rows: list[tuple[str, str, int]]) -> None:
    """Those that are written together are the same as those written alone, and are kept in the same way."""

    def made() -> list[StoredMessage]:
        return [
            StoredMessage(MessageId("0123456789abcdef", 1_764_000_000_000 + ms, seq), channel, event, str(seq))
            for seq, (channel, event, ms) in enumerate(rows, 1)
        ]

    messages = made()
    assert summaries(messages) == [message.summary for message in made()] == [message.summary for message in messages]
