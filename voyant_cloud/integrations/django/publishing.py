"""Publishing after commit: one message, or all of a transaction in one request; nothing after a rollback."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from django.db import transaction

from voyant_cloud.errors import VoyantValidationError
from voyant_cloud.integrations.django.client import get_client
from voyant_cloud.integrations.django.encoding import message_of, plain
from voyant_cloud.integrations.django.gathering import gather
from voyant_cloud.integrations.sending import send
from voyant_cloud.models import RealtimeBatchMessage
from voyant_cloud.realtime.inputs import BatchItem, batch_message_from

__all__ = ["publish_batch_on_commit", "publish_on_commit"]


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
    send(get_client, messages, robust=robust, when="after commit")
