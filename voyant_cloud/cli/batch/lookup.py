"""Whether a batch was published, judged by what the channels hold; pure."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from enum import Enum
from typing import Any, Final

from voyant_cloud.models import RealtimeMessageSummary

__all__ = ["Finding", "find"]

CLOCKS_APART: Final = dt.timedelta(minutes=10)
"""How far this machine's clock may be from the service's, where no id tells what is older than the batch."""


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
    sent_at: dt.datetime,
) -> Finding:
    """Look for a batch's messages in the history of a channel.

    Args:
        messages: those of the batch that go to this channel, as on the wire, in order.
        history: what the channel holds now, oldest first.
        after: the id of a message that was stored before the batch; ``None`` if none is known.
        sent_at: when the batch was sent, by this machine's clock.
    """
    place = next((index for index, each in enumerate(history) if each.id == after), None)
    if place is None:
        # How far back this history reaches is not known: to find them proves something, not to find them nothing.
        candidates = [each for each in history if each.published_at >= sent_at - CLOCKS_APART]
        return Finding.PUBLISHED if _found(messages, candidates) == len(messages) else Finding.UNKNOWN
    found = _found(messages, history[place + 1 :])
    if found == len(messages):
        return Finding.PUBLISHED
    return Finding.UNKNOWN if found else Finding.NOT_PUBLISHED


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
