"""What it takes to import the package, beside importing its four dependencies."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.measure import Pair, Row

__all__ = ["ROWS"]

TIMES = 5
IMPORT = "import time; t = time.perf_counter(); import {}; print(time.perf_counter() - t)"


@contextmanager
def beside_dependencies() -> Iterator[Pair]:
    """Each import in a process of its own, the best of some."""
    yield lambda: seconds_to("voyant_cloud"), lambda: seconds_to("requests, websocket, attrs, cattrs")


def seconds_to(names: str) -> float:
    """Return the seconds that importing takes."""
    command = [sys.executable, "-c", IMPORT.format(names)]
    return min(float(subprocess.run(command, capture_output=True, check=True).stdout) for _ in range(TIMES))


ROWS = [
    Row(
        name="import",
        what="`import voyant_cloud`",
        unit="seconds",
        against="importing its four dependencies",
        floor=1.25,
        goal=1.1,
        is_cost=True,
        prepare=beside_dependencies,
    ),
]
