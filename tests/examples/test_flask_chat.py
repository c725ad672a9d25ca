"""The command that starts the Flask example; its own tests are run with all others."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

from tests.e2e.chat_demo import PROJECT, build
from tests.e2e.executable import environment
from tests.integrations.django.processes import fetch
from tests.node import require_node


def test_start(tmp_path: Path) -> None:
    """One command starts all of it and says where; Ctrl-C ends it without a word."""
    require_node(PROJECT, "@voyant-travel/cloud-sdk", "esbuild")
    build()
    env = environment("", "", CHAT_DATA=str(tmp_path / "data"))
    command = [sys.executable, str(PROJECT / "start.py")]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as started:
        assert started.stdout is not None
        address = started.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+", address)
        assert found is not None, address
        assert b"What shall we call you?" in fetch(found[0])
        started.send_signal(signal.SIGINT)
        assert started.communicate(timeout=20) == ("", "")
    assert started.returncode == 0
