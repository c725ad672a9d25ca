"""What 500 channels cost one process in threads and memory, beside a bare websocket-client and a thread for each.

``python -m benchmarks.channels WAY URL KEY`` opens them in one of ``WAYS`` and prints what they took of its process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sized
from contextlib import contextmanager
from functools import partial

import websocket

from benchmarks.measure import Measure, Pair, Row
from benchmarks.process import require_linux, resident_bytes, threads
from benchmarks.server import ServerProcess
from benchmarks.subscribers import urls
from voyant_cloud import RealtimeChannel, SharedThreads, VoyantCloudClient

__all__ = ["ROWS"]

CHANNELS = 500
NAMES = [f"bench:{number}" for number in range(CHANNELS)]
Open = Callable[[VoyantCloudClient], Sized]
"""Opens all channels and returns them, each connected."""


def own_threads(client: VoyantCloudClient, shared: SharedThreads | None = None) -> list[RealtimeChannel]:
    """Channels as they are, with threads of their own."""
    token = client.realtime.tokens.mint(client_id="b", capabilities={"*": ["subscribe"]})
    channels = [RealtimeChannel(channel=name, token=token, base_url=client.base_url, threads=shared) for name in NAMES]
    for channel in channels:
        channel.on("message", lambda _: None)
        assert channel.wait_connected(60)
    return channels


def shared_threads(client: VoyantCloudClient) -> list[RealtimeChannel]:
    """Channels on threads that they share."""
    return own_threads(client, SharedThreads())


def bare(client: VoyantCloudClient) -> list[websocket.WebSocket]:
    """A socket for each channel, and a thread that reads it."""
    sockets = [websocket.create_connection(url) for url in urls(client, NAMES)]
    for socket in sockets:
        socket.recv()
        threading.Thread(target=socket.recv, daemon=True).start()
    return sockets


WAYS: dict[str, Open] = {"own-threads": own_threads, "shared-threads": shared_threads, "bare": bare}


@contextmanager
def beside_bare(way: str, figure: str) -> Iterator[Pair]:
    """Each turn in a new process: memory that was used once stays with its process."""
    require_linux()
    with ServerProcess() as server:
        yield _opened(way, server, figure), _opened("bare", server, figure)


def _opened(way: str, server: ServerProcess, figure: str) -> Measure:
    command = [sys.executable, "-m", "benchmarks.channels", way, server.url, server.key]

    def turn() -> float:
        output = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
        return float(json.loads(output)[figure])

    return turn


def main(way: str, url: str, key: str) -> None:
    """Open the channels and print what each of them took."""
    with VoyantCloudClient(api_key=key, base_url=url) as client:
        # A request first, so that what all channels share is there before.
        urls(client, NAMES)
        pid = os.getpid()
        bytes_before, threads_before = resident_bytes(pid), threads(pid)
        opened = WAYS[way](client)
        used = {"bytes": resident_bytes(pid) - bytes_before, "threads": threads(pid) - threads_before}
        print(json.dumps({figure: value / len(opened) for figure, value in used.items()}))


def _row(name: str, what: str, unit: str, way: str, figure: str) -> Row:
    return Row(
        name=name,
        what=f"{what} a channel, 500 in one process",
        unit=unit,
        against="a bare websocket-client for each, with a thread",
        floor=None,
        goal=None,
        is_cost=True,
        turns=2,
        warm_up=False,
        prepare=partial(beside_bare, way, figure),
    )


ROWS = [
    _row("channels-threads", "threads", "threads", "own-threads", "threads"),
    _row("channels-memory", "memory", "bytes", "own-threads", "bytes"),
    _row("shared-threads", "with `SharedThreads`: threads", "threads", "shared-threads", "threads"),
    _row("shared-memory", "with `SharedThreads`: memory", "bytes", "shared-threads", "bytes"),
]

if __name__ == "__main__":
    main(*sys.argv[1:])
