"""Resuming after 10,000 missed messages, from the dial to the last byte, beside the same bytes down a bare socket.

The server keeps in memory what comes while somebody follows the channel and for a while after, so there are two rows:
a subscriber that was dropped comes back soon, and one comes to a channel that nobody followed when the messages came.
"""

from __future__ import annotations

import itertools
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
SIZE = len(Voyant(MESSAGES).messages)
READ_BYTES = 1 << 20


@contextmanager
def beside_a_socket() -> Iterator[Pair]:
    """Read with the same raw socket, after the same upgrade; the other side writes all that it has at once."""
    with running() as (client, peer):
        [live] = urls(client, ["bench"])
        websockets.connect(live).close()
        ours = missed(client, "bench")
        yield lambda: replay(ours), lambda: replay(peer)


@contextmanager
def out_of_the_store() -> Iterator[Pair]:
    """Resume a channel of its own in each turn."""
    with running() as (client, peer):
        names = (f"b{number:04}" for number in itertools.count())
        yield lambda: replay(missed(client, next(names))), lambda: replay(peer)


@contextmanager
def running() -> Iterator[tuple[VoyantCloudClient, str]]:
    """A server with a client, and the URL of the bare socket."""
    with (
        ServerProcess("--limit", f"history_messages={2 * MESSAGES}") as server,
        VoyantCloudClient(api_key=server.key, base_url=server.url) as client,
        Peer(MESSAGES) as peer,
    ):
        yield client, f"{peer}/"


def missed(client: VoyantCloudClient, channel: str) -> str:
    """Publish to a channel whose name has five letters; return where to resume so as to get all messages but one."""
    seen = client.realtime.publish(channel, event=EVENT).id
    client.realtime.publish_many(
        {"channel": channel, "event": EVENT, "data": order(seq)} for seq in range(1, MESSAGES + 1)
    )
    [url] = urls(client, [channel], seen)
    return url


def replay(url: str) -> float:
    """Connect and read all messages; return how many a second those were."""
    started = time.perf_counter()
    with websockets.connect(url) as sock:
        sock.settimeout(60)
        left = SIZE
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
    Row(
        name="replay-stored",
        what="the same for a channel that nobody followed, out of the store",
        unit="messages a second",
        against="the same bytes down a bare socket",
        floor=None,
        goal=None,
        prepare=out_of_the_store,
    ),
]
