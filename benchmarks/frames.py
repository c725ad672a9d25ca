"""The few WebSocket frames that a bare peer needs: whole messages, written unmasked and read masked."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from itertools import cycle
from typing import Any, BinaryIO

__all__ = ["BINARY", "CLOSE", "TEXT", "frame", "jsontext", "received"]

TEXT = 1
BINARY = 2
CLOSE = 8


def frame(payload: bytes, opcode: int = TEXT) -> bytes:
    """Return a server's frame around *payload*, which is shorter than 64 KiB."""
    if len(payload) < 126:
        return bytes((0x80 | opcode, len(payload))) + payload
    return struct.pack("!BBH", 0x80 | opcode, 126, len(payload)) + payload


def jsontext(value: Any) -> bytes:
    """Return *value* as JSON without blanks."""
    return json.dumps(value, separators=(",", ":")).encode()


def received(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Yield opcode and payload of each of a client's frames, until the connection is gone."""
    while head := stream.read(2):
        size = head[1] & 0x7F
        if size == 126:
            size = int.from_bytes(stream.read(2), "big")
        mask, masked = stream.read(4), stream.read(size)
        yield head[0] & 0x0F, bytes(byte ^ key for byte, key in zip(masked, cycle(mask), strict=False))
