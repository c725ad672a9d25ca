"""Publishing: one call beside a bare request, and many beside a loop of calls."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import requests

from benchmarks.measure import Pair, Row
from benchmarks.server import ServerProcess
from voyant_cloud import VoyantCloudClient

__all__ = ["ROWS"]

PUBLISHES = 400
MANY = 20_000
DATA = {"orderId": "ord_1", "status": "paid", "total": 129.5}


@contextmanager
def beside_requests() -> Iterator[Pair]:
    """``publish``, and ``requests.Session.post`` of the same body."""
    with ServerProcess() as server, VoyantCloudClient(api_key=server.key, base_url=server.url) as client:
        session = requests.Session()
        session.headers["Authorization"] = f"Bearer {server.key}"
        url = f"{server.url}/realtime/v1/channels/bench/messages"
        body = {"event": "order.updated", "data": DATA}

        def ours() -> None:
            client.realtime.publish("bench", event="order.updated", data=DATA)

        def theirs() -> None:
            session.post(url, json=body).raise_for_status()

        yield lambda: _rate(ours), lambda: _rate(theirs)


@contextmanager
def beside_a_loop() -> Iterator[Pair]:
    """``publish_many``, and a loop of ``publish``."""
    with ServerProcess() as server, VoyantCloudClient(api_key=server.key, base_url=server.url) as client:
        message = {"channel": "bench", "event": "order.updated", "data": DATA}

        def many() -> float:
            started = time.perf_counter()
            client.realtime.publish_many([message] * MANY)
            return MANY / (time.perf_counter() - started)

        yield many, lambda: _rate(lambda: client.realtime.publish("bench", event="order.updated", data=DATA))


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
]
