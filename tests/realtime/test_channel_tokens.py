"""The channel's tokens: renewed in time, asked for again, and the end where there is none."""

from __future__ import annotations

import asyncio
import datetime as dt
import threading
import time
from typing import Any

import pytest

from tests.fake_realtime import PATIENCE, PING, PONG, FakeRealtime, frame_bytes
from tests.realtime.channel_tools import Seen, open_channel
from voyant_cloud.errors import RealtimeAuthError
from voyant_cloud.models import (
    RealtimeTokenSummary,
)
from voyant_cloud.realtime.channel import ChannelState
from voyant_cloud.realtime.events import RealtimeChannelDisconnectedEvent

pytestmark = pytest.mark.usefixtures("quick")

AT = "2026-11-24T09:30:00.000Z"


def test_a_token_is_renewed_before_it_expires() -> None:
    """A planned reconnect: a new token, the cursor, presence again, and no backoff."""
    tokens = TokenMaker(lifetime=2.2)
    with FakeRealtime() as service, open_channel(service, token=tokens) as channel:
        seen = Seen(channel, "disconnected", "message")
        channel.enter_presence("here")
        peer = service.accept()
        peer.go_live()
        peer.message("m1")
        seen.wait(1)
        assert peer.wait_for_end() == (4001, "token renewal")
        second = service.accept()
        assert (second.query["token"], second.query["sinceId"]) == ("rtok_2", "m1")
        second.go_live()
        assert second.receive_json() == {"type": "presence", "action": "enter", "data": "here"}
        assert seen.wait(2)[1] == (
            "disconnected",
            RealtimeChannelDisconnectedEvent(code=4001, reason="token renewal", will_reconnect=True, retry_in=0.0),
        )


def test_a_token_is_renewed_while_messages_keep_coming() -> None:
    """What there is to do beside messages is not put off until they pause."""
    tokens = TokenMaker(lifetime=2.2)
    with FakeRealtime() as service, open_channel(service, token=tokens) as channel:
        seen = Seen(channel, "message")
        peer = service.accept()
        peer.go_live()
        number = 0
        ends = time.monotonic() + PATIENCE
        while tokens.made == 1:
            assert time.monotonic() < ends
            number += 1
            peer.message(f"m{number}")
            # One by one, so that each is read by itself; the last may come too late for this connection.
            while len(seen.all) < number and tokens.made == 1:
                seen.pause()
        assert peer.wait_for_end() == (4001, "token renewal")
        assert service.accept().query["sinceId"] in {f"m{number - 1}", f"m{number}"}


class TokenMaker:
    """Makes numbered tokens with a known lifetime."""

    def __init__(self, lifetime: float) -> None:
        self.made = 0
        self._lifetime = lifetime

    def __call__(self) -> Any:
        self.made += 1
        expires_at = dt.datetime.fromtimestamp(time.time() + self._lifetime, dt.UTC)
        return RealtimeTokenSummary(token=f"rtok_{self.made}", expires_at=expires_at)


def test_an_expiring_token_is_renewed_when_the_service_says_so() -> None:
    """Of a plain string the service alone knows when it ends."""
    tokens = iter(["rtok_1", "rtok_2"])
    with FakeRealtime() as service, open_channel(service, token=lambda: next(tokens)):
        peer = service.accept()
        peer.go_live()
        peer.send({"type": "token_expiring", "expiresAt": AT})
        assert peer.wait_for_end()[0] == 4001
        assert service.accept().query["token"] == "rtok_2"


def test_an_expiring_token_that_cannot_be_renewed_yet_is_kept(caplog: pytest.LogCaptureFixture) -> None:
    """The connection is good until the token ends, and a fixed token is left alone."""
    asked = threading.Event()

    def provide() -> str:
        if asked.is_set():
            raise OSError("down, rtok_1")
        asked.set()
        return "rtok_1"

    for token in (provide, "rtok_1"):
        with FakeRealtime() as service, open_channel(service, token=token) as channel:
            seen = Seen(channel, "message")
            peer = service.accept()
            peer.go_live()
            peer.send({"type": "token_expiring", "expiresAt": AT})
            peer.message("m1")
            seen.wait(1)
            peer.message("m2")
            seen.wait(2)
            while token is provide and "could not be renewed yet" not in caplog.text:
                seen.pause()
            assert channel.state is ChannelState.CONNECTED
    assert "the token could not be renewed yet: the token callable raised OSError: down, rtok_***" in caplog.text


def test_a_renewal_that_is_refused_leaves_the_connection_alone(caplog: pytest.LogCaptureFixture) -> None:
    """The present token still works; the next connect asks again, and ends the channel if it is refused, too."""
    answers: list[Any] = ["rtok_1", None, None]
    with FakeRealtime() as service, open_channel(service, token=lambda: answers.pop(0)) as channel:
        seen = Seen(channel, "message")
        peer = service.accept()
        peer.go_live()
        peer.send({"type": "token_expiring", "expiresAt": AT})
        while "the token could not be renewed yet" not in caplog.text:
            seen.pause()
        peer.message("m1")
        seen.wait(1)
        assert channel.state is ChannelState.CONNECTED
        peer.drop()
        assert channel.wait_closed(PATIENCE)
        assert isinstance(channel.error, RealtimeAuthError)
        assert "the callable must return a str or a RealtimeTokenSummary, got NoneType" in str(channel.error)


def test_a_renewal_that_hangs_holds_up_nothing() -> None:
    """Messages and pings go on meanwhile, and the new token is used when it comes."""
    asked, go_on = threading.Event(), threading.Event()

    def provide() -> str:
        if not asked.is_set():
            asked.set()
            return "rtok_1"
        go_on.wait(PATIENCE)
        return "rtok_2"

    with FakeRealtime() as service, open_channel(service, token=provide) as channel:
        seen = Seen(channel, "message")
        peer = service.accept()
        peer.go_live()
        for number in range(3):
            peer.send({"type": "token_expiring", "expiresAt": AT})
            peer.message(f"m{number}")
            seen.wait(number + 1)
        peer.write(frame_bytes(b"x", PING))
        assert peer.receive() == (PONG, b"x")
        go_on.set()
        assert peer.wait_for_end() == (4001, "token renewal")
        assert service.accept().query["token"] == "rtok_2"


@pytest.mark.parametrize("error", [SystemExit(1), asyncio.CancelledError()])
def test_a_token_callable_that_asks_for_an_end_gets_it(error: BaseException, caplog: pytest.LogCaptureFixture) -> None:
    """It ends the channel with an error, and not the reader alone."""

    def provide() -> str:
        raise error

    with FakeRealtime() as service, open_channel(service, token=provide) as channel:
        with pytest.raises(RealtimeAuthError, match=type(error).__name__):
            channel.wait_connected(PATIENCE)
        # It is logged before the handlers are told of the end.
        assert channel.wait_closed(PATIENCE)
        assert "ended for good: no token" in caplog.text


def test_a_token_callable_that_fails_is_asked_again(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever it raises is logged without secrets, and tried again."""
    answers = iter([OSError("no rtok_secret"), KeyError("b"), "rtok_3"])

    def provide() -> Any:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    with FakeRealtime() as service, open_channel(service, token=provide):
        assert service.accept().query["token"] == "rtok_3"
    assert "the token callable raised OSError: no rtok_***" in caplog.text
    assert "rtok_secret" not in caplog.text


def test_without_reconnect_no_token_is_renewed() -> None:
    """The one connection that is wished is not given up for another."""
    tokens = iter(["rtok_1", "rtok_2"])
    with FakeRealtime() as service, open_channel(service, token=lambda: next(tokens), reconnect=False) as channel:
        seen = Seen(channel, "message")
        peer = service.accept()
        peer.go_live()
        peer.send({"type": "token_expiring", "expiresAt": AT})
        for number in range(3):
            peer.message(f"m{number}")
            seen.wait(number + 1)
        assert next(tokens) == "rtok_2"
