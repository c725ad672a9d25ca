"""Out of the outbox: which rows make the next request, claimed so that no other drain sends them meanwhile.

Order per channel rests on one rule: a channel of which any row is claimed, or waits after a failure, is left alone
whole. Rows are taken oldest first, and a request that was begun keeps its rows and its key for good.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any, Final

from django.db import connections, transaction
from django.db.models import Q

from voyant_cloud.integrations.django.outbox.clock import utc_now
from voyant_cloud.integrations.django.outbox.models import OutboxMessage
from voyant_cloud.realtime.inputs import MAX_BATCH_SIZE
from voyant_cloud.realtime.lanes import MAX_BATCH_BYTES

__all__ = ["choose", "claim"]

# What stands around a message's data in a request's body, at the most: its names, and channel and event escaped.
_AROUND_DATA: Final = 64


def claim(using: str, lease: float) -> list[OutboxMessage]:
    """Return the rows of the next request, oldest first, claimed; none if there is nothing to send now.

    Args:
        using: the database's alias.
        lease: for how many seconds they are claimed.
    """
    rows = OutboxMessage.objects.using(using)
    with transaction.atomic(using=using):
        if not connections[using].features.has_select_for_update:
            # SQLite takes its lock with the first write; were that to come after a read, it would fail in place of
            # waiting whenever another drain has written in between.
            rows.filter(pk=0).update(attempts=0)
        now = utc_now()
        found = _oldest(using, now)
        chosen = choose(found)
        if not chosen or not _lock(using, chosen, now):
            return []
        key = chosen[0].request_key or uuid.uuid4()
        until = now + dt.timedelta(seconds=lease)
        rows.filter(pk__in=[row.pk for row in chosen]).update(request_key=key, claimed_until=until)
    for row in chosen:
        row.request_key, row.claimed_until = key, until
    return chosen


def choose(found: Sequence[OutboxMessage]) -> list[OutboxMessage]:
    """Return those rows that make a request: a begun one's, or as many new ones as fit.

    Args:
        found: rows that may be sent, oldest first.
    """
    if found and found[0].request_key is not None:
        return [row for row in found if row.request_key == found[0].request_key]
    chosen: list[OutboxMessage] = []
    begun: set[str] = set()
    size = 0
    for row in found:
        if row.request_key is not None:
            # What is newer on this channel comes after that request.
            begun.add(row.channel)
        elif row.channel not in begun:
            size += _size(row)
            if chosen and size > MAX_BATCH_BYTES:
                break
            chosen.append(row)
    return chosen


def _oldest(using: str, now: dt.datetime) -> list[OutboxMessage]:
    # One statement, so that both of its halves see the same moment.
    live = OutboxMessage.objects.using(using).filter(parked_at=None)
    waiting = live.filter(Q(claimed_until__gt=now) | Q(available_at__gt=now)).order_by()
    free = live.exclude(channel__in=waiting.values("channel"))
    found = list(free.order_by("id")[:MAX_BATCH_SIZE])
    if found and found[0].request_key is not None:
        # Its other rows may lie further on.
        return list(live.filter(request_key=found[0].request_key).order_by("id"))
    return found


def _lock(using: str, chosen: Sequence[OutboxMessage], now: dt.datetime) -> bool:
    """Lock the rows, and tell whether all are still as they were read: if not, another drain was quicker."""
    features: Any = connections[using].features
    if not features.has_select_for_update:
        return True
    rows = OutboxMessage.objects.using(using).filter(pk__in=[row.pk for row in chosen], parked_at=None)
    locked = rows.select_for_update(skip_locked=features.has_select_for_update_skip_locked)
    now_keys = {row.pk: row.request_key for row in locked if row.claimed_until is None or row.claimed_until <= now}
    return now_keys == {row.pk: row.request_key for row in chosen}


def _size(row: OutboxMessage) -> int:
    # In JSON a character of an event's name takes six bytes at the most.
    return len(row.data.encode()) + len(row.channel) + 6 * len(row.event) + _AROUND_DATA
