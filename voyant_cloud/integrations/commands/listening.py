"""A channel's messages on standard output as they come, through drops and restarts of the service."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Collection

import attrs

from voyant_cloud.client import VoyantCloudClient
from voyant_cloud.integrations.commands.lines import columns_of, json_of
from voyant_cloud.integrations.commands.stopping import Stop
from voyant_cloud.realtime.channel import RealtimeChannel

__all__ = ["Listening", "leave_quietly"]

READER_GONE = 141
"""The exit code where nobody reads the output any more, as of programs that SIGPIPE ends."""


@attrs.frozen
class Listening:
    """What to listen to, and what to show of it.

    Attributes:
        channel: its name.
        client_id: who listens.
        since_id: begin after this message; ``None`` begins now.
        events: only these; none for all.
        count: end after so many messages; ``None`` goes on.
        as_json: one JSON object a line, in place of columns.
    """

    channel: str
    client_id: str
    since_id: str | None = None
    events: Collection[str] = ()
    count: int | None = None
    as_json: bool = False

    def run(self, client: VoyantCloudClient, write: Callable[[str], object], say: Callable[[str], object]) -> None:
        """Listen until Ctrl-C, SIGTERM, the count or an error that stays.

        Args:
            client: mints the channel's tokens; best one that never tries again, since the channel itself does.
            write: prints a line and flushes it.
            say: tells whoever watches.

        Raises:
            VoyantError: the service refuses for good.
            OSError: a line cannot be written: whoever read them went away, or the disk is full.
        """
        channel = client.realtime.channel(
            self.channel,
            client_id=self.client_id,
            capabilities={self.channel: ["subscribe"]},
            since_id=self.since_id,
        )
        with Stop() as stop, channel:
            stop.then(channel.close)
            channel.on("connected", lambda _: say(f"Connected to {channel.name}."))
            self._print(channel, write)

    def _print(self, channel: RealtimeChannel, write: Callable[[str], object]) -> None:
        written = 0
        for message in channel:
            if not self.events or message.event in self.events:
                write(json_of(message) if self.as_json else columns_of(message))
                written += 1
            if written == self.count:
                return


def leave_quietly() -> None:
    """End the process where nobody reads its output any more."""
    # What is still buffered has nowhere to go, at the end of the process either.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(READER_GONE)
