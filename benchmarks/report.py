"""The results as a table, as JSON, and beside a stored run."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.measure import Result

__all__ = ["comparison", "machine", "number", "read", "table", "write", "write_json"]

_HEAD = ("what", "against, in the same run", "ours", "theirs", "ratio", "from", "to", "floor", "goal", "")
_DRIFT = 0.1
"""The share by which a ratio may differ from run to run."""


def machine() -> str:
    """Describe the machine in a line."""
    cores = f"{os.cpu_count()} cores of {_processor()}"
    return f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, {cores}"


def table(results: Iterable[Result]) -> str:
    """Return the results as a table in Markdown."""
    rows = [_HEAD, *map(_cells, results)]
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    lines.insert(1, "| " + " | ".join(["---"] * len(_HEAD)) + " |")
    return "\n".join(lines)


def write(results: Sequence[Result], path: Path) -> None:
    """Store the results."""
    rows = {each.row.name: {"ours": each.ours, "theirs": each.theirs, "ratio": each.ratio} for each in results}
    write_json({"machine": machine(), "rows": rows}, path)


def write_json(value: dict[str, Any], path: Path) -> None:
    """Store what a run has measured."""
    path.write_text(json.dumps(value, indent=1) + "\n")


def read(path: Path) -> dict[str, Any]:
    """Return what ``write`` has stored."""
    stored: dict[str, Any] = json.loads(path.read_text())
    return stored


def comparison(before: dict[str, Any], now: dict[str, Any]) -> str:
    """Say for each row of both how its ratio has changed."""
    lines = [f"before: {before['machine']}", f"now:    {now['machine']}", ""]
    for name, row in now["rows"].items():
        old = before["rows"].get(name)
        if old is None:
            lines.append(f"{name:24} {row['ratio']:8.3f}   new")
            continue
        change = row["ratio"] / old["ratio"] - 1
        mark = "" if abs(change) <= _DRIFT else "  <- look"
        lines.append(f"{name:24} {old['ratio']:8.3f} -> {row['ratio']:.3f}  {change:+.0%}{mark}")
    return "\n".join(lines)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or "an unknown model")


def _cells(result: Result) -> tuple[str, ...]:
    row = result.row
    verdict = "below the floor"
    if result.meets(row.goal):
        verdict = "goal met"
    elif result.meets(row.floor):
        verdict = "floor met"
    return (
        f"{row.what} ({row.unit})",
        row.against,
        number(statistics.median(result.ours)),
        number(statistics.median(result.theirs)),
        f"**{result.ratio:.2f}**",
        f"{min(result.ratios):.2f}",
        f"{max(result.ratios):.2f}",
        "" if row.floor is None else f"{row.floor:g}",
        "" if row.goal is None else f"{row.goal:g}",
        verdict if row.floor is not None else "",
    )


def number(value: float) -> str:
    """Write a figure with as many digits as are worth reading."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
