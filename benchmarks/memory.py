"""What 10,000 idle WebSockets cost the server in memory, beside as many on bare aiohttp.

All follow one channel. Counted is the resident memory of the server's process, without the kernel's buffers: what it
grows by from before the first connects until the last has.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.echo import EchoProcess
from benchmarks.measure import Pair, Row
from benchmarks.process import open_descriptors, require_descriptors, require_linux, resident_bytes
from benchmarks.server import ServerProcess
from benchmarks.subscribers import Subscribers, urls, websockets
from voyant_cloud import VoyantCloudClient

__all__ = ["ROWS"]

CONNECTIONS = 10_000


@contextmanager
def beside_aiohttp() -> Iterator[Pair]:
    """Each turn has servers of its own: what one has let go of stays with its process, for the next to use."""
    require_linux()
    # Each end of a connection is one, and both processes have some of their own.
    require_descriptors(CONNECTIONS + 200)
    yield _ours, _theirs


def _ours() -> float:
    with ServerProcess() as server, VoyantCloudClient(api_key=server.key, base_url=server.url) as client:
        return _bytes_a_connection(server.pid, urls(client, ["bench"]))


def _theirs() -> float:
    with EchoProcess() as server:
        return _bytes_a_connection(server.pid, [server.url])


def _bytes_a_connection(pid: int, url: list[str]) -> float:
    before = resident_bytes(pid)
    with Subscribers(websockets, url * CONNECTIONS):
        used = resident_bytes(pid) - before
        assert open_descriptors(pid) > CONNECTIONS, "some were dropped meanwhile"
        return used / CONNECTIONS


ROWS = [
    Row(
        name="memory",
        what="memory a connection of the server, 10,000 idle",
        unit="bytes",
        against="a bare aiohttp WebSocket",
        floor=2.0,
        goal=1.2,
        is_cost=True,
        turns=2,
        warm_up=False,
        prepare=beside_aiohttp,
    ),
]
