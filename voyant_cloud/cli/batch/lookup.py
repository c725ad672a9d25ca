"""Whether a batch was published, judged by what the channels hold; pure."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from enum import Enum
from typing import Any, Final

from voyant_cloud.models import RealtimeMessageSummary

__all__ = ["NEWEST", "Finding", "find"]

RETAINED_FOR: Final = dt.timedelta(hours=1)
"""How long a service surely keeps what was published to a channel that held nothing before."""
NEWEST: Final = 1000
"""How many messages of a channel can be read at once."""


class Finding(Enum):
    """What the history of a channel says about a batch."""

    PUBLISHED = "published"
    NOT_PUBLISHED = "not published"
    UNKNOWN = "unknown"


def find(
    messages: Sequence[dict[str, Any]],
    history: Sequence[RealtimeMessageSummary],
    *,
    after: str | None,
    age: dt.timedelta,
) -> Finding:
    """Look for a batch's messages in the history of a channel.

    Only what stands behind a message that is known to be older proves anything: the same messages may have been
    published before. Where another publisher sends just the same at the same time, they cannot be told apart.

    Args:
        messages: those of the batch that go to this channel, as on the wire, in order.
        history: the newest messages of the channel, oldest first, at most ``NEWEST``.
        after: the id of a message that was stored before the batch; ``""`` where the channel held none; ``None`` if
            that is not known.
        age: how long ago the batch was sent.
    """
    if after == "":
        newer, is_whole = history, age < RETAINED_FOR and len(history) < NEWEST
    else:
        place = next((index for index, each in enumerate(history) if each.id == after), None)
        if place is None:
            return Finding.UNKNOWN
        newer, is_whole = history[place + 1 :], True
    found = _found(messages, newer)
    if found == len(messages):
        return Finding.PUBLISHED
    return Finding.NOT_PUBLISHED if is_whole and not found else Finding.UNKNOWN


def _found(messages: Sequence[dict[str, Any]], history: Sequence[RealtimeMessageSummary]) -> int:
    """Return how many of the messages stand in the history, in their order; others may stand between them."""
    found = 0
    for stored in history:
        if found < len(messages) and _is_same(messages[found], stored):
            found += 1
    return found


def _is_same(message: dict[str, Any], stored: RealtimeMessageSummary) -> bool:
    return message["event"] == stored.event and _text(message.get("data")) == _text(stored.data)


def _text(data: Any) -> str:
    # As JSON, where true is not 1 and the order of keys says nothing.
    return json.dumps(data, sort_keys=True)
