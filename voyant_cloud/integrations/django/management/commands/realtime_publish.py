"""``manage.py realtime_publish``: one message, with the settings of the project."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser

from voyant_cloud.errors import VoyantError
from voyant_cloud.integrations.commands.data import data_from
from voyant_cloud.integrations.django.client import get_client

__all__ = ["Command"]


class Command(BaseCommand):
    """Publishes one message and prints its id."""

    help = "Publish one realtime message and print its id."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("channel", help="such as orders:eu")
        parser.add_argument("event", help="such as order.updated")
        parser.add_argument("data", nargs="?", help='JSON; "-" reads it from standard input')
        parser.add_argument("--text", action="store_true", help="DATA is text rather than JSON")
        parser.add_argument("--idempotency-key", help="publishes once for all runs with this key and content")

    def handle(self, *_: Any, **options: Any) -> None:
        """Publish it."""
        try:
            message = get_client().realtime.publish(
                options["channel"],
                event=options["event"],
                data=data_from(options["data"], as_text=options["text"]),
                idempotency_key=options["idempotency_key"],
            )
        except (VoyantError, ImproperlyConfigured) as error:
            raise CommandError(str(error)) from None
        try:
            self.stdout.write(message.id)
            self.stdout.flush()
        except OSError as error:
            raise CommandError(f"published {message.id}; the output cannot be written: {error.strerror}") from None
