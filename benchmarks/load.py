"""Raw connections in a process of its own that keep a server busy with messages, as many a second as they are told."""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Sequence
from itertools import cycle
from multiprocessing import get_context
from typing import Any, Self

from benchmarks.process import cpu_seconds
from benchmarks.subscribers import websockets
from voyant_cloud.realtime.client_frame import client_frame

__all__ = ["Load"]

# Not fork: the process that measures has threads.
_processes = get_context("spawn")
_WAIT = 60
_TEXT = 1
_TICK = 0.0001
"""Seconds between looks at how many messages are due."""
_MOST_LATE = 0.01
"""Seconds; what is due for longer is not sent any more."""
_READ_EVERY = 0.002
_ALIVE_EVERY = 10.0
_TRIED = 0.5
"""Seconds that a rate is tried for."""
_SLOWEST = 2_000.0
_FASTEST = 200_000.0
_STEP = 1.2


class Load:
    """The connections, which send in turn and read all that comes. A context manager; none sends before ``at``.

    Args:
        addresses: the WebSocket's URL of each.
        text: what each message is.
    """

    def __init__(self, addresses: Sequence[str], text: str) -> None:
        self._rate = _processes.Value("d", 0.0)
        self._told = _processes.Queue()
        frame = client_frame(_TEXT, text.encode(), b"mask")
        arguments = (addresses, frame, self._rate, self._told)
        self._process = _processes.Process(target=_send, args=arguments, daemon=True)

    def __enter__(self) -> Self:
        self._process.start()
        assert self._told.get(timeout=_WAIT) == "connected"
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.join()

    def at(self, rate: float) -> None:
        """Send *rate* messages a second from now on, all together; 0 for none. Fails where they are gone by now."""
        assert self._process.is_alive(), "the connections are gone"
        self._rate.value = rate

    def rate_for(self, share: float, pid: int) -> float:
        """Return the rate a second that keeps a server busy for a *share* of the time.

        Args:
            share: 0 to 1.
            pid: the server, which has one thread that works.
        """
        rate = _SLOWEST
        while (busy := self._busy(rate, pid)) < share:
            rate *= _STEP
            assert rate < _FASTEST, "the server is not kept busy"
        self.at(0)
        return rate * share / busy

    def _busy(self, rate: float, pid: int) -> float:
        self.at(rate)
        time.sleep(_TRIED / 5)
        began, before = time.perf_counter(), cpu_seconds(pid)
        time.sleep(_TRIED)
        return (cpu_seconds(pid) - before) / (time.perf_counter() - began)


def _send(addresses: Sequence[str], frame: bytes, wanted: Any, told: Any) -> None:
    selector = selectors.DefaultSelector()
    sockets = []
    for address in addresses:
        sock = websockets.connect(address)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(sock, selectors.EVENT_READ)
        sockets.append(sock)
    told.put("connected")
    next_one = cycle(sockets)
    sent = read = alive = time.perf_counter()
    owed = 0.0
    while True:
        time.sleep(_TICK)
        now = time.perf_counter()
        # After a time in which this process had no processor, no more than it can send without being held up.
        owed = min(owed + (now - sent) * wanted.value, wanted.value * _MOST_LATE)
        sent = now
        while owed >= 1:
            next(next_one).sendall(frame)
            owed -= 1
        if now - read >= _READ_EVERY:
            read = now
            _read_all(selector)
        if now - alive >= _ALIVE_EVERY:
            alive = now
            for sock in sockets:
                sock.sendall(websockets.alive)


def _read_all(selector: selectors.BaseSelector) -> None:
    for key, _ in selector.select(0):
        assert key.fileobj.recv(1 << 20, socket.MSG_DONTWAIT), "a connection was dropped"  # type: ignore[union-attr]
