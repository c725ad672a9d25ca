"""``python -m benchmarks.million``: what a service would take, by what one node and one Redis were measured to take.

It only computes: nodes and their memory and processors, what Redis gets, and the clients of a dead node coming back,
each with the backoff of the SDK.
"""

from __future__ import annotations

import argparse
import heapq
import math
import random
import statistics
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import attrs

from benchmarks.report import read
from voyant_cloud.realtime.backoff import Backoff

__all__ = ["Costs", "Load", "Wave", "come_back", "main", "measured", "parse", "plan", "sized"]

HERE: Final = Path(__file__).parent
BUSY: Final = 0.5
"""The share of a core that is to be used; the rest is for what comes at once, such as the clients of a dead node."""
PING_EVERY: Final = 20.0
REFRESH_EVERY: Final = 20.0
DRAIN: Final = 20.0
GIVE_UP: Final = 10.0
"""Seconds after which a client gives up an attempt to connect."""


@attrs.frozen(kw_only=True)
class Load:
    """What is asked of the service.

    Attributes:
        connections: WebSockets.
        per_node: how many of them a node is to have.
        publishes: requests to publish, a second.
        batch: messages in each of them, of one channel.
        subscribers: WebSockets that follow the channel of a message, as a mean of all messages.
        members: how many WebSockets have entered presence.
    """

    connections: int = 1_000_000
    per_node: int = 20_000
    publishes: float = 100.0
    batch: int = 1
    subscribers: int = 200
    members: int = 0


@attrs.frozen(kw_only=True)
class Costs:
    """What was measured: bytes, and microseconds of one core."""

    connection_bytes: float
    publish: float
    told: float
    write: float
    handshake: float
    redis_publish: float
    redis_copy: float


@attrs.frozen(kw_only=True)
class Size:
    """What a load takes.

    Attributes:
        nodes: how many.
        each: connections of each.
        connection_bytes: memory of each connection.
        cores: what all nodes use.
        told: how many nodes are told of a publish.
        redis: cores that publishes take of Redis.
        room: connects a second that all nodes but one take beside that.
    """

    nodes: int
    each: int
    connection_bytes: float
    cores: float
    told: float
    redis: float
    room: float


@attrs.frozen
class Wave:
    """Clients that came back: attempts in the busiest second, seconds until the last was in, attempts in all."""

    busiest: int
    seconds: float
    attempts: int


def measured(batch: int = 1) -> Costs:
    """Return the stored costs; those of a request with *batch* messages lie between the ones of 1 and of 100."""
    series = read(HERE / "growth.json")["series"]
    subscribers, history = series["subscribers"], series["history"]
    redis = read(HERE / "redis_work.json")["work"]
    many = subscribers["points"].index(1_000)
    full = history["points"].index(1_000)

    def between(one: float, hundred: float) -> float:
        return one + (hundred - one) * (batch - 1) / 99

    single, batched = (subscribers["curves"][f"delivery of a {kind}"] for kind in ("single publish", "batch of 100"))
    return Costs(
        connection_bytes=statistics.median(read(HERE / "baseline.json")["rows"]["memory"]["ours"]),
        publish=between(redis["node, a message"]["asked"], redis["node, a batch of 100"]["asked"]),
        told=between(redis["node, a message"]["told"], redis["node, a batch of 100"]["told"]),
        write=between(single[many], 100 * batched[many]),
        handshake=history["curves"]["resume 10 messages back"][full],
        redis_publish=between(
            redis["publish alone"]["microseconds"], redis["batch of 100 to a channel"]["microseconds"]
        ),
        redis_copy=between(redis["copy of a message"]["microseconds"], redis["copy of a batch of 100"]["microseconds"]),
    )


def sized(load: Load) -> Size:
    """Return what a load takes."""
    costs = measured(load.batch)
    writes = load.publishes * load.subscribers + load.connections / PING_EVERY
    nodes, told, cores = math.ceil(load.connections / load.per_node) - 1, 0.0, math.inf
    while cores > BUSY * nodes:
        nodes += 1
        # Subscribers are anywhere: of how many nodes one at least is.
        told = nodes * (1 - (1 - 1 / nodes) ** load.subscribers)
        cores = (load.publishes * (costs.publish + told * costs.told) + writes * costs.write) / 1e6
    return Size(
        nodes=nodes,
        each=math.ceil(load.connections / nodes),
        connection_bytes=costs.connection_bytes,
        cores=cores,
        told=told,
        redis=load.publishes * (costs.redis_publish + told * costs.redis_copy) / 1e6,
        room=max(nodes - 1, 1) * (1 - cores / nodes) * 1e6 / costs.handshake,
    )


def plan(load: Load) -> str:
    """Return what a load takes, a line a figure."""
    size = sized(load)
    writes, nodes, each = load.publishes * load.subscribers, size.nodes, size.each
    pings = load.connections / PING_EVERY
    killed, vanished = come_back(each, size.room), come_back(each, size.room, over=PING_EVERY)
    lines = [
        ("nodes", f"{nodes:,} with {each:,} connections each"),
        ("memory of connections", f"{each * size.connection_bytes / 1e6:,.0f} MB a node, "
         f"{load.connections * size.connection_bytes / 1e9:.3g} GB in all"),
        ("deliveries", f"{writes * load.batch:,.0f}/s, in {writes:,.0f} writes/s"),
        ("pings", f"{pings:,.0f}/s, and as many pongs"),
        ("processors of nodes", f"{size.cores:.1f} cores, {size.cores / nodes:.0%} of one a node"),
        ("Redis publishes", f"{load.publishes:,.0f} scripts/s"),
        ("Redis tells nodes", f"{load.publishes * size.told:,.0f} times/s, {size.told:.1f} nodes a publish"),
        ("Redis refreshes presence", f"{2 * load.members / REFRESH_EVERY:,.0f} commands/s"),
        ("Redis processor", f"{size.redis:.2f} cores, so {math.ceil(size.redis / BUSY)} Redis"),
        ("a node is killed", _told(killed)),
        ("a machine vanishes", _told(vanished)),
        ("a node drains", f"{each / DRAIN:,.0f} connects/s for {DRAIN:.0f} s; "
         f"all in turn: {nodes * DRAIN / 60:.0f} min and more"),
    ]  # fmt: skip
    return "\n".join(f"{name:25} {value}" for name, value in lines)


def come_back(clients: int, room: float, *, over: float = 0.0, seed: int = 1) -> Wave:
    """Have the clients of a dead node connect to the others, which take *room* of them a second, as they come.

    Args:
        clients: how many.
        room: handshakes a second, above 0.
        over: seconds over which they notice; 0 for all at once.
        seed: of chance.
    """
    chance = random.Random(seed).random
    attempts: list[tuple[float, int]] = []
    waits = [Backoff(chance=chance) for _ in range(clients)]
    for number, wait in enumerate(waits):
        heapq.heappush(attempts, (chance() * over + wait.next_delay(), number))
    seconds: Counter[int] = Counter()
    free = 0.0
    while attempts:
        at, number = heapq.heappop(attempts)
        seconds[int(at)] += 1
        begins = max(free, at)
        if begins - at > GIVE_UP:
            heapq.heappush(attempts, (at + GIVE_UP + waits[number].next_delay(), number))
        else:
            free = begins + 1 / room
    return Wave(max(seconds.values()), free, seconds.total())


def _told(wave: Wave) -> str:
    return f"{wave.busiest:,} connects in the busiest second; all are back after {wave.seconds:.1f} s"


def parse(arguments: Sequence[str] | None = None) -> Load:
    """Return the load that the command line means."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.million", description=__doc__)
    for field in attrs.fields(Load):
        name = f"--{field.name.replace('_', '-')}"
        parser.add_argument(name, type=type(field.default), default=field.default, help=f"{field.default:g}")
    return Load(**vars(parser.parse_args(arguments)))


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the plan of a load."""
    print(plan(parse(arguments)))


if __name__ == "__main__":
    main()
