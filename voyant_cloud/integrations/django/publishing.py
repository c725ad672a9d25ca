"""Publishing after commit: one message, or all of a transaction in one request; nothing after a rollback."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from django.db import transaction

from voyant_cloud.errors import PublishManyError, VoyantValidationError
from voyant_cloud.integrations.django.client import get_client
from voyant_cloud.integrations.django.encoding import message_of, plain
from voyant_cloud.integrations.django.gathering import gather
from voyant_cloud.models import RealtimeBatchMessage
from voyant_cloud.realtime.inputs import BatchItem, batch_message_from

__all__ = ["publish_batch_on_commit", "publish_on_commit"]

logger = logging.getLogger("voyant_cloud")

_NAMED: Final = 10
"""How many messages a line of the log names."""


def publish_on_commit(
    channel: str, *, event: str, data: Any = None, using: str | None = None, robust: bool = True
) -> None:
    """Publish a message once the transaction has committed; never if it, or a savepoint around this call, is undone.

    The arguments are checked and *data* is encoded now, so that what is wrong with them raises here. Outside a
    transaction the message is sent at once.

    Args:
        channel: 1 to 200 of ``A-Z a-z 0-9 _ : . , ; = @ -``.
        event: the event's name, 1 to 200 characters.
        data: any JSON by the rules of ``DjangoJSONEncoder``, at most 65,536 bytes encoded and 64 levels deep.
        using: the database's alias; ``None`` takes the default one.
        robust: whether a failure to publish is logged; without, it is raised, when the data is committed already.

    Raises:
        VoyantValidationError: an argument breaks a limit.
        VoyantError, ImproperlyConfigured: with ``robust=False``, from the end of the transaction.
    """
    message = message_of(channel, event, data)
    transaction.on_commit(partial(_send, [message], robust), using=using)


def publish_batch_on_commit(messages: Iterable[BatchItem], *, using: str | None = None, robust: bool = True) -> None:
    """Publish messages once the transaction has committed, with all others that were given here during it.

    However many calls they come from, the messages of one transaction go in one request, in the order of the calls, all
    or none; only where they are more than 100, or more than 2 MiB, in several, one after the other. What a savepoint
    undoes is left out.

    Args:
        messages: dicts with ``channel``, ``event`` and perhaps ``data``, or models; any number.
        using, robust: as for ``publish_on_commit``. One message of the transaction that is not robust makes all so.

    Raises:
        VoyantValidationError: a message breaks a limit, it is named as in ``messages[3].event``.
        VoyantError, ImproperlyConfigured: as for ``publish_on_commit``.
    """
    encoded = [_encoded(item, f"messages[{index}]") for index, item in enumerate(messages)]
    if encoded:
        gather(encoded, robust=robust, send=_send, using=using)


def _encoded(item: Any, place: str) -> RealtimeBatchMessage:
    if isinstance(item, RealtimeBatchMessage):
        item = {"channel": item.channel, "event": item.event, "data": item.data}
    if isinstance(item, Mapping) and "data" in item:
        try:
            item = {**item, "data": plain(item["data"])}
        except VoyantValidationError as error:
            raise VoyantValidationError(f"{place}.{error.field}", error.problem, code=error.code) from None
    return batch_message_from(item, place)


def _send(messages: Sequence[RealtimeBatchMessage], robust: bool) -> None:
    try:
        _publish(messages)
    except Exception as error:
        if not robust:
            raise
        logger.error("publishing after commit failed for %s: %s", _names(_unpublished(messages, error)), _reason(error))


def _publish(messages: Sequence[RealtimeBatchMessage]) -> None:
    realtime = get_client().realtime
    if len(messages) == 1:
        [message] = messages
        realtime.publish(message.channel, event=message.event, data=message.data)
        return
    realtime.publish_many(messages)


def _unpublished(messages: Sequence[RealtimeBatchMessage], error: Exception) -> Sequence[RealtimeBatchMessage]:
    # One request after the other: what was published came first.
    return messages[error.published :] if isinstance(error, PublishManyError) else messages


def _names(messages: Sequence[RealtimeBatchMessage]) -> str:
    named = ", ".join(f"{message.event!r} on {message.channel}" for message in messages[:_NAMED])
    more = len(messages) - _NAMED
    return f"{named} and {more} more" if more > 0 else named


def _reason(error: Exception) -> str:
    # In words, not as a traceback: reporters of errors show the values of a traceback's frames, the data among them.
    return f"{type(error).__name__}: {error}"
