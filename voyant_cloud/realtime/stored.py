"""What the answer to a batch comes to, read without a model for each message. Pure.

What is not just as usual is left to the models; so this file decides nothing, and takes and refuses what they do.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from operator import itemgetter
from typing import Any, Final

import attrs

from voyant_cloud.envelope import Answer, read_data
from voyant_cloud.fast_json import read_loosely
from voyant_cloud.models import RealtimeMessageSummary
from voyant_cloud.realtime.fast_frames import IS_KNOWN

__all__ = ["Stored", "read_stored"]

_ENVELOPE: Final = {"data"}
_FIELDS: Final = itemgetter("id", "channel", "event", "publishedAt", "data")


@attrs.frozen
class Stored:
    """Messages that were published together.

    Attributes:
        count: how many there are.
        newest: the id of the last one of each channel.
    """

    count: int
    newest: Mapping[str, str]


def read_stored(answer: Answer) -> Stored:
    """Return what the answer to a batch says.

    Args:
        answer: an answer with a 2xx status.

    Raises:
        VoyantDecodeError: it is not what the contract says, as of ``read_data``.
    """
    usual = _read_usual(answer.content) if IS_KNOWN else None
    if usual is not None:
        return usual
    messages = read_data(answer, list[RealtimeMessageSummary])
    return Stored(len(messages), {message.channel: message.id for message in messages})


def _read_usual(content: bytes) -> Stored | None:
    try:
        body = read_loosely(content)
        if body.keys() != _ENVELOPE:
            return None
        # Field by field: a loop over the messages would cost more than to parse them.
        rows: list[tuple[Any, ...]] = list(map(_FIELDS, body["data"]))
        ids, channels, events, times, _ = zip(*rows, strict=True)
        # Raises for what is no string, and for lone surrogates, which no name may hold.
        "".join(ids + channels + events).encode()
        if not all(dt.datetime.fromisoformat(written).tzinfo for written in set(times)):
            return None
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError, StopIteration):
        return None
    return Stored(len(rows), dict(zip(channels, ids, strict=True)))
