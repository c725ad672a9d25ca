"""The commands, through their real executable."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests.e2e.executable import environment

COMMAND = [sys.executable, "-m", "voyant_cloud"]


def run(*arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **(env or {})}
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, timeout=50, env=environment, check=False
    )


@contextmanager
def serving(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [*COMMAND, "serve", "--port", "0", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process, process.stdout.readline().strip()
    finally:
        process.kill()
        process.communicate()


def test_demo_tells_the_whole_story() -> None:
    """``voyant-cloud demo`` goes through every step and ends well."""
    told = run("demo")
    assert told.returncode == 0, told.stderr
    assert re.findall(r"^ +(\d+)\. ", told.stdout, re.MULTILINE) == [str(step) for step in range(1, 11)]
    assert "received [1, 2, 3, 4, 5], each once" in told.stdout
    assert "rtok_" not in told.stdout + told.stderr


def test_serve_prints_its_url_first_and_how_to_use_the_key() -> None:
    """The first line is the base URL; the made-up key works."""
    with serving() as (process, url):
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", url)
        assert process.stdout is not None
        lines = [process.stdout.readline().strip() for _ in range(4)]
        assert f"export VOYANT_CLOUD_API_URL={url}" in lines
        [key] = [line.partition("VOYANT_CLOUD_API_KEY=")[2] for line in lines if "API_KEY=" in line]
        answer = requests.get(
            f"{url}/realtime/v1/channels/a/presence", headers={"Authorization": f"Bearer {key}"}, timeout=10
        )
        assert answer.status_code == 200


@pytest.mark.parametrize(("option", "status"), [("--console", 200), ("--no-console", 404)])
def test_serve_tells_of_its_console(option: str, status: int) -> None:
    """Where there is a console its address is told, and that is where it is."""
    with serving(option) as (process, url):
        assert process.stdout is not None
        lines = list(iter(lambda: process.stdout.readline().strip(), "Ctrl-C stops the server."))
        assert (f"Console: {url}/console" in lines) is (status == 200)
        assert requests.get(f"{url}/console", timeout=10).status_code == status


def test_serve_for_programs() -> None:
    """With --quiet there is the address alone, with --json an object that holds what a program needs."""
    with serving("--quiet") as (process, url):
        assert requests.get(f"{url}/healthz", timeout=10).status_code == 200
        process.send_signal(signal.SIGTERM)
        assert process.communicate(timeout=20) == ("", "")
    with serving("--json") as (_, line):
        told = json.loads(line)
        assert set(told) == {"url", "data", "console", "apiKey"}
        answer = requests.get(
            f"{told['url']}/realtime/v1/channels/a/presence",
            headers={"Authorization": f"Bearer {told['apiKey']}"},
            timeout=10,
        )
        assert answer.status_code == 200


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve_stops_cleanly(number: signal.Signals) -> None:
    """Ctrl-C and SIGTERM end the server with exit code 0 and no traceback."""
    with serving("--drain-seconds", "0") as (process, _):
        process.send_signal(number)
        _, errors = process.communicate(timeout=20)
        assert process.returncode == 0, errors
        assert "Traceback" not in errors


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--host", "0.0.0.0"], "needs a key of your own"),
        (["--port", "70000"], "port: is 70000"),
        (["--data", "/nonexistent/voyant.db"], "/nonexistent/voyant.db"),
        (["--api-key", "short"], "16 to 200"),
        (["--limit", "history_messages"], "NAME=NUMBER"),
        (["--limit", "nothing=1"], "there is no such limit"),
        (["--allow-origin", "example.com"], "scheme, host and port"),
    ],
)
def test_serve_refuses_bad_settings_in_one_line(arguments: list[str], words: str) -> None:
    """A wrong setting gives one line on stderr and exit code 2."""
    refused = run("serve", *arguments)
    assert refused.returncode == 2, refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1
    assert words in refused.stderr


def test_a_port_in_use_is_named() -> None:
    """A second server on the same port says so, as the one line of its log."""
    with serving() as (_, url):
        refused = run("serve", "--port", url.rpartition(":")[2], "--log-format", "json")
        assert refused.returncode == 2
        told = json.loads(refused.stderr)
        assert told["level"] == "CRITICAL"
        assert "cannot listen on 127.0.0.1" in told["message"]


def test_a_second_server_on_the_same_data_is_refused(tmp_path: Path) -> None:
    """Two servers never share a file."""
    data = str(tmp_path / "voyant.db")
    with serving("--data", data):
        refused = run("serve", "--port", "0", "--data", data)
        assert refused.returncode == 2
        assert data in refused.stderr


def test_version() -> None:
    """``--version`` prints the package's version."""
    assert re.fullmatch(r"voyant-cloud, version \d+\.\d+\.\d+\n", run("--version").stdout)


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-"])
def test_without_standard_streams(closed: str) -> None:
    """A process that was started without one of its streams does its work."""
    with serving("--quiet", "--api-key", "vck_0123456789abcdef") as (_, url):
        env = {**os.environ, "VOYANT_CLOUD_API_URL": url, "VOYANT_CLOUD_API_KEY": "vck_0123456789abcdef"}
        script = f"{sys.executable} -m voyant_cloud publish a e 1 {closed}"
        done = subprocess.run(["bash", "-c", script], env=env, capture_output=True, text=True, timeout=50, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        bad = ["bash", "-c", script.replace(" 1 ", " x ")]
        assert subprocess.run(bad, env=env, timeout=50, check=False, stderr=subprocess.DEVNULL).returncode == 2


@pytest.mark.parametrize("arguments", ["--help", "--version", "completion bash", "demo"])
def test_a_reader_that_is_gone(arguments: str) -> None:
    """A pipe that nobody reads is no failure to speak of, whatever was to be said."""
    script = f"{sys.executable} -m voyant_cloud {arguments} | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=50, check=False)
    assert done.stderr == ""
    assert done.returncode in (0, 141)


@pytest.mark.parametrize("delay", [0.0, 0.05, 0.1, 0.2, 0.3])
def test_ctrl_c_while_it_starts(delay: float) -> None:
    """However early Ctrl-C comes once Python runs the program, there is no traceback."""
    code = "from _voyant_cloud_program import main; print('up', flush=True); main()"
    program = [sys.executable, "-c", code, "history", "a"]
    env = environment("http://127.0.0.1:1", "k" * 16)
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(delay)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert "voyant_cloud" not in errors
    assert process.returncode in (130, -signal.SIGINT)
