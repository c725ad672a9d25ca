"""The other files of examples/deploy: each is what its reader takes, and what it runs outside a container, runs."""

from __future__ import annotations

import json
import shutil
import subprocess
from configparser import ConfigParser
from pathlib import Path

import pytest
import yaml

from tests.deploy.nginx import DEPLOY
from tests.processes import free_port, running, wait_for_port
from tests.redis_server import require_redis
from tests.waiting import until


def test_caddyfile() -> None:
    """Caddy takes it."""
    if shutil.which("caddy") is None:
        pytest.skip("There is no caddy; on Debian: apt-get install caddy")
    command = ["caddy", "validate", "--adapter", "caddyfile", "--config", str(DEPLOY / "Caddyfile")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr


def test_unit() -> None:
    """There is time for a drain, and there are descriptors for every connection."""
    unit = ConfigParser(interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(DEPLOY / "voyant-cloud.service")
    service = unit["Service"]
    assert service["ExecStart"].split()[1:] == ["serve", "--host", "0.0.0.0", "--port", "8787"]
    assert int(service["TimeoutStopSec"]) > 30
    assert int(service["LimitNOFILE"]) > 20_000


def test_compose_and_containerfile() -> None:
    """All that is named is there, and instructions stand in an order that works."""
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    for name in ("node-1", "node-2"):
        assert compose["services"][name]["stop_grace_period"] == "35s"
        assert set(compose["services"][name]["secrets"]) == set(compose["secrets"])
    lines = [line for line in (DEPLOY / "Containerfile").read_text().splitlines() if not line.startswith("#")]
    order = ["FROM", "RUN", "COPY", "RUN", "USER", "EXPOSE", "STOPSIGNAL", "HEALTHCHECK", "CMD"]
    assert [line.split()[0] for line in lines] == order
    command = json.loads(lines[-1].removeprefix("CMD "))
    assert command == ["voyant-cloud", "serve", "--host", "0.0.0.0", "--port", "8787"]


def test_redis_command(tmp_path: Path) -> None:
    """Redis takes the flags."""
    command = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["redis"]["command"]
    require_redis()
    port = free_port()
    with running([*command, "--port", str(port), "--dir", str(tmp_path)], {}, tmp_path / "log"):
        wait_for_port(port)
        # It answers before it has made its folder.
        until((tmp_path / "appendonlydir").is_dir)
