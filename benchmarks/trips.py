"""Messages that are sent and come back, one at a time or at a pace, and how long each was on its way."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence

__all__ = ["Trips", "due_times", "percentile"]

PAUSE = 0.003
"""Seconds between messages that are sent one at a time."""
_WAIT = 60
_SLOWEST = 500.0
_STEP = 1.2
_KEPT = 0.95
"""What part of a rate must be sent for it to be kept."""
_QUEUED = 0.001
"""Seconds that half of the messages take where they queue."""


class Trips:
    """Times messages that come back in the order in which they were sent. ``arrive`` may be called from another thread.

    Args:
        send: sends one message.
    """

    def __init__(self, send: Callable[[], object]) -> None:
        self._send = send
        self._arrived: list[float] = []
        self._wanted = 0
        self._all_here = threading.Event()

    def arrive(self, *_: object) -> None:
        """Note that the next message has come back; it may be given as the handler itself."""
        self._arrived.append(time.perf_counter())
        if len(self._arrived) == self._wanted:
            self._all_here.set()

    def one_by_one(self, count: int) -> list[float]:
        """Send each message a few milliseconds after the one before came back; return each one's seconds."""
        seconds = []
        for _ in range(count):
            seconds += self.at_pace(1, math.inf)
            time.sleep(PAUSE)
        return seconds

    def at_pace(self, count: int, rate: float) -> list[float]:
        """Send *rate* messages a second, whether the ones before came back or not; return each one's seconds.

        A message that is sent late, because sending the one before took long, is timed from when it was sent.
        """
        return self._seconds(self._run(count, rate))

    def highest_pace(self, seconds: float) -> float:
        """Return the highest rate a second, in steps of a fifth, that can be kept without messages that queue.

        Not what a burst makes, which travels in batches.

        Args:
            seconds: for how long each rate has to be kept; in a short time even far too many go through.
        """
        rate = _SLOWEST
        # Once more, since a machine may be busy with something else.
        while self._is_kept(seconds, rate * _STEP) or self._is_kept(seconds, rate * _STEP):
            rate *= _STEP
        return rate

    def _is_kept(self, seconds: float, rate: float) -> bool:
        count = int(seconds * rate)
        sent = self._run(count, rate)
        are_sent_in_time = (count - 1) / (sent[-1] - sent[0]) >= _KEPT * rate
        return are_sent_in_time and percentile(self._seconds(sent), 50) < _QUEUED

    def _seconds(self, sent: Sequence[float]) -> list[float]:
        return [back - out for out, back in zip(sent, self._arrived, strict=True)]

    def _run(self, count: int, rate: float) -> list[float]:
        self._arrived, self._wanted = [], count
        self._all_here.clear()
        sent = []
        for due in due_times(time.perf_counter(), count, rate):
            early = due - time.perf_counter()
            if early > 0:
                time.sleep(early)
            sent.append(time.perf_counter())
            self._send()
        assert self._all_here.wait(_WAIT)
        return sent


def due_times(begin: float, count: int, rate: float) -> Iterator[float]:
    """Yield when each message is due, in seconds; each from *begin* on, so that a late one does not delay the rest."""
    return (begin + number / rate for number in range(count))


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the least of *values* that *percent* of them, 0 to 100, do not exceed."""
    rank = math.ceil(len(values) * percent / 100)
    return sorted(values)[max(rank, 1) - 1]
