"""Sending what a transaction or a request has left behind: in one request, and told of in the log where it fails."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Final

from voyant_cloud.client import VoyantCloudClient
from voyant_cloud.errors import PublishManyError
from voyant_cloud.models import RealtimeBatchMessage
from voyant_cloud.realtime.lanes import fits_one_request
from voyant_cloud.realtime.written import write

__all__ = ["send"]

logger = logging.getLogger("voyant_cloud")

_NAMED: Final = 10
"""How many messages a line of the log names."""


def send(
    get_client: Callable[[], VoyantCloudClient],
    messages: Sequence[RealtimeBatchMessage],
    *,
    robust: bool,
    when: str,
) -> None:
    """Publish messages in one request, all or none; where they are too many or too large for one, in several.

    Args:
        get_client: returns the client, or raises where its settings are wrong.
        messages: one or more.
        robust: whether a failure is logged; without, it is raised.
        when: the moment, for the log, such as ``after commit``.

    Raises:
        Exception: with ``robust=False``, whatever the client raised.
    """
    try:
        _publish(get_client(), messages)
    except Exception as error:
        if not robust:
            raise
        names = _names(_unpublished(messages, error))
        # In words, not as a traceback: reporters of errors show the values of its frames, the data among them.
        logger.error("publishing %s failed for %s: %s: %s", when, names, type(error).__name__, error)


def _publish(client: VoyantCloudClient, messages: Sequence[RealtimeBatchMessage]) -> None:
    if len(messages) == 1:
        [message] = messages
        client.realtime.publish(message.channel, event=message.event, data=message.data)
    elif fits_one_request(list(map(write, messages))):
        client.realtime.publish_batch(messages)
    else:
        client.realtime.publish_many(messages)


def _unpublished(messages: Sequence[RealtimeBatchMessage], error: Exception) -> Sequence[RealtimeBatchMessage]:
    # One request after the other: what was published came first.
    return messages[error.published :] if isinstance(error, PublishManyError) else messages


def _names(messages: Sequence[RealtimeBatchMessage]) -> str:
    named = ", ".join(f"{message.event!r} on {message.channel}" for message in messages[:_NAMED])
    more = len(messages) - _NAMED
    return f"{named} and {more} more" if more > 0 else named
