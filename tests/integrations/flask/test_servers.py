"""The application under gunicorn, with forked workers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.processes import GUNICORN, finds, free_port, pids_under_gunicorn, running
from voyant_cloud.testing import Published, VoyantServer

APPLICATION = "tests.integrations.flask.project.app:create_app()"


@pytest.mark.parametrize("options", [["--preload"], []], ids=["preload", "each"])
def test_gunicorn(server: VoyantServer, published: Published, tmp_path: Path, options: list[str]) -> None:
    """Workers with threads publish each message once, also with a client that was used before the fork."""
    env = finds(server, PROJECT_WARM_UP="1")
    pids = pids_under_gunicorn(APPLICATION, *options, env=env, log=tmp_path / "log")
    assert sorted(each.data["pid"] for each in published.messages(event="order.updated")) == sorted(pids)
    assert "Traceback" not in (tmp_path / "log").read_text()


def test_bad_configuration(server: VoyantServer, tmp_path: Path) -> None:
    """The server does not start, and says why."""
    env = {**finds(server), "VOYANT_CLOUD_API_KEY": ""}
    command = [*GUNICORN, APPLICATION, f"--bind=127.0.0.1:{free_port()}", "--preload"]
    with running(command, env, tmp_path / "log") as process:
        assert process.wait(30) == 1
    assert "Set one of them to an API key of the service." in (tmp_path / "log").read_text()
