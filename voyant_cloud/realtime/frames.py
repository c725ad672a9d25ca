"""Text frames of the WebSocket, both directions, and close codes; pure. Client and server share this file."""

from __future__ import annotations

from enum import IntEnum
from typing import Any, Final

import attrs

from voyant_cloud import jsontext
from voyant_cloud.converter import structure, unstructure
from voyant_cloud.errors import VoyantDecodeError
from voyant_cloud.models import (
    PublishRealtimeMessageInput,
    RealtimeChannelConnectedEvent,
    RealtimeChannelError,
    RealtimeChannelPresenceEvent,
    RealtimeChannelTokenExpiringEvent,
    RealtimeMessageSummary,
    RealtimePresenceInput,
)

__all__ = [
    "CLIENT_FRAMES",
    "HISTORY_GAP",
    "SERVER_FRAMES",
    "ClientFrame",
    "CloseCode",
    "Ping",
    "Pong",
    "ServerFrame",
    "decode_client_frame",
    "decode_server_frame",
    "encode_frame",
]


class CloseCode(IntEnum):
    """Why a connection ended: RFC 6455 codes, and this protocol's own from 4000 on."""

    NORMAL = 1000
    GOING_AWAY = 1001
    PROTOCOL_ERROR = 1002
    UNSUPPORTED_DATA = 1003
    ABNORMAL = 1006
    INVALID_UTF8 = 1007
    POLICY_VIOLATION = 1008
    TOO_BIG = 1009
    INTERNAL_ERROR = 1011
    SERVICE_RESTART = 1012
    TRY_AGAIN_LATER = 1013
    NO_PONG = 4000
    TOKEN_RENEWAL = 4001
    SLOW_CONSUMER = 4008
    RESYNC = 4010
    TOKEN_EXPIRED = 4401
    FORBIDDEN = 4403
    ABUSE = 4429


HISTORY_GAP: Final = "history_gap"
"""The code of the error frame which says that messages between ``sinceId`` and ``resumedFrom`` are gone."""


@attrs.frozen
class Ping:
    """Asks for a pong."""


@attrs.frozen
class Pong:
    """Answers a ping."""


ServerFrame = (
    RealtimeChannelConnectedEvent
    | RealtimeMessageSummary
    | RealtimeChannelPresenceEvent
    | RealtimeChannelError
    | RealtimeChannelTokenExpiringEvent
    | Pong
)
ClientFrame = PublishRealtimeMessageInput | RealtimePresenceInput | Ping

SERVER_FRAMES: Final[dict[str, type[ServerFrame]]] = {
    "connected": RealtimeChannelConnectedEvent,
    "message": RealtimeMessageSummary,
    "presence": RealtimeChannelPresenceEvent,
    "error": RealtimeChannelError,
    "token_expiring": RealtimeChannelTokenExpiringEvent,
    "pong": Pong,
}
CLIENT_FRAMES: Final[dict[str, type[ClientFrame]]] = {
    "publish": PublishRealtimeMessageInput,
    "presence": RealtimePresenceInput,
    "ping": Ping,
}
_TYPE_OF: Final = {kind: name for table in (SERVER_FRAMES, CLIENT_FRAMES) for name, kind in table.items()}


def decode_server_frame(text: str | bytes) -> ServerFrame | None:
    """Read a frame that the service sent.

    Returns:
        The frame, or ``None`` for a type that this version does not know: a newer service may send it.

    Raises:
        VoyantDecodeError: where the text is no JSON object with a ``type``, or not of the shape of that type.
    """
    frame = _read(text, strict=False)
    kind = SERVER_FRAMES.get(_type_in(frame))
    return None if kind is None else structure(frame, kind)


def decode_client_frame(text: str | bytes) -> ClientFrame | None:
    """Read a frame that a client sent, as strictly as a request body.

    Returns:
        The frame, or ``None`` for an unknown type.

    Raises:
        VoyantDecodeError: where the text is no JSON object with a ``type``, or not of the shape of that type.
        VoyantValidationError: where a field breaks its limit.
    """
    frame = _read(text, strict=True)
    kind = CLIENT_FRAMES.get(_type_in(frame))
    return None if kind is None else structure(frame, kind)


def encode_frame(frame: ServerFrame | ClientFrame) -> str:
    """Write a frame as the text that goes on the wire.

    Raises:
        JsonTextError: for data that is not JSON; models that were validated hold none.
    """
    return jsontext.dumps({"type": _TYPE_OF[type(frame)], **unstructure(frame)}, max_depth=jsontext.MAX_DEPTH + 1)


def _read(text: str | bytes, *, strict: bool) -> dict[str, Any]:
    try:
        frame = jsontext.loads(text, strict=strict)
    except jsontext.JsonTextError as error:
        raise VoyantDecodeError("$", f"the frame {error}") from None
    if not isinstance(frame, dict):
        raise VoyantDecodeError("$", "a frame must be an object")
    return frame


def _type_in(frame: dict[str, Any]) -> str:
    name = frame.get("type")
    if not isinstance(name, str):
        raise VoyantDecodeError("$.type", "is missing" if name is None else "must be a string")
    return name
