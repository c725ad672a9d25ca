"""The outbox's table: one row a message that is not known to be published."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone

__all__ = ["OutboxMessage"]


class OutboxMessage(models.Model):
    """A message to publish. It is deleted once the service has acknowledged it.

    Attributes:
        channel: where to.
        event: the event's name.
        data: the payload, as JSON text.
        created_at: when it was written.
        request_key: the idempotency key of the request that it is part of; ``None`` until it is. All rows with one
            key, in order of their ids, are that request's body, which is therefore the same however often it is sent.
        claimed_until: until when a drain is at work on it; a drain that died frees it by letting this pass.
        available_at: not to be sent before, which the wait after a failure sets; ``None`` for at once.
        attempts: how many requests with it have failed.
        last_error: how the newest of them did.
        parked_at: when the service refused it for good; it is then left alone. ``None`` otherwise.
    """

    channel = models.CharField(max_length=200)
    event = models.CharField(max_length=200)
    data = models.TextField()
    created_at = models.DateTimeField(default=timezone.now)
    request_key = models.UUIDField(null=True, blank=True, db_index=True)
    claimed_until = models.DateTimeField(null=True, blank=True)
    available_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    last_error = models.TextField(blank=True, default="")
    parked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        """Whose table it is, and its order: that of writing."""

        app_label = "voyant_cloud_outbox"
        ordering: ClassVar = ["id"]
        verbose_name = "outbox message"
        indexes: ClassVar = [models.Index(fields=["parked_at", "channel", "id"], name="voyant_outbox_queue")]

    def __str__(self) -> str:
        return f"{self.event} on {self.channel}"
