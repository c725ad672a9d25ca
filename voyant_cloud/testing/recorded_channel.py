"""One channel in memory: its places, what it retains, and what is newer than an id; as the server has it."""

from __future__ import annotations

import datetime as dt
import re
import secrets
import time
from typing import Any, Final

from voyant_cloud.models import RealtimeMessageSummary

__all__ = ["RecordedChannel"]

_RETAINED: Final = 1_000
"""Messages, as many as the server keeps where it is not told otherwise."""
_MESSAGE_ID: Final = re.compile(r"rtm_([0-9a-f]{16})_([0-9]{15})_([0-9]{12})")
_EPOCH: Final = dt.datetime.fromtimestamp(0, dt.UTC)


class RecordedChannel:
    """A channel's history.

    Args:
        name: the channel's name.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._epoch = secrets.token_hex(8)
        self._ms = 0
        self._seq = 0
        self._retained: list[RealtimeMessageSummary] = []

    def add(self, event: str, data: Any) -> RealtimeMessageSummary:
        """Give a message its place, let go of one that is too many, and return the message."""
        self._ms = max(self._ms, time.time_ns() // 1_000_000)
        self._seq += 1
        stored = RealtimeMessageSummary(
            id=f"rtm_{self._epoch}_{self._ms:015d}_{self._seq:012d}",
            channel=self._name,
            event=event,
            data=data,
            published_at=_EPOCH + dt.timedelta(milliseconds=self._ms),
        )
        self._retained.append(stored)
        del self._retained[:-_RETAINED]
        return stored

    def newest(self, limit: int) -> list[RealtimeMessageSummary]:
        """Return the newest *limit* messages, 1 or more, oldest first."""
        return self._retained[-limit:]

    def after(self, since_id: str, limit: int) -> list[RealtimeMessageSummary] | None:
        """Return the first *limit* messages after an id, or ``None`` where it is no id.

        An id of another history, or one beyond the end, is followed by all that is retained.
        """
        since = _MESSAGE_ID.fullmatch(since_id)
        if since is None:
            return None
        seen = int(since[3]) if since[1] == self._epoch and int(since[3]) <= self._seq else 0
        start = max(seen - (self._seq - len(self._retained)), 0)
        return self._retained[start : start + limit]
