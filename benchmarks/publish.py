"""Publishing: one call beside a bare request, and many beside a loop of calls."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from benchmarks.measure import Pair, Row
from benchmarks.server import ServerProcess
from benchmarks.startup import ENVIRONMENT
from voyant_cloud import VoyantCloudClient

__all__ = ["ROWS"]

PUBLISHES = 1_000
MANY = 20_000
LINES = 60_000
CHANNELS = 20
EVENT = "order.updated"
DATA = {"orderId": "ord_1", "status": "paid", "total": 129.5}


@contextmanager
def beside_requests() -> Iterator[Pair]:
    """``publish``, and ``requests.Session.post`` of the same body."""
    with ServerProcess() as server, VoyantCloudClient(api_key=server.key, base_url=server.url) as client:
        session = requests.Session()
        session.headers["Authorization"] = f"Bearer {server.key}"
        url = f"{server.url}/realtime/v1/channels/bench/messages"
        body = {"event": EVENT, "data": DATA}

        def ours() -> None:
            client.realtime.publish("bench", event=EVENT, data=DATA)

        def theirs() -> None:
            session.post(url, json=body).raise_for_status()

        yield lambda: _rate(ours), lambda: _rate(theirs)


@contextmanager
def beside_a_loop() -> Iterator[Pair]:
    """``publish_many``, and a loop of ``publish``."""
    with ServerProcess() as server, VoyantCloudClient(api_key=server.key, base_url=server.url) as client:
        message = {"channel": "bench", "event": EVENT, "data": DATA}

        def many() -> float:
            started = time.perf_counter()
            client.realtime.publish_many([message] * MANY)
            return MANY / (time.perf_counter() - started)

        yield many, lambda: _rate(lambda: client.realtime.publish("bench", event=EVENT, data=DATA))


@contextmanager
def command_beside_a_loop() -> Iterator[Pair]:
    """``voyant-cloud publish-batch`` of a file, its start and its checkpoint included, and a loop of ``publish``."""
    with (
        tempfile.TemporaryDirectory() as folder,
        ServerProcess() as server,
        VoyantCloudClient(api_key=server.key, base_url=server.url) as client,
    ):
        path = Path(folder, "orders.jsonl")
        messages = ({"channel": f"bench:{number % CHANNELS}", "event": EVENT, "data": DATA} for number in range(LINES))
        path.write_text("".join(f"{json.dumps(message)}\n" for message in messages))
        command = [sys.executable, "-m", "voyant_cloud", "publish-batch", "--quiet", "--restart", str(path)]
        environment = {**ENVIRONMENT, "VOYANT_CLOUD_API_KEY": server.key, "VOYANT_CLOUD_API_URL": server.url}

        def batch() -> float:
            started = time.perf_counter()
            subprocess.run(command, env=environment, check=True)
            return LINES / (time.perf_counter() - started)

        yield batch, lambda: _rate(lambda: client.realtime.publish("bench", event=EVENT, data=DATA))


def _rate(action: Callable[[], Any]) -> float:
    started = time.perf_counter()
    for _ in range(PUBLISHES):
        action()
    return PUBLISHES / (time.perf_counter() - started)


ROWS = [
    Row(
        name="publish",
        what="`publish`",
        unit="a second",
        against="the bare `requests.Session.post` of the same body",
        floor=0.9,
        goal=1.0,
        prepare=beside_requests,
    ),
    Row(
        name="publish-many",
        what="`publish_many`",
        unit="a second",
        against="a loop of `publish`",
        floor=30.0,
        goal=100.0,
        prepare=beside_a_loop,
    ),
    Row(
        name="publish-batch",
        what="`publish-batch` of 60,000 lines for 20 channels",
        unit="a second",
        against="a loop of `publish`",
        floor=30.0,
        goal=100.0,
        prepare=command_beside_a_loop,
    ),
]
