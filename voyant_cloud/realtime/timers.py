"""When which of many waits is over. Pure: the clock is passed in."""

from __future__ import annotations

import heapq

__all__ = ["Timers"]


class Timers:
    """One timer a key. To set one anew is cheap: nearly all are, long before they would be due."""

    def __init__(self) -> None:
        self._due_at: dict[int, float] = {}
        # When to look at which key: never after it is due, often before, and at most once a key.
        self._looks: list[tuple[float, int]] = []
        self._looked_at: dict[int, float] = {}

    def set(self, key: int, due_at: float) -> None:
        """Set the timer of *key*, in place of the one that it has.

        Args:
            key: any number.
            due_at: on the clock that is passed in elsewhere, in seconds.
        """
        self._due_at[key] = due_at
        if due_at < self._looked_at.get(key, float("inf")):
            self._look(key, due_at)

    def cancel(self, key: int) -> None:
        """Take the timer of *key* away, if it has one."""
        self._due_at.pop(key, None)

    def next_look(self) -> float | None:
        """Return when to call ``take_due`` next, or ``None`` if there is no timer."""
        return self._looks[0][0] if self._looks else None

    def take_due(self, now: float) -> list[int]:
        """Return the keys whose timers are due, the first due first, and take these away."""
        due: list[tuple[float, int]] = []
        while self._looks and self._looks[0][0] <= now:
            looked_at, key = heapq.heappop(self._looks)
            if self._looked_at.get(key) != looked_at:
                continue
            del self._looked_at[key]
            due_at = self._due_at.get(key)
            if due_at is None:
                continue
            if due_at <= now:
                del self._due_at[key]
                due.append((due_at, key))
            else:
                self._look(key, due_at)
        return [key for _, key in sorted(due)]

    def _look(self, key: int, at: float) -> None:
        self._looked_at[key] = at
        heapq.heappush(self._looks, (at, key))
