"""Tells systemd that the server serves, by its protocol: a datagram to the socket that ``NOTIFY_SOCKET`` names."""

from __future__ import annotations

import logging
import os
import socket

__all__ = ["tell_ready"]

_log = logging.getLogger("voyant_cloud.server")


def tell_ready() -> None:
    """Say that the server serves and takes signals; nothing where nobody wants to know.

    A failure is logged and no more than that: systemd itself gives up a start of which it hears nothing.
    """
    path = os.environ.get("NOTIFY_SOCKET")
    if not path:
        return
    # An @ stands for the NUL before a name that is in no folder.
    address = "\0" + path[1:] if path.startswith("@") else path
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            # A reader that does not read must not hold up a server that serves.
            sender.setblocking(False)
            sender.sendto(b"READY=1", address)
    except OSError as error:
        _log.warning("NOTIFY_SOCKET: systemd could not be told at %r that the server serves: %s", path, error)
