"""``python -m benchmarks.redis_work``: what a publish, a copy and a member ask of the Redis of several nodes.

Counted in Redis itself: commands by its own statistics, bytes of its network, microseconds of its processor; and what
the same messages take of the processors of the nodes.
"""

from __future__ import annotations

import asyncio
import itertools
import shutil
import statistics
import tempfile
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Final

import attrs
from redis import Redis

from benchmarks.measure import MissingError
from benchmarks.process import cpu_seconds, cpu_seconds_at_rest, require_linux
from benchmarks.publishers import Publishers
from benchmarks.report import machine, write_json
from benchmarks.server import ServerProcess
from benchmarks.subscribers import Subscribers, frame_bytes, urls, websockets
from tests.redis_server import running_redis
from voyant_cloud import VoyantCloudClient, jsontext
from voyant_cloud.server.engine.base import NewMessage, StoredMessage
from voyant_cloud.server.engine.redis import RedisEngine
from voyant_cloud.server.engine.redis_address import parse_address
from voyant_cloud.server.secret_file import create_key_ring

RESULTS: Final = Path(__file__).parent / "results"
CHANNEL: Final = "orders:eu"
HISTORY: Final = 1_000
NODES: Final = 50
TURNS: Final = 5
PUBLISHERS: Final = 16
_DATA: Final = jsontext.dumps({"orderId": "ord_000001", "status": "paid"})


@attrs.frozen
class Server:
    """A Redis of its own, and what it says of itself."""

    port: int
    pid: int
    ask: Redis

    def used(self) -> dict[str, float]:
        """Return what it has done since it was started."""
        calls = {name.removeprefix("cmdstat_"): each["calls"] for name, each in self.ask.info("commandstats").items()}
        network = self.ask.info("stats")
        return {
            "scripts": calls.get("evalsha", 0),
            "commands": sum(number for name, number in calls.items() if name not in ("evalsha", "info", "config|get")),
            "bytes in": network["total_net_input_bytes"],
            "bytes out": network["total_net_output_bytes"],
            "microseconds": cpu_seconds(self.pid) * 1e6,
        }

    async def cost(self, units: int, work: Callable[[], Awaitable[object]]) -> dict[str, float]:
        """Return what each of *units* took of it: the medians of some turns."""
        turns: list[dict[str, float]] = []
        for _ in range(TURNS):
            before = self.used()
            await work()
            after = self.used()
            turns.append({name: (after[name] - before[name]) / units for name in after})
        return {name: round(statistics.median(turn[name] for turn in turns), 2) for name in turns[0]}


class Nobody:
    """A listener that needs nothing."""

    def on_messages(self, channel: str, messages: Sequence[StoredMessage]) -> None:
        """Let them go."""

    def on_presence(self, event: Any) -> None:
        """Let it go."""

    def on_standing(self, channel: str, head: Any) -> None:
        """Let it go."""


def main() -> None:
    """Measure, show and store."""
    require_linux()
    with redis_server() as server:
        measured = asyncio.run(measure(server))
        measured |= nodes(server)
        version = server.ask.info("server")["redis_version"]
    for what, cost in measured.items():
        print(f"{what:30}", "  ".join(f"{name} {value:,g}" for name, value in cost.items()))
    RESULTS.mkdir(exist_ok=True)
    write_json({"machine": f"{machine()}, Redis {version}", "work": measured}, RESULTS / "redis_work.json")


async def measure(server: Server) -> dict[str, dict[str, float]]:
    """Return what each kind of work takes of Redis, a unit of it."""
    async with engine(server) as node:
        one, many = message(CHANNEL), [message(f"orders:{number:03}") for number in range(100)]
        numbers = itertools.count()
        for each in (one, *many):
            for _ in range(HISTORY // 100):
                await node.append([each] * 100)
        return {
            "publish alone": await server.cost(500, lambda: times(500, lambda: node.append([one]))),
            "publish, 100 at once": await server.cost(3_000, lambda: together(30, node, many)),
            "batch of 100 to a channel": await server.cost(50, lambda: times(50, lambda: node.append([one] * 100))),
            "batch of 100 to 100 channels": await server.cost(30, lambda: times(30, lambda: node.append(many))),
            "first subscriber": await server.cost(300, lambda: times(300, lambda: come_and_go(node))),
            "copy of a message": await copies(server, node, [one]),
            "copy of a batch of 100": await copies(server, node, [one] * 100),
            "member that enters": await server.cost(300, lambda: times(300, lambda: enter(node, next(numbers)))),
            "retained message": {"bytes kept": kept(server)},
            **await places(server, node, 10_000),
        }


async def times(count: int, act: Callable[[], Awaitable[object]]) -> None:
    """Do it again and again, each when the one before is done."""
    for _ in range(count):
        await act()


async def together(count: int, node: RedisEngine, messages: Sequence[NewMessage]) -> None:
    """Publish all at once, again and again."""
    for _ in range(count):
        await asyncio.gather(*(node.append([each]) for each in messages))


async def copies(server: Server, node: RedisEngine, messages: Sequence[NewMessage]) -> dict[str, float]:
    """Return what each further node that follows the channel adds to a publish."""
    count = 200 if len(messages) == 1 else 50
    alone = await server.cost(count, lambda: times(count, lambda: node.append(messages)))
    async with followers(server, NODES):
        followed = await server.cost(count, lambda: times(count, lambda: node.append(messages)))
    return {name: round((followed[name] - alone[name]) / NODES, 2) for name in ("bytes out", "microseconds")}


async def come_and_go(node: RedisEngine) -> None:
    """Do what a node does for its first subscriber of a channel, and when the last has left."""
    await node.watch(CHANNEL)
    await node.history(CHANNEL, limit=0)
    await node.unwatch(CHANNEL)


async def enter(node: RedisEngine, number: int) -> None:
    """Have one member more."""
    await node.enter(CHANNEL, f"user_{number}", f"connection_{number}", {"name": "Ada"})


def kept(server: Server) -> float:
    """Return the memory that a message takes as long as it is retained."""
    size = server.ask.memory_usage(f"{{voyant}}:stream:{CHANNEL}", samples=0)
    assert size is not None
    return round(size / HISTORY)


async def places(server: Server, node: RedisEngine, count: int) -> dict[str, dict[str, float]]:
    """Return the memory that a channel takes that was read alone, and one whose messages are gone."""
    names = [f"visitors:{number:06}" for number in range(count)]
    before = used_memory(server)
    for name in names:
        await node.history(name, limit=0)
    read = used_memory(server)
    for at in range(0, count, 100):
        await node.append([message(name) for name in names[at : at + 100]])
        server.ask.delete(*(f"{{voyant}}:stream:{name}" for name in names[at : at + 100]))
    published = used_memory(server)
    return {
        "channel that was read alone": {"bytes kept": round((read - before) / count)},
        "channel whose messages are gone": {"bytes kept": round((published - before) / count)},
    }


def used_memory(server: Server) -> int:
    """Return the bytes that Redis holds."""
    used: int = server.ask.info("memory")["used_memory"]
    return used


def nodes(server: Server) -> dict[str, dict[str, float]]:
    """Return what a publish takes of the node that is asked, and of another with one subscriber that is told of it."""
    one = {"channel": "bench", "event": "order.updated", "data": jsontext.loads(_DATA)}
    with ExitStack() as stack:
        ring = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "signing-keys"
        create_key_ring(ring)
        options = ["--engine", f"redis://127.0.0.1:{server.port}/1", "--secret-file", str(ring)]
        asked = stack.enter_context(ServerProcess(*options))
        told = stack.enter_context(ServerProcess(*options, "--api-key", asked.key))
        client, other = (
            stack.enter_context(VoyantCloudClient(api_key=asked.key, base_url=each.url)) for each in (asked, told)
        )
        # It sends a message at once, which is to come before there is anybody to hear it.
        path = f"/realtime/v1/channels/{one['channel']}/messages"
        many = Publishers([(asked.url, asked.key)], path, {"event": one["event"], "data": one["data"]}, PUBLISHERS)
        subscribers = stack.enter_context(Subscribers(websockets, urls(other, ["bench"])))

        def cost(count: int, size: int, work: Callable[[], object]) -> dict[str, float]:
            before = [cpu_seconds_at_rest(node.pid) for node in (asked, told)]
            subscribers.seconds_until(frame_bytes(one) * size * count, work)
            after = [cpu_seconds_at_rest(node.pid) for node in (asked, told)]
            used = (round((now - then) / count * 1e6, 2) for then, now in zip(before, after, strict=True))
            return dict(zip(("asked", "told"), used, strict=True))

        def batches(count: int, size: int) -> dict[str, float]:
            work = [[one] * size] * count
            return cost(count, size, lambda: deque(map(client.realtime.publish_batch, work), 0))

        batches(100, 1)
        with many:
            at_once = cost(3_000, 1, lambda: many.publish(3_000))
        return {
            "node, a message": batches(1_000, 1),
            f"node, {PUBLISHERS} messages at once": at_once,
            "node, a batch of 100": batches(100, 100),
        }


@asynccontextmanager
async def engine(server: Server) -> AsyncIterator[RedisEngine]:
    """The engine of a node."""
    node = RedisEngine(parse_address(f"redis://127.0.0.1:{server.port}/0"), history_messages=HISTORY)
    await node.open(Nobody())
    try:
        yield node
    finally:
        await node.close()


@asynccontextmanager
async def followers(server: Server, count: int) -> AsyncIterator[None]:
    """As many connections that are told what is published on the channel, as other nodes are."""
    feed = f"{{voyant}}:feed:{CHANNEL}"
    reading: list[asyncio.Task[None]] = []
    for _ in range(count):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(f"SUBSCRIBE {feed}\r\n".encode())
        assert await reader.readuntil(b":1\r\n")
        reading.append(asyncio.ensure_future(drain(reader, writer)))
    try:
        yield
    finally:
        for each in reading:
            each.cancel()
        await asyncio.wait(reading)


async def drain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read until it is enough."""
    try:
        while await reader.read(1 << 16):
            pass
    finally:
        writer.close()


def message(channel: str) -> NewMessage:
    """Return a message of the usual size."""
    return NewMessage(channel, "order.updated", _DATA)


@contextmanager
def redis_server() -> Iterator[Server]:
    """A Redis that writes its file once a second, as most do."""
    if not shutil.which("redis-server"):
        raise MissingError("needs redis-server; on Debian: apt-get install redis-server")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        redis = stack.enter_context(running_redis(folder, "--appendfsync", "everysec"))
        yield Server(redis.port, redis.pid, stack.enter_context(redis.client()))


if __name__ == "__main__":
    main()
