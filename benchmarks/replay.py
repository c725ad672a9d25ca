"""Resuming after 10,000 missed messages, from the dial to the last byte, beside the same bytes down a bare socket."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.measure import Pair, Row
from benchmarks.peer import Peer
from benchmarks.scripted.script import EVENT, order
from benchmarks.scripted.voyant import Voyant
from benchmarks.server import ServerProcess
from benchmarks.subscribers import urls, websockets
from voyant_cloud import VoyantCloudClient

__all__ = ["ROWS"]

MESSAGES = 10_000
READ_BYTES = 1 << 20


@contextmanager
def beside_a_socket() -> Iterator[Pair]:
    """Read with the same raw socket, after the same upgrade; the other side writes all that it has at once."""
    size = len(Voyant(MESSAGES).messages)
    with (
        ServerProcess("--limit", f"history_messages={2 * MESSAGES}") as server,
        VoyantCloudClient(api_key=server.key, base_url=server.url) as client,
        Peer(MESSAGES) as peer,
    ):
        seen = client.realtime.publish("bench", event=EVENT).id
        client.realtime.publish_many(
            {"channel": "bench", "event": EVENT, "data": order(seq)} for seq in range(1, MESSAGES + 1)
        )
        [ours] = urls(client, ["bench"], seen)
        yield lambda: replay(ours, size), lambda: replay(f"{peer}/", size)


def replay(url: str, size: int) -> float:
    """Connect and read *size* bytes of messages; return how many messages a second those were."""
    started = time.perf_counter()
    with websockets.connect(url) as sock:
        sock.settimeout(60)
        left = size
        while left > 0:
            got = sock.recv(READ_BYTES)
            assert got, "the connection ended too soon"
            left -= len(got)
        return MESSAGES / (time.perf_counter() - started)


ROWS = [
    Row(
        name="replay",
        what="replay of 10,000 missed messages on resume",
        unit="messages a second",
        against="the same bytes down a bare socket",
        floor=0.2,
        goal=0.5,
        prepare=beside_a_socket,
    ),
]
