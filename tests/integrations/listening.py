"""What both frameworks' commands that listen are held to, in a process of their own."""

from __future__ import annotations

import json
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.processes import running
from tests.waiting import until
from voyant_cloud import VoyantCloudClient
from voyant_cloud.testing import VoyantServer

__all__ = ["check_listening"]


def check_listening(
    command: Sequence[str],
    number: signal.Signals,
    *,
    env: Mapping[str, str],
    server: VoyantServer,
    reader: VoyantCloudClient,
    log: Path,
) -> None:
    """Messages on ``orders:eu`` are shown as they come, through a restart, until a signal ends it in good order.

    Args:
        command: listens to that channel and prints JSON.
        number: the signal.
        env: the command's environment.
        server: the service.
        reader: publishes.
        log: where the command's words go.
    """
    with running(command, env, log) as process:
        until(lambda: "Connected" in log.read_text())
        reader.realtime.publish("orders:eu", event="a")
        until(lambda: '"event":"a"' in log.read_text())
        server.restart()
        until(lambda: log.read_text().count("Connected") == 2)
        reader.realtime.publish("orders:eu", event="b")
        until(lambda: '"event":"b"' in log.read_text())
        process.send_signal(number)
        assert process.wait(20) == 0
    lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    assert [line["event"] for line in lines] == ["a", "b"]
    assert "Traceback" not in log.read_text()
