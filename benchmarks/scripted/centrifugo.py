"""Centrifugo's protocol in JSON, which its Python client reads faster than Protobuf."""

from __future__ import annotations

import json

from benchmarks.frames import frame, jsontext
from benchmarks.scripted.script import EVENT, order

__all__ = ["Centrifugo"]

# Centrifugo joins what waits for a connection, up to so many to a frame, and only its paid edition can be told another
# number. One a frame would halve the client's rate, 100 would add a sixth to it.
_IN_A_FRAME = 16


class Centrifugo:
    """Answers ``connect``, and ``subscribe`` with *count* publications too."""

    def __init__(self, count: int) -> None:
        lines = [_publication(offset) for offset in range(1, count + 1)]
        frames = (lines[start : start + _IN_A_FRAME] for start in range(0, count, _IN_A_FRAME))
        self._publications = b"".join(frame(b"\n".join(each)) for each in frames)

    def opened(self) -> bytes:
        """Wait for ``connect``."""
        return b""

    def answer(self, payload: bytes) -> bytes:
        """Answer a command."""
        command = json.loads(payload)
        if "connect" in command:
            connected = {"client": "bench", "version": "6.0.0", "ping": 25, "pong": True}
            return frame(jsontext({"id": command["id"], "connect": connected}))
        if "subscribe" in command:
            return frame(jsontext({"id": command["id"], "subscribe": {}})) + self._publications
        return b""


def _publication(offset: int) -> bytes:
    # There is no event's name in this protocol, so applications put it into the data; the offset is the id.
    publication = {"data": {"event": EVENT, "data": order(offset)}, "offset": offset}
    return jsontext({"push": {"channel": "bench", "pub": publication}})
