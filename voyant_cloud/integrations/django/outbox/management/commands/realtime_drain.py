"""``manage.py realtime_drain``: sends the outbox, once or for as long as it runs."""

from __future__ import annotations

import logging
import math
from argparse import ArgumentTypeError
from typing import Any, Final

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DEFAULT_DB_ALIAS, DatabaseError, InterfaceError, connections

from voyant_cloud.config import DEFAULT_TIMEOUT, read_timeout
from voyant_cloud.errors import VoyantError
from voyant_cloud.integrations.commands.stopping import Stop
from voyant_cloud.integrations.django.client import new_client
from voyant_cloud.integrations.django.conf import client_settings
from voyant_cloud.integrations.django.outbox.draining import Drain
from voyant_cloud.integrations.django.outbox.models import OutboxMessage

__all__ = ["Command"]

logger = logging.getLogger("voyant_cloud")

_LEASE_SPARE: Final = 25.0
"""Seconds by which a claim outlasts the longest request; a service remembers keys for much longer."""
_DATABASE_PAUSE: Final = 5.0
"""Seconds to leave a database that fails alone."""


class Command(BaseCommand):
    """Publishes what is in the outbox."""

    help = "Publish the messages of the realtime outbox: those that can be sent now, or with --watch for ever."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("--watch", action="store_true", help="go on until SIGTERM or Ctrl-C")
        parser.add_argument("--interval", type=_seconds, default=1.0, help="seconds between looks at an empty outbox")
        parser.add_argument("--lease", type=_seconds, help="seconds until what a dead drain had is sent again")
        parser.add_argument("--database", default=DEFAULT_DB_ALIAS, help="whose outbox")

    def handle(self, *_: Any, **options: Any) -> None:
        """Send. Without ``--watch`` it fails if anything is left that should have been sent."""
        _check_table(options["database"])
        try:
            with new_client(retries=0) as client, Stop() as stop:
                drain = Drain(client, using=options["database"], lease=options["lease"] or _lease())
                if options["watch"]:
                    self._watch(drain, stop, options)
                else:
                    self._once(drain, stop, options["database"])
        except (VoyantError, ImproperlyConfigured) as error:
            raise CommandError(str(error)) from None
        except DatabaseError as error:
            raise CommandError(f"the database fails: {error}") from None

    def _once(self, drain: Drain, stop: Stop, using: str) -> None:
        published = parked = 0
        while not stop.asked:
            step = drain.step()
            if step.is_idle:
                break
            published += step.published
            parked += step.parked
        left = OutboxMessage.objects.using(using).filter(parked_at=None).count()
        self.stdout.write(f"Published {published}, parked {parked}, left {left}.")
        if parked or left:
            raise CommandError(
                "not everything was published: last_error in the outbox says why, or a drain has it still"
            )

    def _watch(self, drain: Drain, stop: Stop, options: dict[str, Any]) -> None:
        while not stop.asked:
            try:
                pause = options["interval"] if drain.step().is_idle else 0.0
            except (DatabaseError, InterfaceError) as error:
                logger.error("outbox: the database fails, trying again: %s", error)
                # A connection that broke stays so; the next use makes another.
                connections[options["database"]].close()
                pause = _DATABASE_PAUSE
            stop.wait(pause)


def _check_table(using: str) -> None:
    if using not in connections:
        raise CommandError(f"--database: there is no {using!r}; there are {', '.join(connections)}")
    try:
        with connections[using].cursor() as cursor:
            tables = connections[using].introspection.table_names(cursor)
    except DatabaseError:
        # With --watch, one that is away is waited for.
        return
    if OutboxMessage._meta.db_table not in tables:
        raise CommandError(f"the database {using!r} has no outbox yet; run: manage.py migrate --database {using}")


def _lease() -> float:
    connect, read = read_timeout(client_settings().get("timeout", DEFAULT_TIMEOUT))
    # The time to read counts twice, for an answer's headers and for its body.
    return connect + 2 * read + _LEASE_SPARE


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= 86_400:
        raise ArgumentTypeError(f"must be seconds, above 0 and at most 86400, got {text!r}")
    return seconds
