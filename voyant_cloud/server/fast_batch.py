"""The fast way from a batch's body to its messages: it writes each message's data once, and makes no models. Pure.

It takes only what is just as usual. The rest is left to the models, which say what is wrong, if anything is; so this
file decides nothing, and has their results at a third of the cost.
"""

from __future__ import annotations

from typing import Any, Final

import attrs

from voyant_cloud import jsontext
from voyant_cloud.models import RealtimeBatchMessage
from voyant_cloud.models._check import Check
from voyant_cloud.server.engine.base import NewMessage
from voyant_cloud.server.limits import Limits

__all__ = ["read_batch"]

_FIELDS: Final[Any] = attrs.fields(RealtimeBatchMessage)
_CHANNEL: Final[Check] = _FIELDS.channel.validator
_EVENT: Final[Check] = _FIELDS.event.validator
_DEPTH: Final[int] = _FIELDS.data.validator.max_depth


def read_batch(body: Any, limits: Limits) -> list[NewMessage] | None:
    """Read the messages of a batch.

    Args:
        body: the request's body, as ``jsontext.loads`` read it, strictly.
        limits: the server's; no wider than the contract's.

    Returns:
        The messages in order, or ``None`` where the models have to look.
    """
    try:
        items = body["messages"]
        if type(items) is not list or not 0 < len(items) <= limits.batch_messages:
            return None
        good: set[tuple[str, str]] = set()
        return [_message(item, limits.message_bytes, good) for item in items]
    except (LookupError, TypeError, ValueError):
        return None


def _message(item: Any, most: int, good: set[tuple[str, str]]) -> NewMessage:
    """Read one message.

    Raises:
        LookupError, TypeError, ValueError: it is not just as usual.
    """
    channel, event = item["channel"], item["event"]
    # The messages of a batch have few channels and events between them.
    if (channel, event) not in good:
        if _CHANNEL.find_problem(channel) or _EVENT.find_problem(event):
            raise ValueError
        good.add((channel, event))
    text = jsontext.dumps(item.get("data"), max_depth=_DEPTH)
    # No character takes more than four bytes.
    if len(text) * 4 > most and len(text.encode()) > most:
        raise ValueError
    return NewMessage(channel, event, text)
