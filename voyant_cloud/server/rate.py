"""How many frames one connection may send, and when it has gone too far; pure: the time is passed in."""

from __future__ import annotations

from enum import Enum
from typing import Final

__all__ = ["FrameGate", "Refused", "TokenBucket"]

ABUSE_AFTER: Final = 200
"""Frames over the rate at once, after which it counts as abuse."""
NOTICE_EVERY: Final = 1.0
"""Seconds between notices to a sender that is over its rate."""


class TokenBucket:
    """Allows *rate* events a second over time, and up to *burst* at once."""

    __slots__ = ("_burst", "_level", "_rate", "_seen")

    def __init__(self, rate: float, burst: int, now: float) -> None:
        self._rate = rate
        self._burst = float(burst)
        self._level = float(burst)
        self._seen = now

    def take(self, now: float) -> bool:
        """Count one event at *now* (seconds, any monotonic clock); ``False`` when it is over the limit."""
        level = self._level + (now - self._seen) * self._rate
        if level > self._burst:
            level = self._burst
        self._seen = now
        is_within = level >= 1
        self._level = level - 1 if is_within else level
        return is_within


class Refused(Enum):
    """What becomes of a frame that is over the limit."""

    DROPPED = "dropped"
    DROPPED_WITH_NOTICE = "dropped with notice"
    """Dropped, and the sender is to be told: the first time, then at most once a second."""
    ABUSE = "abuse"
    """Too many were dropped: the connection is to be closed."""


class FrameGate:
    """Lets frames through at a rate, and counts those over it.

    A second bucket is filled by what the first refuses. It lets a burst of refusals pass, and a few every second; who
    empties it is not careless but abusive. Counting refusals in a row would not do: at a steady rate over the limit
    every so many frames one is taken.

    Args:
        rate: frames a second, sustained.
        burst: frames at once.
        now: seconds of any monotonic clock.
    """

    __slots__ = ("_noticed", "_refusals", "take")

    def __init__(self, rate: float, burst: int, now: float) -> None:
        self.take = TokenBucket(rate, burst, now).take
        """Count one frame at *now*; ``False`` when it is over the limit, and ``refuse`` has to follow."""
        self._refusals = TokenBucket(rate / 5, ABUSE_AFTER, now)
        self._noticed: float | None = None

    def refuse(self, now: float) -> Refused:
        """Count a frame that is over the limit; tell what follows."""
        if not self._refusals.take(now):
            return Refused.ABUSE
        if self._noticed is not None and now - self._noticed < NOTICE_EVERY:
            return Refused.DROPPED
        self._noticed = now
        return Refused.DROPPED_WITH_NOTICE
