"""``manage.py realtime_listen``: a channel's messages as they come, with the settings of the project."""

from __future__ import annotations

from argparse import ArgumentTypeError
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser

from voyant_cloud.errors import VoyantError
from voyant_cloud.integrations.commands.listening import Listening, leave_quietly
from voyant_cloud.integrations.django.client import new_client

__all__ = ["Command"]


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
        listening = Listening(
            channel=options["channel"],
            client_id=options["client_id"],
            since_id=options["since_id"],
            events=options["event"],
            count=options["count"],
            as_json=options["json"],
        )
        try:
            with new_client(retries=0) as client:
                listening.run(client, self._write, lambda text: self.stderr.write(text, lambda plain: plain))
        except (VoyantError, ImproperlyConfigured) as error:
            raise CommandError(str(error)) from None
        except BrokenPipeError:
            leave_quietly()
        except OSError as error:
            raise CommandError(f"the output cannot be written: {error.strerror}") from None

    def _write(self, line: str) -> None:
        self.stdout.write(line)
        # Whoever reads a pipe sees each message when it is there.
        self.stdout.flush()


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"must be a whole number of 1 or more, got {text!r}")
    return int(text)
