"""What a client sends, where it has to wait: its order, how much may wait, and what ends it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import attrs
import pytest

from tests.server.fake_transport import FakeTransport
from tests.server.gated_engine import CHANNEL, GatedEngine, stored
from voyant_cloud.realtime.client_frame import client_frame
from voyant_cloud.server.client_frames import BINARY, CLOSE, PING, TEXT
from voyant_cloud.server.connection import Connection
from voyant_cloud.server.context import Context
from voyant_cloud.server.engine.base import EngineUnavailableError, NewMessage, StoredMessage
from voyant_cloud.server.hub import Hub
from voyant_cloud.server.incoming import Incoming
from voyant_cloud.server.limits import Limits
from voyant_cloud.server.tally import Tally

PATIENCE = 10


class Store(GatedEngine):
    """Takes messages at once, or when the test lets it."""

    def __init__(self) -> None:
        super().__init__(0)
        self.taken: list[str] = []
        self.at_once = True
        self.ready: Any = asyncio.Event()
        self.delivered = 0

    def append_now(self, message: NewMessage) -> StoredMessage | None:
        return self._take(message) if self.at_once and not self.broken else None

    async def append(self, messages: Sequence[NewMessage]) -> list[StoredMessage]:
        if self.broken:
            raise EngineUnavailableError("broken")
        await (self.ready.acquire() if isinstance(self.ready, asyncio.Semaphore) else self.ready.wait())
        return [self._take(message) for message in messages]

    def deliver_now(self) -> None:
        self.delivered += 1

    def _take(self, message: NewMessage) -> StoredMessage:
        self.taken.append(message.data)
        return stored(len(self.taken))


class Socket(FakeTransport):
    """A transport that is read from, too, whose peer closes as soon as this end does."""

    is_reading = True
    on_close: Callable[[], None]

    def pause_reading(self) -> None:
        assert not self.aborted, "as uvloop has it"
        self.is_reading = False

    def resume_reading(self) -> None:
        assert not self.aborted, "as uvloop has it"
        self.is_reading = True

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        assert self.is_reading, "what it still sends is let go of"
        self.on_close()


@attrs.define
class Scene:
    store: Store
    connection: Connection
    transport: Socket
    incoming: Incoming
    running: asyncio.Task[None]

    def send(self, *frames: bytes) -> tuple[bool, bytes]:
        return self.incoming.feed_data(b"".join(frames))

    async def settle(self) -> None:
        for _ in range(20):
            await asyncio.sleep(0)

    def told(self) -> list[Any]:
        """Everything that the client got behind ``connected``."""
        return self.transport.frames()[1:]


@attrs.frozen
class Loop:
    """A loop whose time the test sets."""

    real: asyncio.AbstractEventLoop
    time: Callable[[], float]

    def create_future(self) -> asyncio.Future[None]:
        return self.real.create_future()


def frame(opcode: int, payload: bytes = b"") -> bytes:
    return client_frame(opcode, payload, b"\1\2\3\4")


def publish(data: str) -> bytes:
    return frame(TEXT, b'{"type":"publish","event":"e","data":%s}' % data.encode())


def play(test: Callable[[Scene], Awaitable[None]], *verbs: str, **limits: Any) -> None:
    async def run() -> None:
        store: Any = Store()
        hub = Hub(store)
        connection = Connection(
            client_id="a", verbs=frozenset(verbs or {"publish"}), expires_at=10**10, limits=Limits(**limits)
        )
        transport: Any = Socket()
        channel = await hub.join(CHANNEL, connection)
        connection.attach(channel, transport, transport)
        connection.start((await channel.tail()).head, None, clock=0.0)
        config: Any = attrs.make_class("Config", {"limits": attrs.field(default=Limits(**limits))})()
        parts: Any = None
        context = Context(config, store, hub, keys=parts, tokens=parts, tally=Tally(lambda: 0.0))
        incoming = Incoming(context, connection, channel, transport)
        transport.on_close = incoming.feed_eof
        running = asyncio.ensure_future(incoming.run())
        scene = Scene(store, connection, transport, incoming, running)
        await scene.settle()
        async with asyncio.timeout(PATIENCE):
            await test(scene)
        running.cancel()

    asyncio.run(run())


def test_what_can_be_done_is_done_where_it_is_read() -> None:
    """A publish is stored before the next bytes are read, and one that cannot be is told of."""

    async def test(scene: Scene) -> None:
        scene.send(publish("1"))
        # Only what came alone is delivered at once: subscribers get the rest in one piece.
        assert scene.store.delivered == 1
        scene.send(publish("2"), publish("3"), frame(PING, b"?"))
        assert (scene.store.taken, scene.store.delivered) == (["1", "2", "3"], 1)
        scene.store.broken = True
        scene.send(publish("4"))
        await scene.settle()
        pong, error = scene.told()
        assert pong == (0xA, b"?")
        assert error["code"] == "service_unavailable"

    play(test)


def test_publishing_without_the_capability_is_refused_where_it_is_read() -> None:
    """Alone or among others, at once or later, nothing is stored, and each is told of; what may be done is."""

    async def test(scene: Scene) -> None:
        scene.send(publish("1"))
        scene.send(publish("2"), frame(PING, b"?"))
        assert [each if isinstance(each, tuple) else each["code"] for each in scene.told()] == [
            "forbidden",
            "forbidden",
            (0xA, b"?"),
        ]
        # Written otherwise than the quick way takes.
        scene.send(frame(TEXT, b'{ "type": "publish", "event": "e", "data": 3 }'))
        await scene.settle()
        assert scene.told()[3]["code"] == "forbidden"
        assert (scene.store.taken, scene.store.delivered) == ([], 0)

    play(test, "subscribe", "presence")


def test_what_has_to_wait_keeps_its_order() -> None:
    """Nothing passes a frame that waits: no publish that could be stored at once, no pong, no close."""

    async def test(scene: Scene) -> None:
        scene.store.at_once = False
        scene.send(publish("1"))
        scene.store.at_once = True
        scene.send(publish("2"))
        scene.send(frame(PING, b"?"), publish("3"), frame(CLOSE, b"\x0f\xa0"), publish("4"))
        await scene.settle()
        assert (scene.store.taken, scene.told(), scene.running.done()) == ([], [], False)
        scene.store.ready.set()
        await scene.running
        assert scene.store.taken == ["1", "2", "3"]
        assert scene.told() == [(0xA, b"?"), (8, b"\x0f\xa0")]
        assert scene.connection.close_code == 4000

    play(test)


def test_what_is_not_as_usual_keeps_its_order_too() -> None:
    """A publish that is written in another way takes a longer way, and those behind it wait for it."""

    async def test(scene: Scene) -> None:
        scene.store.ready.set()
        scene.send(frame(TEXT, b'{"event":"e","data": 1, "type":"publish"}'), publish("2"))
        scene.send(publish("3"))
        assert scene.store.taken == []
        await scene.settle()
        assert scene.store.taken == ["1", "2", "3"]
        scene.send(publish("4"))
        assert scene.store.taken == ["1", "2", "3", "4"]

    play(test)


def test_no_more_is_read_while_too_much_waits() -> None:
    """The client has to wait then, as the store makes us wait; later it goes on."""

    async def test(scene: Scene) -> None:
        scene.store.at_once = False
        large = publish(f'"{"x" * 60_000}"')
        scene.send(large, large)
        assert scene.transport.is_reading
        scene.send(large)
        assert not scene.transport.is_reading
        scene.store.ready.set()
        await scene.settle()
        assert scene.transport.is_reading
        assert len(scene.store.taken) == 3

    play(test)


def test_frames_that_wait_are_not_put_together_without_end() -> None:
    """However small they are, and however many come at once: the rest stays bytes until there is room."""

    async def test(scene: Scene) -> None:
        scene.store.at_once = False
        scene.send(*[publish(str(number)) for number in range(3_000)])
        assert not scene.transport.is_reading
        assert len(scene.incoming._waiting) < 1_000
        # Some that were under way.
        scene.send(publish("3000"))
        scene.send(publish("3001"), frame(CLOSE, b"\x03\xe8"))
        scene.store.ready.set()
        await scene.running
        assert scene.store.taken == [str(number) for number in range(3_002)]
        assert scene.transport.is_reading
        assert scene.connection.close_code == 1000

    play(test, frames_per_second=1_000_000, frames_burst=1_000_000)


def test_what_is_left_over_at_a_drop_is_stored_too() -> None:
    """Also what was not put together yet."""

    async def test(scene: Scene) -> None:
        scene.store.at_once = False
        scene.send(*[publish(str(number)) for number in range(3_000)])
        scene.transport.aborted = True
        scene.incoming.feed_eof()
        scene.store.ready.set()
        await scene.running
        assert len(scene.store.taken) == 3_000

    play(test, frames_per_second=1_000_000, frames_burst=1_000_000)


def test_the_rate_is_that_of_what_is_dealt_with(monkeypatch: pytest.MonkeyPatch) -> None:
    """A heap that came while the store was slow is no flood, if it is dealt with slowly; and the client is alive."""

    async def test(scene: Scene) -> None:
        now = [scene.connection.last_heard]
        monkeypatch.setattr(scene.incoming, "_loop", Loop(asyncio.get_running_loop(), lambda: now[0]))
        scene.store.at_once = False
        scene.store.ready = asyncio.Semaphore(0)
        scene.send(publish("0"))
        scene.send(*[publish(str(number)) for number in range(1, 30)])
        for number in range(30):
            now[0] += 1.0
            scene.store.ready.release()
            await scene.settle()
            assert len(scene.store.taken) == number + 1
            assert scene.connection.last_heard >= now[0] - 1.0
        assert scene.told() == []

    play(test, frames_per_second=1, frames_burst=2)


def test_a_flood_that_waits_ends_it_too() -> None:
    """It is told when its turn comes."""

    async def test(scene: Scene) -> None:
        scene.store.at_once = False
        scene.send(*[publish(str(number)) for number in range(300)])
        await scene.settle()
        assert scene.told() == []
        scene.store.ready.set()
        await scene.running
        assert scene.store.taken == ["0", "1"]
        assert scene.transport.close_codes() == [4429]

    play(test, frames_per_second=1, frames_burst=2)


def test_what_was_sent_before_a_drop_is_stored() -> None:
    """The client is gone, and what it had sent is not."""

    async def test(scene: Scene) -> None:
        scene.store.at_once = False
        scene.send(publish("1"), publish("2"))
        scene.transport.aborted = True
        scene.incoming.feed_eof()
        scene.store.ready.set()
        await scene.running
        assert scene.store.taken == ["1", "2"]
        assert scene.connection.close_code is None

    play(test)


@pytest.mark.parametrize(
    ("bad", "code"),
    [(b"\x81\x01x", 1002), (b"\xff\xff", 1002), (frame(TEXT, b"\xff"), 1007), (frame(TEXT, b"x" * 2_000), 1009)],
    ids=["not masked", "reserved bits", "no UTF-8", "too large"],
)
def test_what_breaks_the_protocol_ends_it(bad: bytes, code: int) -> None:
    """What came before is done, nothing is read after."""

    async def test(scene: Scene) -> None:
        scene.store.at_once = False
        # What still comes is taken off the socket, or the peer may never read why.
        assert scene.send(publish("1"), bad) == (False, b"")
        assert scene.send(publish("2")) == (False, b"")
        scene.store.ready.set()
        await scene.running
        assert scene.store.taken == ["1"]
        assert scene.transport.close_codes() == [code]

    play(test, frame_bytes=1_024)


def test_a_flood_ends_it() -> None:
    """What passes is stored, one notice is given, and after it the connection ends with 4429."""

    async def test(scene: Scene) -> None:
        for _ in range(2 + 200):
            scene.send(publish("1"))
        await scene.settle()
        assert not scene.running.done()
        scene.send(publish("1"))
        await scene.running
        assert len(scene.store.taken) == 2
        assert [each["code"] for each in scene.told() if isinstance(each, dict)] == ["rate_limited"]
        assert scene.transport.close_codes() == [4429]

    play(test, frames_per_second=1, frames_burst=2)


def test_binary_ends_it_and_texts_behind_it_do_nothing() -> None:
    """The peer still gets to say its own close."""

    async def test(scene: Scene) -> None:
        assert scene.send(frame(BINARY, b"x"), publish("1")) == (False, b"")
        await scene.settle()
        assert (scene.store.taken, scene.transport.close_codes()) == ([], [1003])
        assert scene.send(frame(CLOSE, b"\x03\xeb")) == (True, b"")
        await scene.running
        assert scene.connection.close_code == 1003

    play(test)


def test_a_failure_comes_out_of_run() -> None:
    """A fault of ours is raised where such errors are logged, not lost in the protocol's callback."""

    async def test(scene: Scene) -> None:
        def fail(message: NewMessage) -> None:
            raise RuntimeError("a fault")

        scene.store.append_now = fail  # type: ignore[method-assign, assignment]
        assert scene.send(publish("1")) == (True, b"")
        with pytest.raises(RuntimeError, match="a fault"):
            await scene.running

    play(test)
