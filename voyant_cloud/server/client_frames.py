"""What a client sends on its WebSocket: bytes into whole messages, as RFC 6455 (section 5) has it; pure.

aiohttp's own reader takes frames that are not masked, which a server must refuse, and hands them to a task by a queue.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from voyant_cloud.realtime.client_frame import MASK_BYTES, masked
from voyant_cloud.realtime.frames import CloseCode

__all__ = ["BINARY", "CLOSE", "PING", "PONG", "TEXT", "BrokenFrameError", "ClientFrames", "Frame"]

TEXT: Final = 0x1
BINARY: Final = 0x2
CLOSE: Final = 0x8
PING: Final = 0x9
PONG: Final = 0xA
_CONTINUATION: Final = 0x0
_OPCODES: Final = frozenset({_CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG})
_FINAL: Final = 0x80
_RESERVED: Final = 0x70
_MASKED: Final = 0x80
_TWO_BYTES: Final = 126
_EIGHT_BYTES: Final = 127
_LENGTH_BYTES: Final = {_TWO_BYTES: 2, _EIGHT_BYTES: 8}
_HEAD: Final = 2
_MOST_PARTS: Final = 128
"""Frames of one message. Messages are counted by those who take them; endless parts of one would be free."""
_FIRST_OWN_CODE: Final = 3000
_FIRST_BAD_CODE: Final = 5000
# 1004 to 1006 and 1015 stand for endings without a close frame.
_CODES: Final = frozenset({*range(1000, 1004), *range(1007, 1015)})


class BrokenFrameError(Exception):
    """What came breaks the protocol, or a limit.

    Attributes:
        code: the close code that is due.
        reason: what is wrong.
    """

    def __init__(self, code: int, reason: str) -> None:
        self.code = code
        self.reason = reason
        super().__init__(reason)


class Frame(NamedTuple):
    """A whole message, or a control frame.

    Attributes:
        opcode: ``TEXT``, ``BINARY``, ``CLOSE``, ``PING`` or ``PONG``.
        text: of a ``TEXT``.
        payload: of a ``PING``.
        code: of a ``CLOSE``; ``None`` where it has none.
    """

    opcode: int
    text: str = ""
    payload: bytes = b""
    code: int | None = None


class _Head(NamedTuple):
    """What stands before a frame's payload, and where that is among the bytes at hand."""

    first: int
    mask: bytes
    begin: int
    end: int

    @property
    def opcode(self) -> int:
        return self.first & 0xF

    @property
    def is_final(self) -> bool:
        return bool(self.first & _FINAL)


class ClientFrames:
    """Puts the frames of one client together.

    Args:
        most_bytes: of a message, 125 or more.
    """

    __slots__ = ("_begun", "_most_bytes", "_opcode", "_parts", "_rest")

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        # Of a frame that is not here as a whole yet.
        self._rest = bytearray()
        # Of a message that comes in several frames: what it is, and what is here of it.
        self._opcode: int | None = None
        self._parts = 0
        self._begun = bytearray()

    def lone_text(self, data: bytes) -> str | None:
        """Read bytes that are one text in one frame, as they nearly always are, by the shortest way.

        Returns:
            The text, or ``None`` where they are something else, which is for ``put`` then.
        """
        if self._rest or self._opcode is not None or len(data) < _HEAD + MASK_BYTES:
            return None
        begin = _HEAD + MASK_BYTES
        size = data[1] - _MASKED
        if size == _TWO_BYTES:
            size = int.from_bytes(data[2:4], "big")
            begin += 2
        elif size == _EIGHT_BYTES:
            return None
        if data[0] != _FINAL | TEXT or len(data) != begin + size or size > self._most_bytes:
            return None
        try:
            return masked(data[begin:], data[begin - MASK_BYTES : begin]).decode()
        except UnicodeDecodeError:
            return None

    def put(self, data: bytes) -> None:
        """Take bytes; ``whole`` then gives what is whole by them."""
        self._rest += data

    def whole(self) -> Iterator[Frame]:
        """Yield what came, as far as it is whole. Whoever stops finds the rest at the next call.

        Raises:
            BrokenFrameError: it is not what it has to be. What came before was yielded; nothing may be asked for after.
        """
        rest = self._rest
        place = 0
        try:
            while (head := self._head(place)) is not None and head.end <= len(rest):
                place = head.end
                frame = self._frame(head, masked(bytes(rest[head.begin : head.end]), head.mask))
                if frame is not None:
                    yield frame
        finally:
            del rest[:place]

    def _head(self, place: int) -> _Head | None:
        """Read what stands before the frame at *place*; ``None`` where that is not all here yet."""
        rest = self._rest
        if len(rest) < place + _HEAD:
            return None
        first, second = rest[place : place + _HEAD]
        self._check_kind(first, second)
        size = second & ~_MASKED
        begin = place + _HEAD
        if size in _LENGTH_BYTES:
            begin += _LENGTH_BYTES[size]
            if len(rest) < begin:
                return None
            size = int.from_bytes(rest[place + _HEAD : begin], "big")
        # Before its payload is here: nobody may make us keep more than that.
        if first & 0xF < CLOSE and size + len(self._begun) > self._most_bytes:
            raise BrokenFrameError(CloseCode.TOO_BIG, f"more than {self._most_bytes} bytes in a message")
        begin += MASK_BYTES
        return _Head(first, bytes(rest[begin - MASK_BYTES : begin]), begin, begin + size)

    def _check_kind(self, first: int, second: int) -> None:
        opcode = first & 0xF
        if first & _RESERVED:
            raise _breach("a reserved bit is set")
        if opcode not in _OPCODES:
            raise _breach(f"there is no opcode {opcode}")
        if not second & _MASKED:
            raise _breach("the frames of a client are masked")
        if opcode >= CLOSE:
            if not first & _FINAL:
                raise _breach("a control frame is in parts")
            if second & ~_MASKED >= _TWO_BYTES:
                raise _breach("a control frame has more than 125 bytes")
        elif (opcode == _CONTINUATION) is (self._opcode is None):
            raise _breach("a message is continued that none began, or begun within another")

    def _frame(self, head: _Head, payload: bytes) -> Frame | None:
        """Make what came of a frame; ``None`` where its message goes on."""
        if head.opcode == CLOSE:
            return Frame(CLOSE, code=_close_code(payload))
        if head.opcode >= CLOSE:
            return Frame(head.opcode, payload=payload)
        opcode = head.opcode if self._opcode is None else self._opcode
        if not head.is_final:
            self._opcode = opcode
            self._begun += payload
            self._parts += 1
            if self._parts >= _MOST_PARTS:
                raise BrokenFrameError(CloseCode.TOO_BIG, f"more than {_MOST_PARTS} frames in a message")
            return None
        whole = bytes(self._begun) + payload
        self._opcode = None
        self._parts = 0
        self._begun.clear()
        return Frame(TEXT, text=_decoded(whole)) if opcode == TEXT else Frame(BINARY)


def _breach(problem: str) -> BrokenFrameError:
    return BrokenFrameError(CloseCode.PROTOCOL_ERROR, problem)


def _decoded(payload: bytes) -> str:
    try:
        return payload.decode()
    except UnicodeDecodeError:
        raise BrokenFrameError(CloseCode.INVALID_UTF8, "a text is not UTF-8") from None


def _close_code(payload: bytes) -> int | None:
    if not payload:
        return None
    code = int.from_bytes(payload[:2], "big")
    if len(payload) < 2 or not (code in _CODES or _FIRST_OWN_CODE <= code < _FIRST_BAD_CODE):
        raise _breach("a close frame has no code that may be sent")
    _decoded(payload[2:])
    return code
