"""Message ids: ``rtm_<epoch>_<ms>_<seq>``, fixed width, opaque to callers; pure."""

from __future__ import annotations

import datetime as dt
import re
import secrets
from functools import lru_cache
from typing import Final, NamedTuple

__all__ = ["MessageId", "new_epoch", "parse_message_id", "time_text"]

_PATTERN: Final = re.compile(r"rtm_([0-9a-f]{16})_([0-9]{15})_([0-9]{12})", re.ASCII)


class MessageId(NamedTuple):
    """A position in one channel's history.

    Attributes:
        epoch: names the history; a channel whose history was lost starts with a new one.
        ms: when the message was stored, in milliseconds since 1970; never goes back within an epoch.
        seq: 1 for the first message of the epoch, then contiguous; 0 stands before the first.
    """

    epoch: str
    ms: int
    seq: int

    @property
    def at(self) -> dt.datetime:
        """When the message was stored, UTC, to the millisecond."""
        seconds, ms = divmod(self.ms, 1000)
        return dt.datetime.fromtimestamp(seconds, dt.UTC).replace(microsecond=ms * 1000)

    def __str__(self) -> str:
        # Not with ":015d", which takes three times as long.
        return f"rtm_{self.epoch}_{str(self.ms).zfill(15)}_{str(self.seq).zfill(12)}"


def parse_message_id(text: str) -> MessageId | None:
    """Read an id that this server made; ``None`` for any other text."""
    match = _PATTERN.fullmatch(text)
    return MessageId(match[1], int(match[2]), int(match[3])) if match else None


def new_epoch() -> str:
    """Make the name of a new history."""
    return secrets.token_hex(8)


def time_text(ms: int) -> str:
    """Write milliseconds since 1970 as on the wire: ``2026-11-24T09:30:00.000Z``."""
    seconds, ms = divmod(ms, 1000)
    return f"{_second_text(seconds)}.{str(ms).zfill(3)}Z"


# Messages share their second with others, and to write it costs more than all else about one.
@lru_cache(maxsize=256)
def _second_text(seconds: int) -> str:
    return dt.datetime.fromtimestamp(seconds, dt.UTC).replace(tzinfo=None).isoformat()
