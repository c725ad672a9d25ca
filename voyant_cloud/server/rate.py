"""A token bucket for one connection's inbound frames; pure: the time is passed in."""

from __future__ import annotations

__all__ = ["TokenBucket"]


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
        self._level = min(self._burst, self._level + (now - self._seen) * self._rate)
        self._seen = now
        if self._level < 1:
            return False
        self._level -= 1
        return True
