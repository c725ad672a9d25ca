"""Many raw sockets in a process of its own, that only count the bytes which they get."""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Callable
from multiprocessing import get_context
from typing import Any

import websocket

__all__ = ["Subscribers", "nats", "websockets"]

# Not fork: the process that measures has threads.
_processes = get_context("spawn")
_WAIT = 60


class Subscribers:
    """Subscribers of one channel. A context manager; they are connected when its block begins.

    Args:
        connect: makes one connected socket, from *address*; a function of a module.
        address: where to.
        count: how many.
    """

    def __init__(self, connect: Callable[[Any], socket.socket], address: Any, count: int) -> None:
        self._wanted, self._told = _processes.Queue(), _processes.Queue()
        arguments = (connect, address, count, self._wanted, self._told)
        self._process = _processes.Process(target=_subscribe, args=arguments, daemon=True)

    def __enter__(self) -> Subscribers:
        self._process.start()
        assert self._told.get(timeout=_WAIT) == "connected"
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.join()

    def seconds_until(self, each: int, publish: Callable[[], object]) -> float:
        """Publish, and return the seconds until every one of them got *each* bytes more."""
        self._wanted.put(each)
        assert self._told.get(timeout=_WAIT) == "ready"
        started = time.perf_counter()
        publish()
        ended: float = self._told.get(timeout=_WAIT)
        return ended - started


def websockets(url: str) -> socket.socket:
    """Connect to a WebSocket and read its first frame."""
    raw = websocket.create_connection(url, timeout=30, suppress_origin=True)
    raw.recv()
    sock: socket.socket = raw.sock
    return sock


def nats(address: tuple[str, int]) -> socket.socket:
    """Subscribe to ``bench`` at a NATS server."""
    sock = socket.create_connection(address)
    sock.recv(4096)
    sock.sendall(b'CONNECT {"verbose":false,"pedantic":false}\r\nSUB bench 1\r\nPING\r\n')
    heard = b""
    while b"PONG\r\n" not in heard:
        heard += sock.recv(4096)
    return sock


def _subscribe(connect: Any, address: Any, count: int, wanted: Any, told: Any) -> None:
    selector = selectors.DefaultSelector()
    for _ in range(count):
        sock = connect(address)
        sock.setblocking(False)
        selector.register(sock, selectors.EVENT_READ)
    told.put("connected")
    while True:
        left = wanted.get() * count
        told.put("ready")
        while left > 0:
            for key, _ in selector.select(_WAIT):
                left -= len(key.fileobj.recv(1 << 20))  # type: ignore[union-attr]
        # The monotonic clock is the machine's, the same in all processes.
        told.put(time.perf_counter())
