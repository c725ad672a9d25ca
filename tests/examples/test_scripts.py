"""The examples that are scripts, run as they stand."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest

from tests.e2e.executable import environment
from tests.waiting import until
from voyant_cloud import VoyantCloudClient
from voyant_cloud.testing import VoyantServer

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture
def env(server: VoyantServer, tmp_path: Path) -> dict[str, str]:
    program = tmp_path / "bin" / "voyant-cloud"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m voyant_cloud "$@"\n')
    program.chmod(0o755)
    return environment(server.url, server.api_key, PATH=f"{program.parent}:{os.environ['PATH']}", PAUSE="0.1")


def test_nightly_prices(server: VoyantServer, env: dict[str, str], tmp_path: Path) -> None:
    """The night's prices are published once, however often it runs; what is rejected is reported."""
    lines = [json.dumps({"channel": "prices:eu", "event": "price.changed", "data": number}) for number in range(250)]
    (tmp_path / "prices").write_text("\n".join([*lines[:100], "nope", *lines[100:]]) + "\n")
    export = tmp_path / "export_prices"
    export.write_text(f"#!/bin/sh\ncat {tmp_path}/prices\n")
    export.chmod(0o755)
    command = [str(EXAMPLES / "nightly_prices.sh"), str(tmp_path)]
    for _ in range(2):
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=50, check=False)
        assert done.returncode == 4
        assert done.stderr.splitlines()[-1].startswith("1 prices could not be published; see ")
    with VoyantCloudClient(api_key=server.api_key, base_url=server.url) as client:
        assert [message.data for message in client.realtime.history("prices:eu", limit=1000)] == list(range(250))


def test_nightly_prices_with_a_wrong_key(server: VoyantServer, env: dict[str, str], tmp_path: Path) -> None:
    """What does not pass is not tried again."""
    (tmp_path / "export_prices").symlink_to(shutil.which("true") or "/bin/true")
    command = [str(EXAMPLES / "nightly_prices.sh"), str(tmp_path)]
    (tmp_path / "prices").write_text("")
    env = {**env, "VOYANT_CLOUD_API_KEY": ""}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_order_listener(server: VoyantServer, env: dict[str, str], tmp_path: Path, number: signal.Signals) -> None:
    """It goes on where it ended; SIGTERM is a clean end, and kill -9 loses nothing either."""
    position = tmp_path / "position"
    command = [sys.executable, str(EXAMPLES / "order_listener.py"), "orders:eu", str(position)]
    seen: list[str] = []
    with VoyantCloudClient(api_key=server.api_key, base_url=server.url) as client:
        position.write_text(publish(client, 0))
        for run in range(2):
            wanted = [
                client.realtime.publish("orders:eu", event="order.created", data={"n": 3 * run + n}).id
                for n in (1, 2, 3)
            ]
            with subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True) as listening:
                until(lambda wanted=wanted: position.read_text() == wanted[-1])  # type: ignore[misc]
                listening.send_signal(number)
                seen += (listening.communicate(timeout=20)[1]).splitlines()
                assert listening.returncode == (0 if number is signal.SIGTERM else -number)
    assert [line for line in seen if "order.created" in line] == [
        f"INFO order.created {{'n': {n}}}" for n in range(1, 7)
    ]


def publish(client: VoyantCloudClient, number: int) -> str:
    return client.realtime.publish("orders:eu", event="order.created", data={"n": number}).id


def test_a_first_run_without_orders(server: VoyantServer, env: dict[str, str], tmp_path: Path) -> None:
    """It remembers where the channel stood, so that the next run misses nothing."""
    position = tmp_path / "position"
    command = [sys.executable, str(EXAMPLES / "order_listener.py"), "orders:eu", str(position)]
    with VoyantCloudClient(api_key=server.api_key, base_url=server.url) as client:
        publish(client, 0)
        for wanted in ([], [1, 2]):
            ids = [publish(client, number) for number in wanted]
            with subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True) as listening:
                until(lambda ids=ids: position.exists() and (not ids or position.read_text() == ids[-1]))  # type: ignore[misc]
                listening.send_signal(signal.SIGTERM)
                seen = listening.communicate(timeout=20)[1]
            assert seen.count("order.created") == len(wanted)


def test_the_unit_runs_the_example() -> None:
    """The command of the unit is the example with its two arguments."""
    unit = ConfigParser(interpolation=None)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read(EXAMPLES / "order-listener.service")
    program, script, channel, position = unit["Service"]["ExecStart"].split()
    assert Path(program).name == "python"
    assert (EXAMPLES / Path(script).name).exists()
    assert (channel, position) == ("orders:eu", "${STATE_DIRECTORY}/position")
    assert unit["Service"]["StateDirectory"] == "order-listener"
