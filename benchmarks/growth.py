"""``python -m benchmarks.growth``: how costs grow with what the server carries, as a table, as JSON and as plots."""

from __future__ import annotations

import argparse
import math
import statistics
import sys
from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

from benchmarks.measure import MissingError
from benchmarks.plots import draw_growth
from benchmarks.report import machine, number, write_json
from benchmarks.series import BY_THE_CLOCK, SERIES, Series

__all__ = ["steepness", "table"]

RESULTS = Path(__file__).parent / "results"
TOLERANCE = 0.15
"""By how much an exponent may seem larger than it is, where two figures of one run are some percent off."""
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
            grown[series.name] = _measure(series, arguments.turns)
        except MissingError as missing:
            print(f"{series.name}: left out, {missing}", file=sys.stderr)
    print(f"{machine()}; medians of {arguments.turns} turns\n\n{table(grown)}")
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
            bare = each["beside"].get(curve)
            exponent = steepness(points, costs if bare is None else _ratios(costs, each["curves"][bare]))
            is_judged = curve not in each["beside"].values() and not curve.endswith(BY_THE_CLOCK)
            is_defect = is_judged and exponent > each["exponent"] + TOLERANCE
            rows.append(
                (
                    f"{each['grows']}, {points[0]:,} to {points[-1]:,}",
                    curve,
                    number(costs[0]),
                    number(costs[-1]),
                    f"{exponent:.2f}",
                    bare or "",
                    f"{each['exponent']}" if is_judged else "",
                    "grows faster than its work" if is_defect else "",
                )
            )
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def steepness(points: Sequence[float], costs: Sequence[float]) -> float:
    """Return the power of what grows with which the cost grows, at the steepest step from point to point.

    Where it is less again further on it is taken not to have grown before: machines are slower for a while.
    """
    lasting = list(accumulate(reversed(costs), min))[::-1]
    steps = zip(pairwise(points), pairwise(lasting), strict=True)
    return max(math.log(cost / cheaper) / math.log(point / less) for (less, point), (cheaper, cost) in steps)


def _ratios(costs: Sequence[float], bare: Sequence[float]) -> list[float]:
    return [cost / other for cost, other in zip(costs, bare, strict=True)]


def _measure(series: Series, turns: int) -> Grown:
    curves: dict[str, list[float]] = {}
    for point in series.points:
        print(f"{series.name} {point:,} ...", file=sys.stderr)
        with series.prepare(point) as turn:
            turn()
            measured = [turn() for _ in range(turns)]
        for curve in measured[0]:
            curves.setdefault(curve, []).append(round(statistics.median(each[curve] for each in measured), 3))
    return {
        "grows": series.grows,
        "exponent": series.exponent,
        "points": series.points,
        "curves": curves,
        "beside": dict(series.beside),
    }


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
