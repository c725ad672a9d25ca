"""The Django example's own tests."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.e2e.executable import environment
from tests.e2e.orders_demo import MANAGE


def test_its_own_tests(tmp_path: Path) -> None:
    """They pass, without a warning."""
    env = environment("http://127.0.0.1:1", "unused", ORDERS_DATA=str(tmp_path), PYTHONWARNINGS="error")
    done = subprocess.run([*MANAGE, "test"], env=env, capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "OK" in done.stderr.splitlines()
