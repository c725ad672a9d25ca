"""What the page on several nodes says is done as written: its commands, and the addresses of Redis that it lists."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.processes import ROOT, free_port
from tests.redis_server import running_redis
from voyant_cloud.server.engine.redis_address import parse_address

PAGE = (ROOT / "docs/operating.md").read_text()


def test_two_nodes_by_hand(tmp_path: Path) -> None:
    """Each command of the walk-through works, and what one node was told is on the other."""
    section = PAGE.partition("## Two nodes")[2].partition("\n## ")[0]
    program = tmp_path / "voyant-cloud"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m voyant_cloud "$@"\n')
    program.chmod(0o755)
    with running_redis(tmp_path) as redis:
        script = "".join(re.findall(r"```sh\n(.*?)```", section, re.DOTALL))
        for port, free in {"6379": redis.port, "8787": free_port(), "8788": free_port()}.items():
            assert port in script
            script = script.replace(port, str(free))
        done = subprocess.run(
            ["bash", "-euc", f"trap 'kill $(jobs -p); wait' EXIT\n{script}"],
            cwd=tmp_path,
            env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert [line for line in done.stdout.splitlines() if "\torder.created\t" in line]
    assert [line for line in done.stdout.splitlines() if "\torder.paid\t" in line]


def test_addresses_of_redis() -> None:
    """Every address in the table is one that the engine takes."""
    section = PAGE.partition("## Where Redis is")[2].partition("\n## ")[0]
    addresses = re.findall(r"^\| `(\S+)` \|", section, re.MULTILINE)
    assert len(addresses) == 4
    there = str(ROOT / "tests/certificates/ca.pem")
    for address in (each.replace("/etc/ssl/redis.pem", there) for each in addresses):
        assert parse_address(address).shown == address.partition("?")[0]
