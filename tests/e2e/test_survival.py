"""The server under faults, on one node: what is acknowledged is received, once and in order."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from tests.e2e.oracle import KEY, survive, time_for_some_messages
from tests.waiting import until
from voyant_cloud import VoyantCloudClient
from voyant_cloud.testing import VoyantServer


def test_connections_that_are_cut_again_and_again() -> None:
    """Every connection is cut many times while messages flow."""
    with VoyantServer(limits={"history_messages": 100_000}) as server:
        with VoyantCloudClient(api_key=server.api_key, base_url=server.url) as client:

            def cut() -> None:
                for _ in range(3):
                    until(lambda: server.connections > 0)
                    time_for_some_messages(client)
                    server.drop_connections()

            survive(client, cut)


def test_a_server_that_restarts(tmp_path: Path) -> None:
    """The server stops and starts again on its file while messages flow."""
    with VoyantServer(data=str(tmp_path / "voyant.db"), limits={"history_messages": 100_000}) as server:
        with VoyantCloudClient(api_key=server.api_key, base_url=server.url) as client:

            def restart() -> None:
                time_for_some_messages(client)
                server.restart()
                time_for_some_messages(client)

            survive(client, restart)


def test_a_server_that_is_killed(tmp_path: Path) -> None:
    """kill -9 at random points under load, restarted each time on its file and port."""
    port, process = start_server(tmp_path, 0)
    try:
        with VoyantCloudClient(api_key=KEY, base_url=f"http://127.0.0.1:{port}") as client:

            def kill() -> None:
                nonlocal process
                for _ in range(3):
                    time_for_some_messages(client)
                    process.send_signal(signal.SIGKILL)
                    process.wait()
                    _, process = start_server(tmp_path, port)
                time_for_some_messages(client)

            survive(client, kill)
    finally:
        process.kill()
        process.wait()


def start_server(folder: Path, port: int) -> tuple[int, subprocess.Popen[str]]:
    """Start ``voyant-cloud serve`` and return its port once it answers."""
    options = ["--port", str(port), "--data", str(folder / "voyant.db"), "--api-key", KEY, "--no-access-log"]
    command = [sys.executable, "-m", "voyant_cloud", "serve", *options, "--limit", "history_messages=100000"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    url = process.stdout.readline().strip()
    assert url, "the server did not start"
    process.stdout.close()
    return int(url.rpartition(":")[2]), process
