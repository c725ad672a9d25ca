"""What every protocol's script is asked for, and the order that every one of its messages tells of."""

from __future__ import annotations

from typing import Any, Protocol

__all__ = ["EVENT", "Script", "order"]

EVENT = "order.updated"


class Script(Protocol):
    """A server's side of a connection whose client joins the channel ``bench``. Pure: it only makes frames."""

    def opened(self) -> bytes:
        """Return the frames that follow the handshake."""
        ...

    def answer(self, payload: bytes) -> bytes:
        """Return the frames that follow the client's frame of *payload*, if any: all messages, once it has joined."""
        ...


def order(seq: int) -> dict[str, Any]:
    """Return the data of message *seq*, from 1 on."""
    return {"orderId": f"ord_{seq}", "status": "paid", "total": 129.5}
