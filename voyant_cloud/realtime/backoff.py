"""How long to wait before the next attempt: doubling, capped and jittered. Pure: chance is passed in."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Backoff"]


class Backoff:
    """Delays that double from *base* to *cap*, each drawn from the upper half of its step.

    The lower half is left out so that a service in trouble gets a real pause, and the draw keeps clients that lost
    their connections together from coming back together.

    Args:
        chance: gives a number from 0 to 1, such as ``random.random``.
        base: the first step, in seconds, above 0.
        cap: the longest step, in seconds.
    """

    def __init__(self, *, chance: Callable[[], float], base: float = 1.0, cap: float = 30.0) -> None:
        self._chance = chance
        self._base = base
        self._cap = cap
        self._step = base

    def next_delay(self) -> float:
        """Return the seconds to wait now, and move on to the next step."""
        step = self._step
        self._step = min(self._cap, step * 2)
        return step / 2 + self._chance() * step / 2

    def reset(self) -> None:
        """Begin with the first step again."""
        self._step = self._base
