"""A small TCP balancer: spreads connections over nodes, and passes over those that do not answer."""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
from collections.abc import Sequence

__all__ = ["Balancer"]


class Balancer:
    """Listens on a port of its own. A context manager.

    Args:
        ports: where the nodes listen on this machine.

    Attributes:
        url: its address.
        taken: how many connections each node was given, by port.
    """

    def __init__(self, ports: Sequence[int]) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self._turn = itertools.cycle(ports)
        self._count = len(ports)
        self.taken = dict.fromkeys(ports, 0)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Balancer:
        return self

    def __exit__(self, *_: object) -> None:
        # Not close() alone: a thread that waits in accept() would keep the port open.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client: socket.socket) -> None:
        for port in itertools.islice(self._turn, self._count):
            with contextlib.suppress(OSError):
                node = socket.create_connection(("127.0.0.1", port), timeout=5)
                node.settimeout(None)
                self.taken[port] += 1
                threading.Thread(target=_pump, args=(node, client), daemon=True).start()
                _pump(client, node)
                return
        client.close()


def _pump(source: socket.socket, target: socket.socket) -> None:
    """Carry bytes one way; the end of one side is the end of both."""
    with contextlib.suppress(OSError):
        while chunk := source.recv(65_536):
            target.sendall(chunk)
    for each in (source, target):
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
