"""What a process of this machine uses, asked from outside it: memory, descriptors, threads, processor time."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

from benchmarks.measure import MissingError

__all__ = [
    "cpu_seconds",
    "cpu_seconds_at_rest",
    "open_descriptors",
    "require_descriptors",
    "require_linux",
    "resident_bytes",
    "threads",
]

_REST_WITHIN = 30.0
"""Seconds in which a process that has nothing more to do rests."""


def require_linux() -> None:
    """Check that processes can be looked into.

    Raises:
        MissingError: there is no ``/proc``.
    """
    if not Path("/proc/self/status").exists():
        raise MissingError("needs Linux, whose /proc tells what a process uses")


def require_descriptors(count: int) -> None:
    """Let this process, and those that it starts from now on, open *count* files and sockets.

    Raises:
        MissingError: that is more than it may allow itself.
    """
    # Here, since Windows has no such module.
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count:
        raise MissingError(f"needs {count:,} open files a process, and {hard:,} are allowed (ulimit -Hn)")
    if soft != resource.RLIM_INFINITY and soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))


def resident_bytes(pid: int) -> int:
    """Return the bytes of memory that are resident."""
    return _status(pid, "VmRSS") * 1024


def threads(pid: int) -> int:
    """Return how many threads there are."""
    return _status(pid, "Threads")


def open_descriptors(pid: int) -> int:
    """Return how many files and sockets are open."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def cpu_seconds(pid: int) -> float:
    """Return the processor time that all threads have used, to the nanosecond where /proc counts in hundredths.

    Of a thread that runs just now it lacks what is since the kernel's last tick, up to some milliseconds.
    """
    # What clock_getcpuclockid(3) computes; Python has no name for it.
    return time.clock_gettime((~pid << 3) | 2)


def cpu_seconds_at_rest(pid: int) -> float:
    """Return ``cpu_seconds`` as soon as no thread runs or waits for a processor: then nothing is lacking."""
    until = time.monotonic() + _REST_WITHIN
    while any(_is_running(task) for task in Path(f"/proc/{pid}/task").iterdir()):
        assert time.monotonic() < until, f"process {pid} is still busy after {_REST_WITHIN:.0f} s"
        time.sleep(0.0005)
    return cpu_seconds(pid)


def _is_running(task: Path) -> bool:
    try:
        # The name before the state may have any character in it, a parenthesis, too.
        return (task / "stat").read_text().rpartition(")")[2].split()[0] == "R"
    except (FileNotFoundError, ProcessLookupError):
        return False


def _status(pid: int, name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+)", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1])
