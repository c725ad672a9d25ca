"""Listens for orders as a service: goes on where it ended, over drops, restarts and crashes.

    python order_listener.py orders:eu /var/lib/order-listener/position

The position is written after an order was dealt with. After a crash the last order may come again, so what is done with
one should do no harm when it is done twice; none is missed.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from pathlib import Path
from typing import Any

from voyant_cloud import (
    RealtimeChannelConnectedEvent,
    RealtimeChannelGapEvent,
    RealtimeMessageSummary,
    get_voyant_cloud_client,
)

log = logging.getLogger("order_listener")


def main(channel_name: str, position: Path) -> None:
    """Deal with every order until the process is told to end."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    signal.signal(signal.SIGTERM, leave)
    with (
        get_voyant_cloud_client() as client,
        client.realtime.channel(channel_name, client_id="order-listener", since_id=read(position)) as channel,
    ):
        channel.on("connected", lambda connected: begin(position, connected))
        channel.on("gap", missed)
        for message in channel:
            deal_with(message)
            write(position, message.id)


def deal_with(message: RealtimeMessageSummary) -> None:
    """Do the work; here it is a line in the log."""
    log.info("%s %s", message.event, message.data)


def begin(position: Path, connected: RealtimeChannelConnectedEvent) -> None:
    """In the first run: remember where the channel stands, so that the next run finds what came in between."""
    if read(position) is None and connected.last_id is not None:
        write(position, connected.last_id)


def missed(gap: RealtimeChannelGapEvent) -> None:
    """Say that orders were missed: history no longer reached back to the position."""
    log.error("orders after %s were missed; read them from the database", gap.since_id)


def read(position: Path) -> str | None:
    """Return the id of the last order that was dealt with, ``None`` in the first run."""
    return position.read_text().strip() or None if position.exists() else None


def write(position: Path, message_id: str) -> None:
    """Remember an id. A crash leaves the old one or the new one."""
    draft = position.with_suffix(".draft")
    draft.write_text(message_id)
    os.replace(draft, position)


def leave(*_: Any) -> None:
    """End the loop above; the channel and the client are closed on the way out."""
    sys.exit(0)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
