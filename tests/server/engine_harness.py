"""What the tests of engines share: a listener that remembers, a clock that stands still, an engine for a block."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from voyant_cloud.models import RealtimeChannelPresenceEvent
from voyant_cloud.server.engine.base import Engine, EngineUnavailableError, NewMessage, StoredMessage
from voyant_cloud.server.message_id import MessageId

WITHIN = 10.0
"""Seconds after which a wait has failed; none of them lasts when all is well."""

NewEngine = Callable[..., Engine]


def in_loop(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Make an asynchronous test one that pytest runs."""

    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        async def within() -> None:
            async with asyncio.timeout(WITHIN * 3):
                await test(*args, **kwargs)

        asyncio.run(within())

    return run


class Heard:
    """A listener that keeps what it was told."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, list[StoredMessage]]] = []
        self.presence: list[RealtimeChannelPresenceEvent] = []
        self.standings: list[tuple[str, MessageId | None]] = []
        self._changed = asyncio.Event()

    def on_messages(self, channel: str, messages: Sequence[StoredMessage]) -> None:
        self.calls.append((channel, list(messages)))
        self._changed.set()

    def on_presence(self, event: RealtimeChannelPresenceEvent) -> None:
        self.presence.append(event)
        self._changed.set()

    def on_standing(self, channel: str, head: MessageId | None) -> None:
        self.standings.append((channel, head))
        self._changed.set()

    def messages(self, channel: str = "a") -> list[StoredMessage]:
        """What was delivered of one channel, in order."""
        return [message for name, messages in self.calls if name == channel for message in messages]

    def actions(self) -> list[tuple[str, str, Any]]:
        """The presence events as action, client and data."""
        return [(str(event.action), event.client_id, event.data) for event in self.presence]

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until what was told makes *condition* true."""
        async with asyncio.timeout(WITHIN):
            while not condition():
                self._changed.clear()
                await self._changed.wait()


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self, seconds: float = 1_800_000_000.0) -> None:
        self.seconds = seconds

    def __call__(self) -> float:
        return self.seconds


@asynccontextmanager
async def opened(engine: Engine, *watched: str) -> AsyncIterator[Heard]:
    """Open an engine for the length of a block."""
    heard = Heard()
    await engine.open(heard)
    try:
        for channel in watched:
            await engine.watch(channel)
        yield heard
    finally:
        await engine.close()


async def publish(engine: Engine, *data: str, channel: str = "a") -> list[StoredMessage]:
    """Append messages one by one."""
    return [(await engine.append([NewMessage(channel, "e", each)]))[0] for each in data]


def seqs(messages: Sequence[StoredMessage]) -> list[int]:
    return [message.id.seq for message in messages]


def texts(messages: Sequence[StoredMessage]) -> list[str]:
    return [message.data for message in messages]


async def until_ready(engine: Engine) -> None:
    """Wait until a node is ready, as its load balancer sees it."""
    async with asyncio.timeout(WITHIN):
        while True:
            with contextlib.suppress(EngineUnavailableError):
                return await engine.check()
            await asyncio.sleep(0.01)
