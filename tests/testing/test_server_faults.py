"""Each fault of the test server, met with the SDK's own client and channel."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.realtime.channel_tools import Seen
from tests.waiting import PATIENCE, until
from voyant_cloud import (
    ChannelState,
    InvalidRequestError,
    PublishOutcomeUnknown,
    RealtimeChannel,
    RetryPolicy,
    ServiceUnavailableError,
    UnauthorizedError,
    VoyantApiError,
    VoyantCloudClient,
    VoyantConfigError,
    VoyantTimeoutError,
    VoyantTransportError,
)
from voyant_cloud.testing import VoyantServer

CHANNEL = "orders:eu"
A_MOMENT = (PATIENCE, 0.2)
"""Seconds to connect, and to wait for an answer."""


@pytest.fixture
def client(server: VoyantServer) -> Iterator[VoyantCloudClient]:
    """A client that tries again without waiting for long."""
    retries = RetryPolicy(retries=3, base_delay=0.01)
    with VoyantCloudClient(api_key=server.api_key, base_url=server.url, retries=retries, timeout=PATIENCE) as client:
        yield client


@pytest.fixture
def once(server: VoyantServer) -> Iterator[VoyantCloudClient]:
    """A client that tries once."""
    with VoyantCloudClient(api_key=server.api_key, base_url=server.url, retries=0, timeout=PATIENCE) as client:
        yield client


@pytest.fixture
def channel(client: VoyantCloudClient) -> Iterator[RealtimeChannel]:
    """A channel that is connected."""
    with client.realtime.channel(CHANNEL, client_id="worker-1") as channel:
        assert channel.wait_connected(PATIENCE)
        yield channel


def publish(client: VoyantCloudClient, number: int) -> str:
    return client.realtime.publish(CHANNEL, event="e", data=number).id


class TestRefuse:
    """``refuse``."""

    def test_until_the_end_of_the_block(self, server: VoyantServer, once: VoyantCloudClient) -> None:
        """The error is the service's own, nothing is stored, and it is over with the block."""
        with server.refuse(503, retry_after=7):
            with pytest.raises(ServiceUnavailableError) as caught:
                publish(once, 1)
        assert caught.value.retry_after == 7
        assert caught.value.code == "service_unavailable"
        assert caught.value.request_id
        assert server.messages == []
        publish(once, 2)

    @pytest.mark.parametrize("status", [400, 401, 418, 429, 502, 599])
    def test_any_status(self, server: VoyantServer, once: VoyantCloudClient, status: int) -> None:
        """A status that this server itself never gives can be had, too."""
        with server.refuse(status), pytest.raises(VoyantApiError) as caught:
            once.realtime.history(CHANNEL)
        assert caught.value.status == status

    def test_some_times(self, server: VoyantServer, client: VoyantCloudClient) -> None:
        """The client's own retries outlast it, and the message is stored once."""
        server.refuse(503, times=2)
        publish(client, 1)
        assert [message.data for message in server.messages] == [1]

    def test_a_channel_backs_off_and_resumes(
        self, server: VoyantServer, client: VoyantCloudClient, channel: RealtimeChannel
    ) -> None:
        """Upgrades are refused like calls; what was published meanwhile comes after."""
        seen = Seen(channel, "message")
        publish(client, 1)
        seen.wait(1)
        with server.refuse(503, retry_after=0):
            server.drop_connections()
            until(lambda: channel.state is ChannelState.RECONNECTING)
            assert not channel.wait_connected(0.3)
        last = publish(client, 2)
        seen.wait(2)
        assert seen.ids[1:] == [last]


TIMES = "times must be a whole number of at least 1, or None for all"


@pytest.mark.parametrize(
    ("fault", "arguments", "problem"),
    [
        ("refuse", {"status": 200}, "status must be 400 to 599, got 200"),
        ("refuse", {"status": "503"}, "status must be 400 to 599, got '503'"),
        ("refuse", {"status": 503, "times": -1}, f"{TIMES}, got -1"),
        (
            "refuse",
            {"status": 503, "retry_after": "soon\r\nX: y"},
            "retry_after must be whole seconds, 0 to 999999999, or None for no such header, got 'soon\\r\\nX: y'",
        ),
        ("delay", {"seconds": "x"}, "seconds must be above 0 and at most 86400, got 'x'"),
        ("delay", {"seconds": float("nan")}, "seconds must be above 0 and at most 86400, got nan"),
        ("delay", {"seconds": -1}, "seconds must be above 0 and at most 86400, got -1"),
        ("delay", {"seconds": 1, "times": 0}, f"{TIMES}, got 0"),
        ("drop_answers", {"times": "2"}, f"{TIMES}, got '2'"),
        ("drop_answers", {"times": True}, f"{TIMES}, got True"),
    ],
)
def test_a_wrong_argument(fault: str, arguments: dict[str, Any], problem: str) -> None:
    """It is told at the call, before the server is asked."""
    with pytest.raises(VoyantConfigError) as caught:
        getattr(VoyantServer(), fault)(**arguments)
    assert str(caught.value) == f"{fault}: {problem}"


class TestDelay:
    """``delay``."""

    def test_a_publish_is_stored_although_its_client_gave_up(
        self, server: VoyantServer, once: VoyantCloudClient
    ) -> None:
        """The answer waits, not the work."""
        with server.delay(PATIENCE):
            with pytest.raises(PublishOutcomeUnknown) as caught:
                once.realtime.publish(CHANNEL, event="e", data=1, timeout=A_MOMENT)
            assert isinstance(caught.value.__cause__, VoyantTimeoutError)
            until(lambda: [message.data for message in server.messages] == [1])

    def test_the_end_lets_go(self, server: VoyantServer, client: VoyantCloudClient) -> None:
        """Who waits when the fault ends is answered."""
        done = threading.Event()

        def ask() -> None:
            client.realtime.history(CHANNEL)
            done.set()

        with server.delay(3600):
            asking = threading.Thread(target=ask)
            asking.start()
            assert not done.wait(0.1)
        assert done.wait(PATIENCE)
        asking.join()

    def test_for_so_long(self, server: VoyantServer, client: VoyantCloudClient) -> None:
        """It ends by itself."""
        started = time.monotonic()
        with server.delay(0.1, times=1):
            client.realtime.history(CHANNEL)
            client.realtime.history(CHANNEL)
        assert 0.1 <= time.monotonic() - started < PATIENCE

    def test_upgrades_wait_and_open_channels_do_not(
        self, server: VoyantServer, client: VoyantCloudClient, channel: RealtimeChannel
    ) -> None:
        """A channel that connects is late; what is connected gets its messages at once."""
        seen = Seen(channel, "message")
        token = client.realtime.tokens.mint(client_id="late", capabilities={CHANNEL: ["subscribe"]})
        with server.delay(PATIENCE):
            with RealtimeChannel(channel=CHANNEL, token=token, base_url=server.url) as late:
                channel.publish("e", 1)
                seen.wait(1)
                assert not late.wait_connected(0.1)
                server.recover()
                assert late.wait_connected(PATIENCE)


class TestDropAnswers:
    """``drop_answers``."""

    def test_nothing_known_of_idempotency(self, server: VoyantServer, client: VoyantCloudClient) -> None:
        """The first publish of a client that lost its answer: stored, and said to be unsure."""
        with server.drop_answers(), pytest.raises(PublishOutcomeUnknown):
            publish(client, 1)
        assert [message.data for message in server.messages] == [1]

    def test_a_repeat_is_stored_once(self, server: VoyantServer, client: VoyantCloudClient) -> None:
        """A client that knows of idempotency asks again, and gets the id that was lost."""
        client.realtime.history(CHANNEL)
        server.drop_answers(times=2)
        stored = publish(client, 1)
        assert [message.id for message in server.messages] == [stored]

    def test_channels_are_not_concerned(
        self, server: VoyantServer, client: VoyantCloudClient, channel: RealtimeChannel
    ) -> None:
        """A WebSocket has no answer that could be lost."""
        with server.drop_answers():
            server.drop_connections()
            assert channel.wait_connected(PATIENCE)


class TestPause:
    """``pause``."""

    def test_as_a_process_that_hangs(self, server: VoyantServer, once: VoyantCloudClient) -> None:
        """Connections are taken and nothing is answered; afterwards it goes on."""
        with server.pause():
            with pytest.raises(VoyantTimeoutError):
                once.realtime.history(CHANNEL, timeout=A_MOMENT)
            assert server.messages == []
            with pytest.raises(VoyantConfigError, match="is paused"):
                server.drop_connections()
            with pytest.raises(VoyantConfigError, match="is paused"):
                server.pause()
        assert once.realtime.history(CHANNEL) == []

    def test_a_channel_notices_and_loses_nothing(self, server: VoyantServer, client: VoyantCloudClient) -> None:
        """Without a pong the channel connects anew, and gets what was published after the pause."""
        with client.realtime.channel(CHANNEL, client_id="worker-1", ping_after=0.5, pong_timeout=0.5) as channel:
            seen = Seen(channel, "message", "disconnected", "gap")
            assert channel.wait_connected(PATIENCE)
            publish(client, 1)
            seen.wait(1)
            with server.pause():
                seen.wait(2)
            last = publish(client, 2)
            until(lambda: seen.ids[-1:] == [last])
        kinds = [name for name, _ in seen.all]
        assert "disconnected" in kinds
        assert "gap" not in kinds
        assert len(seen.ids) == 2

    def test_many_at_once(self, server: VoyantServer, once: VoyantCloudClient) -> None:
        """One thread pauses it, the others are told, and nothing waits for ever."""
        told: list[str] = []
        together = threading.Barrier(4)

        def pause() -> None:
            together.wait(PATIENCE)
            try:
                server.pause()
            except VoyantConfigError as error:
                told.append(str(error))

        for _ in range(10):
            threads = [threading.Thread(target=pause, daemon=True) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(PATIENCE)
            server.recover()
        assert told == ["VoyantServer: is paused; end the pause first"] * 30
        publish(once, 1)

    def test_the_end_of_another_fault(self, server: VoyantServer, once: VoyantCloudClient) -> None:
        """It comes with the end of the pause, and raises nothing that would hide an error of the test."""
        with server.refuse(503):
            pause = server.pause()
        with pause:
            pass
        publish(once, 1)

    def test_stop_ends_it(self, server: VoyantServer) -> None:
        """A test that fails within a pause does not hang in its cleaning up."""
        pause = server.pause()
        server.stop()
        server.start()
        with pause:
            assert server.connections == 0


class TestTogether:
    """Faults that meet."""

    def test_nested(self, server: VoyantServer, once: VoyantCloudClient) -> None:
        """Each ends by itself."""
        with server.refuse(503):
            with server.delay(0.01), pytest.raises(ServiceUnavailableError):
                publish(once, 1)
            with pytest.raises(ServiceUnavailableError):
                publish(once, 2)
        publish(once, 3)

    @pytest.mark.parametrize("delay_first", [True, False])
    def test_a_refusal_is_late(self, server: VoyantServer, once: VoyantCloudClient, delay_first: bool) -> None:
        """Its own and one of the test's, whichever fault began first, and the next call is neither."""
        if delay_first:
            server.delay(0.1, times=1)
        server.refuse(503, times=1)
        if not delay_first:
            server.delay(0.1, times=1)
        started = time.monotonic()
        with pytest.raises(ServiceUnavailableError):
            publish(once, 1)
        assert time.monotonic() - started >= 0.1
        started = time.monotonic()
        with server.delay(0.1), pytest.raises(InvalidRequestError):
            once.realtime.history(CHANNEL, since_id="nonsense")
        assert time.monotonic() - started >= 0.1

    def test_a_refusal_is_lost(self, server: VoyantServer, once: VoyantCloudClient) -> None:
        """Nobody learns that the key was wrong."""
        with VoyantCloudClient(api_key="wrong", base_url=server.url, retries=0) as stranger:
            with server.drop_answers(times=1), pytest.raises(VoyantTransportError):
                stranger.realtime.history(CHANNEL)
            with server.refuse(503, times=1), server.drop_answers(times=1), pytest.raises(VoyantTransportError):
                stranger.realtime.history(CHANNEL)
            with pytest.raises(UnauthorizedError):
                stranger.realtime.history(CHANNEL)

    def test_each_counts_what_it_does(self, server: VoyantServer, once: VoyantCloudClient) -> None:
        """A request is refused once and loses one answer; faults that wait their turn lose none of their times."""
        server.refuse(503, times=1)
        server.refuse(502, times=1)
        server.drop_answers(times=1)
        server.drop_answers(times=1)
        for number in range(2):
            with pytest.raises(PublishOutcomeUnknown):
                publish(once, number)
        publish(once, 2)
        assert [message.data for message in server.messages] == [2]

    @pytest.mark.parametrize("how", ["recover", "restart", "reset"])
    def test_all_end_together(self, server: VoyantServer, once: VoyantCloudClient, how: str) -> None:
        """Whatever makes a whole server again; a block that ends later does no harm."""
        with server.refuse(503), server.refuse(500), server.pause():
            getattr(server, how)()
            publish(once, 1)

    def test_of_a_server_that_was_stopped(self, server: VoyantServer) -> None:
        """The block of a fault may outlive the server."""
        with server.refuse(503):
            server.stop()
        with pytest.raises(VoyantConfigError, match="is not running"):
            server.refuse(503)
