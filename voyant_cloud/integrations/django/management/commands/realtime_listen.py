"""``manage.py realtime_listen``: a channel's messages as they come, with the settings of the project."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentTypeError
from typing import Any, Final

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser

from voyant_cloud.errors import VoyantError
from voyant_cloud.integrations.django.client import new_client
from voyant_cloud.integrations.django.management.lines import columns_of, json_of
from voyant_cloud.integrations.django.management.stopping import Stop
from voyant_cloud.models import RealtimeMessageSummary
from voyant_cloud.realtime.channel import RealtimeChannel

__all__ = ["Command"]

READER_GONE: Final = 141
"""The exit code where nobody reads the output any more, as of programs that SIGPIPE ends."""


class Command(BaseCommand):
    """Prints a channel's messages, through drops and restarts of the service."""

    help = "Print a realtime channel's messages as they come. Ctrl-C ends it."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("channel", help="such as orders:eu")
        parser.add_argument("--json", action="store_true", help="one JSON object a line")
        parser.add_argument("--event", action="append", default=[], help="only this event; may be repeated")
        parser.add_argument("--since-id", help="begin after this message")
        parser.add_argument("--count", type=_positive, help="end after this many messages")
        parser.add_argument("--client-id", default="realtime_listen", help="who listens")

    def handle(self, *_: Any, **options: Any) -> None:
        """Listen until Ctrl-C, SIGTERM, ``--count`` or an error that stays."""
        try:
            # The channel itself tries again, and its waits end at once when it is closed.
            with new_client(retries=0) as client:
                channel = client.realtime.channel(
                    options["channel"],
                    client_id=options["client_id"],
                    capabilities={options["channel"]: ["subscribe"]},
                    since_id=options["since_id"],
                )
                with Stop() as stop:
                    stop.then(channel.close)
                    self._print(channel, options)
        except (VoyantError, ImproperlyConfigured) as error:
            raise CommandError(str(error)) from None
        except BrokenPipeError:
            # Whoever read it went away. What is still buffered has nowhere to go, at the end of the process either.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(READER_GONE)

    def _print(self, channel: RealtimeChannel, options: dict[str, Any]) -> None:
        written = 0
        with channel:
            channel.on("connected", lambda _: self.stderr.write(f"Connected to {channel.name}.", lambda text: text))
            for message in channel:
                if not options["event"] or message.event in options["event"]:
                    self._write(message, as_json=options["json"])
                    written += 1
                if written == options["count"]:
                    return

    def _write(self, message: RealtimeMessageSummary, *, as_json: bool) -> None:
        self.stdout.write(json_of(message) if as_json else columns_of(message))
        # Whoever reads a pipe sees each message when it is there.
        self.stdout.flush()


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"must be a whole number of 1 or more, got {text!r}")
    return int(text)
