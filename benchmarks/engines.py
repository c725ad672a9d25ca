"""``python -m benchmarks.engines``: what each engine costs, what a second node brings, and how long faults last."""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import attrs

from benchmarks.engine_tables import PUBLISHERS, SUBSCRIBERS, engines_table, faults_table
from benchmarks.measure import MissingError
from benchmarks.process import cpu_seconds
from benchmarks.publishers import Publishers
from benchmarks.recovery import FAULTS, seconds_without
from benchmarks.report import machine, write_json
from benchmarks.server import ServerProcess
from benchmarks.subscribers import Subscribers, frame_bytes, urls, websockets
from tests.redis_server import running_redis
from voyant_cloud import VoyantCloudClient
from voyant_cloud.server.secret_file import create_key_ring

RESULTS = Path(__file__).parent / "results"
TRIPS = 400
SINGLES = 2_000
BATCHES = 30
BATCH = 100
EVENT = {"event": "order.updated", "data": {"orderId": "ord_000001", "status": "paid"}}
MESSAGE = {"channel": "bench", **EVENT}
# The last word of each option counts, and RedisServer is durable of its own.
IN_MEMORY = ("--appendonly", "no")
EVERY_SECOND = ("--appendfsync", "everysec")


@attrs.define
class Figures:
    """What an engine came to, turn by turn.

    Attributes:
        trips: seconds of each publish, one after the other.
        publishes: publishes a second, many at once.
        deliveries: deliveries a second.
        delivery: processor seconds of all nodes for one delivery.
    """

    trips: list[float] = attrs.Factory(list)
    publishes: list[float] = attrs.Factory(list)
    deliveries: list[float] = attrs.Factory(list)
    delivery: list[float] = attrs.Factory(list)

    def summary(self) -> dict[str, float]:
        """Return the medians, and the 99th of a hundred publishes."""
        cuts = statistics.quantiles(self.trips, n=100)
        return {
            "p50": cuts[49],
            "p99": cuts[98],
            "publishes": statistics.median(self.publishes),
            "deliveries": statistics.median(self.deliveries),
            "delivery": statistics.median(self.delivery),
        }


def main() -> int:
    """Measure the engines in turn, then each fault by itself."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engines", description=__doc__)
    parser.add_argument("--turns", type=int, default=5, help="how often each is measured")
    turns = parser.parse_args().turns
    try:
        engines = _measure_engines(turns)
    except MissingError as missing:
        print(missing, file=sys.stderr)
        return 1
    faults = {}
    for fault in FAULTS:
        print(f"{fault.name} ...", file=sys.stderr)
        faults[fault.name] = [seconds_without(fault) for _ in range(turns)]
    print(f"{machine()}; medians of {turns} turns\n\n{engines_table(engines)}\n\n{faults_table(faults)}")
    RESULTS.mkdir(exist_ok=True)
    write_json({"machine": machine(), "engines": engines, "faults": faults}, RESULTS / "engines.json")
    return 0


def _measure_engines(turns: int) -> dict[str, dict[str, float]]:
    with ExitStack() as stack:
        ready = {name: stack.enter_context(_turn(*options)) for name, options in _setups(stack).items()}
        figures = {name: Figures() for name in ready}
        for number in range(turns + 1):
            print(f"turn {number} of {turns} ...", file=sys.stderr)
            for name, turn in ready.items():
                # The first one warms up.
                turn(figures[name] if number else Figures())
    return {name: each.summary() for name, each in figures.items()}


def _setups(stack: ExitStack) -> dict[str, tuple[tuple[str, ...], ...]]:
    """Return the options of each node, by what the table calls the set-up."""
    if not shutil.which("redis-server"):
        raise MissingError("needs redis-server; on Debian: apt-get install redis-server")
    folder = Path(stack.enter_context(TemporaryDirectory()))
    keys = folder / "signing-keys"
    create_key_ring(keys)

    def node(name: str, *redis: str) -> tuple[str, ...]:
        (folder / name).mkdir()
        url = stack.enter_context(running_redis(folder / name, *redis)).url
        return ("--engine", url, "--secret-file", str(keys))

    return {
        "memory": (("--data", ":memory:"),),
        "SQLite": (("--data", str(folder / "data.db")),),
        "Redis, nothing on the disk": (node("memory", *IN_MEMORY),),
        "Redis, `everysec`": (node("everysec", *EVERY_SECOND),),
        "Redis, `always`": (node("always"),),
        "Redis, `always`, two nodes": (node("two"),) * 2,
    }


@contextmanager
def _turn(*nodes: tuple[str, ...]) -> Iterator[Callable[[Figures], None]]:
    """Publish to every node at once; the subscribers are spread over the nodes."""
    with ExitStack() as stack:
        servers = [stack.enter_context(ServerProcess(*options)) for options in nodes]
        addresses = []
        for server in servers:
            with VoyantCloudClient(api_key=server.key, base_url=server.url) as client:
                addresses += urls(client, ["bench"])
        path = "/realtime/v1/channels/other/messages"
        batch = {"messages": [MESSAGE] * BATCH}
        one = _publishers(servers[:1], path, EVENT, 1)
        many = _publishers(servers, path, EVENT, PUBLISHERS)
        batching = _publishers(servers, "/realtime/v1/messages", batch, len(servers))
        everyone = stack.enter_context(
            Subscribers(websockets, [addresses[number % len(servers)] for number in range(SUBSCRIBERS)])
        )

        def turn(figures: Figures) -> None:
            with one:
                figures.trips += [_seconds(one, 1) for _ in range(TRIPS)]
            with many:
                figures.publishes.append(SINGLES / _seconds(many, SINGLES))
            deliveries, used = SUBSCRIBERS * BATCHES * BATCH, -_used(servers)
            with batching:
                seconds = everyone.seconds_until(
                    frame_bytes(MESSAGE) * BATCHES * BATCH, lambda: batching.publish(BATCHES)
                )
            used += _used(servers)
            figures.deliveries.append(deliveries / seconds)
            figures.delivery.append(used / deliveries)

        yield turn


def _publishers(servers: list[ServerProcess], path: str, body: Any, count: int) -> Publishers:
    return Publishers([(server.url, server.key) for server in servers], path, body, count)


def _used(servers: list[ServerProcess]) -> float:
    return sum(cpu_seconds(server.pid) for server in servers)


def _seconds(publishers: Publishers, requests: int) -> float:
    started = time.perf_counter()
    publishers.publish(requests)
    return time.perf_counter() - started


if __name__ == "__main__":
    sys.exit(main())
