"""A scripted HTTP service on a real socket, which can also do what a broken one does."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from typing import Any

import attrs

Act = Callable[[socket.socket, threading.Event], bool]
"""What to do about a request; returns whether the connection goes on."""


@attrs.frozen
class Request:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    connection: int

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class FakeService:
    """Answers the first request with the first act, and so on; the last act answers all that follow."""

    def __init__(self, *acts: Act, tls: ssl.SSLContext | None = None) -> None:
        self._acts = list(acts)
        self._tls = tls
        self._lock = threading.Lock()
        self._leave = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads = [threading.Thread(target=self._accept)]
        self._sockets: list[socket.socket] = []
        self.requests: list[Request] = []
        self.arrived = threading.Condition(self._lock)
        self.ended = 0
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> FakeService:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._leave.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            sockets = list(self._sockets)
        for each in sockets:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        for thread in list(self._threads):
            thread.join(5)
            assert not thread.is_alive()

    def wait_for_requests(self, count: int) -> None:
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.requests) >= count, timeout=5)

    def wait_for_ended(self, connections: int) -> None:
        with self.arrived:
            assert self.arrived.wait_for(lambda: self.ended >= connections, timeout=5)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self._sockets.append(connection)
                thread = threading.Thread(target=self._serve, args=(connection, len(self._sockets)))
                self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        try:
            self._converse(self._tls.wrap_socket(connection, server_side=True) if self._tls else connection, number)
        except OSError:
            connection.close()
        with self.arrived:
            self.ended += 1
            self.arrived.notify_all()

    def _converse(self, connection: socket.socket, number: int) -> None:
        with connection, connection.makefile("rb") as reader:
            while (request := _read_request(reader, number)) is not None:
                if not self._next_act(request)(connection, self._leave):
                    return

    def _next_act(self, request: Request) -> Act:
        with self.arrived:
            self.requests.append(request)
            self.arrived.notify_all()
            return self._acts.pop(0) if len(self._acts) > 1 else self._acts[0]


def _read_request(reader: Any, number: int) -> Request | None:
    line = reader.readline().decode()
    if not line:
        return None
    method, target, _ = line.split(" ", 2)
    headers: dict[str, str] = {}
    while (line := reader.readline().decode().strip()) != "":
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return Request(method, target, headers, reader.read(int(headers.get("content-length", 0))), number)


def answer(body: Any = None, status: int = 200, headers: dict[str, str] | None = None) -> Act:
    """Answer with JSON, or with bytes as they are."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} Any", f"Content-Length: {len(content)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    wire = "\r\n".join([*lines, "", ""]).encode() + content

    def act(connection: socket.socket, _: threading.Event) -> bool:
        connection.sendall(wire)
        return True

    return act


def answer_and_close(body: Any) -> Act:
    """Answer as if the connection stayed, and close it."""

    def act(connection: socket.socket, leave: threading.Event) -> bool:
        answer(body)(connection, leave)
        return False

    return act


def reset(connection: socket.socket, _: threading.Event) -> bool:
    """Reset the connection."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.shutdown(socket.SHUT_RD)
    return False


def hang(_: socket.socket, leave: threading.Event) -> bool:
    """Say nothing until the test is over."""
    leave.wait(30)
    return False


def cut(headers: dict[str, str] | None = None) -> Act:
    """Promise a body, give part of it and close."""
    lines = [
        "HTTP/1.1 200 OK",
        "Content-Length: 1000",
        *(f"{name}: {value}" for name, value in (headers or {}).items()),
    ]

    def act(connection: socket.socket, _: threading.Event) -> bool:
        connection.sendall("\r\n".join([*lines, "", '{"data":']).encode())
        return False

    return act
