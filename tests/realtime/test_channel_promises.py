"""Where the official client falls short and the channel does not: each row of that table in turn."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.fake_realtime import PATIENCE, PING, FakePeer, FakeRealtime, frame_bytes
from tests.realtime.channel_tools import Seen, open_channel
from voyant_cloud.errors import (
    RealtimeAuthError,
    RealtimeClosedError,
)
from voyant_cloud.models import (
    RealtimeMessageSummary,
)
from voyant_cloud.realtime.channel import ChannelState
from voyant_cloud.realtime.events import RealtimeChannelGapEvent

pytestmark = pytest.mark.usefixtures("quick", "threads")


def test_takes_one_fixed_token_row_callable() -> None:
    """A callable is asked before each connect that needs it, so an expired token is replaced."""
    tokens = iter(f"rtok_{number}" for number in range(1, 9))
    with FakeRealtime() as service, open_channel(service, token=lambda: next(tokens)) as channel:
        service.accept().refuse(401, {"error": "expired", "code": "unauthorized", "requestId": "r"})
        second = service.accept()
        assert second.query["token"] == "rtok_2"
        second.go_live()
        assert channel.wait_connected(PATIENCE)
        second.drop()
        assert service.accept().query["token"] == "rtok_3"
    with FakeRealtime() as service, open_channel(service, token=lambda: next(tokens)):
        first = service.accept()
        first.go_live()
        first.close(4401, "token expired")
        assert service.accept().query["token"] == "rtok_5"


def end_with_close(code: int) -> Callable[[FakePeer], None]:
    def end(peer: FakePeer) -> None:
        peer.go_live()
        peer.close(code, "token expired")

    return end


@pytest.mark.parametrize(
    "refuse",
    [
        lambda peer: peer.refuse(401, {"error": "token expired", "code": "unauthorized", "requestId": "r"}),
        lambda peer: peer.refuse(403, {"error": "token expired", "code": "forbidden", "requestId": "r"}),
        end_with_close(4401),
        end_with_close(4403),
    ],
)
def test_takes_one_fixed_token_row_refusal(refuse: Callable[[FakePeer], None]) -> None:
    """With a fixed token a refusal ends the channel with one clear error, after one connect."""
    connects = []

    def script(peer: FakePeer) -> None:
        connects.append(peer)
        refuse(peer)

    with FakeRealtime(script) as service, open_channel(service) as channel:
        assert channel.wait_closed(PATIENCE)
        assert isinstance(channel.error, RealtimeAuthError)
        assert "token expired" in str(channel.error)
        assert "rtok_1" not in str(channel.error)
        with pytest.raises(RealtimeAuthError):
            channel.wait_connected()
        with pytest.raises(RealtimeAuthError):
            list(channel)
        with pytest.raises(RealtimeClosedError, match="token expired"):
            channel.publish("e")
    assert len(connects) == 1


def test_never_pings_row() -> None:
    """A half-open connection is noticed within the stated time, and made anew."""
    with FakeRealtime() as service, open_channel(service, ping_after=0.1, pong_timeout=0.1) as channel:
        seen = Seen(channel, "disconnected")
        peer = service.accept()
        started = time.monotonic()
        peer.go_live()
        # From here on the peer neither answers nor ends.
        [(_, event)] = seen.wait(1)
        assert event.code == 4000
        assert event.will_reconnect
        assert time.monotonic() - started < 2
        service.accept().go_live()
        assert channel.wait_connected(PATIENCE)


def test_never_pings_row_answered() -> None:
    """A peer that answers pings is kept, however quiet it is."""
    with FakeRealtime() as service, open_channel(service, ping_after=0.03, pong_timeout=PATIENCE) as channel:
        peer = service.accept()
        peer.go_live()
        for _ in range(3):
            assert peer.receive() == (PING, b"")
            peer.write(frame_bytes(b"", 0xA))
        assert channel.state is ChannelState.CONNECTED


def test_forgets_presence_on_reconnect_row() -> None:
    """It enters again with the last data, and no more once it has left."""
    with FakeRealtime() as service, open_channel(service) as channel:
        channel.enter_presence({"name": "Alice"})
        peer = service.accept()
        peer.go_live()
        assert peer.receive_json() == {"type": "presence", "action": "enter", "data": {"name": "Alice"}}
        channel.update_presence({"name": "Alice", "typing": True})
        assert peer.receive_json()["action"] == "update"
        peer.drop()
        second = service.accept()
        second.go_live()
        again = {"type": "presence", "action": "enter", "data": {"name": "Alice", "typing": True}}
        assert second.receive_json() == again
        channel.leave_presence()
        assert second.receive_json() == {"type": "presence", "action": "leave"}
        second.drop()
        third = service.accept()
        third.go_live()
        assert channel.wait_connected(PATIENCE)
        channel.publish("after")
        assert third.receive_json()["type"] == "publish", "nothing was said of presence before"


def test_can_deliver_a_replayed_message_twice_row() -> None:
    """Each id once, in order, though the service replays more than it was asked for."""
    with FakeRealtime() as service, open_channel(service) as channel:
        seen = Seen(channel, "message")
        peer = service.accept()
        peer.go_live()
        peer.message("m1")
        peer.message("m2")
        seen.wait(2)
        peer.reset()
        second = service.accept()
        assert second.query["sinceId"] == "m2"
        second.go_live()
        for message_id in ("m1", "m2", "m3"):
            second.message(message_id)
        seen.wait(3)
    assert seen.ids == ["m1", "m2", "m3"]


def test_cannot_tell_that_history_no_longer_reaches_back_row() -> None:
    """A gap is an event of its own."""
    with FakeRealtime() as service, open_channel(service, since_id="m1") as channel:
        seen = Seen(channel, "gap", "message", "error")
        peer = service.accept()
        peer.go_live(lastId="m9", recovered=False)
        peer.send({"type": "error", "code": "history_gap", "message": "", "sinceId": "m1", "resumedFrom": "m8"})
        peer.message("m8")
        assert seen.wait(2)[0] == (
            "gap",
            RealtimeChannelGapEvent(since_id="m1", resumed_from="m8", reason="history_gap"),
        )
    assert seen.ids == ["m8"]


def test_a_gap_is_possible_when_nothing_came_before_the_drop() -> None:
    """A service without lastId that drops before the first message leaves the question open, so it is told."""
    with FakeRealtime() as service, open_channel(service) as channel:
        seen = Seen(channel, "gap")
        peer = service.accept()
        peer.go_live()
        assert channel.wait_connected(PATIENCE)
        peer.drop()
        second = service.accept()
        assert "sinceId" not in second.query
        second.go_live()
        assert seen.wait(1)[0][1].reason == "no_cursor"


def test_resets_its_backoff_when_the_socket_opens_row() -> None:
    """A service that accepts, says connected and closes is met with growing delays."""
    with FakeRealtime(end_with_close(1011)) as service, open_channel(service) as channel:
        seen = Seen(channel, "disconnected")
        delays = [event.retry_in for _, event in seen.wait(4)]
    assert 0.005 <= delays[0] <= 0.01 <= delays[1] <= 0.02
    assert all(0.01 <= delay <= 0.02 for delay in delays[1:])


def test_an_exception_in_a_handler_breaks_the_read_loop_row(caplog: pytest.LogCaptureFixture) -> None:
    """It is logged with the channel and the message id; other handlers and messages still come."""
    with FakeRealtime() as service, open_channel(service) as channel:

        @channel.on("message")
        def fail(message: RealtimeMessageSummary) -> None:
            raise SystemExit if message.id == "m2" else ValueError("broken")

        seen = Seen(channel, "message")
        peer = service.accept()
        peer.go_live()
        for message_id in ("m1", "m2", "m3"):
            peer.message(message_id)
        seen.wait(3)
        assert channel.state is ChannelState.CONNECTED
    assert seen.ids == ["m1", "m2", "m3"]
    assert "channel orders:eu: a handler of message m1 raised" in caplog.text
    assert "ValueError: broken" in caplog.text


def test_an_exception_in_a_disconnected_handler_does_not_end_the_channel() -> None:
    """The decision to reconnect does not depend on users' code."""
    with FakeRealtime() as service, open_channel(service) as channel:

        @channel.on("disconnected")
        def fail(_: object) -> None:
            raise ValueError("broken")

        peer = service.accept()
        peer.go_live()
        peer.drop()
        service.accept().go_live()
        assert channel.wait_connected(PATIENCE)


def test_puts_the_channel_name_unescaped_row() -> None:
    """All characters that a name may have arrive as they are."""
    name = "a:b_c.d,e;f=g@h-i"
    with FakeRealtime() as service, open_channel(service, channel=name):
        assert service.accept().query["channel"] == name


def test_no_timeout_row() -> None:
    """A service that accepts and says nothing is given up within the connect timeout."""
    with FakeRealtime() as service, open_channel(service, connect_timeout=0.1):
        service.accept()
        second = service.accept()
        second.upgrade()
        # Upgraded, but never `connected`.
        assert service.accept() is not second


def test_drops_bad_frames_in_silence_row(caplog: pytest.LogCaptureFixture) -> None:
    """They are logged, and the stream goes on."""
    with FakeRealtime() as service, open_channel(service) as channel:
        seen = Seen(channel, "message")
        peer = service.accept()
        peer.go_live()
        for bad in ("null", "{", '{"type":"message"}'):
            peer.write(frame_bytes(bad))
        peer.message("m1")
        seen.wait(1)
    assert caplog.text.count("dropped a frame that cannot be read") == 3
