"""Whether the peer still lives: when to ping, and when to give up. Pure: clocks are passed in."""

from __future__ import annotations

from enum import Enum
from typing import Final

__all__ = ["Check", "Liveness"]

_LONGEST_WAIT: Final = 5.0
_SHORTEST_WAIT: Final = 0.01


class Check(Enum):
    """What to do about a connection."""

    WAIT = "wait"
    PING = "ping"
    DEAD = "dead"


class Liveness:
    """Watches one connection for silence.

    Any byte counts as life, and so does a part of a frame. What the peer said while nobody listened is not known, so
    silence is counted only from one read that found nothing to the next. The machine's monotonic clock may stand still
    while it is suspended, so silence is what the longer of the two clocks says. The wall clock can also be set: that
    costs one ping, since only the monotonic clock decides how long the answer may take.

    Args:
        ping_after: seconds of silence before a ping.
        pong_timeout: seconds after the ping in which something must be heard.
        now: the monotonic clock, in seconds.
        wall: the wall clock, in seconds.
    """

    def __init__(self, *, ping_after: float, pong_timeout: float, now: float, wall: float) -> None:
        self._ping_after = ping_after
        self._pong_timeout = pong_timeout
        self._received = 0
        self._heard_at = now
        self._heard_wall = wall
        self._pinged_at: float | None = None

    def check(self, *, received: int, found_nothing: bool, now: float, wall: float) -> Check:
        """Say what to do now. ``PING`` is said once a silence.

        Args:
            received: how many bytes the connection has received so far.
            found_nothing: whether the last read waited for the socket in vain, and nothing was done since.
            now: the monotonic clock, in seconds.
            wall: the wall clock, in seconds.
        """
        if received != self._received or not found_nothing:
            self._received = received
            self._heard_at = now
            self._heard_wall = wall
            self._pinged_at = None
            return Check.WAIT
        if self._pinged_at is not None:
            return Check.DEAD if now - self._pinged_at >= self._pong_timeout else Check.WAIT
        if max(now - self._heard_at, wall - self._heard_wall) < self._ping_after:
            return Check.WAIT
        self._pinged_at = now
        return Check.PING

    def next_check_in(self, now: float) -> float:
        """Return the seconds until the next check: at most 5, so that a suspended machine is noticed soon."""
        pinged_at = self._pinged_at
        due = self._heard_at + self._ping_after if pinged_at is None else pinged_at + self._pong_timeout
        return min(_LONGEST_WAIT, max(_SHORTEST_WAIT, due - now))
