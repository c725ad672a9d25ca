"""Raw HTTP publishers on kept connections: prebuilt requests out, answers counted, nothing that costs of its own."""

from __future__ import annotations

import itertools
import json
import selectors
import socket
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

__all__ = ["Publishers"]

_WAIT = 30


class Publishers:
    """Publishers that send the same message, each its next one once the last is answered.

    A context manager that may be entered again: they are connected for the length of its block, since a server closes
    connections on which nothing comes for long. One message is sent at once, to know the length of an answer.

    Args:
        services: the address and the API key of each node that they publish to, in turn.
        path: where to post.
        body: what to post, a JSON value.
        count: how many there are.
    """

    def __init__(self, services: Sequence[tuple[str, str]], path: str, body: Any, count: int) -> None:
        content = json.dumps(body).encode()
        self._targets = [
            (urlsplit(url), _request(urlsplit(url).netloc, key, path, content))
            for url, key in itertools.islice(itertools.cycle(services), count)
        ]
        # All answers are of one length, since ids and times are.
        to, request = self._targets[0]
        with socket.create_connection((to.hostname, to.port)) as sock:
            self._answer_size = _ask(sock, request)
        self._requests: dict[socket.socket, bytes] = {}

    def __enter__(self) -> Publishers:
        self._selector = selectors.DefaultSelector()
        for to, request in self._targets:
            sock = socket.create_connection((to.hostname, to.port))
            self._requests[sock] = request
            self._selector.register(sock, selectors.EVENT_READ)
        return self

    def __exit__(self, *_: object) -> None:
        self._selector.close()
        for sock in self._requests:
            sock.close()
        self._requests.clear()

    def publish(self, requests: int) -> None:
        """Send so many requests between all, and wait until each is answered."""
        left = requests
        missing = dict.fromkeys(self._requests, 0)
        for sock in list(self._requests)[:requests]:
            sock.sendall(self._requests[sock])
            missing[sock] = self._answer_size
            left -= 1
        while any(missing.values()):
            for key, _ in self._selector.select(_WAIT):
                sock: Any = key.fileobj
                got = len(sock.recv(1 << 20))
                assert got, "a publisher was dropped"
                missing[sock] -= got
                assert missing[sock] >= 0, "an answer is longer than the first one"
                if missing[sock] == 0 and left > 0:
                    sock.sendall(self._requests[sock])
                    missing[sock] = self._answer_size
                    left -= 1


def _request(host: str, key: str, path: str, content: bytes) -> bytes:
    lines = [f"POST {path} HTTP/1.1", f"Host: {host}", f"Authorization: Bearer {key}"]
    lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
    return "\r\n".join([*lines, "", ""]).encode() + content


def _ask(sock: socket.socket, request: bytes) -> int:
    """Send a request and return the length of its answer."""
    sock.sendall(request)
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += sock.recv(1 << 20)
    head, _, content = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), head
    [length] = [int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    while len(content) < length:
        content += sock.recv(1 << 20)
    return len(head) + 4 + length
