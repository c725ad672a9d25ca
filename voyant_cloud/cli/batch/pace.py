"""How fast messages may go: a bucket of tokens; pure, the time is passed in."""

from __future__ import annotations

__all__ = ["Pace", "batch_size_for"]

_BATCHES_A_SECOND = 4


class Pace:
    """Allows *rate* messages a second, evenly: what was not used in a wait is not made up for.

    Args:
        rate: messages a second, above 0.
        now: the time of a clock that never goes back, in seconds.
    """

    def __init__(self, rate: float, now: float) -> None:
        self._rate = rate
        self._allowance = 1.0
        self._last = now

    def take(self, now: float) -> float:
        """Take the right to one message, and return how many seconds to wait before using it."""
        self._allowance = min(1.0, self._allowance + (now - self._last) * self._rate) - 1
        self._last = now
        return max(0.0, -self._allowance / self._rate)


def batch_size_for(rate: float, batch_size: int) -> int:
    """Return how large batches may be at a rate, so that one goes out four times a second where there are four."""
    return max(1, min(batch_size, int(rate / _BATCHES_A_SECOND)))
