"""The socket on which systemd hears from a service."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from tests.waiting import PATIENCE

__all__ = ["listening"]


@contextmanager
def listening(address: str) -> Iterator[socket.socket]:
    """A datagram socket for the length of a block; an address that begins with NUL is in no folder."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.settimeout(PATIENCE)
        receiver.bind(address)
        yield receiver
