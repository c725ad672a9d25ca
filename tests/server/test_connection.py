"""A connection's life without a socket: pings, silence, expiry, and a peer that does not take what it is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import attrs
import pytest

from tests.server.fake_transport import FakeTransport
from tests.server.gated_engine import CHANNEL, EPOCH, GatedEngine, stored
from voyant_cloud.server.connection import Connection
from voyant_cloud.server.hub import Hub
from voyant_cloud.server.limits import Limits
from voyant_cloud.server.message_id import MessageId
from voyant_cloud.server.resume import resolve_text

LIMITS = Limits(queue_bytes=64 * 1024, queue_messages=10)
FAR = 10**10


@attrs.define
class Scene:
    engine: GatedEngine
    hub: Hub
    connection: Connection
    transport: FakeTransport

    async def settle(self) -> None:
        """Let every task go as far as it can."""
        for _ in range(20):
            await asyncio.sleep(0)


def play(test: Callable[[Scene], Awaitable[None]], *, expires_at: float = FAR, count: int = 0) -> None:
    """Run a test with a connection that is live on a channel of *count* messages."""

    async def run() -> None:
        engine: Any = GatedEngine(count)
        hub = Hub(engine, keep_messages=10_000)
        connection = Connection(client_id="a", verbs=frozenset(), expires_at=expires_at, limits=LIMITS)
        transport: Any = FakeTransport()
        channel = await hub.join(CHANNEL, connection)
        connection.attach(channel, transport, transport)
        connection.start((await channel.tail()).head, None, clock=0.0)
        scene = Scene(engine, hub, connection, transport)
        await scene.settle()
        await test(scene)

    asyncio.run(run())


def test_a_silent_peer_is_pinged_once_then_dropped() -> None:
    """20 s of silence bring one ping, 30 s the end with 4000; a word in between starts the count anew."""

    async def test(scene: Scene) -> None:
        start = scene.connection.last_heard
        scene.connection.tick(start + 19.9, 0)
        assert (9, b"") not in scene.transport.frames()
        scene.connection.tick(start + 20.0, 0)
        scene.connection.tick(start + 25.0, 0)
        assert scene.transport.frames().count((9, b"")) == 1
        scene.connection.last_heard = start + 26.0
        scene.connection.tick(start + 46.0, 0)
        assert scene.transport.frames().count((9, b"")) == 2
        scene.connection.tick(start + 56.0, 0)
        assert scene.transport.close_codes() == [4000]

    play(test)


def test_expiry_is_announced_then_enforced() -> None:
    """30 s before its end the token is announced, once; at its end the connection is closed with 4401."""

    async def test(scene: Scene) -> None:
        now = scene.connection.last_heard
        scene.connection.tick(now, 1_069.0)
        assert len(scene.transport.frames()) == 1
        scene.connection.tick(now, 1_070.0)
        scene.connection.tick(now, 1_071.0)
        assert [frame["type"] for frame in scene.transport.frames()] == ["connected", "token_expiring"]
        scene.connection.tick(now, 1_100.0)
        assert scene.transport.close_codes() == [4401]

    play(test, expires_at=1_100.0)


def test_a_short_token_is_announced_at_half_its_time() -> None:
    """A token of 10 s is announced after 5, or a client that renews on notice would do nothing else."""

    async def test(scene: Scene) -> None:
        now = scene.connection.last_heard
        scene.connection.tick(now, 4.9)
        assert len(scene.transport.frames()) == 1
        scene.connection.tick(now, 5.0)
        assert scene.transport.frames()[-1]["type"] == "token_expiring"

    play(test, expires_at=10.0)


def test_a_full_queue_falls_behind_and_catches_up_from_the_tail() -> None:
    """What finds no room is not queued; when the peer reads again it gets everything, in order, once."""

    async def test(scene: Scene) -> None:
        scene.transport.stalled = True
        for seq in range(1, 31):
            scene.hub.on_messages(CHANNEL, scene.engine.commit(seq))
        scene.transport.stalled = False
        scene.transport.waiting = 0
        await scene.settle()
        scene.hub.on_messages(CHANNEL, scene.engine.commit(31))
        assert scene.transport.messages() == list(range(1, 32))

    play(test)


def test_a_replay_leaves_room_for_other_frames() -> None:
    """To a peer that takes nothing a replay writes half of a full queue, and a presence frame still finds its place."""

    async def test(scene: Scene) -> None:
        scene.transport.stalled = True
        scene.transport.drained.clear()
        scene.connection.fall_behind()
        scene.engine.commit(*range(1, 101))
        scene.hub.on_messages(CHANNEL, scene.engine.messages)
        await scene.settle()
        assert scene.transport.messages() == [1, 2, 3, 4, 5]
        for _ in range(5):
            scene.connection.deliver_presence(b"\x81\x02{}")
        assert scene.connection.close_code is None
        scene.transport.stalled = False
        scene.transport.waiting = 0
        scene.transport.drained.set()
        await scene.settle()
        assert scene.transport.messages() == list(range(1, 101))

    play(test)


def test_what_is_not_in_memory_is_replayed_page_by_page() -> None:
    """Who missed more than a page gets it whole and in order, each page read once and ahead of its turn."""

    async def test(scene: Scene) -> None:
        channel = await scene.hub.join(CHANNEL, scene.connection)
        connection = Connection(client_id="b", verbs=frozenset(), expires_at=FAR, limits=Limits())
        scene.transport.written.clear()
        transport: Any = scene.transport
        connection.attach(channel, transport, transport)
        before = scene.engine.reads
        point = await resolve_text(str(stored(10).id), channel)
        scene.transport.drained.clear()
        connection.start(scene.engine.head, point, clock=0.0)
        await scene.settle()
        assert scene.transport.messages() == list(range(11, 510))
        assert scene.engine.reads == before + 2, "the page, and the next one"
        scene.transport.drained.set()
        await scene.settle()
        assert scene.transport.messages() == list(range(11, 1_201))
        assert scene.engine.reads == before + 3

    play(test, count=1_200)


def test_dropped_before_it_has_a_socket() -> None:
    """It loses the socket as soon as it gets it, and nobody trips over it before."""

    async def test(scene: Scene) -> None:
        connection = Connection(client_id="b", verbs=frozenset(), expires_at=FAR, limits=LIMITS)
        connection.abort()
        assert not scene.transport.aborted
        transport: Any = scene.transport
        connection.attach(await scene.hub.join(CHANNEL, connection), transport, transport)
        assert scene.transport.aborted

    play(test)


def test_a_write_that_is_stuck_ends_with_4008() -> None:
    """A peer that takes nothing for 10 s is a slow consumer, and gone a second later."""

    async def test(scene: Scene) -> None:
        scene.transport.stalled = True
        scene.hub.on_messages(CHANNEL, scene.engine.commit(1))
        now = asyncio.get_running_loop().time()
        scene.connection.last_heard = now + 9
        scene.connection.tick(now + 9.0, 0)
        assert scene.connection.close_code is None
        scene.connection.tick(now + 10.5, 0)
        assert scene.connection.close_code == 4008

    play(test)


def test_presence_that_finds_no_room_ends_with_4008() -> None:
    """What is not in history cannot be caught up with, so the client has to resume."""

    async def test(scene: Scene) -> None:
        scene.transport.stalled = True
        frame = b"\x81\x02{}"
        for _ in range(11):
            scene.connection.deliver_presence(frame)
        assert scene.connection.close_code == 4008

    play(test)


def test_nothing_is_written_after_the_end() -> None:
    """A closed connection takes nothing more, and closing again does nothing."""

    async def test(scene: Scene) -> None:
        scene.connection.close(1012, "retry-after=1")
        scene.connection.close(4000, "again")
        scene.hub.on_messages(CHANNEL, scene.engine.commit(1))
        scene.connection.deliver_presence(b"\x81\x02{}")
        await scene.settle()
        assert scene.transport.close_codes() == [1012]
        assert len(scene.transport.frames()) == 2

    play(test)


@pytest.mark.parametrize(("code", "echo"), [(1000, [1000]), (4001, [4001]), (None, [])])
def test_a_close_of_the_peer_is_answered(code: int | None, echo: list[int]) -> None:
    """The peer's code comes back to it; one that went without a word is noted as 1006."""

    async def test(scene: Scene) -> None:
        scene.connection.closed_by_peer(code)
        assert scene.transport.close_codes() == echo
        assert scene.connection.close_code == (code or 1006)

    play(test)


def test_a_new_history_is_a_gap_for_those_who_are_live() -> None:
    """When the store comes back with another history, live subscribers are told and get what it has."""

    async def test(scene: Scene) -> None:
        scene.engine.messages.clear()
        made = scene.engine.commit(1, epoch="f" * 16)
        scene.hub.on_messages(CHANNEL, made)
        await scene.settle()
        kinds = [(frame["type"], frame.get("code")) for frame in scene.transport.frames()]
        assert kinds == [("connected", None), ("error", "history_gap"), ("message", None)]

    play(test, count=3)


@pytest.mark.parametrize("epoch", [EPOCH, "f" * 16], ids=["the same history", "another one"])
def test_a_store_that_is_away_during_a_replay_is_waited_for(epoch: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection stays open, is not taken for slow meanwhile, and goes on where it was."""
    monkeypatch.setattr("voyant_cloud.server.connection.LOOK_AGAIN_AFTER", 0.01)
    monkeypatch.setattr("voyant_cloud.server.connection.STUCK_AFTER", 0.2)

    async def test(scene: Scene) -> None:
        scene.engine.broken = True
        scene.hub.on_messages(CHANNEL, scene.engine.commit(9, epoch=epoch))
        await asyncio.sleep(0.3)
        scene.connection.tick(asyncio.get_running_loop().time(), 0)
        assert scene.transport.close_codes() == []
        scene.engine.broken = False
        await asyncio.sleep(0.1)
        await scene.settle()
        assert scene.transport.frames()[-1]["id"] == str(scene.engine.head)

    play(test, count=3)


def test_cursor_names_the_epoch() -> None:
    """An empty channel's connected frame has a place to resume from."""

    async def test(scene: Scene) -> None:
        assert scene.transport.frames()[0]["lastId"] == str(MessageId(EPOCH, 1_000, 0))

    play(test)
