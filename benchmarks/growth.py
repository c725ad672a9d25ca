"""``python -m benchmarks.growth``: how costs grow with what the server carries, as a table, as JSON and as plots."""

from __future__ import annotations

import argparse
import math
import statistics
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

from benchmarks.measure import MissingError
from benchmarks.plots import draw_growth
from benchmarks.report import machine, number, write_json
from benchmarks.series import BY_THE_CLOCK, SERIES, Series

__all__ = ["measure", "steepness", "table"]

RESULTS = Path(__file__).parent / "results"
TOLERANCE = 0.15
"""By how much an exponent may seem larger than it is, where two figures of one run are some percent off."""
MOST_ROUNDS = 4
"""How often the turns are taken where something seems to grow: the steepest of many steps is soon a disturbed one."""
_HEAD = ("what grows", "cost", "microseconds at first", "at last", "exponent", "beside", "allowed", "")

Grown = dict[str, Any]
"""A measured series: what grows, its points, for each curve the cost at each point, and beside which it is judged."""


def main() -> int:
    """Measure what was asked for."""
    arguments = _arguments()
    grown: dict[str, Grown] = {}
    for series in SERIES:
        if arguments.series and series.name not in arguments.series:
            continue
        try:
            grown[series.name] = measure(series, arguments.turns)
        except MissingError as missing:
            print(f"{series.name}: left out, {missing}", file=sys.stderr)
    print(f"{machine()}; medians of {arguments.turns} turns and more\n\n{table(grown)}")
    RESULTS.mkdir(exist_ok=True)
    write_json({"machine": machine(), "series": grown}, RESULTS / "growth.json")
    try:
        draw_growth(grown, RESULTS)
    except MissingError as missing:
        print(f"no plots: {missing}", file=sys.stderr)
    return 0


def table(grown: Mapping[str, Grown]) -> str:
    """Return the costs at both ends and the power with which they grow, in Markdown."""
    rows = [_HEAD, ("---",) * len(_HEAD)]
    for each in grown.values():
        points = each["points"]
        for curve, costs in each["curves"].items():
            exponent = _exponent(each, curve)
            rows.append(
                (
                    f"{each['grows']}, {points[0]:,} to {points[-1]:,}",
                    curve,
                    number(costs[0]),
                    number(costs[-1]),
                    f"{exponent:.2f}",
                    each["beside"].get(curve, ""),
                    f"{each['exponent']}" if _is_judged(each, curve) else "",
                    "grows faster than its work" if _is_defect(each, curve) else "",
                )
            )
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _exponent(grown: Grown, curve: str) -> float:
    costs, bare = grown["curves"][curve], grown["beside"].get(curve)
    return steepness(grown["points"], costs if bare is None else _ratios(costs, grown["curves"][bare]))


def _is_judged(grown: Grown, curve: str) -> bool:
    return curve not in grown["beside"].values() and not curve.endswith(BY_THE_CLOCK)


def _is_defect(grown: Grown, curve: str) -> bool:
    return _is_judged(grown, curve) and _exponent(grown, curve) > grown["exponent"] + TOLERANCE


def steepness(points: Sequence[float], costs: Sequence[float]) -> float:
    """Return the power of what grows with which the cost grows, at the steepest step from point to point.

    Where it is less again further on it is taken not to have grown before: machines are slower for a while.
    """
    lasting = list(accumulate(reversed(costs), min))[::-1]
    steps = zip(pairwise(points), pairwise(lasting), strict=True)
    return max(math.log(cost / cheaper) / math.log(point / less) for (less, point), (cheaper, cost) in steps)


def _ratios(costs: Sequence[float], bare: Sequence[float]) -> list[float]:
    return [cost / other for cost, other in zip(costs, bare, strict=True)]


def measure(series: Series, turns: int) -> Grown:
    """Take the medians of turns, and of as many again, up to three times, where something seems to grow."""
    measured: list[list[Mapping[str, float]]] = []
    with ExitStack() as stack:
        # All points in each turn: a machine that drifts drifts for all of them.
        points = [stack.enter_context(series.prepare(point)) for point in series.points]

        def go_on() -> Grown:
            for _ in range(turns):
                print(f"{series.name}, turn {len(measured) + 1} ...", file=sys.stderr)
                measured.append([turn() for turn in points])
            return _medians(series, measured)

        for turn in points:
            turn()
        grown = go_on()
        while len(measured) < turns * MOST_ROUNDS and any(_is_defect(grown, curve) for curve in grown["curves"]):
            grown = go_on()
        return grown


def _medians(series: Series, measured: Sequence[Sequence[Mapping[str, float]]]) -> Grown:
    """Return the medians of turns, each of which has the costs at all points."""
    curves: dict[str, list[float]] = {}
    for at_point in zip(*measured, strict=True):
        for curve in at_point[0]:
            curves.setdefault(curve, []).append(_rounded(statistics.median(each[curve] for each in at_point)))
    return {
        "grows": series.grows,
        "exponent": series.exponent,
        "points": series.points,
        "curves": curves,
        "beside": dict(series.beside),
    }


def _rounded(cost: float) -> float:
    return float(f"{cost:.4g}")


def _arguments() -> argparse.Namespace:
    names = [series.name for series in SERIES]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.add_argument("series", nargs="*", metavar="SERIES", help=f"one of {', '.join(names)}; or all")
    parser.add_argument("--turns", type=int, default=3, help="how often each point is measured")
    arguments = parser.parse_args()
    unknown = set(arguments.series) - set(names)
    if unknown:
        parser.error(f"there is no series {', '.join(sorted(unknown))}")
    return arguments


if __name__ == "__main__":
    sys.exit(main())
