"""Sends the outbox: at least once, in order per channel, a request again with its key until its fate is known."""

from __future__ import annotations

import datetime as dt
import logging
import uuid
from collections.abc import Sequence
from typing import Any, Final

import attrs
from django.db import transaction
from django.db.models import F

from voyant_cloud import jsontext
from voyant_cloud.client import VoyantCloudClient
from voyant_cloud.errors import (
    ConflictError,
    ForbiddenError,
    InvalidRequestError,
    NotFoundError,
    PayloadTooLargeError,
    VoyantError,
    VoyantValidationError,
)
from voyant_cloud.integrations.django.outbox.claiming import claim
from voyant_cloud.integrations.django.outbox.clock import utc_now
from voyant_cloud.integrations.django.outbox.models import OutboxMessage
from voyant_cloud.models import RealtimeBatchMessage

__all__ = ["Drain", "Step"]

logger = logging.getLogger("voyant_cloud")

# Refused for what the messages are, so that another attempt would end the same. A bad API key is none of these: it is
# mended in the settings, and must not park everything.
_FINAL: Final = (
    ConflictError,
    InvalidRequestError,
    PayloadTooLargeError,
    VoyantValidationError,
    jsontext.JsonTextError,
)
# Refused whole, so that nothing was stored, and perhaps for one message among the others.
_APART: Final = (ForbiddenError, NotFoundError)
_FIRST_WAIT: Final = 1.0
# Well inside the five minutes for which the service knows a key, so that a repeat is still recognised.
_LONGEST_WAIT: Final = 60.0
_LONGEST_RETRY_AFTER: Final = 300.0
_APART_AFTER: Final = 10
"""Failures after which messages are sent one by one: by then the service has forgotten the request's key anyway."""
_SHOWN: Final = 500


@attrs.frozen(kw_only=True)
class Step:
    """What one request came to.

    Attributes:
        published: how many messages were published and deleted.
        failed: how many are to be tried again.
        parked: how many were refused for good.
    """

    published: int = 0
    failed: int = 0
    parked: int = 0

    @property
    def is_idle(self) -> bool:
        """Whether there was nothing to send."""
        return self == Step()


class Drain:
    """Sends the rows of one database's outbox.

    Several may run, in any number of processes: a request belongs to one of them at a time.

    Args:
        client: publishes; one that does not try again by itself, since the drain does.
        using: the database's alias.
        lease: how many seconds a request may take before another drain repeats it.
    """

    def __init__(self, client: VoyantCloudClient, *, using: str, lease: float) -> None:
        self._client = client
        self._using = using
        self._lease = lease

    def step(self) -> Step:
        """Send one request, if there is anything to send now."""
        rows = claim(self._using, self._lease)
        if not rows:
            return Step()
        key = rows[0].request_key
        assert key is not None
        try:
            self._client.realtime.publish_batch(_body_of(rows), idempotency_key=key.hex)
        except _FINAL as error:
            return self._refused(rows, error)
        except VoyantError as error:
            # An answer that cannot be read, too: it may be a login page. The repeat has the same key.
            is_one_of_them = isinstance(error, _APART) or rows[0].attempts >= _APART_AFTER
            return self._set_apart(rows, error) if is_one_of_them and len(rows) > 1 else self._failed(rows, error)
        self._rows(rows).delete()
        return Step(published=len(rows))

    def _refused(self, rows: Sequence[OutboxMessage], error: Exception) -> Step:
        """Park a message that was refused alone; of several, find the one by sending each alone.

        Not after a conflict: it says that something was stored with this key, which new keys would store again.
        """
        if len(rows) > 1 and not isinstance(error, ConflictError):
            return self._set_apart(rows, error)
        text = _text(error)
        now = utc_now()
        self._rows(rows).update(parked_at=now, claimed_until=None, attempts=F("attempts") + 1, last_error=text)
        for row in rows:
            logger.error("outbox: parked message %d, %r on %s: %s", row.pk, row.event, row.channel, text)
        return Step(parked=len(rows))

    def _set_apart(self, rows: Sequence[OutboxMessage], error: Exception) -> Step:
        """Make each message a request of its own, so that one cannot keep the others back."""
        with transaction.atomic(using=self._using):
            for row in rows:
                self._rows([row]).update(request_key=uuid.uuid4(), claimed_until=None)
        text = _text(error)
        logger.warning("outbox: %d messages failed together, so each is sent alone: %s", len(rows), text)
        return Step(failed=len(rows))

    def _failed(self, rows: Sequence[OutboxMessage], error: VoyantError) -> Step:
        text = _text(error)
        attempts = max(row.attempts for row in rows)
        # Far fewer doublings reach the longest wait; a row may have failed for weeks.
        asked = min(getattr(error, "retry_after", None) or 0.0, _LONGEST_RETRY_AFTER)
        wait = max(min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** min(attempts, 10)), asked)
        self._rows(rows).update(
            available_at=utc_now() + dt.timedelta(seconds=wait),
            claimed_until=None,
            attempts=F("attempts") + 1,
            last_error=text,
        )
        logger.warning("outbox: %d messages are tried again in %.0f s: %s", len(rows), wait, text)
        return Step(failed=len(rows))

    def _rows(self, rows: Sequence[OutboxMessage]) -> Any:
        return OutboxMessage.objects.using(self._using).filter(
            pk__in=[row.pk for row in rows], request_key=rows[0].request_key
        )


def _body_of(rows: Sequence[OutboxMessage]) -> list[RealtimeBatchMessage]:
    return [RealtimeBatchMessage(channel=row.channel, event=row.event, data=jsontext.loads(row.data)) for row in rows]


def _text(error: Exception) -> str:
    # PostgreSQL has no place for NUL, which a service's words may hold.
    return f"{type(error).__name__}: {error}".replace("\x00", "")[:_SHOWN]
