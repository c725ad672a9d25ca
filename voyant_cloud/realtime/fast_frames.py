"""The fast way for what a busy service sends: whole text frames, and in them messages. Pure.

Whatever is not just as usual is left to the library and to ``frames``. So this file decides nothing: what it takes has
the result that they would have, at a fraction of the cost.
"""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Sequence
from itertools import repeat
from operator import itemgetter
from struct import Struct
from typing import Any, Final

import attrs

from voyant_cloud.fast_json import ORJSON
from voyant_cloud.jsontext import any_may_have_rounded, scan
from voyant_cloud.models import RealtimeMessageSummary, _validators

_LOADS: Any = ORJSON and ORJSON.loads

__all__ = ["IS_KNOWN", "read_message", "read_messages", "split_frames"]

_HEADER: Final = Struct(">HH")
"""The first four bytes of a frame: its kind, then its length where that takes two bytes."""
_FINAL_TEXT: Final = 0x8100
_LENGTH: Final = 0x7F
_TWO_BYTES: Final = 126
"""As a length, one that two bytes hold. Larger values mean eight bytes, or a mask, which no service may send."""
_COLUMNS: Final = [itemgetter(name) for name in ("type", "id", "channel", "event", "data", "publishedAt")]
_NUMBER: Final = secrets.randbelow(2**62)
_BETWEEN: Final = f",{_NUMBER},"


def split_frames(chunk: bytes, place: int, limit: int) -> tuple[list[bytes], int]:
    """Return the payloads of the unfragmented text frames that begin at a place, up to what is none, or not whole.

    Args:
        chunk: bytes from the connection.
        place: where a frame begins in it.
        limit: how many to return at most.

    Returns:
        The payloads, and where the next frame begins.
    """
    size = len(chunk)
    # Where a header of four bytes is there for certain.
    last = size - _HEADER.size
    if place > last:
        return [], place
    kind, length = _HEADER.unpack_from(chunk, place)
    if kind == _FINAL_TEXT | _TWO_BYTES and place + _HEADER.size + length == size:
        # One frame, as on a channel that is not busy.
        return [chunk[place + _HEADER.size :]], size
    payloads: list[bytes] = []
    # All that each frame needs is local, which is quicker to get at.
    read_header, header, long, add = _HEADER.unpack_from, _HEADER.size, _FINAL_TEXT | _TWO_BYTES, payloads.append
    for _ in repeat(None, limit):
        if place > last:
            break
        kind, length = read_header(chunk, place)
        if kind == long:
            begin = place + header
        elif _FINAL_TEXT <= kind < long:
            begin, length = place + 2, kind & _LENGTH
        else:
            break
        end = begin + length
        if end > size:
            break
        add(chunk[begin:end])
        place = end
    return payloads, place


def read_messages(texts: Sequence[str]) -> list[RealtimeMessageSummary] | None:
    """Read text frames that are all messages, each as ``decode_server_frame`` does.

    It works on all of them at once, field by field: a loop over messages in Python would cost more than to parse them.

    Args:
        texts: the frames, one or more.

    Returns:
        The messages, or ``None`` where a frame is something else, or a message that is not just as usual.
    """
    if not IS_KNOWN:
        return None
    try:
        frames = _parse(texts)
        kinds, ids, channels, events, data, times = (list(map(column, frames)) for column in _COLUMNS)
        # As early as that: while so many objects live at once, the interpreter looks for garbage again and again.
        del frames
        if set(kinds) != {"message"}:
            return None
        # Raises for what is no string, and for lone surrogates, which no name may hold.
        "".join(ids + channels + events).encode()
        moments = {written: dt.datetime.fromisoformat(written) for written in set(times)}
        if not all(moment.tzinfo for moment in moments.values()):
            return None
        if _LOADS is not None and any_may_have_rounded(data):
            return None
    except (LookupError, TypeError, ValueError, RecursionError, StopIteration):
        return None
    messages: list[Any] = list(map(object.__new__, repeat(_Open, len(ids))))
    for message, message_id, channel, event, value, written in zip(
        messages, ids, channels, events, data, times, strict=True
    ):
        message.id = message_id
        message.channel = channel
        message.event = event
        message.data = value
        message.published_at = moments[written]
        message.__class__ = RealtimeMessageSummary
    return messages


def read_message(text: str) -> RealtimeMessageSummary | None:
    """Read a text frame as ``decode_server_frame`` does, if it is a message.

    Returns:
        The message, or ``None`` where it is something else, or a message that is not just as usual.
    """
    if not IS_KNOWN:
        return None
    try:
        frame, end = scan(text, 0)
        if end != len(text) or frame["type"] != "message":
            return None
        message_id, channel, event = frame["id"], frame["channel"], frame["event"]
        # Raises for what is no string; lone surrogates, which no name may hold, are not ASCII either.
        if not (message_id + channel + event).isascii():
            return None
        moment = dt.datetime.fromisoformat(frame["publishedAt"])
        data = frame["data"]
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError, StopIteration):
        return None
    if moment.tzinfo is None:
        return None
    message: Any = object.__new__(_Open)
    message.id = message_id
    message.channel = channel
    message.event = event
    message.data = data
    message.published_at = moment
    message.__class__ = RealtimeMessageSummary
    return message  # type: ignore[no-any-return]


def _parse(texts: Sequence[str]) -> list[Any]:
    """Read JSON, all in one call, which costs less than one each.

    Between them stands a number that no service can know. Wherever it is not, a text was no whole value by itself.

    Raises:
        TypeError, ValueError, RecursionError, StopIteration: one is not JSON, or not for this parser.
    """
    whole = f"[{_BETWEEN.join(texts)}]"
    if _LOADS is None:
        values, end = scan(whole, 0)
        if end != len(whole):
            raise ValueError
    else:
        values = _LOADS(whole)
    if len(values) != 2 * len(texts) - 1 or values[1::2].count(_NUMBER) != len(texts) - 1:
        raise ValueError
    frames: list[Any] = values[::2]
    return frames


# What read_messages knows of the model, and nothing else may be so: a contract of somebody's own may say more.
_KNOWN: Final = {
    "id": _validators.String(),
    "channel": _validators.String(),
    "event": _validators.String(),
    "data": None,
    "published_at": _validators.AwareDatetime(),
}
IS_KNOWN: Final = {field.name: field.validator for field in attrs.fields(RealtimeMessageSummary)} == _KNOWN
"""Whether the model's rules are those that are checked here."""


class _Open(RealtimeMessageSummary):
    """A message whose fields are being set, past the checks of its constructor, which were made already.

    Frozen classes are set in ways that cost three times as much. With no slots of its own it can become one.
    """

    __slots__ = ()
    # Both, or the interpreter goes through Python for either.
    __setattr__ = object.__setattr__
    __delattr__ = object.__delattr__
