"""A bare WebSocket peer, in a process of its own, that sends prebuilt message frames as fast as they are taken."""

from __future__ import annotations

import base64
import hashlib
import json
import socket
import struct
from multiprocessing import get_context
from typing import Any

__all__ = ["Peer", "data_of", "stream"]

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Peer:
    """Accepts one connection after another and sends *count* messages on each. A context manager."""

    def __init__(self, count: int) -> None:
        context = get_context("spawn")
        self._ports = context.Queue()
        self._process = context.Process(target=_serve, args=(self._ports, count), daemon=True)

    def __enter__(self) -> str:
        self._process.start()
        return f"http://127.0.0.1:{self._ports.get(timeout=20)}"

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.join()


def _serve(ports: Any, count: int) -> None:
    messages = stream(count)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ports.put(listener.getsockname()[1])
        while True:
            client, _ = listener.accept()
            with client:
                try:
                    _upgrade(client)
                    client.sendall(_frame({"type": "connected", "channel": "bench"}) + messages)
                    client.recv(1)
                except OSError:
                    continue


def _upgrade(client: socket.socket) -> None:
    head = b""
    while b"\r\n\r\n" not in head:
        head += client.recv(4096)
    [key] = [line.partition(b": ")[2] for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key")]
    accept = base64.b64encode(hashlib.sha1(key + _GUID).digest())
    client.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )


def stream(count: int) -> bytes:
    """Return the frames of *count* messages, of the length that the embedded server's have for the same messages."""
    return b"".join(_message(seq) for seq in range(1, count + 1))


def data_of(seq: int) -> dict[str, Any]:
    """Return the data of a message."""
    return {"orderId": f"ord_{seq}", "status": "paid", "total": 129.5}


def _message(seq: int) -> bytes:
    return _frame(
        {
            "type": "message",
            "id": f"rtm_0123456789abcdef_001764000000000_{seq:012d}",
            "channel": "bench",
            "event": "order.updated",
            "data": data_of(seq),
            "publishedAt": "2026-11-24T09:30:00.000Z",
        }
    )


def _frame(value: dict[str, Any]) -> bytes:
    payload = json.dumps(value, separators=(",", ":")).encode()
    if len(payload) < 126:
        return bytes((0x81, len(payload))) + payload
    return struct.pack("!BBH", 0x81, 126, len(payload)) + payload
