"""What Redis tells this node: one pub/sub connection, looked after, and made again when it is lost or silent.

A lost connection loses what is published meanwhile. So once there is a new one and all channels are followed again,
``on_gap`` is called, and whoever listens reads where the channels stand.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import RedisError

from voyant_cloud.server.engine.base import EngineUnavailableError
from voyant_cloud.server.engine.redis_routine import describe

__all__ = ["Feed"]

SILENT_FOR: Final = 6.0
"""Seconds without hearing the probe after which the connection counts as dead."""
WATCH_WITHIN: Final = 5.0
"""Seconds that a new follower waits for the confirmation of Redis."""
STEADY_AFTER: Final = 10.0
"""Seconds after which a connection has proved itself."""
_BACKOFF: Final = (0.05, 0.1, 0.2, 0.5, 1.0)
_AT_ONCE: Final = 500
_log = logging.getLogger("voyant_cloud.server")

OnMessage = Callable[[str, bytes], None]
OnGap = Callable[[Sequence[str]], Awaitable[None]]


class Feed:
    """The channels that this node follows. For one event loop.

    Args:
        new_connection: makes a connection that is not open yet.
        probe: the channel on which the node publishes to itself every few seconds.
        on_message: is called with the channel and the payload of what is published, in order.
        on_gap: is called with all channels that are followed, after a connection was lost and made again.
    """

    def __init__(
        self, new_connection: Callable[[], AbstractConnection], probe: str, on_message: OnMessage, on_gap: OnGap
    ) -> None:
        self._new_connection = new_connection
        self._probe = probe
        self._on_message = on_message
        self._on_gap = on_gap
        self._loop = asyncio.get_running_loop()
        self._connection: AbstractConnection | None = None
        # What is to be followed, and whether Redis has said so. Only changed without an await in between.
        self._confirmed: dict[str, asyncio.Future[None]] = {}
        # Commands in the order of the calls, so that the last word about a channel is the last one sent.
        self._outgoing: asyncio.Queue[tuple[str, ...]] = asyncio.Queue()
        self._heard_at = 0.0
        self._probes: dict[bytes, asyncio.Future[None]] = {}
        # What the connection that there is has not confirmed yet, and how often it was asked to.
        self._pending: Counter[str] = Counter()
        self._following: asyncio.Future[None] | None = None
        self._running: asyncio.Task[None] | None = None

    @property
    def connected(self) -> bool:
        """Whether what is published now comes here."""
        return self._following is not None and self._following.done()

    def start(self) -> None:
        """Begin to listen, and go on until ``stop``."""
        self._following = self._loop.create_future()
        self._running = asyncio.ensure_future(self._run())

    async def stop(self) -> None:
        """Stop listening. Safe to call twice."""
        while self._running is not None and not self._running.done():
            # Again, since redis-py may swallow it where it connects.
            self._running.cancel()
            await asyncio.wait([self._running], timeout=1.0)
        self._let_go()

    async def until_connected(self) -> None:
        """Wait until what is published comes here."""
        while not self.connected:
            assert self._following is not None, "the feed is not started"
            await asyncio.shield(self._following)

    async def follow(self, channel: str) -> None:
        """Follow a channel; what is published after the return comes here.

        Raises:
            EngineUnavailableError: Redis does not confirm it in time. It is followed as soon as it can be.
        """
        if channel not in self._confirmed:
            self._confirmed[channel] = self._loop.create_future()
            self._pending[channel] += 1
            self._say("SUBSCRIBE", channel)
        try:
            async with asyncio.timeout(WATCH_WITHIN):
                while not (self.connected and self._confirmed[channel].done()):
                    await self.until_connected()
                    await asyncio.shield(self._confirmed[channel])
        except (TimeoutError, KeyError):
            raise EngineUnavailableError("Redis does not deliver what is published") from None

    def unfollow(self, channel: str) -> None:
        """Follow a channel no more."""
        confirmed = self._confirmed.pop(channel, None)
        if confirmed is not None:
            if not confirmed.done():
                # Whoever still waits has to look again.
                confirmed.set_result(None)
            self._say("UNSUBSCRIBE", channel)

    async def heard(self, token: bytes, within: float) -> bool:
        """Wait until a probe with this token came back, and so all that was published before it."""
        future = self._probes.setdefault(token, self._loop.create_future())
        try:
            async with asyncio.timeout(within):
                await future
        except TimeoutError:
            return False
        finally:
            self._probes.pop(token, None)
        return True

    def break_off(self, why: str) -> None:
        """Take the connection for lost."""
        if self._connection is not None and self._connection.is_connected:
            _log.warning("the connection on which Redis tells what is published is made anew: %s", why)
            self._let_go()

    def _say(self, *words: str) -> None:
        if self._connection is not None:
            self._outgoing.put_nowait(words)

    async def _run(self) -> None:
        failures, first = 0, True
        while True:
            began = self._loop.time()
            try:
                await self._listen(first)
            except Exception as error:  # noqa: BLE001 - a new connection and its catching up make up for whatever it was
                # Once for each time that it goes away, however often it is tried again.
                level = logging.WARNING if failures == 0 else logging.DEBUG
                _log.log(level, "Redis does not tell what is published: %s", describe(error))
            first = first and not self.connected
            self._lost()
            failures = 0 if self._loop.time() - began > STEADY_AFTER else failures + 1
            await asyncio.sleep(_BACKOFF[min(failures, len(_BACKOFF) - 1)])

    async def _listen(self, first: bool) -> None:
        connection = self._new_connection()
        await connection.connect()
        outgoing: asyncio.Queue[tuple[str, ...]] = asyncio.Queue()
        self._connection, self._outgoing = connection, outgoing
        self._heard_at = self._loop.time()
        writing = asyncio.ensure_future(self._write(connection, outgoing))
        caught_up: asyncio.Task[None] | None = None
        try:
            self._resubscribe()
            while True:
                message = await self._next(connection)
                if message is not None:
                    self._take(message)
                if caught_up is None and not self._pending:
                    caught_up = asyncio.ensure_future(self._catch_up(first))
        finally:
            writing.cancel()
            # redis-py may swallow that where a command has just been sent.
            outgoing.put_nowait(())
            if caught_up is not None:
                caught_up.cancel()
            await connection.disconnect(nowait=True)

    def _resubscribe(self) -> None:
        for channel, confirmed in self._confirmed.items():
            if confirmed.done():
                self._confirmed[channel] = self._loop.create_future()
        names = [self._probe, *self._confirmed]
        self._pending = Counter(names)
        for start in range(0, len(names), _AT_ONCE):
            self._say("SUBSCRIBE", *names[start : start + _AT_ONCE])

    async def _catch_up(self, first: bool) -> None:
        assert self._following is not None
        try:
            if not first:
                _log.warning("Redis tells again what is published")
                await self._on_gap(tuple(self._confirmed))
        except Exception as error:  # noqa: BLE001 - likewise
            self.break_off(describe(error))
        else:
            self._following.set_result(None)

    async def _next(self, connection: AbstractConnection) -> Sequence[Any] | None:
        left = self._heard_at + SILENT_FOR - self._loop.time()
        if left <= 0:
            raise ConnectionError(f"not a word for {SILENT_FOR:g} s")
        message: Sequence[Any] | None = await connection.read_response(disable_decoding=True, timeout=left)
        return message

    async def _write(self, connection: AbstractConnection, outgoing: asyncio.Queue[tuple[str, ...]]) -> None:
        try:
            while words := await outgoing.get():
                await connection.send_command(*words, check_health=False)
        except (RedisError, OSError):
            # The reading side sees it, too.
            return
        except Exception as error:  # noqa: BLE001 - likewise
            self.break_off(describe(error))

    def _take(self, message: Sequence[Any]) -> None:
        kind, name = message[0], message[1].decode()
        if kind == b"message":
            if name == self._probe:
                self._hear(message[2])
            elif name in self._confirmed:
                self._on_message(name, message[2])
        elif kind == b"subscribe":
            self._pending[name] -= 1
            if self._pending[name] > 0:
                # It was let go of meanwhile, and asked for again.
                return
            del self._pending[name]
            confirmed = self._confirmed.get(name)
            if confirmed is not None and not confirmed.done():
                confirmed.set_result(None)

    def _hear(self, token: bytes) -> None:
        self._heard_at = self._loop.time()
        future = self._probes.get(token)
        if future is not None and not future.done():
            future.set_result(None)

    def _lost(self) -> None:
        if self.connected:
            self._following = self._loop.create_future()
        self._let_go()

    def _let_go(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            closing = asyncio.ensure_future(connection.disconnect(nowait=True))
            closing.add_done_callback(lambda done: done.cancelled() or done.exception())
