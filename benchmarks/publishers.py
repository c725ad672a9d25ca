"""Raw HTTP publishers on kept connections: prebuilt requests out, answers counted, nothing that costs of its own."""

from __future__ import annotations

import json
import selectors
import socket
from typing import Any
from urllib.parse import urlsplit

__all__ = ["Publishers"]

_WAIT = 30


class Publishers:
    """Publishers of one service that send the same request, each its next one once the last is answered.

    Args:
        url: the service's address.
        key: its API key.
        path: where to post.
        body: what to post, a JSON value.
        count: how many there are.
    """

    def __init__(self, url: str, key: str, path: str, body: Any, count: int) -> None:
        to, content = urlsplit(url), json.dumps(body).encode()
        lines = [f"POST {path} HTTP/1.1", f"Host: {to.netloc}", f"Authorization: Bearer {key}"]
        lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
        self._request = "\r\n".join([*lines, "", ""]).encode() + content
        self._selector = selectors.DefaultSelector()
        self._sockets = [socket.create_connection((to.hostname, to.port)) for _ in range(count)]
        for sock in self._sockets:
            self._selector.register(sock, selectors.EVENT_READ)
        # All answers are of one length, since ids and times are.
        self._answer_size = self._ask(self._sockets[0])

    def publish(self, requests: int) -> None:
        """Send so many requests between all, and wait until each is answered."""
        left = requests
        missing = dict.fromkeys(self._sockets, 0)
        for sock in self._sockets[:requests]:
            sock.sendall(self._request)
            missing[sock] = self._answer_size
            left -= 1
        while any(missing.values()):
            for key, _ in self._selector.select(_WAIT):
                sock: Any = key.fileobj
                missing[sock] -= len(sock.recv(1 << 20))
                if missing[sock] == 0 and left > 0:
                    sock.sendall(self._request)
                    missing[sock] = self._answer_size
                    left -= 1

    def _ask(self, sock: socket.socket) -> int:
        sock.sendall(self._request)
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += sock.recv(1 << 20)
        head, _, content = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        [length] = [int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
        while len(content) < length:
            content += sock.recv(1 << 20)
        return len(head) + 4 + length
