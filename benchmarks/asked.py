"""A client in a process of its own: it is asked for a turn by a line, and answers with the figure in a line."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from benchmarks.measure import Measure

__all__ = ["asked"]


@contextmanager
def asked(command: Sequence[str]) -> Iterator[Measure]:
    """Run *command*, and ask it for each turn."""
    # Some clients would ask a proxy for an address of this machine.
    environment = {**os.environ, "no_proxy": "127.0.0.1"}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        ask, answers = process.stdin, process.stdout

        def turn() -> float:
            ask.write("\n")
            ask.flush()
            return float(answers.readline())

        try:
            yield turn
        finally:
            process.kill()
