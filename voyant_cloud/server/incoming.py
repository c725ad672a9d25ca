"""What a client sends on its WebSocket, from the bytes of the socket to what is done about it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Final

from voyant_cloud import jsontext
from voyant_cloud.errors import VoyantDecodeError, VoyantValidationError
from voyant_cloud.models import PublishRealtimeMessageInput, RealtimePresenceInput, RealtimePresenceIntent
from voyant_cloud.realtime.frames import CloseCode, Pong, decode_client_frame
from voyant_cloud.server.client_frames import BINARY, CLOSE, PING, TEXT, BrokenFrameError, ClientFrames, Frame
from voyant_cloud.server.connection import Connection
from voyant_cloud.server.context import Context
from voyant_cloud.server.engine.base import EngineError, NewMessage
from voyant_cloud.server.fast_batch import read_publish
from voyant_cloud.server.hub import HubChannel
from voyant_cloud.server.rate import FrameGate, Refused
from voyant_cloud.server.refusal import Refusal, refusal_of
from voyant_cloud.server.wire import pong_frame

__all__ = ["Incoming"]

_MOST_WAITING: Final = 128 * 1024
"""What frames that wait may take before no more is read off the socket: characters, and some for each frame itself."""
_FRAME: Final = 128


class Incoming:
    """Takes what one client sends. It is what aiohttp's protocol hands the bytes of an upgraded socket to.

    A frame is dealt with where it is read, without a change of task, if nothing has to be waited for. One that has to
    wait, and all that come after it, are dealt with by ``run``, in order.

    Args:
        context: the server's parts.
        connection: the client's.
        channel: what it is connected to.
        transport: the socket.
    """

    __slots__ = (
        "_at_end",
        "_changed",
        "_channel",
        "_connection",
        "_context",
        "_frames",
        "_gate",
        "_gave_up",
        "_has_passed",
        "_is_gone",
        "_is_over",
        "_is_stalled",
        "_loop",
        "_rate",
        "_size",
        "_transport",
        "_waiting",
    )

    def __init__(
        self, context: Context, connection: Connection, channel: HubChannel, transport: asyncio.Transport
    ) -> None:
        self._context = context
        self._connection = connection
        self._channel = channel
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        limits = context.config.limits
        self._rate = limits.frames_per_second
        self._frames = ClientFrames(limits.frame_bytes)
        self._gate = FrameGate(self._rate, limits.frames_burst, self._loop.time())
        # A list, as in Outbox: of many connections few ever have anything in theirs, and an empty deque takes much.
        self._waiting: list[Frame] = []
        self._size = 0
        # Whether the first that waits was let through already, when nothing waited before it.
        self._has_passed = False
        # Whether there may be frames that are whole, and are not taken while too much waits.
        self._is_stalled = False
        self._is_over = False
        # Whether it is over for what the client sent, of which there may be more.
        self._gave_up = False
        # Whether nothing more will come.
        self._is_gone = False
        self._at_end: Callable[[], None]
        self._changed: asyncio.Future[None] | None = None

    # What the socket's protocol calls, and the connection's task

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """Take bytes off the socket; tell whether no more are wanted, and which are left over."""
        if not self._is_over:
            try:
                text = self._frames.lone_text(data)
                if text is None:
                    self._frames.put(data)
                    if not self._is_stalled:
                        self._read()
                else:
                    self._take(Frame(TEXT, text), alone=True)
            except BrokenFrameError as error:
                self._give_up(error)
            except Exception as error:  # noqa: BLE001 - ``run`` raises it where such errors are told
                self._end(partial(self._fail, error))
        return self._is_over and not self._gave_up, b""

    def feed_eof(self) -> None:
        """Note that nothing more will come."""
        self._is_gone = True
        self._end(lambda: None)
        self._wake()

    async def run(self) -> None:
        """Deal with what has to wait, until nothing more will come and all of it is done."""
        await self._do_all()
        if self._gave_up:
            await self._linger()

    async def _do_all(self) -> None:
        try:
            while self._waiting or not self._is_over:
                if not self._waiting:
                    self._changed = self._loop.create_future()
                    await self._changed
                    continue
                await self._do_later(self._waiting[0])
                self._size -= _size(self._waiting.pop(0))
                if self._is_stalled and self._size <= _MOST_WAITING // 2:
                    self._read()
                self._flow()
        except BrokenFrameError as error:
            self._give_up(error)
            self._connection.close(error.code, error.reason)
            return
        self._at_end()

    async def _linger(self) -> None:
        """Let go of what still comes, until the peer has closed, too, or the connection is aborted.

        A socket that is closed with bytes unread is reset, and the peer may never read why it was closed.
        """
        if self._transport.is_closing():
            return
        self._transport.resume_reading()
        if self._transport.can_write_eof():
            self._transport.write_eof()
        while not self._is_gone:
            self._changed = self._loop.create_future()
            await self._changed

    def _read(self) -> None:
        """Take the frames that are whole, until too much waits."""
        self._is_stalled = False
        try:
            for frame in self._frames.whole():
                if frame.opcode == CLOSE:
                    self._end(partial(self._connection.closed_by_peer, frame.code or CloseCode.NORMAL))
                    return
                self._take(frame, alone=False)
                if self._size > _MOST_WAITING:
                    self._is_stalled = True
                    return
        except BrokenFrameError as error:
            self._give_up(error)

    def _take(self, frame: Frame, *, alone: bool) -> None:
        """Deal with a frame, or have it wait for its turn."""
        if not self._waiting:
            if not self._passes() or self._do_now(frame, alone=alone):
                return
            self._has_passed = True
        self._queue(frame)

    def _queue(self, frame: Frame) -> None:
        self._waiting.append(frame)
        self._size += _size(frame)
        self._flow()
        self._wake()

    def _passes(self) -> bool:
        """Note that a frame has its turn; tell whether it is to be dealt with.

        Not where it is read: what was sent at a steady rate comes in heaps where reading has to pause.

        Raises:
            BrokenFrameError: there are far too many.
        """
        now = self._loop.time()
        self._connection.last_heard = now
        if self._gate.take(now):
            return True
        refused = self._gate.refuse(now)
        if refused is Refused.ABUSE:
            raise BrokenFrameError(CloseCode.ABUSE, "too many frames")
        if refused is Refused.DROPPED_WITH_NOTICE:
            problem = f"more than {self._rate:g} frames a second; what is over it is dropped"
            self._connection.refuse("rate_limited", problem)
        return False

    def _end(self, call: Callable[[], None]) -> None:
        """Read nothing more; *call* ends the connection, once nothing waits."""
        if not self._is_over:
            self._is_over = True
            self._at_end = call
            self._wake()

    def _give_up(self, error: BrokenFrameError) -> None:
        self._gave_up = self._gave_up or not self._is_over
        self._end(partial(self._connection.close, error.code, error.reason))

    def _wake(self) -> None:
        if self._changed is not None and not self._changed.done():
            self._changed.set_result(None)

    def _fail(self, error: Exception) -> None:
        raise error

    def _flow(self) -> None:
        """Take bytes off the socket only while not too much waits."""
        if self._transport.is_closing():
            return
        if self._size > _MOST_WAITING:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    # What is done

    def _do_now(self, frame: Frame, *, alone: bool) -> bool:
        """Do what a frame asks for if that needs no wait; tell whether it is done."""
        if frame.opcode == TEXT:
            return self._publish_now(frame.text, alone=alone)
        if frame.opcode == PING:
            self._connection.write_raw(pong_frame(frame.payload))
        elif frame.opcode == BINARY:
            self._connection.close(CloseCode.UNSUPPORTED_DATA, "frames are text")
        return True

    def _publish_now(self, text: str, *, alone: bool) -> bool:
        """Publish what a text asks for, if that needs no wait; tell whether it is done, or forbidden."""
        message = read_publish(text, self._channel.name, self._context.publish_check)
        if message is None or self._connection.close_code is not None:
            return False
        if "publish" not in self._connection.verbs:
            # At once: what waits keeps bytes on the socket, and those would swallow the close of one who floods it.
            self._refuse(_forbidden("publish"))
            return True
        if self._context.engine.append_now(message) is None:
            return False
        if alone:
            # Nothing came with it that subscribers could get in the same piece.
            self._context.engine.deliver_now()
        self._context.tally.published("websocket", 1)
        return True

    async def _do_later(self, frame: Frame) -> None:
        has_passed, self._has_passed = self._has_passed, False
        if not has_passed and not self._passes():
            return
        if frame.opcode != TEXT:
            self._do_now(frame, alone=False)
        elif self._connection.close_code is None:
            try:
                await self._obey(frame.text)
            except (Refusal, VoyantDecodeError, VoyantValidationError, EngineError) as error:
                self._refuse(error)

    def _refuse(self, error: Refusal | VoyantDecodeError | VoyantValidationError | EngineError) -> None:
        refusal = error if isinstance(error, Refusal) else refusal_of(error)
        self._connection.refuse(refusal.code, refusal.message)

    async def _obey(self, text: str) -> None:
        usual = read_publish(text, self._channel.name, self._context.publish_check)
        if usual is not None:
            self._require("publish")
            await self._publish(usual)
            return
        frame = decode_client_frame(text)
        # An unknown frame type is no error: a newer client may send it.
        if isinstance(frame, PublishRealtimeMessageInput):
            self._require("publish")
            data = jsontext.dumps(frame.data)
            self._context.config.limits.check_message("PublishRealtimeMessageInput.data", data)
            await self._publish(NewMessage(self._channel.name, frame.event, data))
        elif isinstance(frame, RealtimePresenceInput):
            self._require("presence")
            await self._change_presence(frame)
        elif frame is not None:
            self._connection.send(Pong())

    async def _publish(self, message: NewMessage) -> None:
        await self._context.engine.append([message])
        self._context.tally.published("websocket", 1)

    def _require(self, verb: str) -> None:
        if verb not in self._connection.verbs:
            raise _forbidden(verb)

    async def _change_presence(self, frame: RealtimePresenceInput) -> None:
        connection, channel = self._connection, self._channel.name
        if frame.action == RealtimePresenceIntent.LEAVE:
            connection.entered = False
            await self._context.engine.leave(channel, connection.client_id, connection.id)
            return
        self._context.config.limits.check_presence("RealtimePresenceInput.data", jsontext.dumps(frame.data))
        connection.entered = True
        await self._context.engine.enter(channel, connection.client_id, connection.id, frame.data)


def _forbidden(verb: str) -> Refusal:
    return Refusal("forbidden", f"the client token does not grant {verb} on this channel")


def _size(frame: Frame) -> int:
    return _FRAME + len(frame.text) + len(frame.payload)
