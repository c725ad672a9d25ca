"""The application under gunicorn, with forked workers."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from tests.processes import finds, free_port, pids_of_several_workers, running
from voyant_cloud.testing import Published, VoyantServer

GUNICORN = [sys.executable, "-m", "gunicorn", "tests.integrations.flask.project.app:create_app()"]


@pytest.mark.parametrize("options", [["--preload"], []], ids=["preload", "each"])
def test_gunicorn(server: VoyantServer, published: Published, tmp_path: Path, options: list[str]) -> None:
    """Workers with threads publish each message once, also with a client that was used before the fork."""
    port = free_port()
    sizes = [f"--bind=127.0.0.1:{port}", "--workers=3", "--threads=4"]
    env = finds(server, PROJECT_WARM_UP="1")
    with running([*GUNICORN, *sizes, *options], env, tmp_path / "log") as process:
        pids = pids_of_several_workers(port)
        process.send_signal(signal.SIGTERM)
        process.wait(30)
    assert sorted(each.data["pid"] for each in published.messages(event="order.updated")) == sorted(pids)
    assert "Traceback" not in (tmp_path / "log").read_text()


def test_bad_configuration(server: VoyantServer, tmp_path: Path) -> None:
    """The server does not start, and says why."""
    env = {**finds(server), "VOYANT_CLOUD_API_KEY": ""}
    with running([*GUNICORN, f"--bind=127.0.0.1:{free_port()}", "--preload"], env, tmp_path / "log") as process:
        assert process.wait(30) == 1
    assert "Set one of them to an API key of the service." in (tmp_path / "log").read_text()
