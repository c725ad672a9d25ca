"""Processes beside the tests: commands and servers that are killed at the end, free ports, pages."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import requests

from tests.waiting import until
from voyant_cloud.testing import VoyantServer

__all__ = [
    "GUNICORN",
    "ROOT",
    "fetch",
    "finds",
    "free_port",
    "pids_under_gunicorn",
    "running",
    "wait_for_port",
]

ROOT = Path(__file__).resolve().parents[1]
GUNICORN = [sys.executable, "-m", "gunicorn"]


def finds(server: VoyantServer, **others: str) -> dict[str, str]:
    """Return an environment in which an application finds its service, and the tests' own modules."""
    return {**os.environ, **server.environment, "PYTHONPATH": str(ROOT), **others}


@contextmanager
def running(command: Sequence[str], env: Mapping[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process under way, its words in *log*; it is killed at the end, if it has not ended by then."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=output, stderr=subprocess.STDOUT)
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def wait_for_port(port: int) -> None:
    """Wait until something listens."""

    def listens() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    until(listens)


def fetch(url: str, expected: int = 200) -> bytes:
    """GET a page."""
    answer = requests.get(url, timeout=20)
    assert answer.status_code == expected
    return answer.content


def pids_under_gunicorn(application: str, *options: str, env: Mapping[str, str], log: Path) -> list[int]:
    """Have the page ``publish/`` publish under gunicorn until more than one worker has done so.

    Args:
        application: as gunicorn is told it.
        options: further ones; there are three workers with four threads each.
        env: the environment.
        log: where its words go.

    Returns:
        The pid that each answer named.
    """
    port = free_port()
    sizes = [f"--bind=127.0.0.1:{port}", "--workers=3", "--threads=4"]
    pids: list[int] = []

    def several_answer() -> bool:
        with ThreadPoolExecutor(12) as pool:
            answers = pool.map(fetch, [f"http://127.0.0.1:{port}/publish/"] * 60)
            pids.extend(json.loads(answer)["pid"] for answer in answers)
        return len(set(pids)) > 1

    with running([*GUNICORN, application, *sizes, *options], env, log) as process:
        wait_for_port(port)
        until(several_answer)
        process.send_signal(signal.SIGTERM)
        process.wait(30)
    return pids
