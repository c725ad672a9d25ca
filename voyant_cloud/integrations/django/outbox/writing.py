"""Into the outbox: a checked message becomes a row."""

from __future__ import annotations

from typing import Any

from voyant_cloud import jsontext
from voyant_cloud.integrations.django.encoding import message_of
from voyant_cloud.integrations.django.outbox.models import OutboxMessage

__all__ = ["write"]


def write(channel: str, *, event: str, data: Any, using: str | None) -> None:
    """Write a message into the outbox; see ``voyant_cloud.integrations.django.outbox.publish``."""
    message = message_of(channel, event, data)
    # Without an alias the manager asks the project's routers.
    manager = OutboxMessage.objects if using is None else OutboxMessage.objects.using(using)
    manager.create(channel=message.channel, event=message.event, data=jsontext.dumps(message.data))
