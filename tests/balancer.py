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
        self._lock = threading.Lock()
        # Held by the lock: what is open, and who carries it.
        self._open: set[socket.socket] = set()
        self._carriers: list[threading.Thread] = []
        self._silent: set[int] = set()
        self.taken = dict.fromkeys(ports, 0)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._accepting = threading.Thread(target=self._accept)
        self._accepting.start()

    def __enter__(self) -> Balancer:
        return self

    def __exit__(self, *_: object) -> None:
        _shut(self._listener)
        self._accepting.join()
        self._listener.close()
        with self._lock:
            for each in self._open:
                _shut(each)
        for carrier in self._carriers:
            carrier.join()

    def silence(self, port: int) -> None:
        """Carry nothing more of a connection to a node, and leave it open on both sides.

        Args:
            port: where the connection comes from, as the node sees it.
        """
        self._silent.add(port)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                carrier = threading.Thread(target=self._carry, args=(client,))
                self._carriers.append(carrier)
                carrier.start()

    def _carry(self, client: socket.socket) -> None:
        node = self._reach_node()
        pair = {client} if node is None else {client, node}
        with self._lock:
            self._open |= pair
        if node is not None:
            came_from = node.getsockname()[1]
            back = threading.Thread(target=self._pump, args=(node, client, came_from))
            back.start()
            self._pump(client, node, came_from)
            back.join()
        with self._lock:
            self._open -= pair
        for each in pair:
            each.close()

    def _pump(self, source: socket.socket, target: socket.socket, came_from: int) -> None:
        """Carry bytes one way; the end of one side is the end of both."""
        with contextlib.suppress(OSError):
            while chunk := source.recv(65_536):
                if came_from not in self._silent:
                    target.sendall(chunk)
        _shut(source)
        _shut(target)

    def _reach_node(self) -> socket.socket | None:
        for port in itertools.islice(self._turn, self._count):
            with contextlib.suppress(OSError):
                node = socket.create_connection(("127.0.0.1", port), timeout=5)
                node.settimeout(None)
                self.taken[port] += 1
                return node
        return None


def _shut(connection: socket.socket) -> None:
    # Not close() alone: a thread that waits on it would keep it open.
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
