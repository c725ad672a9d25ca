"""A bare loop of writes, in a process of its own: the same bytes to each of many sockets, and nothing else."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any, Self
from urllib.parse import urlsplit

from benchmarks.loop_process import LoopProcess

__all__ = ["BareWrites"]

_SIZE = struct.Struct("!I")
_UPGRADED = b"HTTP/1.1 101 Switching Protocols\r\n\r\n\x81\x09connected"
"""The answer to a subscriber, and a first frame."""
_DONE = b"."


class BareWrites(LoopProcess):
    """The loop, with raw subscribers on it. A context manager."""

    def __init__(self) -> None:
        super().__init__(_serve, on_our_loop=True)

    def __enter__(self) -> Self:
        super().__enter__()
        to = urlsplit(self.url)
        self._control = socket.create_connection((to.hostname, to.port))
        return self

    def __exit__(self, *reason: object) -> None:
        self._control.close()
        super().__exit__(*reason)

    def write(self, size: int, times: int) -> None:
        """Have *size* bytes written to each of them, once after the other, *times* over."""
        for _ in range(times):
            self._control.sendall(_SIZE.pack(size))
            assert self._control.recv(len(_DONE)) == _DONE


class _Peer(asyncio.Protocol):
    """A subscriber, which asks with GET, or who says how much is to be written."""

    def __init__(self, subscribers: list[asyncio.WriteTransport]) -> None:
        self._subscribers = subscribers

    def connection_made(self, transport: Any) -> None:
        self._transport: asyncio.WriteTransport = transport

    def data_received(self, data: bytes) -> None:
        if data.startswith(b"GET "):
            self._transport.write(_UPGRADED)
            self._subscribers.append(self._transport)
        elif len(data) == _SIZE.size:
            # Anything else is a subscriber that shows that it is alive.
            [size] = _SIZE.unpack(data)
            chunk = bytes(size)
            for subscriber in self._subscribers:
                subscriber.write(chunk)
            self._transport.write(_DONE)


async def _serve(ready: Any) -> None:
    subscribers: list[asyncio.WriteTransport] = []
    server = await asyncio.get_running_loop().create_server(lambda: _Peer(subscribers), "127.0.0.1", 0, backlog=1024)
    ready.put(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
    await server.serve_forever()
