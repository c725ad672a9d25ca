"""Many raw sockets in a process of its own, that only count the bytes which they get."""

from __future__ import annotations

import queue
import selectors
import socket
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from multiprocessing import get_context
from typing import Any
from urllib.parse import urlsplit

import attrs

from voyant_cloud import VoyantCloudClient, jsontext
from voyant_cloud.server.engine.base import StoredMessage
from voyant_cloud.server.message_id import MessageId
from voyant_cloud.server.wire import message_frame
from voyant_cloud.urls import connect_url

__all__ = ["Dialect", "Subscribers", "frame_bytes", "nats", "urls", "websockets"]

# Not fork: the process that measures has threads.
_processes = get_context("spawn")
_WAIT = 120
_AT_ONCE = 100
"""Sockets that are dialled together: fewer than the backlog of any server here."""
_ALIVE_EVERY = 10.0
"""Seconds; the embedded server drops who has said nothing for 30."""


@attrs.frozen
class Dialect:
    """How to subscribe with a bare socket.

    Attributes:
        dial: connects to an address and asks, without waiting for the answer; a function of a module.
        greet: reads the answer, and not a byte more; a function of a module.
        alive: what to send now and then so as not to be dropped; empty for nothing.
    """

    dial: Callable[[Any], socket.socket]
    greet: Callable[[socket.socket], None]
    alive: bytes = b""

    def connect(self, address: Any) -> socket.socket:
        """Subscribe."""
        sock = self.dial(address)
        self.greet(sock)
        return sock


class Subscribers:
    """Subscribers that share the work of one process. A context manager; all are connected when its block begins.

    Args:
        dialect: how they subscribe.
        addresses: where to, one address a subscriber.
    """

    def __init__(self, dialect: Dialect, addresses: Sequence[Any]) -> None:
        self._wanted, self._told = _processes.Queue(), _processes.Queue()
        arguments = (dialect, addresses, self._wanted, self._told)
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


def frame_bytes(message: Mapping[str, Any]) -> int:
    """Return the length of the frame in which the embedded server sends a message, whatever its id and time."""
    data = jsontext.dumps(message["data"])
    return len(message_frame(StoredMessage(MessageId("0" * 16, 0, 1), message["channel"], message["event"], data)))


def urls(
    client: VoyantCloudClient, channels: Iterable[str], since_id: str | None = None, *, publish: bool = False
) -> list[str]:
    """Return where raw subscribers connect, one address a channel.

    Args:
        client: mints the token that is in them.
        channels: the channels' names.
        since_id: what to resume after; ``None`` for live messages alone.
        publish: whether they may publish, too.
    """
    verbs = ["subscribe", "publish"] if publish else ["subscribe"]
    token = client.realtime.tokens.mint(client_id="b", capabilities={"*": verbs}).token
    return [connect_url(client.base_url, channel=channel, token=token, since_id=since_id) for channel in channels]


def _dial_websocket(url: str) -> socket.socket:
    parts = urlsplit(url)
    sock = socket.create_connection((parts.hostname or "", parts.port or 80))
    sock.sendall(
        f"GET {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
        "Upgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
    )
    return sock


def _read_upgrade(sock: socket.socket) -> None:
    """Read the answer's head and the first frame."""
    head = b""
    while b"\r\n\r\n" not in head:
        head = sock.recv(4096, socket.MSG_PEEK)
        assert head.startswith(b"HTTP/1.1 101"), head
    sock.recv(head.index(b"\r\n\r\n") + 4)
    _, size = sock.recv(2, socket.MSG_WAITALL)
    if size == 126:
        size = int.from_bytes(sock.recv(2, socket.MSG_WAITALL), "big")
    sock.recv(size, socket.MSG_WAITALL)


def _dial_nats(address: tuple[str, int]) -> socket.socket:
    sock = socket.create_connection(address)
    sock.sendall(b'CONNECT {"verbose":false,"pedantic":false}\r\nSUB bench 1\r\nPING\r\n')
    return sock


def _read_pong(sock: socket.socket) -> None:
    heard = b""
    while b"PONG\r\n" not in heard:
        heard += sock.recv(4096)


# An empty pong, masked with zeros.
websockets = Dialect(_dial_websocket, _read_upgrade, alive=b"\x8a\x80\0\0\0\0")
nats = Dialect(_dial_nats, _read_pong)


def _subscribe(dialect: Dialect, addresses: Sequence[Any], wanted: Any, told: Any) -> None:
    sockets: list[socket.socket] = []
    for start in range(0, len(addresses), _AT_ONCE):
        dialled = [dialect.dial(address) for address in addresses[start : start + _AT_ONCE]]
        for sock in dialled:
            dialect.greet(sock)
        sockets += dialled
    selector = selectors.DefaultSelector()
    for sock in sockets:
        sock.setblocking(False)
        selector.register(sock, selectors.EVENT_READ)
    told.put("connected")
    while True:
        left = _await_wanted(dialect, sockets, wanted) * len(sockets)
        told.put("ready")
        while left > 0:
            for key, _ in selector.select(_WAIT):
                got = key.fileobj.recv(1 << 20)  # type: ignore[union-attr]
                assert got, "a subscriber was dropped"
                left -= len(got)
        # The monotonic clock is the machine's, the same in all processes.
        told.put(time.perf_counter())


def _await_wanted(dialect: Dialect, sockets: Sequence[socket.socket], wanted: Any) -> int:
    """Keep the sockets open until the next bytes are wanted, however short or long the others' turns are."""
    while True:
        for sock in sockets:
            sock.sendall(dialect.alive)
        try:
            each: int = wanted.get(timeout=_ALIVE_EVERY)
            return each
        except queue.Empty:
            continue
