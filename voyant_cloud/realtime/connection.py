"""One WebSocket connection, and the only user of websocket-client: dial, read, send, ping, close."""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
import os
import re
import ssl
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import attrs
import websocket
from websocket import ABNF

from voyant_cloud.config import DEFAULT_USER_AGENT
from voyant_cloud.envelope import Answer, read_error
from voyant_cloud.errors import RealtimeError, RealtimeNotConnectedError, VoyantApiError, VoyantConfigError
from voyant_cloud.realtime.client_frame import MASK_BYTES, client_frame
from voyant_cloud.realtime.dial import Dialer
from voyant_cloud.realtime.fast_frames import split_frames
from voyant_cloud.realtime.frames import CloseCode
from voyant_cloud.realtime.steps import Call
from voyant_cloud.realtime.wire import TooMuchDataError, Wire
from voyant_cloud.urls import redact

__all__ = ["MAX_FRAME_BYTES", "ConnectFailedError", "Connection", "ConnectionEndedError", "HandshakeRefusedError"]

MAX_FRAME_BYTES: Final = 16 * 1024 * 1024
"""The largest frame, or message of several frames, that is read."""

_MAX_HANDSHAKE_BYTES: Final = 65_536
# A frame's header has 14 bytes at most.
_FRAME_ALLOWANCE: Final = MAX_FRAME_BYTES + 14
_SEND_TIMEOUT: Final = 10.0
_CONTROL_TIMEOUT: Final = 1.0
_NO_STATUS: Final = 1005
_REQUEST: Final = "GET /realtime/v1/connect"
_REFUSAL_BEGINS: Final = re.compile(rb"HTTP/1\.[01] ([3-5]\d\d)\s")
_PEER_IS_GONE: Final = (ConnectionError, ssl.SSLEOFError)
_DATA: Final = (ABNF.OPCODE_TEXT, ABNF.OPCODE_BINARY, ABNF.OPCODE_CONT)

logger = logging.getLogger("voyant_cloud.realtime")


class ConnectFailedError(Exception):
    """No connection was had.

    Attributes:
        problem: why, in words; safe to log.
        is_lasting: whether another attempt would most likely end the same.
    """

    def __init__(self, problem: str, *, is_lasting: bool = False) -> None:
        self.problem = problem
        self.is_lasting = is_lasting
        super().__init__(problem)


class HandshakeRefusedError(Exception):
    """The service answered the upgrade with an HTTP status; ``answer`` is what it said."""

    def __init__(self, answer: VoyantApiError) -> None:
        self.answer = answer
        super().__init__(str(answer))


@attrs.define
class ConnectionEndedError(Exception):
    """The connection ended.

    Attributes:
        code: the close code; 1006 where the peer gave none.
        reason: the peer's, or what happened, in words; safe to log.
    """

    code: int
    reason: str


class Connection:
    """A connection to a channel.

    One thread opens it and reads; any thread may send, close and abort.

    Lock rule: ``_sending`` is held while a frame is written, so frames never mix, and guards ``_has_failed``. It is
    waited for with a limit only.

    Args:
        dialer: how to reach the service.
        defer: where the reader must not wait, calls what would wait on another thread. ``None`` where it may.
    """

    def __init__(self, dialer: Dialer, *, defer: Callable[[Call], None] | None = None) -> None:
        self._dialer = dialer
        self._defer = defer
        self._wire = Wire()
        # UTF-8 is checked by bytes.decode, in C.
        self._socket: Any = websocket.WebSocket(skip_utf8_validation=True, enable_multithread=True)
        self._sending = threading.Lock()
        self._has_failed = False
        self._in_frame = False
        self._parts: list[bytes] = []
        self._parts_size = 0
        self._parts_opcode = ABNF.OPCODE_TEXT
        self._end: ConnectionEndedError | None = None
        self.is_drained = False
        """Whether the last ``receive`` read all that there was."""

    @property
    def bytes_received(self) -> int:
        """How many bytes came so far."""
        return self._wire.bytes_received

    @property
    def descriptor(self) -> int | None:
        """What to wait for with a selector before ``receive``; ``None`` where it would not wait."""
        return self._wire.descriptor

    def open(self, url: str, deadline: float) -> None:
        """Connect, up to and including the upgrade.

        Args:
            url: the service's, with the token in it; never shown.
            deadline: when to give up, on the monotonic clock.

        Raises:
            HandshakeRefusedError: the service answered with another status than 101.
            ConnectFailedError: there was no answer, or one that is no WebSocket's.
        """
        try:
            self._dialer.dial(self._wire, url, deadline)
            self._upgrade(url, deadline)
        except Exception as error:  # noqa: BLE001 - what a peer can make websocket-client raise is not a closed set
            # Not chained: websocket-client's exceptions may hold the URL, with the token, and all of the answer.
            raise self._explain(error) from None

    def receive(self, timeout: float, limit: int) -> list[str]:
        """Wait for a frame, and read those that follow without waiting, too.

        Args:
            timeout: seconds to wait for the first.
            limit: how many frames to read at most, 1 or more.

        Returns:
            The texts among them, in order; none if nothing came in time, or only control frames or a part of one.

        Raises:
            ConnectionEndedError: it has ended. Texts that came before were returned by earlier calls.
        """
        if self._end is not None:
            raise self._end
        texts: list[str] = []
        self.is_drained = False
        self._wire.read_deadline = time.monotonic() + timeout
        try:
            for _ in range(limit):
                if not (self._in_frame or self._parts):
                    self._take_usual(texts, limit)
                    if len(texts) >= limit or (texts and not self._wire.is_buffered):
                        break
                text = self._read()
                self._wire.read_deadline = 0.0
                if text is not None:
                    texts.append(text)
                if texts and not self._wire.is_buffered:
                    break
        except (TimeoutError, websocket.WebSocketTimeoutException):
            self.is_drained = True
        except ConnectionEndedError as end:
            self._end = end
            if not texts:
                raise
        return texts

    def send(self, text: str) -> None:
        """Send a text frame.

        Args:
            text: the frame.

        Raises:
            RealtimeNotConnectedError: the connection is lost, or stuck in another frame; nothing was sent.
            RealtimeError: it was lost on the way, code ``send_unknown``: the frame may or may not have arrived.
        """
        self._write(text.encode(), ABNF.OPCODE_TEXT, _SEND_TIMEOUT)

    def ping(self) -> None:
        """Send a WebSocket ping. If that fails, reading will tell."""
        self._write_control(b"", ABNF.OPCODE_PING)

    def start_close(self, code: int, reason: str, timeout: float | None = None) -> None:
        """Send a close frame, if that is possible in time.

        Args:
            code: 1000, or another that may be sent.
            reason: in words, at most 123 bytes.
            timeout: seconds to wait on this thread; ``None`` for the reader, who waits no longer than it may.
        """
        payload = code.to_bytes(2, "big") + reason.encode()
        if timeout is None:
            self._write_control(payload, ABNF.OPCODE_CLOSE)
        else:
            self._try_to_write(payload, ABNF.OPCODE_CLOSE, timeout)

    def abort(self) -> None:
        """Break the connection off at once; the reader gets its end."""
        self._wire.abort()

    def shut(self) -> None:
        """Give everything back to the system. Only the thread that reads may do this, as the last thing."""
        self._wire.close()

    def _upgrade(self, url: str, deadline: float) -> None:
        self._wire.allow(_MAX_HANDSHAKE_BYTES)
        self._wire.beginning = b""
        self._wire.read_deadline = deadline
        self._wire.send_timeout = max(0.0, deadline - time.monotonic())
        self._socket.connect(
            url,
            socket=self._wire,
            header=[f"User-Agent: {DEFAULT_USER_AGENT}", f"x-voyant-sdk: {DEFAULT_USER_AGENT}"],
            # The service checks origins to guard browsers; a program has none.
            suppress_origin=True,
            # Another host must not get the token.
            redirect_limit=0,
        )
        self._wire.allow(_FRAME_ALLOWANCE)

    def _explain(self, error: Exception) -> HandshakeRefusedError | ConnectFailedError:
        if isinstance(error, websocket.WebSocketBadStatusException):
            return HandshakeRefusedError(_refusal(error.status_code, error.resp_headers, error.resp_body))
        status = self._socket.getstatus()
        if status is not None and status >= 300:
            return HandshakeRefusedError(_refusal(status, self._socket.getheaders(), None))
        # websocket-client forgets the status of an answer that it could not read to its end.
        begun = _REFUSAL_BEGINS.match(self._wire.beginning or b"")
        if begun is not None:
            return HandshakeRefusedError(_refusal(int(begun[1]), None, None))
        if isinstance(error, (websocket.WebSocketTimeoutException, TimeoutError)):
            return ConnectFailedError("it took too long")
        if isinstance(error, ssl.SSLCertVerificationError):
            return ConnectFailedError(f"not trusted: {error.verify_message}", is_lasting=True)
        if isinstance(error, VoyantConfigError):
            return ConnectFailedError(str(error), is_lasting=True)
        return ConnectFailedError(redact(f"{type(error).__name__}: {error}"))

    def _take_usual(self, texts: list[str], limit: int) -> None:
        """Wait for bytes if there are none, and add the texts of whole frames that are just as usual."""
        try:
            payloads = self._wire.take(partial(split_frames, limit=limit - len(texts)))
        except TimeoutError:
            raise
        except OSError as error:
            raise _lost(error) from None
        self._wire.read_deadline = 0.0
        try:
            texts += list(map(bytes.decode, payloads))
        except UnicodeDecodeError:
            # Those that come before one which is not UTF-8.
            texts += map(self._decode, payloads)

    def _read(self) -> str | None:
        """Read a frame; return the text that it completes, if it does."""
        # The library keeps the part of a frame that has come when time runs out.
        self._in_frame = True
        try:
            frame = self._socket.recv_frame()
        except websocket.WebSocketTimeoutException:
            raise
        except websocket.WebSocketProtocolException as error:
            raise self._fail(CloseCode.PROTOCOL_ERROR, str(error)) from None
        except TooMuchDataError:
            raise self._fail(CloseCode.TOO_BIG, f"a frame of more than {MAX_FRAME_BYTES} bytes") from None
        except (OSError, websocket.WebSocketException) as error:
            raise _lost(error) from None
        self._in_frame = False
        self._wire.allow(_FRAME_ALLOWANCE)
        if frame.opcode == ABNF.OPCODE_TEXT and frame.fin and not self._parts:
            return self._decode(frame.data)
        if frame.opcode in _DATA:
            return self._assemble(frame)
        self._control(frame)
        return None

    def _assemble(self, frame: Any) -> str | None:
        if (frame.opcode == ABNF.OPCODE_CONT) != bool(self._parts):
            raise self._fail(CloseCode.PROTOCOL_ERROR, "fragments out of order")
        if not self._parts:
            self._parts_opcode = frame.opcode
            self._parts_size = 0
        self._parts.append(frame.data)
        # One more than its length, or endless empty fragments would cost nothing.
        self._parts_size += len(frame.data) + 1
        if self._parts_size > MAX_FRAME_BYTES:
            raise self._fail(CloseCode.TOO_BIG, f"fragments of more than {MAX_FRAME_BYTES} bytes")
        if not frame.fin:
            return None
        whole = b"".join(self._parts)
        self._parts.clear()
        if self._parts_opcode == ABNF.OPCODE_TEXT:
            return self._decode(whole)
        logger.warning("dropped a binary frame of %d bytes: the service speaks text", len(whole))
        return None

    def _control(self, frame: Any) -> None:
        if frame.opcode == ABNF.OPCODE_CLOSE:
            code = int.from_bytes(frame.data[:2], "big") if frame.data else _NO_STATUS
            self._write_control(frame.data[:2], ABNF.OPCODE_CLOSE)
            raise ConnectionEndedError(code, redact(frame.data[2:].decode("utf-8", "replace")))
        if frame.opcode == ABNF.OPCODE_PING:
            self._write_control(frame.data, ABNF.OPCODE_PONG)

    def _decode(self, data: bytes) -> str:
        try:
            return data.decode()
        except UnicodeDecodeError as error:
            raise self._fail(CloseCode.INVALID_UTF8, f"not UTF-8 at byte {error.start}") from None

    def _fail(self, code: CloseCode, problem: str) -> ConnectionEndedError:
        """Tell the peer what is wrong with what it sent, and return the end that this is."""
        self.start_close(code, problem[:100])
        return ConnectionEndedError(code, problem)

    def _write_control(self, payload: bytes, opcode: int) -> None:
        write = partial(self._try_to_write, payload, opcode, _CONTROL_TIMEOUT)
        if self._defer is None:
            write()
        elif not self._write_at_once(payload, opcode):
            self._defer(write)

    def _try_to_write(self, payload: bytes, opcode: int, timeout: float) -> None:
        # What cannot be sent now is not worth an error: the reader sees the end of the connection soon enough, and
        # with it the code that the peer gave.
        with contextlib.suppress(RealtimeError):
            self._write(payload, opcode, timeout)

    def _write(self, payload: bytes, opcode: int, timeout: float) -> None:
        if not self._sending.acquire(timeout=timeout):
            raise RealtimeNotConnectedError("the connection is stuck; nothing was sent")
        try:
            self._write_frame(payload, opcode, timeout)
        finally:
            self._sending.release()

    def _write_at_once(self, payload: bytes, opcode: int) -> bool:
        """Write a small frame if that takes no waiting; tell whether it was possible."""
        if not self._sending.acquire(blocking=False):
            return False
        try:
            if not self._wire.takes_more:
                return False
            with contextlib.suppress(RealtimeError):
                self._write_frame(payload, opcode, 0.0)
            return True
        finally:
            self._sending.release()

    def _write_frame(self, payload: bytes, opcode: int, timeout: float) -> None:
        assert self._sending.locked()
        if self._has_failed or self._wire.is_aborted or self._socket.sock is None:
            raise RealtimeNotConnectedError("the connection is lost; nothing was sent")
        self._wire.send_timeout = timeout
        try:
            self._wire.send(client_frame(opcode, payload, os.urandom(MASK_BYTES)))
        except BaseException as error:
            # A part of the frame may be out, after Ctrl-C, too, so that nothing can follow it.
            self._has_failed = True
            if isinstance(error, _PEER_IS_GONE):
                # What came before that is still to be read, and may end with a close frame that says why.
                self._wire.end_sending()
            else:
                self._wire.abort()
            if not isinstance(error, OSError):
                raise
            problem = redact(f"the connection was lost while sending, which may or may not have arrived: {error}")
            raise RealtimeError(problem, code="send_unknown") from None


def _lost(error: Exception) -> ConnectionEndedError:
    return ConnectionEndedError(CloseCode.ABNORMAL, f"connection lost: {redact(str(error))}")


def _refusal(status: int, headers: Any, body: bytes | None) -> VoyantApiError:
    answer = Answer(status=status, headers=headers or {}, content=body or b"", request=_REQUEST)
    return read_error(answer, now=dt.datetime.now(dt.UTC))
