"""What callers pass to publish, as checked models: dicts and models alike. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sized
from itertools import islice
from typing import Any, Final

import attrs

from voyant_cloud.errors import VoyantValidationError
from voyant_cloud.models import PublishRealtimeBatchInput, PublishRealtimeMessageInput, RealtimeBatchMessage

__all__ = ["BATCH_KEYS", "MAX_BATCH_SIZE", "BatchItem", "batch_from", "batch_message_from", "message_from"]

MAX_BATCH_SIZE: Final = 100
"""The most messages of a batch."""

BatchItem = RealtimeBatchMessage | Mapping[str, Any]
"""A message of a batch: a model, or a dict with ``channel``, ``event`` and perhaps ``data``."""

BATCH_KEYS = ("channel", "event", "data")
_ITEMS: Final[Any] = attrs.fields(PublishRealtimeBatchInput).messages.validator


def message_from(
    message: PublishRealtimeMessageInput | None, event: str | None, data: Any
) -> PublishRealtimeMessageInput:
    """Return the message that ``publish`` was given, in one of its two forms.

    Raises:
        TypeError: it was given both, or something else.
        VoyantValidationError: a field breaks a limit.
    """
    if message is None:
        return PublishRealtimeMessageInput(event=event, data=data)  # type: ignore[arg-type]
    if not isinstance(message, PublishRealtimeMessageInput):
        raise TypeError(
            f"publish takes a PublishRealtimeMessageInput or event= and data=, got {type(message).__name__}"
        )
    if event is not None or data is not None:
        raise TypeError("publish takes a PublishRealtimeMessageInput or event= and data=, not both")
    return message


def batch_from(messages: PublishRealtimeBatchInput | Iterable[BatchItem]) -> PublishRealtimeBatchInput:
    """Return the batch that ``publish_batch`` was given.

    Raises:
        VoyantValidationError: there is none or too many, or one breaks a limit; it names its index.
    """
    if isinstance(messages, PublishRealtimeBatchInput):
        return messages
    if isinstance(messages, (str, bytes, Mapping)) or not isinstance(messages, Iterable):
        raise VoyantValidationError("messages", f"must be a list of messages, got {type(messages).__name__}")
    limit = _ITEMS.max_items
    if isinstance(messages, Sized) and len(messages) > limit:
        raise _too_many(str(len(messages)))
    # One over the limit is enough to know: a generator may have no end.
    items = list(islice(messages, limit + 1))
    if len(items) > limit:
        raise _too_many(f"more than {limit}")
    return PublishRealtimeBatchInput(
        messages=[batch_message_from(item, f"messages[{index}]") for index, item in enumerate(items)]
    )


def _too_many(count: str) -> VoyantValidationError:
    return VoyantValidationError(
        "PublishRealtimeBatchInput.messages",
        f"has {count} items, at most {_ITEMS.max_items} are allowed; {_ITEMS.too_many_hint}",
    )


def batch_message_from(item: Any, place: str) -> RealtimeBatchMessage:
    """Return one message of a batch.

    Args:
        item: a model, or a dict with its fields.
        place: what to call it in an error, such as ``messages[3]``.

    Raises:
        VoyantValidationError: it is neither, or a field is missing, unknown or breaks a limit.
    """
    if isinstance(item, RealtimeBatchMessage):
        return item
    if not isinstance(item, Mapping):
        raise VoyantValidationError(place, f"must be a dict or a RealtimeBatchMessage, got {type(item).__name__}")
    # A misspelt "data" would otherwise publish nothing in its place.
    unknown = next((key for key in item if key not in BATCH_KEYS), None)
    if unknown is not None:
        raise VoyantValidationError(
            place, f"has the unknown key {str(unknown)[:80]!r}; it takes {', '.join(BATCH_KEYS)}"
        )
    try:
        return RealtimeBatchMessage(channel=item.get("channel"), event=item.get("event"), data=item.get("data"))  # type: ignore[arg-type]
    except VoyantValidationError as error:
        raise error.within(place) from None
