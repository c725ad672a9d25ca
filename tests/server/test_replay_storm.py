"""Many subscribers resume from everywhere while messages flow, pages are short and there is hardly any memory."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import attrs
import pytest

from tests.server.fake_transport import FakeTransport
from voyant_cloud.server import hub as hub_module
from voyant_cloud.server.connection import Connection
from voyant_cloud.server.engine.base import NewMessage, StoredMessage
from voyant_cloud.server.engine.memory import MemoryEngine
from voyant_cloud.server.hub import Hub
from voyant_cloud.server.limits import Limits
from voyant_cloud.server.resume import resolve

CHANNELS = ("a", "b", "c")
LIMITS = Limits(queue_bytes=64 * 1024, queue_messages=12)


@attrs.define(eq=False)
class Resumed:
    """A subscriber of the storm, and the ``seq`` that it resumed from."""

    channel: str
    since: int
    connection: Connection
    transport: FakeTransport


class Storm:
    """What happens, by the dice."""

    def __init__(self, engine: MemoryEngine, hub: Hub, dice: random.Random) -> None:
        self.engine = engine
        self.hub = hub
        self.dice = dice
        self.stored: dict[str, list[StoredMessage]] = {name: [] for name in CHANNELS}
        self.subscribers: list[Resumed] = []

    async def publish(self) -> None:
        batch = [NewMessage(self.dice.choice(CHANNELS), "e", "1") for _ in range(self.dice.randint(1, 9))]
        for message in await self.engine.append(batch):
            self.stored[message.channel].append(message)

    async def resume(self) -> None:
        name = self.dice.choice([name for name in CHANNELS if self.stored[name]])
        since = self.dice.choice(self.stored[name]).id
        connection = Connection(client_id="a", verbs=frozenset(), expires_at=10**10, limits=LIMITS)
        channel = await self.hub.join(name, connection)
        point = await resolve(since, channel)
        transport: Any = FakeTransport()
        connection.attach(channel, transport, transport)
        connection.start((await channel.tail()).head, point, clock=0.0)
        self.subscribers.append(Resumed(name, since.seq, connection, transport))

    async def stall(self) -> None:
        if self.subscribers:
            transport = self.dice.choice(self.subscribers).transport
            transport.stalled = True
            transport.drained.clear()

    async def read_on(self) -> None:
        if self.subscribers:
            take_all(self.dice.choice(self.subscribers).transport)


def take_all(transport: FakeTransport) -> None:
    transport.stalled = False
    transport.waiting = 0
    transport.drained.set()


@pytest.mark.parametrize("seed", range(2))
def test_nothing_is_lost_or_repeated(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """However reads, evictions, live messages and stalls meet, each gets what followed its id, once and in order."""
    monkeypatch.setattr(hub_module, "PAGE_MESSAGES", 7)
    monkeypatch.setattr(hub_module, "TAIL_BYTES", 4_000)
    monkeypatch.setattr(hub_module, "MEMORY_BYTES", 9_000)

    async def test() -> None:
        engine = MemoryEngine()
        hub = Hub(engine, keep_for=0.01)
        await engine.open(hub)
        storm = Storm(engine, hub, random.Random(seed))
        await storm.publish()
        acts = [storm.publish] * 4 + [storm.resume] * 2 + [storm.stall, storm.read_on]
        for _ in range(60):
            await asyncio.gather(*(storm.dice.choice(acts)() for _ in range(2)))
        async with asyncio.timeout(20):
            for it in storm.subscribers:
                expected = list(range(it.since + 1, len(storm.stored[it.channel]) + 1))
                while it.transport.messages() != expected:
                    assert it.connection.close_code is None
                    assert it.transport.messages() == expected[: len(it.transport.messages())]
                    take_all(it.transport)
                    await asyncio.sleep(0.001)
        await engine.close()

    asyncio.run(test())
