"""The project in processes of its own: ``manage.py`` commands and servers, with a database in a file."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import requests

from tests.waiting import until
from voyant_cloud.testing import VoyantServer

ROOT = Path(__file__).resolve().parents[3]
MANAGE = [sys.executable, "-m", "django"]
SETTINGS = "tests.integrations.django.project.settings"


def environment(server: VoyantServer, database: Path | None = None, **others: str) -> dict[str, str]:
    """Return an environment in which the project finds its service and its database."""
    found = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": SETTINGS,
        "PYTHONPATH": str(ROOT),
        "VOYANT_CLOUD_API_KEY": server.api_key,
        "VOYANT_CLOUD_API_URL": server.url,
        **others,
    }
    return found if database is None else {**found, "PROJECT_DATABASE": str(database)}


def manage(*arguments: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command of the project to its end."""
    return subprocess.run(
        [*MANAGE, *arguments], cwd=ROOT, env=env, capture_output=True, text=True, timeout=50, check=False
    )


def python(code: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run code in the project, once its apps are ready."""
    command = [sys.executable, "-c", f"import django\ndjango.setup()\n{code}"]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=50, check=False)


@contextmanager
def running(command: Sequence[str], env: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
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


def pids_of_several_workers(port: int) -> list[int]:
    """Have the page ``publish/`` publish until more than one worker has done so; return the pid of each answer."""
    wait_for_port(port)
    pids: list[int] = []

    def several_answer() -> bool:
        with ThreadPoolExecutor(12) as pool:
            answers = pool.map(fetch, [f"http://127.0.0.1:{port}/publish/"] * 60)
            pids.extend(json.loads(answer)["pid"] for answer in answers)
        return len(set(pids)) > 1

    until(several_answer)
    return pids
