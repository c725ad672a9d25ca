"""The Django example: its own tests, and the command that starts it."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

from tests.e2e.executable import environment
from tests.e2e.orders_demo import MANAGE, PROJECT, build
from tests.integrations.django.processes import fetch
from tests.node import require_node


def test_its_own_tests(tmp_path: Path) -> None:
    """They pass, without a warning."""
    env = environment("http://127.0.0.1:1", "unused", ORDERS_DATA=str(tmp_path), PYTHONWARNINGS="error")
    done = subprocess.run([*MANAGE, "test"], env=env, capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "OK" in done.stderr.splitlines()


def test_start(tmp_path: Path) -> None:
    """One command starts all of it, says where and how to log in, and Ctrl-C ends it without a word."""
    require_node(PROJECT, "@voyant-travel/cloud-sdk", "esbuild")
    build()
    env = environment("", "", ORDERS_DATA=str(tmp_path))
    command = [sys.executable, str(PROJECT / "start.py")]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as started:
        assert started.stdout is not None
        logins, address = started.stdout.readline(), started.stdout.readline()
        assert logins.startswith("Log in as alice or bob with the password ")
        found = re.search(r"http://\S+", address)
        assert found is not None, address
        assert b"Sign in" in fetch(found[0] + "/login/")
        started.send_signal(signal.SIGINT)
        rest, errors = started.communicate(timeout=20)
    assert (started.returncode, rest) == (0, "")
    assert "Traceback" not in errors
