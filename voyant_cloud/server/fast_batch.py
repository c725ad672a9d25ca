"""The fast way from what callers send to the messages in it; what is not just as usual is left to the models. Pure."""

from __future__ import annotations

from itertools import repeat
from operator import itemgetter
from typing import Any, Final

from voyant_cloud import jsontext
from voyant_cloud.fast_check import FastCheck
from voyant_cloud.fast_json import read_written
from voyant_cloud.server.engine.base import NewMessage
from voyant_cloud.server.limits import Limits

__all__ = ["read_batch", "read_publish", "read_written_batch"]

_BEGINS: Final = '{"type":"publish","event":'
_DATA: Final = ',"data":'
_CHANNEL: Final = '"channel":"'
_BATCH_BEGINS: Final = '{"messages":[{' + _CHANNEL
_BETWEEN: Final = "},{" + _CHANNEL
_BATCH_ENDS: Final = "}]}"
_KEYS: Final = ("channel", "event", "data")
_FRAME_KEYS: Final = ("type", "event", "data")
_NAMES: Final = itemgetter("channel", "event")


def read_written_batch(body: bytes, limits: Limits) -> list[NewMessage] | None:
    """Read a batch as this SDK writes it. The data of its messages is carried on as it was written.

    Args:
        body: the request's body.
        limits: the server's; no wider than the contract's.

    Returns:
        The messages in order, or ``None`` where it is written otherwise, or the models have to look.
    """
    try:
        text = body.decode()
        if not text.startswith(_BATCH_BEGINS):
            return None
        [items] = read_written(text).values()
        # Where every message begins with its channel, and nothing within one does, they are apart here.
        pieces = text[len(_BATCH_BEGINS) : -len(_BATCH_ENDS)].split(_BETWEEN)
        if len(pieces) != len(items) or len(items) > limits.batch_messages:
            return None
        return _written_messages(items, pieces, FastCheck(most_bytes=limits.message_bytes))
    except (LookupError, TypeError, ValueError, RecursionError, StopIteration):
        return None


def _written_messages(items: list[Any], pieces: list[str], check: FastCheck) -> list[NewMessage]:
    # Column by column, since a loop over the messages would cost more than to parse them.
    if list(map(tuple, items)).count(_KEYS) != len(items):
        raise ValueError
    names: list[tuple[str, str]] = list(map(_NAMES, items))
    heads = {both: check.names_text(*both).removeprefix(_CHANNEL) + _DATA for both in set(names)}
    data = [_behind(heads[both], piece) for both, piece in zip(names, pieces, strict=True)]
    if max(map(str.count, data, repeat("["))) + max(map(str.count, data, repeat("{"))) > jsontext.MAX_DEPTH:
        raise ValueError
    check.require_sizes(data)
    return [NewMessage(channel, event, text) for (channel, event), text in zip(names, data, strict=True)]


def _behind(head: str, piece: str) -> str:
    if not piece.startswith(head):
        raise ValueError
    return piece[len(head) :]


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
        check = FastCheck(most_bytes=limits.message_bytes)
        return [_message(item, check) for item in items]
    except (LookupError, TypeError, ValueError):
        return None


def _message(item: Any, check: FastCheck) -> NewMessage:
    channel, event = item["channel"], item["event"]
    return NewMessage(channel, event, check.data_text(channel, event, item.get("data")))


def read_publish(text: str, channel: str, check: FastCheck) -> NewMessage | None:
    """Read a frame that publishes, as this SDK writes it. Its data is carried on as it was written.

    Args:
        text: the frame.
        channel: the channel that it came on.
        check: for ``PublishRealtimeMessageInput``, with the server's own limit.

    Returns:
        The message, or ``None`` where it is another frame, or the models have to look.
    """
    if not text.startswith(_BEGINS):
        return None
    try:
        frame = read_written(text)
        if tuple(frame) != _FRAME_KEYS:
            return None
        event = frame["event"]
        check.names_text(channel, event)
        # Within the event there would be a backslash before its quotes.
        data = text[text.index(_DATA) + len(_DATA) : -1]
        # More brackets may be too deep.
        if data.count("[") + data.count("{") > jsontext.MAX_DEPTH:
            return None
        check.require_size(data)
    except (TypeError, ValueError, RecursionError, StopIteration):
        return None
    return NewMessage(channel, event, data)
