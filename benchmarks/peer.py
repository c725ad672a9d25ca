"""A bare WebSocket peer, in a process of its own, that sends prebuilt message frames as fast as they are taken."""

from __future__ import annotations

import base64
import hashlib
import socket
from collections.abc import Callable
from contextlib import suppress
from itertools import takewhile
from multiprocessing import get_context
from typing import Any, BinaryIO

from benchmarks.frames import BINARY, CLOSE, TEXT, frame, received
from benchmarks.scripted.script import Script
from benchmarks.scripted.voyant import Voyant

__all__ = ["Peer", "play"]

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Peer:
    """Accepts one connection after another and plays a script on each. A context manager that gives its URL.

    Args:
        count: how many messages it sends on each connection, 1 or more.
        script: makes the script from *count*; a class of a module.
    """

    def __init__(self, count: int, script: Callable[[int], Script] = Voyant) -> None:
        context = get_context("spawn")
        self._ports = context.Queue()
        self._process = context.Process(target=_serve, args=(self._ports, script, count), daemon=True)

    def __enter__(self) -> str:
        self._process.start()
        return f"http://127.0.0.1:{self._ports.get(timeout=20)}"

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.join()


def _serve(ports: Any, make_script: Callable[[int], Script], count: int) -> None:
    script = make_script(count)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ports.put(listener.getsockname()[1])
        while True:
            client, _ = listener.accept()
            with client, suppress(OSError):
                play(client, script)


def play(client: socket.socket, script: Script) -> None:
    """Shake hands and play *script* until the client closes; never close first, which makes some lose messages."""
    with client.makefile("rb") as stream:
        client.sendall(_accept(stream) + script.opened())
        for opcode, payload in received(stream):
            if opcode == CLOSE:
                client.sendall(frame(payload, CLOSE))
                return
            if opcode in (TEXT, BINARY):
                client.sendall(script.answer(payload))


def _accept(stream: BinaryIO) -> bytes:
    head = takewhile(lambda line: line != b"\r\n", stream)
    keys = [line.split(b": ")[1].strip() for line in head if line.lower().startswith(b"sec-websocket-key: ")]
    if not keys:
        raise ConnectionError("the client went away before it asked for a WebSocket")
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + base64.b64encode(hashlib.sha1(keys[0] + _GUID).digest()) + b"\r\n\r\n"
    )
