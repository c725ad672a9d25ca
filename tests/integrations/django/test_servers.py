"""The project under the servers that run Django: gunicorn with forked workers, and runserver."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.integrations.django.processes import MANAGE, environment
from tests.processes import GUNICORN, fetch, free_port, pids_under_gunicorn, running, wait_for_port
from voyant_cloud import VoyantCloudClient
from voyant_cloud.testing import VoyantServer

APPLICATION = "tests.integrations.django.project.wsgi"


@pytest.mark.parametrize("options", [["--preload"], []], ids=["preload", "each"])
def test_gunicorn(server: VoyantServer, reader: VoyantCloudClient, tmp_path: Path, options: list[str]) -> None:
    """Workers with threads publish each message once, also with a client that was used before the fork."""
    env = environment(server, PROJECT_WARM_UP="1")
    pids = pids_under_gunicorn(APPLICATION, *options, env=env, log=tmp_path / "log")
    published = [each for each in reader.realtime.history("orders:eu", limit=1000) if each.event == "order.updated"]
    assert sorted(each.data["pid"] for each in published) == sorted(pids)
    assert "Traceback" not in (tmp_path / "log").read_text()


def test_gunicorn_with_bad_settings(server: VoyantServer, tmp_path: Path) -> None:
    """A server that runs no checks says at its start what is wrong, once for its workers, without a traceback."""
    port = free_port()
    env = {**environment(server), "VOYANT_CLOUD_API_KEY": ""}
    command = [*GUNICORN, APPLICATION, f"--bind=127.0.0.1:{port}", "--workers=2", "--preload"]
    with running(command, env, tmp_path / "log"):
        wait_for_port(port)
        fetch(f"http://127.0.0.1:{port}/token/", expected=405)
    log = (tmp_path / "log").read_text()
    assert log.count('VOYANT_CLOUD["API_KEY"] is not set') == 1
    assert "Traceback" not in log


def test_runserver(server: VoyantServer, reader: VoyantCloudClient, tmp_path: Path) -> None:
    """Django's own server publishes, too; with bad settings it does not start."""
    port = free_port()
    command = [*MANAGE, "runserver", f"127.0.0.1:{port}", "--noreload"]
    with running(command, environment(server, tmp_path / "db"), tmp_path / "log"):
        wait_for_port(port)
        pid = json.loads(fetch(f"http://127.0.0.1:{port}/publish/"))["pid"]
    assert [each.data["pid"] for each in reader.realtime.history("orders:eu")] == [pid]
    assert pid != os.getpid()
    env = {**environment(server), "VOYANT_CLOUD_API_URL": "example.com"}
    with running(command, env, tmp_path / "log") as process:
        assert process.wait(30) == 1
    log = (tmp_path / "log").read_text()
    assert log.count("(voyant_cloud.E003)") == 1
    assert "VOYANT_CLOUD_API_URL in the environment: must begin with http:// or https://" in log
