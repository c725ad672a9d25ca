"""One channel with 200 raw subscribers: deliveries a second, of batches and of single messages."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any

from aiohttp import web

from benchmarks.measure import MissingError, Pair, Row
from benchmarks.publishers import Publishers
from benchmarks.server import ServerProcess
from benchmarks.subscribers import Subscribers, frame_bytes, nats, urls, websockets
from voyant_cloud import VoyantCloudClient

__all__ = ["ROWS"]

SUBSCRIBERS = 200
BATCHES = 60
BATCH = 100
SINGLES = 600
MESSAGE = {"channel": "bench", "event": "order.updated", "data": {"orderId": "ord_000001", "status": "paid"}}

SINGLE = {"event": MESSAGE["event"], "data": MESSAGE["data"]}
PUBLISHERS = 16

_processes = get_context("spawn")


@contextmanager
def _ours(path: str, body: Any, publishers: int, requests: int, messages: int) -> Iterator[Callable[[], float]]:
    """Raw publishers send *requests* that hold *messages* between them."""
    with (
        ServerProcess() as server,
        VoyantCloudClient(api_key=server.key, base_url=server.url) as client,
    ):
        [address] = urls(client, ["bench"])
        size = frame_bytes(MESSAGE)
        publishing = Publishers([(server.url, server.key)], path, body, publishers)
        with Subscribers(websockets, [address] * SUBSCRIBERS) as subscribers:

            def turn() -> float:
                with publishing:
                    seconds = subscribers.seconds_until(size * messages, lambda: publishing.publish(requests))
                return SUBSCRIBERS * messages / seconds

            yield turn


@contextmanager
def beside_nats() -> Iterator[Pair]:
    """Batches of 100 from two publishers; nats-server gets as many messages of the same payload at once."""
    path = shutil.which("nats-server")
    if path is None:
        raise MissingError("needs nats-server; on Debian: apt-get install nats-server")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    payload = json.dumps(MESSAGE).encode()
    publication = b"PUB bench %d\r\n%s\r\n" % (len(payload), payload)
    delivered = len(b"MSG bench 1 %d\r\n%s\r\n" % (len(payload), payload))
    command = [path, "--addr", "127.0.0.1", "--port", str(port)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            _wait_for(port)
            publisher = nats.connect(("127.0.0.1", port))
            # It is subscribed, too, and reads nothing more.
            publisher.sendall(b"UNSUB 1\r\n")
            with (
                _ours("/realtime/v1/messages", {"messages": [MESSAGE] * BATCH}, 2, BATCHES, BATCHES * BATCH) as ours,
                Subscribers(nats, [("127.0.0.1", port)] * SUBSCRIBERS) as subscribers,
            ):

                def theirs() -> float:
                    messages = BATCHES * BATCH
                    seconds = subscribers.seconds_until(
                        delivered * messages, lambda: publisher.sendall(publication * messages)
                    )
                    return SUBSCRIBERS * messages / seconds

                yield ours, theirs
        finally:
            process.kill()


@contextmanager
def beside_aiohttp() -> Iterator[Pair]:
    """Publishers of single messages; bare aiohttp sends as many texts of the same size in a loop of ``send_str``."""
    text = json.dumps({"type": "message", "id": "x" * 50, **MESSAGE, "publishedAt": "2026-11-24T09:30:00.000Z"})
    ready, go = _processes.Queue(), _processes.Queue()
    process = _processes.Process(target=_run_broadcast, args=(ready, go, text), daemon=True)
    process.start()
    try:
        size = len(text) + (2 if len(text) < 126 else 4)
        with (
            _ours("/realtime/v1/channels/bench/messages", SINGLE, PUBLISHERS, SINGLES, SINGLES) as ours,
            Subscribers(websockets, [ready.get(timeout=20)] * SUBSCRIBERS) as subscribers,
        ):

            def theirs() -> float:
                return SUBSCRIBERS * SINGLES / subscribers.seconds_until(size * SINGLES, lambda: go.put(SINGLES))

            yield ours, theirs
    finally:
        process.kill()


def _wait_for(port: int) -> None:
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError(port)


def _run_broadcast(ready: Any, go: Any, text: str) -> None:
    asyncio.run(_broadcast(ready, go, text))


async def _broadcast(ready: Any, go: Any, text: str) -> None:
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
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    ready.put(f"ws://127.0.0.1:{runner.addresses[0][1]}/")
    while True:
        for _ in range(await asyncio.to_thread(go.get)):
            for response in sockets:
                await response.send_str(text)


ROWS = [
    Row(
        name="fan-out-batches",
        what="fan-out of batches of 100 to 200 raw subscribers",
        unit="deliveries a second",
        against="nats-server with the same payload and counts",
        floor=0.5,
        goal=1.0,
        prepare=beside_nats,
    ),
    Row(
        name="fan-out-singles",
        what="fan-out of single publishes to 200 subscribers",
        unit="deliveries a second",
        against="a bare aiohttp loop of `send_str`",
        floor=0.8,
        goal=2.0,
        prepare=beside_aiohttp,
    ),
]
