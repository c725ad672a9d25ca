"""What is measured of growth: each series takes one thing from small to large and tells the cost of a unit of work."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import attrs

from benchmarks.bare_writes import BareWrites
from benchmarks.process import cpu_seconds_at_rest, require_descriptors, require_linux
from benchmarks.server import ServerProcess
from benchmarks.subscribers import Subscribers, frame_bytes, urls, websockets
from voyant_cloud import RealtimeChannel, VoyantCloudClient

__all__ = ["BY_THE_CLOCK", "SERIES", "Series", "Turn"]

Turn = Callable[[], Mapping[str, float]]
"""Measures every curve of a series at one point: microseconds of the server's processor, unless its name says else."""
BY_THE_CLOCK = ", by the clock"
"""Ends the name of a curve that also has in it what the reading side and all else on the machine takes."""
SINGLE, BATCH = "delivery of a single publish", "delivery of a batch of 100"
BARE_SINGLE, BARE_BATCH = "bare write of a message", "bare write of 100, a message"
EVENT = "order.updated"
DATA = {"orderId": "ord_000001", "status": "paid"}


@attrs.frozen(kw_only=True)
class Series:
    """Costs as one thing grows.

    Attributes:
        name: what it is called on the command line.
        grows: what grows.
        points: how far it grows.
        exponent: the power of it with which the cost may grow: 0 where a unit stays the same work, 1 where it is more.
        prepare: makes a point ready, for as long as its block lasts.
        beside: for a curve the one of what the machine takes for the same without this server. It is judged by its
            ratio to that.
    """

    name: str
    grows: str
    points: tuple[int, ...]
    exponent: float
    prepare: Callable[[int], AbstractContextManager[Turn]]
    beside: Mapping[str, str] = attrs.field(factory=dict)


class Bench:
    """A server of its own with a client."""

    def __init__(self, server: ServerProcess, client: VoyantCloudClient) -> None:
        self.client = client
        self._pid = server.pid

    def cost(self, units: int, act: Callable[[], object]) -> float:
        """Return the microseconds of the server's processor that each of *units* takes."""
        return cost_to(self._pid, units, act)

    def costs(
        self, curve: str, units: int, subscribers: Subscribers, each: int, act: Callable[[], object]
    ) -> dict[str, float]:
        """Return two points of *curve*: by ``cost`` until every subscriber got *each* bytes, and by the clock."""
        waited: list[float] = []
        used = self.cost(units, lambda: waited.append(subscribers.seconds_until(each, act)))
        return {curve: used, curve + BY_THE_CLOCK: waited[0] / units * 1e6}

    def publish(self, messages: list[dict[str, Any]]) -> None:
        """Publish one by one."""
        for message in messages:
            self.client.realtime.publish(message["channel"], event=EVENT, data=message["data"])

    def publish_batches(self, messages: list[dict[str, Any]], size: int = 100) -> None:
        """Publish *size* at a time."""
        for start in range(0, len(messages), size):
            self.client.realtime.publish_batch(messages[start : start + size])


def cost_to(pid: int, units: int, act: Callable[[], object]) -> float:
    """Return the microseconds of a process's processor that each of *units* takes."""
    before = cpu_seconds_at_rest(pid)
    act()
    return (cpu_seconds_at_rest(pid) - before) / units * 1e6


@contextmanager
def bench(*limits: str) -> Iterator[Bench]:
    """A server with other limits."""
    require_linux()
    options = [part for limit in limits for part in ("--limit", limit)]
    with (
        ServerProcess(*options) as server,
        VoyantCloudClient(api_key=server.key, base_url=server.url) as client,
    ):
        yield Bench(server, client)


def message(channel: str, data: Any = DATA) -> dict[str, Any]:
    """Return a message as ``publish_batch`` takes it."""
    return {"channel": channel, "event": EVENT, "data": data}


@contextmanager
def with_subscribers(count: int) -> Iterator[Turn]:
    """One channel; fewer messages to more subscribers, and the same bytes from a bare loop to as many."""
    require_descriptors(count + 200)
    one = message("bench")
    singles, batches = max(50, min(200, 40_000 // count)), max(10, min(50, 4_000 // count))
    with (
        bench() as it,
        Subscribers(websockets, urls(it.client, ["bench"]) * count) as subscribers,
        BareWrites() as bare,
        Subscribers(websockets, [bare.url] * count) as bare_subscribers,
    ):
        size = frame_bytes(one)

        def bare_cost(messages: int, times: int) -> float:
            def write() -> None:
                bare.write(size * messages, times)

            each = size * messages * times
            return cost_to(bare.pid, messages * times * count, lambda: bare_subscribers.seconds_until(each, write))

        def turn() -> dict[str, float]:
            few, many = [one] * singles, [one] * 100 * batches
            return {
                **it.costs(SINGLE, len(few) * count, subscribers, size * len(few), lambda: it.publish(few)),
                BARE_SINGLE: bare_cost(1, singles),
                **it.costs(BATCH, len(many) * count, subscribers, size * len(many), lambda: it.publish_batches(many)),
                BARE_BATCH: bare_cost(100, batches),
            }

        yield turn


@contextmanager
def with_bytes(size: int) -> Iterator[Turn]:
    """Messages to nobody, to 100 raw subscribers, and out of history to a handler."""
    # With its quotes it is as long as JSON.
    data = "x" * (size - 2)
    alone, followed, kept = (message(channel, data) for channel in ("alone", "followed", "kept"))
    with bench() as it, Subscribers(websockets, urls(it.client, ["followed"]) * 100) as subscribers:
        seen = it.client.realtime.publish("kept", event=EVENT, data=data).id
        it.publish([kept] * 200)

        def turn() -> dict[str, float]:
            publishes = [followed] * 30
            each = frame_bytes(followed) * len(publishes)
            delivery = "delivery to one of 100 subscribers"
            costs = it.costs(delivery, len(publishes) * 100, subscribers, each, lambda: it.publish(publishes))
            return {
                "publish to nobody": it.cost(100, lambda: it.publish([alone] * 100)),
                delivery: costs[delivery],
                "message of a resume to a handler, client's processor": handled(it.client, "kept", seen, 200),
            }

        yield turn


def handled(client: VoyantCloudClient, name: str, since_id: str, count: int) -> float:
    """Resume a channel; return the microseconds of this process's processor for each of *count* messages."""
    done = threading.Event()
    left = count

    def handle(_: Any) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            done.set()

    token = client.realtime.tokens.mint(client_id="b", capabilities={"*": ["subscribe"]})
    before = time.process_time()
    with RealtimeChannel(channel=name, token=token, base_url=client.base_url, since_id=since_id) as channel:
        channel.on("message", handle)
        assert done.wait(60)
        return (time.process_time() - before) / count * 1e6


@contextmanager
def with_channels(count: int) -> Iterator[Turn]:
    """Each channel with one raw subscriber; every request is for the next channel, one message of it or ten."""
    names = [f"bench:{number:06}" for number in range(count)]
    singles = [message(names[number % count]) for number in range(1_000)]
    tens = [each for each in singles for _ in range(10)]
    with bench() as it, Subscribers(websockets, urls(it.client, names)) as subscribers:
        size = frame_bytes(singles[0])

        def turn() -> dict[str, float]:
            single, ten = "publish", "message of a batch of 10"
            return it.costs(
                single, len(singles), subscribers, size * len(singles) // count, lambda: it.publish(singles)
            ) | it.costs(ten, len(tens), subscribers, size * len(tens) // count, lambda: it.publish_batches(tens, 10))

        yield turn


@contextmanager
def with_history(count: int) -> Iterator[Turn]:
    """As many messages retained as may be, so that each publish pushes out the oldest; read are channels that rest."""
    busy, rests = message("busy"), message("rests")
    # Each turn resumes from the first in a channel of its own: what it reads stays in the server's memory for a while.
    fresh = (f"r{number:04}" for number in itertools.count())
    with bench(f"history_messages={count + 1}") as it:
        api = it.client.realtime
        api.publish_many([rests] * (count + 1))
        api.publish_many([busy] * (count + 1))
        few = min(count, 10)
        [few_of_it] = urls(it.client, ["rests"], api.history("rests", limit=few + 1)[0].id)

        def turn() -> dict[str, float]:
            name = next(fresh)
            before_all = api.publish(name, event=EVENT, data=DATA).id
            api.publish_many([message(name)] * count)
            [all_of_it] = urls(it.client, [name], before_all)
            return {
                "publish": it.cost(200, lambda: it.publish([busy] * 200)),
                "message of a batch of 100": it.cost(2_000, lambda: it.publish_batches([busy] * 2_000)),
                "read of the newest 10": it.cost(50, lambda: repeat(50, lambda: api.history("rests", limit=10))),
                "resume 10 messages back": it.cost(50, lambda: repeat(50, lambda: resume(few_of_it, few))),
                "message of a resume from the first": it.cost(count, lambda: resume(all_of_it, count)),
            }

        yield turn


def repeat(times: int, act: Callable[[], object]) -> None:
    """Do it again and again."""
    for _ in range(times):
        act()


def resume(url: str, count: int) -> None:
    """Connect a raw subscriber and read the *count* messages that it missed."""
    left = frame_bytes(message("rests")) * count
    with websockets.connect(url) as sock:
        while left > 0:
            got = sock.recv(1 << 20)
            assert got, "the connection ended too soon"
            left -= len(got)


SERIES = [
    Series(
        name="subscribers",
        grows="subscribers of one channel",
        points=(10, 50, 200, 1_000, 5_000),
        exponent=0,
        prepare=with_subscribers,
        beside={SINGLE: BARE_SINGLE, BATCH: BARE_BATCH},
    ),
    Series(
        name="bytes",
        grows="bytes of a message's data",
        points=(100, 1_000, 4_000, 16_000, 65_536),
        exponent=1,
        prepare=with_bytes,
    ),
    Series(
        name="channels",
        grows="channels of the server",
        points=(1, 10, 100, 1_000),
        exponent=0,
        prepare=with_channels,
    ),
    Series(
        name="history",
        grows="messages retained in a channel",
        points=(10, 100, 1_000, 10_000, 100_000),
        exponent=0,
        prepare=with_history,
    ),
]
