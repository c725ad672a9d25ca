"""From publish to handler, p50 and p99, idle and at half load, beside a bare aiohttp echo.

Ours is timed from before ``channel.publish(...)`` to the call of that channel's handler: like an echo, the message goes
to the server and back over one WebSocket. On its way the server checks it, stores it and fans it out, and the SDK hands
it to the thread of its handlers. The echo is sent and received with websocket-client, on which the SDK is built, by a
thread each. ``client.realtime.publish`` would be another thing: a request with an answer, on a second connection.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import websocket

from benchmarks.echo import EchoProcess
from benchmarks.measure import Pair, Row
from benchmarks.server import ServerProcess
from benchmarks.trips import Trips, percentile
from voyant_cloud import VoyantCloudClient
from voyant_cloud.models import PublishRealtimeMessageInput
from voyant_cloud.realtime.frames import encode_frame

__all__ = ["ROWS"]

Take = Callable[[Trips], list[float]]
"""One turn; returns each message's seconds."""
IDLE = 300
TRIED = 0.5
"""Seconds that a pace is tried for."""
LOADED = 6_000
EVENT = "order.updated"
DATA = {"orderId": "ord_1", "status": "paid", "total": 129.5}
# One connection sends all the load, which a server would take for abuse; and where a pace is tried that is too high,
# who reads may fall behind by more than is usually kept.
NO_LIMITS = tuple(
    f"--limit={name}" for name in ("frames_per_second=1000000", "frames_burst=1000000", "history_messages=1000000")
)


@contextmanager
def _ours() -> Iterator[Trips]:
    with (
        ServerProcess(*NO_LIMITS) as server,
        VoyantCloudClient(api_key=server.key, base_url=server.url) as client,
        client.realtime.channel("bench", client_id="b") as channel,
    ):
        trips = Trips(lambda: channel.publish(EVENT, DATA))
        channel.on("message", trips.arrive)
        assert channel.wait_connected(20)
        yield trips


@contextmanager
def _echo() -> Iterator[Trips]:
    text = encode_frame(PublishRealtimeMessageInput(event=EVENT, data=DATA))
    with EchoProcess() as server:
        # As the SDK does: its checks of UTF-8 take longer than all else.
        socket = websocket.create_connection(server.url, skip_utf8_validation=True, enable_multithread=True)
        socket.recv()
        trips = Trips(lambda: socket.send(text))
        threading.Thread(target=_receive, args=(socket, trips), daemon=True).start()
        try:
            yield trips
        finally:
            socket.abort()


def _receive(socket: websocket.WebSocket, trips: Trips) -> None:
    with suppress(websocket.WebSocketConnectionClosedException):
        while socket.recv():
            trips.arrive()


def idle(_: Trips) -> Take:
    """One message at a time."""
    return lambda trips: trips.one_by_one(IDLE)


def half_load(ours: Trips) -> Take:
    """Half of the rate that ours can keep up with, which is found before the turns; the echo gets the same."""
    rate = ours.highest_pace(TRIED) / 2
    return lambda trips: trips.at_pace(LOADED, rate)


@contextmanager
def beside_an_echo(load: Callable[[Trips], Take], percent: int) -> Iterator[Pair]:
    """Both under the same load, each turn one percentile of its messages."""
    with _ours() as ours, _echo() as echo:
        take = load(ours)
        yield (
            lambda: percentile(take(ours), percent) * 1e6,
            lambda: percentile(take(echo), percent) * 1e6,
        )


def _row(name: str, what: str, load: Callable[[Trips], Take], percent: int) -> Row:
    return Row(
        name=f"latency-{name}-p{percent}",
        what=f"publish to handler latency, {what}, p{percent}",
        unit="microseconds",
        against="a bare aiohttp echo",
        floor=1.5,
        goal=1.2,
        is_cost=True,
        prepare=lambda: beside_an_echo(load, percent),
    )


ROWS = [
    _row("idle", "idle", idle, 50),
    _row("idle", "idle", idle, 99),
    _row("half-load", "at half load", half_load, 50),
    _row("half-load", "at half load", half_load, 99),
]
