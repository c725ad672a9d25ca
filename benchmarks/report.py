"""The results as a table, as JSON, and beside a stored run."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.measure import Result, Row

__all__ = ["comparison", "machine", "markdown", "number", "read", "summary", "table", "write", "write_json"]

_HEAD = ("what", "against, in the same run", "ours", "theirs", "ratio", "from", "to", "floor", "goal", "")
_SHORT_HEAD = ("what", "beside it, in the same run", "ratio", "floor", "goal", "")
_DRIFT = 0.1
"""The share by which a ratio may differ from run to run."""


def machine() -> str:
    """Describe the machine in a line."""
    cores = f"{os.cpu_count()} cores of {_processor()}"
    return f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, {cores}"


def table(results: Iterable[Result]) -> str:
    """Return the results as a table in Markdown."""
    return markdown(_HEAD, map(_cells, results))


def summary(rows: Iterable[Row], stored: dict[str, Any]) -> str:
    """Return what is stored of *rows* as a short table in Markdown."""
    measured = stored["rows"]
    return markdown(
        _SHORT_HEAD, (_short_cells(row, measured[row.name]["ratio"]) for row in rows if row.name in measured)
    )


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


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows))


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


def _short_cells(row: Row, ratio: float) -> tuple[str, ...]:
    most = "at most " if row.is_cost else ""
    limits = ["" if limit is None else f"{most}{limit:g}" for limit in (row.floor, row.goal)]
    return row.what, row.against, f"**{_ratio(ratio)}**", *limits, row.verdict(ratio)


def _cells(result: Result) -> tuple[str, ...]:
    row = result.row
    return (
        f"{row.what} ({row.unit})",
        row.against,
        number(statistics.median(result.ours)),
        number(statistics.median(result.theirs)),
        f"**{_ratio(result.ratio)}**",
        _ratio(min(result.ratios)),
        _ratio(max(result.ratios)),
        "" if row.floor is None else f"{row.floor:g}",
        "" if row.goal is None else f"{row.goal:g}",
        row.verdict(result.ratio),
    )


def _ratio(value: float) -> str:
    return f"{value:.2f}" if value >= 0.1 else f"{value:.2g}"


def number(value: float) -> str:
    """Write a figure with as many digits as are worth reading."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
