"""Voyant's protocol: the channel is in the URL, and a frame holds a message."""

from __future__ import annotations

from benchmarks.frames import frame, jsontext
from benchmarks.scripted.script import EVENT, order

__all__ = ["Voyant"]


class Voyant:
    """Sends *count* messages as soon as the connection stands.

    Attributes:
        messages: their frames, of the length that the embedded server's have for the same messages.
    """

    def __init__(self, count: int) -> None:
        self.messages = b"".join(map(_message, range(1, count + 1)))

    def opened(self) -> bytes:
        """Greet, and send all messages."""
        return frame(jsontext({"type": "connected", "channel": "bench"})) + self.messages

    def answer(self, _: bytes) -> bytes:
        """Say nothing more."""
        return b""


def _message(seq: int) -> bytes:
    message = {
        "type": "message",
        "id": f"rtm_0123456789abcdef_001764000000000_{seq:012d}",
        "channel": "bench",
        "event": EVENT,
        "data": order(seq),
        "publishedAt": "2026-11-24T09:30:00.000Z",
    }
    return frame(jsontext(message))
