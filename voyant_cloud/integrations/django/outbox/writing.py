"""Into the outbox: a checked message becomes a row."""

from __future__ import annotations

from typing import Any

from django.db import DEFAULT_DB_ALIAS

from voyant_cloud import jsontext
from voyant_cloud.errors import VoyantValidationError
from voyant_cloud.integrations.django.encoding import message_of
from voyant_cloud.integrations.django.outbox.models import OutboxMessage

__all__ = ["write"]


def write(channel: str, *, event: str, data: Any, using: str | None) -> None:
    """Write a message into the outbox; see ``voyant_cloud.integrations.django.outbox.publish``."""
    message = message_of(channel, event, data)
    if "\x00" in message.event:
        raise VoyantValidationError("event", "must not hold NUL, for which PostgreSQL has no place")
    # Not by the project's routers: a row in another database than the transaction's would outlive a rollback.
    OutboxMessage.objects.using(using or DEFAULT_DB_ALIAS).create(
        channel=message.channel, event=message.event, data=jsontext.dumps(message.data)
    )
