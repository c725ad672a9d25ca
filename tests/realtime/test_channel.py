"""The channel: a user's view of it, against a scripted peer on a real socket."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from typing import Any, cast

import pytest

from tests.fake_realtime import PATIENCE, FakePeer, FakeRealtime, frame_bytes, message_frame
from tests.realtime.channel_tools import Seen, open_channel
from voyant_cloud.errors import (
    RealtimeClosedError,
    RealtimeError,
    RealtimeGapError,
    RealtimeNotConnectedError,
    VoyantConfigError,
    VoyantValidationError,
)
from voyant_cloud.models import (
    RealtimeChannelConnectedEvent,
    RealtimeChannelError,
)
from voyant_cloud.realtime.channel import ChannelState, RealtimeChannel, RealtimeChannelOptions
from voyant_cloud.realtime.events import RealtimeChannelDisconnectedEvent
from voyant_cloud.realtime.session import Session

pytestmark = pytest.mark.usefixtures("quick", "threads")

AT = "2026-11-24T09:30:00.000Z"
GAP = '{"type":"error","code":"history_gap","message":"gone"}'


# Connecting


def test_it_connects_by_itself() -> None:
    """The constructor does not wait for the network; the state tells how it stands."""
    with FakeRealtime() as service, open_channel(service) as channel:
        peer = service.accept()
        assert channel.state is ChannelState.CONNECTING
        assert not channel.wait_connected(0.01)
        peer.upgrade()
        assert not channel.wait_connected(0.01), "an open socket is no subscription yet"
        peer.connected()
        assert channel.wait_connected(PATIENCE)
        assert channel.state is ChannelState.CONNECTED
        assert peer.query == {"channel": "orders:eu", "token": "rtok_1"}


def test_events_reach_their_handlers_in_order() -> None:
    """Each kind as its own type."""
    with FakeRealtime() as service, open_channel(service) as channel:
        seen = Seen(channel, "connected", "message", "presence", "error")
        peer = service.accept()
        peer.go_live(lastId="m0")
        peer.message("m1", {"n": 1})
        peer.send({"type": "presence", "action": "enter", "channel": "orders:eu", "clientId": "u", "at": AT})
        peer.send({"type": "error", "code": "forbidden", "message": "no"})
        peer.message("m2")
        assert [name for name, _ in seen.wait(5)] == ["connected", "message", "presence", "error", "message"]
    events = [event for _, event in seen.all]
    assert events[0] == RealtimeChannelConnectedEvent(channel="orders:eu", last_id="m0")
    assert events[1].data == {"n": 1}
    assert events[3] == RealtimeChannelError(code="forbidden", message="no")


def test_options_open_the_same_channel() -> None:
    """from_options is the constructor with its arguments put together before."""
    with FakeRealtime() as service:
        options = RealtimeChannelOptions(channel="orders:eu", token="rtok_1", base_url=service.url, since_id="m7")
        with RealtimeChannel.from_options(options) as channel:
            assert service.accept().query["sinceId"] == "m7"
            assert (channel.name, channel.last_message_id) == ("orders:eu", "m7")


# Ends


@pytest.mark.parametrize("error", [AssertionError, SystemExit])
def test_a_bug_in_the_reader_is_an_error_and_no_silence(
    error: type[BaseException], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A thread that dies must not leave a channel that looks healthy."""

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(Session, "texts_received", fail)
    with FakeRealtime() as service, open_channel(service) as channel:
        service.accept().go_live()
        assert channel.wait_closed(PATIENCE)
        assert channel.error is not None
        assert channel.error.code == "internal"
    assert "this is a bug" in caplog.text


def test_a_terminal_code_ends_with_the_services_words() -> None:
    """One last event; what came before is delivered first."""
    with FakeRealtime() as service, open_channel(service) as channel:
        seen = Seen(channel, "message", "disconnected")
        peer = service.accept()
        peer.go_live()
        peer.message("m1")
        peer.close(4500, "no such channel")
        assert channel.wait_closed(PATIENCE)
        error = channel.error
        assert type(error) is RealtimeError
        assert str(error) == "the connection ended: 4500 no such channel"
        assert channel.state is ChannelState.CLOSED
    expected = RealtimeChannelDisconnectedEvent(code=4500, reason=str(error), will_reconnect=False, retry_in=None)
    assert [event for _, event in seen.all[1:]] == [expected]
    assert seen.ids == ["m1"]


def test_a_gap_can_end_the_channel() -> None:
    """on_gap="raise": what came before the gap is delivered, nothing after it, and the loop raises."""
    with FakeRealtime() as service, open_channel(service, since_id="m0", on_gap="raise") as channel:
        peer = service.accept()
        peer.upgrade()
        frames = ['{"type":"connected","channel":"orders:eu"}', message_text("m1"), GAP, message_text("m2")]
        peer.write(b"".join(frame_bytes(text) for text in frames))
        received: list[str] = []
        with pytest.raises(RealtimeGapError, match="may be missing") as caught:
            received.extend(message.id for message in channel)
        assert peer.wait_for_end()[0] == 1000
    assert received == ["m1"]
    assert not {"token", "url"} & {name for entry in caught.traceback for name in entry.frame.f_locals}


def message_text(message_id: str) -> str:
    return json.dumps(message_frame(message_id))


def test_without_reconnect_the_first_end_is_final() -> None:
    """reconnect=False."""
    with FakeRealtime() as service, open_channel(service, reconnect=False) as channel:
        seen = Seen(channel, "disconnected")
        peer = service.accept()
        peer.go_live()
        peer.drop()
        assert channel.wait_closed(PATIENCE)
        assert isinstance(channel.error, RealtimeClosedError)
    assert [(event.code, event.will_reconnect) for _, event in seen.all] == [(1006, False)]


def test_a_draining_service_is_left_alone_for_as_long_as_it_says() -> None:
    """1012 with a delay; the disconnected event says how long."""
    with FakeRealtime() as service, open_channel(service) as channel:
        seen = Seen(channel, "disconnected")
        peer = service.accept()
        peer.go_live()
        peer.close(1012, "retry-after=60")
        [(_, event)] = seen.wait(1)
        assert 60 <= event.retry_in <= 61
        assert channel.state is ChannelState.RECONNECTING


def test_close_says_so_and_tells_the_handlers_once() -> None:
    """1000 "client closed" to the service, one last event, and nothing works any more."""
    with FakeRealtime() as service, open_channel(service) as channel:
        seen = Seen(channel, "disconnected")
        peer = service.accept()
        peer.go_live()
        assert channel.wait_connected(PATIENCE)
        ending = threading.Thread(target=channel.close)
        ending.start()
        assert peer.wait_for_end() == (1000, "client closed")
        peer.drop()
        ending.join(PATIENCE)
        channel.close()
        assert channel.wait_closed(0)
        assert [(event.code, event.will_reconnect) for _, event in seen.all] == [(1000, False)]
        assert channel.error is None
        for call in (lambda: channel.publish("e"), channel.enter_presence, channel.wait_connected):
            with pytest.raises(RealtimeClosedError, match="was closed"):
                call()
        assert list(channel) == []


@pytest.mark.parametrize("timeout", [-1, "5", None, float("nan"), float("inf")])
def test_close_checks_its_timeout(timeout: Any) -> None:
    """A wrong one must not be found out on the way out of a with block."""
    with FakeRealtime() as service, open_channel(service) as channel:
        with pytest.raises(VoyantConfigError, match="timeout"):
            channel.close(timeout)


# Sending


def test_publish_goes_over_the_connection() -> None:
    """As the protocol has it; data that is None is left out."""
    with FakeRealtime() as service, open_channel(service) as channel:
        peer = service.accept()
        peer.go_live()
        assert channel.wait_connected(PATIENCE)
        channel.publish("cursor.moved", {"x": 1})
        channel.publish("pinged")
        assert peer.receive_json() == {"type": "publish", "event": "cursor.moved", "data": {"x": 1}}
        assert peer.receive_json() == {"type": "publish", "event": "pinged"}


def test_publish_while_not_connected_is_refused_at_once() -> None:
    """Nothing is queued: not before `connected`, not after a drop."""
    with FakeRealtime() as service, open_channel(service) as channel:
        peer = service.accept()
        peer.upgrade()
        with pytest.raises(RealtimeNotConnectedError, match="nothing was sent"):
            channel.publish("e")
        peer.connected()
        assert channel.wait_connected(PATIENCE)
        seen = Seen(channel, "disconnected")
        peer.drop()
        seen.wait(1)
        with pytest.raises(RealtimeNotConnectedError):
            channel.publish("e")


def test_input_is_checked_before_anything_is_sent() -> None:
    """By the contract's models, connected or not."""
    with FakeRealtime() as service, open_channel(service) as channel:
        peer = service.accept()
        peer.go_live()
        assert channel.wait_connected(PATIENCE)
        calls: list[Callable[[], None]] = [
            lambda: channel.publish(""),
            lambda: channel.publish("e", {"a": float("nan")}),
            lambda: channel.publish("e", "x" * 70_000),
            lambda: channel.enter_presence("x" * 5000),
            lambda: channel.update_presence({1, 2}),
        ]
        for call in calls:
            with pytest.raises(VoyantValidationError):
                call()
        channel.publish("after")
        assert peer.receive_json()["event"] == "after"


def test_handlers_may_send() -> None:
    """They run without any lock of the channel's."""
    with FakeRealtime() as service, open_channel(service) as channel:
        channel.on("connected", lambda _: channel.publish("hello"))
        channel.on("connected", lambda _: channel.enter_presence())
        peer = service.accept()
        peer.go_live()
        assert peer.receive_json() == {"type": "publish", "event": "hello"}
        assert peer.receive_json() == {"type": "presence", "action": "enter"}


# Secrets


def test_nothing_shows_the_token(caplog: pytest.LogCaptureFixture) -> None:
    """Not repr, not the logs of a whole life with failures, not the error at its end."""
    secret = "rtok_verysecret"

    def script(peer: FakePeer) -> None:
        peers.append(peer)
        if len(peers) == 1:
            peer.drop()
        elif len(peers) == 2:
            peer.go_live()
            peer.close(1011, f"token={secret}")
        else:
            peer.refuse(403, {"error": f"bad token {secret}", "code": "forbidden", "requestId": "r"})

    peers: list[FakePeer] = []
    with caplog.at_level(logging.DEBUG):
        with FakeRealtime(script) as service, open_channel(service, token=secret) as channel:
            seen = Seen(channel, "disconnected")
            assert channel.wait_closed(PATIENCE)
    shown = [caplog.text, repr(channel), repr(channel.error), repr(seen.all), repr(vars(cast(Any, channel)))]
    assert len(seen.all) == 2
    assert not any("verysecret" in text for text in shown)
