"""The WebSocket frames that a client sends: whole, and masked as RFC 6455 (section 5.3) asks. Pure."""

from __future__ import annotations

import struct
from typing import Final

__all__ = ["MASK_BYTES", "client_frame", "masked"]

MASK_BYTES: Final = 4
_FIN: Final = 0x80
_MASKED: Final = 0x80
_TWO_BYTES: Final = 126
_EIGHT_BYTES: Final = 127


def client_frame(opcode: int, payload: bytes, mask: bytes) -> bytes:
    """Write one frame.

    Args:
        opcode: what kind of frame it is, 0 to 15.
        payload: what is in it.
        mask: four bytes that nobody can foresee.
    """
    size = len(payload)
    if size < _TWO_BYTES:
        head = bytes((_FIN | opcode, _MASKED | size))
    elif size < 1 << 16:
        head = struct.pack("!BBH", _FIN | opcode, _MASKED | _TWO_BYTES, size)
    else:
        head = struct.pack("!BBQ", _FIN | opcode, _MASKED | _EIGHT_BYTES, size)
    return b"".join((head, mask, masked(payload, mask)))


def masked(payload: bytes, mask: bytes) -> bytes:
    """Mask what is in a frame, or unmask it: it is the same.

    Args:
        payload: what is in it.
        mask: its four bytes.
    """
    # As one large number: byte by byte it would take a hundred times as long.
    size = len(payload)
    masks = (mask * (size // MASK_BYTES + 1))[:size]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(masks, "big")).to_bytes(size, "big")
