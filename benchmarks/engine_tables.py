"""What engines cost and how long faults last, as tables in Markdown."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from benchmarks.report import markdown

__all__ = ["PUBLISHERS", "SUBSCRIBERS", "engines_table", "faults_table"]

PUBLISHERS = 16
SUBSCRIBERS = 200
_ENGINES_HEAD = (
    *("engine", "publish, p50", "p99", "beside memory", f"publishes a second, {PUBLISHERS} at once"),
    *(f"deliveries a second, {SUBSCRIBERS} subscribers", "beside memory", "processor time a delivery"),
)
_FAULTS_HEAD = ("fault", "no publish is answered for", "at most", "a subscriber hears nothing for", "at most")


def engines_table(engines: Mapping[str, Mapping[str, float]]) -> str:
    """Return what the engines came to, beside the first of them, in Markdown."""
    base = next(iter(engines.values()))
    rows = (
        (
            name,
            f"{each['p50'] * 1000:.2f} ms",
            f"{each['p99'] * 1000:.2f} ms",
            f"{each['p50'] / base['p50']:.2f}",
            f"{each['publishes']:,.0f}",
            f"{each['deliveries']:,.0f}",
            f"{each['deliveries'] / base['deliveries']:.2f}",
            f"{each['delivery'] * 1e6:.2f} µs",
        )
        for name, each in engines.items()
    )
    return markdown(_ENGINES_HEAD, rows)


def faults_table(faults: Mapping[str, Sequence[Sequence[float]]]) -> str:
    """Return how long each fault lasts for who publishes and for who listens, in Markdown."""
    rows = []
    for name, turns in faults.items():
        sides = [side for seconds in zip(*turns, strict=True) for side in (statistics.median(seconds), max(seconds))]
        rows.append((name, *(f"{side:.2f} s" for side in sides)))
    return markdown(_FAULTS_HEAD, rows)
