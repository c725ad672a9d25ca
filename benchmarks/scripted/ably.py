"""Ably's protocol in MessagePack, its Python client's default, which it also reads faster than JSON."""

from __future__ import annotations

from typing import Any

from benchmarks.frames import BINARY, frame, jsontext
from benchmarks.scripted.script import EVENT, order

__all__ = ["Ably", "packed"]

_CONNECTED, _ATTACHED, _MESSAGE = 4, 11, 15
_ATTACH = b"\xa6action\x0a"
# As a channel with server-side batching may send them; one a frame would cut the client's rate to a third.
_IN_A_FRAME = 100
_TIME = 1764000000000


class Ably:
    """Greets, and answers ``ATTACH`` with *count* messages too."""

    def __init__(self, count: int) -> None:
        starts = range(1, count + 1, _IN_A_FRAME)
        self._messages = b"".join(_batch(range(start, min(start + _IN_A_FRAME, count + 1))) for start in starts)

    def opened(self) -> bytes:
        """Greet."""
        details = {"connectionKey": "bench", "maxIdleInterval": 15_000, "connectionStateTtl": 120_000}
        return _frame({"action": _CONNECTED, "connectionId": "bench", "connectionDetails": details})

    def answer(self, payload: bytes) -> bytes:
        """Answer ``ATTACH``."""
        if _ATTACH not in payload:
            return b""
        return _frame({"action": _ATTACHED, "channel": "bench", "channelSerial": "bench", "flags": 0}) + self._messages


def packed(value: Any) -> bytes:
    """Return *value* in MessagePack: dicts and lists of strings shorter than 256 bytes and natural numbers."""
    match value:
        case dict():
            return b"\xde" + len(value).to_bytes(2, "big") + b"".join(packed(x) for pair in value.items() for x in pair)
        case list():
            return b"\xdc" + len(value).to_bytes(2, "big") + b"".join(map(packed, value))
        case str():
            return b"\xd9" + len(value.encode()).to_bytes(1, "big") + value.encode()
        case _:
            return b"\xcf" + int(value).to_bytes(8, "big")


def _batch(seqs: range) -> bytes:
    messages = [
        # An object is JSON text in both of its formats.
        {"id": f"bench:{seq}:0", "name": EVENT, "data": jsontext(order(seq)).decode(), "encoding": "json"}
        for seq in seqs
    ]
    channel = {"channel": "bench", "channelSerial": f"bench:{seqs[-1]}"}
    return _frame({"action": _MESSAGE, **channel, "connectionId": "other", "timestamp": _TIME, "messages": messages})


def _frame(message: dict[str, Any]) -> bytes:
    return frame(packed(message), BINARY)
