"""A figure and what it stands beside: measured in turn, so that a machine that drifts drifts for both."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from contextlib import AbstractContextManager

import attrs

__all__ = ["Measure", "MissingError", "Pair", "Result", "Row", "measure"]

Measure = Callable[[], float]
"""One turn; returns its figure."""
Pair = tuple[Measure, Measure]
"""Ours, and what it stands beside."""


class MissingError(Exception):
    """The machine lacks what a row stands beside; it says what, and how to have it."""


@attrs.frozen(kw_only=True)
class Row:
    """A row of the table.

    Attributes:
        name: what it is called on the command line.
        what: what is measured.
        unit: of both figures.
        against: what ours stands beside.
        floor: the ratio that has to be met; ``None`` for a row that only tells.
        goal: the ratio that is wished for.
        is_cost: whether less is better, so that floor and goal are the most.
        turns: how many at the most, for a row whose turns take long; ``None`` for as many as are asked for.
        warm_up: whether there is one; a row needs none whose turns each begin with processes of their own.
        prepare: makes both ready, for as long as its block lasts.
    """

    name: str
    what: str
    unit: str
    against: str
    floor: float | None
    goal: float | None
    is_cost: bool = False
    turns: int | None = None
    warm_up: bool = True
    prepare: Callable[[], AbstractContextManager[Pair]]

    def verdict(self, ratio: float) -> str:
        """Say what a ratio has reached: the goal, the floor, or neither; nothing for a row without."""
        if self.floor is None or self.goal is None:
            return ""
        if self._meets(ratio, self.goal):
            return "goal met"
        return "floor met" if self._meets(ratio, self.floor) else "below the floor"

    def _meets(self, ratio: float, limit: float) -> bool:
        return ratio <= limit if self.is_cost else ratio >= limit


@attrs.frozen
class Result:
    """What a row came to.

    Attributes:
        ours: our figure, turn by turn.
        theirs: the other one in the same turns.
    """

    row: Row
    ours: list[float]
    theirs: list[float]

    @property
    def ratios(self) -> list[float]:
        """Ours over theirs, turn by turn."""
        return [mine / other for mine, other in zip(self.ours, self.theirs, strict=True)]

    @property
    def ratio(self) -> float:
        """The median of the ratios."""
        return statistics.median(self.ratios)


def measure(row: Row, turns: int) -> Result:
    """Warm both up, then measure them in turn.

    Args:
        row: what to measure.
        turns: how often, 1 or more; fewer where the row says so.

    Raises:
        MissingError: the machine lacks something.
    """
    ours: list[float] = []
    theirs: list[float] = []
    with row.prepare() as (mine, other):
        if row.warm_up:
            mine()
            other()
        for turn in range(turns if row.turns is None else min(turns, row.turns)):
            # Whoever comes second may find the machine warmer, so they change places.
            if turn % 2:
                theirs.append(other())
                ours.append(mine())
            else:
                ours.append(mine())
                theirs.append(other())
    return Result(row, ours, theirs)
