"""The fast way for what a busy service sends: whole text frames, and in them messages. Pure.

Whatever is not just as usual is left to the library and to ``frames``. So this file decides nothing: what it takes has
the result that they would have, at a fifth of the cost.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Iterable, Iterator
from typing import Any, Final

import attrs

from voyant_cloud.errors import VoyantError
from voyant_cloud.jsontext import may_have_rounded, scan
from voyant_cloud.models import RealtimeMessageSummary, _validators
from voyant_cloud.realtime.frames import ServerFrame, decode_server_frame

_LOADS: Any = None
with contextlib.suppress(ImportError):
    from orjson import loads as _LOADS

__all__ = ["decode_frames", "split_frames"]

_FINAL_TEXT: Final = 0x81
_TWO_BYTES: Final = 126
"""As a length, one that two bytes hold. Larger values mean eight bytes, or a mask, which no service may send."""
_HEADER: Final = 4


def split_frames(chunk: bytes, place: int, limit: int) -> tuple[list[bytes], int]:
    """Return the payloads of the unfragmented text frames that begin at a place, up to what is none, or not whole.

    Args:
        chunk: bytes from the connection.
        place: where a frame begins in it.
        limit: how many to return at most.

    Returns:
        The payloads, and where the next frame begins.
    """
    payloads: list[bytes] = []
    # Where a header of four bytes is there for certain.
    end = len(chunk) - _HEADER
    for _ in range(limit):
        if place > end or chunk[place] != _FINAL_TEXT:
            break
        length = chunk[place + 1]
        if length < _TWO_BYTES:
            begin = place + 2
        elif length == _TWO_BYTES:
            begin = place + _HEADER
            length = chunk[place + 2] << 8 | chunk[place + 3]
        else:
            break
        payload = chunk[begin : begin + length]
        if len(payload) != length:
            break
        payloads.append(payload)
        place = begin + length
    return payloads, place


def decode_frames(texts: Iterable[str]) -> Iterator[ServerFrame | VoyantError | None]:
    """Read frames that the service sent, each as ``decode_server_frame`` does.

    Yields:
        For each text its frame, ``None`` for a type that this version does not know, or the error that was raised.
    """
    if _SETTERS is None:
        yield from map(_decode, texts)
        return
    model, new, read_time, loads = RealtimeMessageSummary, object.__new__, dt.datetime.fromisoformat, _LOADS
    # Of messages that come fast many have the time of the one before.
    last_written, moment = None, dt.datetime.now()
    set_id, set_channel, set_event, set_data, set_published_at = _SETTERS
    for text in texts:
        try:
            if loads is None:
                frame, end = scan(text, 0)
                is_exact = end == len(text)
            else:
                frame = loads(text)
                is_exact = not may_have_rounded(frame["data"])
            if is_exact and frame["type"] == "message" and ("\\" not in text or "\\u" not in text):
                message_id, channel, event, data = frame["id"], frame["channel"], frame["event"], frame["data"]
                if (written := frame["publishedAt"]) != last_written:
                    moment, last_written = read_time(written), written
                if type(message_id) is type(channel) is type(event) is str and moment.tzinfo is not None:
                    # Past __init__, whose checks were made above: a frozen class has no other way that costs less.
                    message = new(model)
                    set_id(message, message_id)
                    set_channel(message, channel)
                    set_event(message, event)
                    set_data(message, data)
                    set_published_at(message, moment)
                    yield message
                    continue
        except (LookupError, TypeError, ValueError, RecursionError, StopIteration):
            pass
        yield _decode(text)


def _decode(text: str) -> ServerFrame | VoyantError | None:
    try:
        return decode_server_frame(text)
    except VoyantError as error:
        return error


# What decode_frames knows of the model, and nothing else may be so: a contract of somebody's own may say more.
_KNOWN: Final = {
    "id": _validators.String(),
    "channel": _validators.String(),
    "event": _validators.String(),
    "data": None,
    "published_at": _validators.AwareDatetime(),
}
_IS_KNOWN: Final = {field.name: field.validator for field in attrs.fields(RealtimeMessageSummary)} == _KNOWN
_SETTERS: Final[Any] = [getattr(RealtimeMessageSummary, name).__set__ for name in _KNOWN] if _IS_KNOWN else None
