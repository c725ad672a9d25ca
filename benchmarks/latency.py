"""From publish to handler, p50 and p99, idle and at half load, beside a bare aiohttp echo.

Ours is timed from before ``channel.publish(...)`` to the call of that channel's handler: like an echo, the message goes
to the server and back over one WebSocket. On its way the server checks it, stores it and fans it out, and the SDK hands
it to the thread of its handlers. The echo is sent and received with websocket-client, on which the SDK is built, by a
thread each. ``client.realtime.publish`` would be another thing: a request with an answer, on a second connection.

As it comes, aiohttp runs on asyncio's own event loop, as it does in the other rows that stand beside it. Our server
has uvloop, so told beside the floors is how the same echo does on that.

At half load, other connections keep our server busy for half of the time, with messages of channels of their own; the
echo gets as many. Told beside that is how it is where the connection that is timed publishes half of what it can by
itself: its limit is the lock of its own interpreter.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

import websocket

from benchmarks.echo import EchoProcess
from benchmarks.load import Load
from benchmarks.measure import Pair, Row
from benchmarks.server import ServerProcess
from benchmarks.subscribers import urls
from benchmarks.trips import Trips, percentile
from voyant_cloud import VoyantCloudClient
from voyant_cloud.models import PublishRealtimeMessageInput
from voyant_cloud.realtime.frames import encode_frame

__all__ = ["ROWS"]


class Side(NamedTuple):
    """One of the two that stand beside each other.

    Attributes:
        trips: the messages that are timed.
        load: other connections to the same server.
        pid: the server.
    """

    trips: Trips
    load: Load
    pid: int


Take = Callable[[Side], list[float]]
"""One turn; returns each message's seconds."""
IDLE = 300
TRIED = 0.5
"""Seconds that a pace is tried for."""
LOADED = 6_000
OTHERS = 50
"""Connections that keep a server busy."""
EVENT = "order.updated"
DATA = {"orderId": "ord_1", "status": "paid", "total": 129.5}
TEXT = encode_frame(PublishRealtimeMessageInput(event=EVENT, data=DATA))
# Few connections send all the load, which a server would take for abuse; and where a pace is tried that is too high,
# who reads may fall behind by more than is usually kept.
NO_LIMITS = tuple(
    f"--limit={name}" for name in ("frames_per_second=1000000", "frames_burst=1000000", "history_messages=1000000")
)


@contextmanager
def _ours() -> Iterator[Side]:
    with (
        ServerProcess(*NO_LIMITS) as server,
        VoyantCloudClient(api_key=server.key, base_url=server.url) as client,
        Load(urls(client, [f"load-{number}" for number in range(OTHERS)], publish=True), TEXT) as load,
        client.realtime.channel("bench", client_id="b") as channel,
    ):
        trips = Trips(lambda: channel.publish(EVENT, DATA))
        channel.on("message", trips.arrive)
        assert channel.wait_connected(20)
        yield Side(trips, load, server.pid)


@contextmanager
def _echo(on_our_loop: bool) -> Iterator[Side]:
    with EchoProcess(on_our_loop=on_our_loop) as server, Load([server.url] * OTHERS, TEXT) as load:
        # As the SDK does: its checks of UTF-8 take longer than all else.
        socket = websocket.create_connection(server.url, skip_utf8_validation=True, enable_multithread=True)
        socket.recv()
        trips = Trips(lambda: socket.send(TEXT))
        threading.Thread(target=_receive, args=(socket, trips), daemon=True).start()
        try:
            yield Side(trips, load, server.pid)
        finally:
            socket.abort()


def _receive(socket: websocket.WebSocket, trips: Trips) -> None:
    with suppress(websocket.WebSocketConnectionClosedException):
        while socket.recv():
            trips.arrive()


def idle(_ours: Side) -> Take:
    """One message at a time."""
    return lambda side: side.trips.one_by_one(IDLE)


def half_load(ours: Side) -> Take:
    """The same, while others keep our server busy for half of the time, at a rate that is found before the turns."""
    rate = ours.load.rate_for(0.5, ours.pid)
    return lambda side: _under(side, rate)


def alone(ours: Side) -> Take:
    """Half of the rate that one connection of ours can keep up with; the echo gets the same."""
    rate = ours.trips.highest_pace(TRIED) / 2
    return lambda side: side.trips.at_pace(LOADED, rate)


def _under(side: Side, rate: float) -> list[float]:
    side.load.at(rate)
    try:
        return side.trips.one_by_one(IDLE)
    finally:
        side.load.at(0)


@contextmanager
def beside_an_echo(load: Callable[[Side], Take], percent: int, on_our_loop: bool) -> Iterator[Pair]:
    """Both under a load, each turn one percentile of its messages."""
    with _ours() as ours, _echo(on_our_loop) as echo:
        take = load(ours)
        yield (
            lambda: percentile(take(ours), percent) * 1e6,
            lambda: percentile(take(echo), percent) * 1e6,
        )


def _row(
    name: str,
    what: str,
    load: Callable[[Side], Take],
    percent: int,
    *,
    on_our_loop: bool = False,
    floor: float | None = None,
    goal: float | None = None,
) -> Row:
    return Row(
        name=f"latency-{name}-p{percent}",
        what=f"publish to handler latency, {what}, p{percent}",
        unit="microseconds",
        against="the same echo on uvloop" if on_our_loop else "a bare aiohttp echo",
        floor=floor,
        goal=goal,
        is_cost=True,
        prepare=lambda: beside_an_echo(load, percent, on_our_loop),
    )


ROWS = [
    _row("idle", "idle", idle, 50, floor=1.5, goal=1.2),
    _row("idle", "idle", idle, 99, floor=1.5, goal=1.2),
    _row("half-load", "at half load", half_load, 50, floor=1.5, goal=1.2),
    _row("half-load", "at half load", half_load, 99, floor=1.5, goal=1.2),
    _row("idle-uvloop", "idle", idle, 50, on_our_loop=True),
    _row("idle-uvloop", "idle", idle, 99, on_our_loop=True),
    _row("half-load-uvloop", "at half load", half_load, 50, on_our_loop=True),
    _row("half-load-uvloop", "at half load", half_load, 99, on_our_loop=True),
    _row("alone", "one connection at half of its highest pace", alone, 50),
    _row("alone", "one connection at half of its highest pace", alone, 99),
]
