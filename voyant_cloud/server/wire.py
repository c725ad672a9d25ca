"""The WebSocket frames that go out, whole; pure."""

from __future__ import annotations

import struct
from collections.abc import Iterable

from voyant_cloud import jsontext
from voyant_cloud.realtime.frames import ServerFrame, encode_frame
from voyant_cloud.server.client_frames import CLOSE, PING, PONG, TEXT
from voyant_cloud.server.engine.base import StoredMessage
from voyant_cloud.server.message_id import time_text

__all__ = ["Row", "close_frame", "message_frame", "message_frames", "ping_frame", "pong_frame", "text_frame"]

Row = tuple[int, bytes, bytes]
"""A message among others of its channel: its ``ms``, its event, and its data as JSON text, both in UTF-8."""

_FIN = 0x80
_MAX_CONTROL = 125
_SEQ_DIGITS = 12


def message_frame(message: StoredMessage) -> bytes:
    """Write the whole WebSocket frame that carries a message; every subscriber gets these same bytes."""
    payload = f'{{"type":"message",{message.summary[1:]}'.encode()
    return _head(TEXT, len(payload)) + payload


def message_frames(channel: str, epoch: str, start: int, rows: Iterable[Row]) -> list[bytes]:
    """Write the frames of messages in a row, the same as ``message_frame`` does one by one, at a quarter of the cost.

    Args:
        channel: the channel's name.
        epoch: its epoch.
        start: ``seq`` of the first.
        rows: the messages.
    """
    frames: list[bytes] = []
    shared: tuple[int, bytes] | None = None
    before = between = after = b""
    around = 0
    for seq, (ms, event, data) in enumerate(rows, start):
        # Neighbours often share their event, and those of one batch their time.
        if shared != (ms, event):
            shared = ms, event
            before = f'{{"type":"message","id":"rtm_{epoch}_{ms:015d}_'.encode()
            between = f'","channel":"{channel}","event":{jsontext.quote(event.decode())},"data":'.encode()
            after = f',"publishedAt":"{time_text(ms)}"}}'.encode()
            around = len(before) + _SEQ_DIGITS + len(between) + len(after)
        head = _head(TEXT, around + len(data))
        frames.append(b"".join((head, before, b"%012d" % seq, between, data, after)))
    return frames


def text_frame(frame: ServerFrame) -> bytes:
    """Write the whole WebSocket frame of any other server frame."""
    return _frame(TEXT, encode_frame(frame).encode())


def ping_frame() -> bytes:
    """Write a WebSocket ping."""
    return _frame(PING, b"")


def pong_frame(payload: bytes) -> bytes:
    """Write the WebSocket pong that answers a ping."""
    return _frame(PONG, payload[:_MAX_CONTROL])


def close_frame(code: int, reason: str) -> bytes:
    """Write a WebSocket close frame."""
    return _frame(CLOSE, struct.pack("!H", code) + reason.encode()[: _MAX_CONTROL - 2])


def _frame(opcode: int, payload: bytes) -> bytes:
    return _head(opcode, len(payload)) + payload


def _head(opcode: int, size: int) -> bytes:
    if size < 126:
        return bytes((_FIN | opcode, size))
    if size < 1 << 16:
        return struct.pack("!BBH", _FIN | opcode, 126, size)
    return struct.pack("!BBQ", _FIN | opcode, 127, size)
