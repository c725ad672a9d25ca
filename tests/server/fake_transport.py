"""A transport without a socket, whose peer reads when the test says so."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import attrs

__all__ = ["FakeTransport"]


@attrs.define(eq=False)
class FakeTransport:
    """Takes writes and keeps *waiting* bytes of them to itself, as a peer that does not read makes a socket do."""

    written: list[bytes] = attrs.field(factory=list)
    waiting: int = 0
    stalled: bool = False
    aborted: bool = False
    drained: asyncio.Event = attrs.field(factory=asyncio.Event)

    def __attrs_post_init__(self) -> None:
        self.drained.set()

    def write(self, data: bytes) -> None:
        self.written.append(data)
        if self.stalled:
            self.waiting += len(data)

    def get_write_buffer_size(self) -> int:
        return self.waiting

    def set_write_buffer_limits(self, high: int) -> None:
        assert high > 0

    def is_closing(self) -> bool:
        return self.aborted

    def abort(self) -> None:
        self.aborted = True

    async def drain(self) -> None:
        """Stand in for the stream writer too."""
        await self.drained.wait()

    def frames(self) -> list[Any]:
        """Return what was written, text frames as JSON and control frames as (opcode, payload)."""
        found: list[Any] = []
        stream = b"".join(self.written)
        while stream:
            size, head = stream[1], 2
            if size == 126:
                size, head = int.from_bytes(stream[2:4], "big"), 4
            opcode, payload = stream[0] & 0xF, stream[head : head + size]
            found.append(json.loads(payload) if opcode == 1 else (opcode, payload))
            stream = stream[head + size :]
        return found

    def messages(self) -> list[int]:
        """Return the seq of every message that was written."""
        return [int(frame["id"][-12:]) for frame in self.frames() if isinstance(frame, dict) and "id" in frame]

    def close_codes(self) -> list[int]:
        return [
            int.from_bytes(frame[1][:2], "big") for frame in self.frames() if isinstance(frame, tuple) and frame[0] == 8
        ]
