"""The protocol of Supabase Realtime: Phoenix's in JSON, where a frame holds a message."""

from __future__ import annotations

import json
from typing import Any

from benchmarks.frames import frame, jsontext
from benchmarks.scripted.script import EVENT, order

__all__ = ["Supabase"]

_TOPIC = "realtime:bench"


class Supabase:
    """Answers ``phx_join`` with *count* broadcasts too."""

    def __init__(self, count: int) -> None:
        self._broadcasts = b"".join(map(_broadcast, range(1, count + 1)))

    def opened(self) -> bytes:
        """Wait for ``phx_join``."""
        return b""

    def answer(self, payload: bytes) -> bytes:
        """Answer ``phx_join``."""
        message = json.loads(payload)
        if message["event"] != "phx_join":
            return b""
        joined = {"status": "ok", "response": {"postgres_changes": []}}
        return _frame("phx_reply", joined, message["ref"]) + self._broadcasts


def _broadcast(seq: int) -> bytes:
    meta = {"id": f"01234567-89ab-4def-8123-{seq:012d}"}
    return _frame("broadcast", {"type": "broadcast", "event": EVENT, "payload": order(seq), "meta": meta})


def _frame(event: str, payload: dict[str, Any], ref: str | None = None) -> bytes:
    return frame(jsontext({"event": event, "payload": payload, "ref": ref, "topic": _TOPIC}))
