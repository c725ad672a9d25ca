"""Three figures, each beside a bare equivalent: messages received, publishes, deliveries to 200 subscribers."""

from __future__ import annotations

import asyncio
import json
import platform
import selectors
import socket
import statistics
import threading
import time
from collections.abc import Callable
from multiprocessing import get_context
from typing import Any

import requests
import websocket
from aiohttp import web

from benchmarks.peer import Peer
from voyant_cloud import RealtimeChannel, VoyantCloudClient
from voyant_cloud.testing import VoyantServer

# Not fork: this process has threads.
processes = get_context("spawn")

TURNS = 5
MESSAGES = 20_000
PUBLISHES = 400
SUBSCRIBERS = 200
BATCHES = 60


def main() -> None:
    """Measure and print."""
    print(f"Python {platform.python_version()}, {platform.system()} {platform.machine()}; medians of {TURNS} turns\n")
    compare("typed messages/s to a handler", "bare websocket-client and json.loads", *receive_pair())
    compare("publishes/s", "bare requests.Session.post of the same body", *publish_pair())
    compare(f"deliveries/s to {SUBSCRIBERS} subscribers, batches of 100", "bare aiohttp send_str", *fan_out_pair())


def compare(what: str, against: str, ours: list[float], bare: list[float]) -> None:
    """Print one figure with its ratio, pair by pair."""
    ratio = statistics.median(mine / other for mine, other in zip(ours, bare, strict=True))
    print(
        f"{what}: {statistics.median(ours):,.0f}\n  {against}: {statistics.median(bare):,.0f}\n  ratio: {ratio:.2f}\n"
    )


def in_turn(ours: Callable[[], float], bare: Callable[[], float]) -> tuple[list[float], list[float]]:
    """Run both in turn, once to warm up, and return their rates."""
    ours()
    bare()
    rates = [(ours(), bare()) for _ in range(TURNS)]
    return [mine for mine, _ in rates], [other for _, other in rates]


# Receiving


def receive_pair() -> tuple[list[float], list[float]]:
    """Read the same frames from a peer in another process."""
    with Peer(MESSAGES) as url:
        return in_turn(lambda: receive_typed(url), lambda: receive_bare(url))


def receive_typed(url: str) -> float:
    """Count messages in a handler of a channel."""
    done = threading.Event()
    seen = 0

    def handle(_: Any) -> None:
        nonlocal seen
        seen += 1
        if seen == MESSAGES:
            done.set()

    started = time.perf_counter()
    with RealtimeChannel(channel="bench", token="rtok_bench", base_url=url) as channel:
        channel.on("message", handle)
        assert done.wait(60)
        return MESSAGES / (time.perf_counter() - started)


def receive_bare(url: str) -> float:
    """Read frames and parse them, nothing else."""
    started = time.perf_counter()
    raw = websocket.create_connection(f"ws{url[4:]}/", skip_utf8_validation=True)
    for _ in range(MESSAGES + 1):
        json.loads(raw.recv())
    rate = MESSAGES / (time.perf_counter() - started)
    raw.shutdown()
    return rate


# Publishing


def publish_pair() -> tuple[list[float], list[float]]:
    """Publish to the same server, through the client and without."""
    with VoyantServer() as server, VoyantCloudClient(api_key=server.api_key, base_url=server.url) as client:
        session = requests.Session()
        session.headers["Authorization"] = f"Bearer {server.api_key}"
        url = f"{server.url}/realtime/v1/channels/bench/messages"
        body = {"event": "order.updated", "data": {"orderId": "ord_1"}}

        def ours() -> None:
            client.realtime.publish("bench", event="order.updated", data={"orderId": "ord_1"})

        return in_turn(lambda: per_second(ours), lambda: per_second(lambda: session.post(url, json=body).json()))


def per_second(action: Callable[[], Any]) -> float:
    """Repeat an action and return its rate."""
    started = time.perf_counter()
    for _ in range(PUBLISHES):
        action()
    return PUBLISHES / (time.perf_counter() - started)


# Fan-out


def fan_out_pair() -> tuple[list[float], list[float]]:
    """Deliver batches of 100 to raw subscribers in another process."""
    return in_turn(fan_out_ours, fan_out_bare)


def fan_out_ours() -> float:
    """Publish batches to the embedded server."""
    with VoyantServer() as server, VoyantCloudClient(api_key=server.api_key, base_url=server.url) as client:
        token = client.realtime.tokens.mint(client_id="b", capabilities={"*": ["subscribe"]}).token
        path = f"/realtime/v1/connect?channel=bench&token={token}"
        batch = [{"channel": "bench", "event": "e", "data": {"orderId": f"ord_{n}"}} for n in range(100)]

        def publish() -> None:
            for _ in range(BATCHES):
                client.realtime.publish_batch(batch)

        return deliveries(server.url, path, publish)


def fan_out_bare() -> float:
    """Send the same number of texts of the same size with aiohttp's own loop."""
    text = json.dumps({"type": "message", "id": "x" * 50, "channel": "bench", "data": "x" * 90})
    ready, go = processes.Queue(), processes.Queue()
    process = processes.Process(target=run_broadcast, args=(ready, go, text), daemon=True)
    process.start()
    try:
        return deliveries(ready.get(timeout=20), "/", lambda: go.put(1))
    finally:
        process.kill()


def run_broadcast(ready: Any, go: Any, text: str) -> None:
    """Be the process that broadcasts."""
    asyncio.run(broadcast(ready, go, text))


async def broadcast(ready: Any, go: Any, text: str) -> None:
    """Serve WebSockets, and send to all of them once told to."""
    sockets: list[web.WebSocketResponse] = []

    async def accept(request: web.Request) -> web.WebSocketResponse:
        response = web.WebSocketResponse(compress=False)
        await response.prepare(request)
        sockets.append(response)
        await response.send_str('{"type":"connected"}')
        async for _ in response:
            pass
        return response

    app = web.Application()
    app.router.add_get("/", accept)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    ready.put(f"http://127.0.0.1:{runner.addresses[0][1]}")
    await asyncio.to_thread(go.get)
    for _ in range(BATCHES * 100):
        for response in sockets:
            await response.send_str(text)


def deliveries(url: str, path: str, publish: Callable[[], None]) -> float:
    """Return how many messages a second reach raw subscribers, from the first publish to the last byte."""
    results = processes.Queue()
    process = processes.Process(target=subscribe_raw, args=(url, path, results), daemon=True)
    process.start()
    assert results.get(timeout=30) == "connected"
    started = time.perf_counter()
    publish()
    finished = results.get(timeout=120)
    process.join()
    return SUBSCRIBERS * BATCHES * 100 / (finished - started)


def subscribe_raw(url: str, path: str, results: Any) -> None:
    """Connect many raw sockets and count the frames that come."""
    host, port = url.removeprefix("http://").split(":")
    selector = selectors.DefaultSelector()
    waiting = {}
    for _ in range(SUBSCRIBERS):
        raw = websocket.create_connection(f"ws://{host}:{port}{path}", timeout=30, suppress_origin=True)
        raw.recv()
        raw.sock.setblocking(False)
        selector.register(raw.sock, selectors.EVENT_READ)
        waiting[raw.sock] = [raw, FrameCounter()]
    results.put("connected")
    total = SUBSCRIBERS * BATCHES * 100
    count = 0
    while count < total:
        for key, _ in selector.select(30):
            source = key.fileobj
            assert isinstance(source, socket.socket)
            count += waiting[source][1].feed(source.recv(1 << 20))
    results.put(time.perf_counter())


class FrameCounter:
    """Counts text frames in a stream of bytes without looking into them."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> int:
        """Take bytes and return how many frames they completed."""
        data = self._rest + data
        place = count = 0
        while len(data) - place >= 4:
            length, head = data[place + 1], 2
            if length == 126:
                length, head = int.from_bytes(data[place + 2 : place + 4], "big"), 4
            if place + head + length > len(data):
                break
            place += head + length
            count += 1
        self._rest = data[place:]
        return count


if __name__ == "__main__":
    main()
