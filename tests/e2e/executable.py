"""The command line as its users run it: a process of its own, with pipes, signals and a terminal."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from typing import IO, Any

from tests.waiting import PATIENCE

COMMAND = [sys.executable, "-m", "voyant_cloud"]


def environment(url: str, key: str, **others: str) -> dict[str, str]:
    """Return the environment of a command that finds a service there, and runs at its own speed."""
    # Coverage would more than double the time of every process; ``tests/cli`` measures the same code.
    bare = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    return {**bare, "VOYANT_CLOUD_API_URL": url, "VOYANT_CLOUD_API_KEY": key, **others}


def run(*arguments: str, env: dict[str, str], stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, timeout=50, env=env, input=stdin, check=False
    )


class Running:
    """A command under way, with what it printed so far. A context manager that leaves nothing behind.

    Args:
        arguments: what stands behind the program's name.
        env: its environment.
        stdin: where it reads from.
        collect: which of its outputs are read, ``out``, ``err`` or both; a test reads the other one itself, or not.
    """

    def __init__(
        self, *arguments: str, env: dict[str, str], stdin: Any = subprocess.DEVNULL, collect: str = "out err"
    ) -> None:
        self.process = subprocess.Popen(
            [*COMMAND, *arguments], stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env
        )
        self.out: list[str] = []
        self.err: list[str] = []
        outputs = {"out": (self.process.stdout, self.out), "err": (self.process.stderr, self.err)}
        self._threads = [threading.Thread(target=_collect, args=outputs[name]) for name in collect.split()]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.wait()

    def wait(self) -> int:
        """Wait for its end and return its exit code, negative for a signal."""
        code = self.process.wait(PATIENCE)
        for thread in self._threads:
            thread.join()
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()
        return code


def _collect(stream: IO[str], lines: list[str]) -> None:
    # Line by line, so that a test sees each as soon as it is there.
    for line in iter(stream.readline, ""):
        lines.append(line)
