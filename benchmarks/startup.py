"""What it takes to import the package, beside importing its four dependencies."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.measure import Pair, Row

__all__ = ["ROWS"]

TIMES = 5
IMPORT = "import time; t = time.perf_counter(); import {}; print(time.perf_counter() - t)"
# What is installed has its bytecode beside it. With this set, a checkout would be compiled anew in each process.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


@contextmanager
def beside_dependencies() -> Iterator[Pair]:
    """Each import in a process of its own, the best of some."""
    yield lambda: seconds_to("voyant_cloud"), lambda: seconds_to("requests, websocket, attrs, cattrs")


def seconds_to(names: str) -> float:
    """Return the seconds that importing takes."""
    command = [sys.executable, "-c", IMPORT.format(names)]
    runs = (subprocess.run(command, capture_output=True, check=True, env=ENVIRONMENT) for _ in range(TIMES))
    return min(float(run.stdout) for run in runs)


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
