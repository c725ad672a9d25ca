"""The WebSocket frames that go out, whole; pure."""

from __future__ import annotations

import struct

from voyant_cloud.realtime.frames import ServerFrame, encode_frame
from voyant_cloud.server.engine.base import StoredMessage

__all__ = ["close_frame", "message_frame", "ping_frame", "pong_frame", "text_frame"]

_TEXT, _CLOSE, _PING, _PONG = 0x1, 0x8, 0x9, 0xA
_FIN = 0x80
_MAX_CONTROL = 125


def message_frame(message: StoredMessage) -> bytes:
    """Write the whole WebSocket frame that carries a message; every subscriber gets these same bytes."""
    return _frame(_TEXT, f'{{"type":"message",{message.summary[1:]}'.encode())


def text_frame(frame: ServerFrame) -> bytes:
    """Write the whole WebSocket frame of any other server frame."""
    return _frame(_TEXT, encode_frame(frame).encode())


def ping_frame() -> bytes:
    """Write a WebSocket ping."""
    return _frame(_PING, b"")


def pong_frame(payload: bytes) -> bytes:
    """Write the WebSocket pong that answers a ping."""
    return _frame(_PONG, payload[:_MAX_CONTROL])


def close_frame(code: int, reason: str) -> bytes:
    """Write a WebSocket close frame."""
    return _frame(_CLOSE, struct.pack("!H", code) + reason.encode()[: _MAX_CONTROL - 2])


def _frame(opcode: int, payload: bytes) -> bytes:
    size = len(payload)
    if size < 126:
        return bytes((_FIN | opcode, size)) + payload
    if size < 1 << 16:
        return struct.pack("!BBH", _FIN | opcode, 126, size) + payload
    return struct.pack("!BBQ", _FIN | opcode, 127, size) + payload
