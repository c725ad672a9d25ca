"""How messages and presence events are written in Redis, and read back; pure.

A stored message is its event's length, a colon, its event, its data. What goes to followers of a channel begins with
``m`` for messages, ``p`` for presence, and is written by the Lua scripts; texts stand behind their length and a colon.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterator, Sequence

import attrs

from voyant_cloud import jsontext
from voyant_cloud.models import RealtimeChannelPresenceEvent, RealtimePresenceAction
from voyant_cloud.server.engine.base import StoredMessage
from voyant_cloud.server.message_id import MessageId
from voyant_cloud.server.wire import Row

__all__ = ["PresenceChange", "pack", "read_feed", "read_members", "unpack_id", "unpack_row"]

_log = logging.getLogger("voyant_cloud.server")


@attrs.frozen
class _Piece:
    """A text behind its length, and where the next thing begins."""

    text: bytes
    end: int


@attrs.frozen
class PresenceChange:
    """A change of presence on some channel.

    Attributes:
        number: grows with each change of the deployment.
        action: what happened.
        client_id: whose presence it is.
        data: what the client says of itself, as JSON text.
        ms: when it happened, in milliseconds since 1970.
    """

    number: int
    action: RealtimePresenceAction
    client_id: str
    data: str
    ms: int

    def event(self, channel: str) -> RealtimeChannelPresenceEvent:
        """Return it as clients are told.

        Raises:
            ValueError, OverflowError, RecursionError: the data is no JSON, or the time is none.
        """
        return RealtimeChannelPresenceEvent(
            action=self.action,
            channel=channel,
            client_id=self.client_id,
            data=jsontext.loads(self.data),
            at=dt.datetime.fromtimestamp(self.ms / 1000, dt.UTC),
        )


def pack(event: str, data: str) -> bytes:
    """Write a message as it is stored."""
    encoded = event.encode()
    return b"%d:%b%b" % (len(encoded), encoded, data.encode())


def unpack_row(ms: bytes, packed: bytes) -> Row:
    """Read a stored message."""
    event = _piece(packed, 0)
    return int(ms), event.text, packed[event.end :]


def unpack_id(text: str) -> MessageId:
    """Read a position, ``epoch:ms:seq``."""
    epoch, ms, seq = text.split(":")
    return MessageId(epoch, int(ms), int(seq))


def read_members(channel: str, number: int, kept: Sequence[bytes]) -> Iterator[PresenceChange]:
    """Read a hash of members; what cannot be read is left out, and logged once for all of it.

    Args:
        channel: whose members they are.
        number: that of the newest change that the hash knows of.
        kept: client and what is kept of it, in turn.
    """
    unreadable = 0
    for client, member in zip(kept[::2], kept[1::2], strict=True):
        try:
            yield _member(number, client, member)
        except ValueError:
            unreadable += 1
    if unreadable:
        _log.warning("%d of the members of channel %s cannot be read", unreadable, channel)


def read_feed(channel: str, payload: bytes) -> list[StoredMessage] | PresenceChange:
    """Read what followers of a channel are sent.

    Raises:
        ValueError: it is nothing that the scripts write.
    """
    kind, body = payload[:1], payload[1:]
    if kind == b"m":
        return _messages(channel, body)
    if kind == b"p":
        return _presence(body)
    raise ValueError(f"a payload of the unknown kind {kind!r}")


def _messages(channel: str, body: bytes) -> list[StoredMessage]:
    epoch, ms, first, rest = body.split(b" ", 3)
    name, at, seq = epoch.decode(), int(ms), int(first)
    messages: list[StoredMessage] = []
    position = 0
    while position < len(rest):
        packed = _piece(rest, position)
        event = _piece(packed.text, 0)
        data = packed.text[event.end :].decode()
        messages.append(StoredMessage(MessageId(name, at, seq + len(messages)), channel, event.text.decode(), data))
        position = packed.end
    return messages


def _presence(body: bytes) -> PresenceChange:
    action, ms, number, rest = body.split(b" ", 3)
    client = _piece(rest, 0)
    data = rest[client.end :].decode()
    return PresenceChange(int(number), RealtimePresenceAction(action.decode()), client.text.decode(), data, int(ms))


def _member(number: int, client: bytes, kept: bytes) -> PresenceChange:
    ms, _, data = kept.split(b" ", 2)
    return PresenceChange(number, RealtimePresenceAction.ENTER, client.decode(), data.decode(), int(ms))


def _piece(text: bytes, position: int) -> _Piece:
    colon = text.index(b":", position)
    end = colon + 1 + int(text[position:colon])
    if end > len(text):
        raise ValueError("a text is shorter than it says")
    return _Piece(text[colon + 1 : end], end)
