"""The fast way from a batch's body to its messages; what is not just as usual is left to the models. Pure."""

from __future__ import annotations

from typing import Any

from voyant_cloud.fast_batch import FastCheck
from voyant_cloud.server.engine.base import NewMessage
from voyant_cloud.server.limits import Limits

__all__ = ["read_batch"]


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
        check = FastCheck(limits.message_bytes)
        return [_message(item, check) for item in items]
    except (LookupError, TypeError, ValueError):
        return None


def _message(item: Any, check: FastCheck) -> NewMessage:
    channel, event = item["channel"], item["event"]
    return NewMessage(channel, event, check.data_text(channel, event, item.get("data")))
