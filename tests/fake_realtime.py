"""A scripted WebSocket peer on a real socket: what it says and how it fails is up to the test.

The test plays the service::

    with FakeRealtime() as service, open_channel(service) as channel:
        peer = service.accept()
        peer.go_live()
        peer.message("m1", data=1)
        peer.close(4500, "over")

or hands a script to ``FakeRealtime``, which is then run in a thread for each connection.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import queue
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit

__all__ = ["PATIENCE", "FakePeer", "FakeRealtime", "frame_bytes", "message_frame"]

PATIENCE = 10.0
"""Seconds after which a test that waits has failed."""

TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def frame_bytes(payload: bytes | str, opcode: int = TEXT, *, fin: bool = True) -> bytes:
    """Write a frame as a server does, unmasked."""
    data = payload.encode() if isinstance(payload, str) else payload
    head = (0x80 if fin else 0) | opcode
    if len(data) < 126:
        return bytes((head, len(data))) + data
    if len(data) < 65_536:
        return struct.pack("!BBH", head, 126, len(data)) + data
    return struct.pack("!BBQ", head, 127, len(data)) + data


def message_frame(message_id: str, data: Any = None) -> dict[str, Any]:
    """Return a ``message`` frame."""
    return {
        "type": "message",
        "id": message_id,
        "channel": "orders:eu",
        "event": "order.updated",
        "data": data,
        "publishedAt": "2026-11-24T09:30:00.000Z",
    }


class FakePeer:
    """The service's end of one connection.

    Attributes:
        path: the path that was asked for.
        query: its query, one value a name.
        headers: the request's headers, names in lower case.
    """

    def __init__(self, raw: socket.socket) -> None:
        self._raw = raw
        self._raw.settimeout(PATIENCE)
        self._buffer = b""
        head = self._read_head().decode()
        lines = head.split("\r\n")
        target = urlsplit(lines[0].split(" ")[1])
        self.path = target.path
        self.query = {name: values[0] for name, values in parse_qs(target.query).items()}
        pairs = (line.partition(": ") for line in lines[1:] if line)
        self.headers = {name.lower(): value for name, _, value in pairs}

    # The handshake

    def upgrade(self) -> None:
        """Say 101."""
        accept = base64.b64encode(hashlib.sha1(self.headers["sec-websocket-key"].encode() + _GUID).digest())
        self.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )

    def go_live(self, **fields: Any) -> None:
        """Say 101 and ``connected``."""
        self.upgrade()
        self.connected(**fields)

    def refuse(self, status: int, body: dict[str, Any] | bytes = b"", **headers: str) -> None:
        """Answer the upgrade with another status."""
        content = json.dumps(body).encode() if isinstance(body, dict) else body
        lines = [f"HTTP/1.1 {status} Because", f"Content-Length: {len(content)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.write("\r\n".join([*lines, "", ""]).encode() + content)
        self.drop()

    # Frames to the client

    def send(self, frame: dict[str, Any]) -> None:
        """Send a frame of JSON."""
        self.write(frame_bytes(json.dumps(frame)))

    def connected(self, **fields: Any) -> None:
        """Send ``connected``."""
        self.send({"type": "connected", "channel": "orders:eu", **fields})

    def message(self, message_id: str, data: Any = None) -> None:
        """Send a message."""
        self.send(message_frame(message_id, data))

    def write(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._raw.sendall(data)

    # Ends

    def close(self, code: int, reason: str = "") -> None:
        """Send a close frame, wait for the answer, and end the connection."""
        self.write(frame_bytes(code.to_bytes(2, "big") + reason.encode(), CLOSE))
        self.wait_for_end()
        self.drop()

    def drop(self) -> None:
        """End the connection without a word, in order (FIN)."""
        with contextlib.suppress(OSError):
            self._raw.shutdown(socket.SHUT_RDWR)
        self._raw.close()

    def reset(self) -> None:
        """Break the connection off (RST)."""
        self._raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._raw.close()

    # Frames from the client

    def receive(self) -> tuple[int, bytes] | None:
        """Return the next frame as (opcode, payload); ``None`` at the end of the stream."""
        try:
            first, second = self._read(2)
            length = second & 0x7F
            if length == 126:
                length = int.from_bytes(self._read(2), "big")
            elif length == 127:
                length = int.from_bytes(self._read(8), "big")
            assert second & 0x80, "a client must mask its frames"
            mask = self._read(4)
            data = bytes(byte ^ mask[index % 4] for index, byte in enumerate(self._read(length)))
        except (EOFError, ConnectionError):
            return None
        return first & 0x0F, data

    def receive_json(self) -> dict[str, Any]:
        """Return the next text frame, answering pings on the way."""
        while True:
            frame = self.receive()
            assert frame is not None, "the client ended the connection"
            opcode, data = frame
            if opcode == PING:
                self.write(frame_bytes(data, PONG))
            elif opcode == TEXT:
                value: dict[str, Any] = json.loads(data)
                return value

    def wait_for_end(self) -> tuple[int | None, str]:
        """Read to the client's close frame, or the end of the stream, and return its code and reason."""
        while (frame := self.receive()) is not None:
            opcode, data = frame
            if opcode == CLOSE:
                return int.from_bytes(data[:2], "big"), data[2:].decode()
        return None, ""

    def _read_head(self) -> bytes:
        while b"\r\n\r\n" not in self._buffer:
            self._fill()
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        return head

    def _read(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._fill()
        data, self._buffer = self._buffer[:size], self._buffer[size:]
        return data

    def _fill(self) -> None:
        data = self._raw.recv(65_536)
        if not data:
            raise EOFError
        self._buffer += data


class FakeRealtime:
    """Listens on a free port and keeps each connection for the test, or runs a script for it.

    Args:
        script: what to do with each connection, in a thread of its own; ``None`` leaves them to ``accept``.
        tls: makes it speak TLS.
    """

    def __init__(self, script: Callable[[FakePeer], None] | None = None, *, tls: ssl.SSLContext | None = None) -> None:
        self._script = script
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._peers: queue.Queue[FakePeer] = queue.Queue()
        self._raws: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.port = self._listener.getsockname()[1]

    def accept(self) -> FakePeer:
        """Wait for the next connection whose request was read."""
        return self._peers.get(timeout=PATIENCE)

    def __enter__(self) -> FakeRealtime:
        self._run(self._listen)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # shutdown wakes accept(), which close() alone does not.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._threads[0].join(PATIENCE)
        for raw in self._raws:
            with contextlib.suppress(OSError):
                raw.shutdown(socket.SHUT_RDWR)
            raw.close()
        for thread in self._threads:
            thread.join(PATIENCE)

    def _run(self, target: Callable[..., None], *arguments: Any) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _listen(self) -> None:
        while True:
            try:
                raw, _ = self._listener.accept()
            except OSError:
                return
            self._raws.append(raw)
            self._run(self._serve, raw)

    def _serve(self, raw: socket.socket) -> None:
        with contextlib.suppress(OSError, EOFError):
            if self._tls is not None:
                raw = self._tls.wrap_socket(raw, server_side=True)
                self._raws.append(raw)
            peer = FakePeer(raw)
            if self._script is None:
                self._peers.put(peer)
            else:
                self._script(peer)
