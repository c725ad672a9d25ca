"""The test server's own life: what it remembers, what it forgets, and how an application finds it."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from tests.realtime.channel_tools import Seen
from tests.waiting import PATIENCE, until
from voyant_cloud import VoyantCloudClient, VoyantConfigError, get_voyant_cloud_client
from voyant_cloud.testing import VoyantServer

CHANNEL = "orders:eu"


def client_of(server: VoyantServer) -> VoyantCloudClient:
    return get_voyant_cloud_client(server.environment)


def test_messages_by_every_way(server: VoyantServer) -> None:
    """Calls, batches and sockets: all are known, in one order over the channels."""
    with client_of(server) as client:
        first = client.realtime.publish("orders:us", event="a", data={"n": [1, None, "ü"]})
        batch = client.realtime.publish_batch([{"channel": CHANNEL, "event": "b"}, {"channel": "z", "event": "c"}])
        with client.realtime.channel(CHANNEL, client_id="worker-1") as channel:
            assert channel.wait_connected(PATIENCE)
            channel.publish("d", 4)
            until(lambda: len(server.messages) == 4)
    assert server.messages[:3] == [first, *batch]
    assert (server.messages[3].event, server.messages[3].data) == ("d", 4)


def test_a_repeat_counts_once(server: VoyantServer) -> None:
    """A publish that is repeated with its idempotency key was one."""
    with client_of(server) as client:
        for _ in range(2):
            client.realtime.publish(CHANNEL, event="e", idempotency_key="key-1")
    assert len(server.messages) == 1


def test_messages_outlive_history_and_the_server() -> None:
    """What history let go of is known, and after the end, too."""
    with VoyantServer(limits={"history_messages": 1}) as server, client_of(server) as client:
        for number in range(3):
            client.realtime.publish(CHANNEL, event="e", data=number)
        assert len(client.realtime.history(CHANNEL)) == 1
        server.restart()
    assert [message.data for message in server.messages] == [0, 1, 2]


def test_what_never_ran_is_in_no_environment() -> None:
    """Without an address the application's client would take the hosted service."""
    for use in (lambda: VoyantServer().environment, lambda: VoyantServer().in_environment()):
        with pytest.raises(VoyantConfigError, match="has no address yet"):
            use()


@pytest.mark.parametrize(
    ("given", "then"),
    [({}, "127.0.0.1"), ({"NO_PROXY": "*"}, "*"), ({"no_proxy": "a", "NO_PROXY": "b"}, "a,127.0.0.1")],
)
def test_the_environment(
    server: VoyantServer, monkeypatch: pytest.MonkeyPatch, given: dict[str, str], then: str
) -> None:
    """It names the server, keeps what goes past the proxy, and is as it was afterwards."""
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    before = dict(os.environ)
    with server.in_environment(), server.in_environment():
        assert (os.environ["NO_PROXY"], os.environ["no_proxy"]) == (then, then)
        with get_voyant_cloud_client() as client:
            assert client.base_url == server.url
        server.restart()
        assert server.environment.items() <= os.environ.items()
    assert dict(os.environ) == before


class TestReset:
    """``reset``."""

    def test_forgets_everything(self, server: VoyantServer) -> None:
        """Messages, presence, idempotency keys and connections are gone; address and key stay."""
        url = server.url
        with client_of(server) as client:
            channel = client.realtime.channel(CHANNEL, client_id="worker-1", reconnect=False)
            channel.enter_presence()
            until(lambda: client.realtime.presence.get(CHANNEL))
            client.realtime.publish(CHANNEL, event="e", data=1, idempotency_key="key-1")
            server.reset()
            assert server.url == url
            assert server.connections == 0
            assert server.messages == client.realtime.history(CHANNEL) == client.realtime.presence.get(CHANNEL) == []
            client.realtime.publish(CHANNEL, event="e", data=2, idempotency_key="key-1")
            channel.close()

    def test_an_open_channel_is_told(self, server: VoyantServer) -> None:
        """A subscriber that lives on connects again and gets a gap, not silence."""
        with client_of(server) as client, client.realtime.channel(CHANNEL, client_id="worker-1") as channel:
            seen = Seen(channel, "message", "gap")
            assert channel.wait_connected(PATIENCE)
            client.realtime.publish(CHANNEL, event="e", data=1)
            seen.wait(1)
            server.reset()
            client.realtime.publish(CHANNEL, event="e", data=2)
            seen.wait(3)
        assert [name for name, _ in seen.all] == ["message", "gap", "message"]

    def test_again_and_again(self, server: VoyantServer) -> None:
        """A hundred times, under requests, leaves no thread behind."""
        threads = threading.active_count()
        with client_of(server) as client:
            for number in range(100):
                client.realtime.publish(CHANNEL, event="e", data=number)
                assert len(server.messages) == 1
                server.reset()
        assert threading.active_count() == threads

    def test_what_is_empty_is_left_alone(self, server: VoyantServer) -> None:
        """No start is spent on a server that nothing has come to; whatever has come or is in force ends it."""
        threads = set(threading.enumerate())
        server.reset()
        assert set(threading.enumerate()) == threads
        server.refuse(503)
        server.reset()
        assert set(threading.enumerate()) != threads
        with client_of(server) as client:
            assert client.realtime.history(CHANNEL) == []

    def test_a_file_is_kept(self, tmp_path: Path) -> None:
        """It deletes no file."""
        with VoyantServer(data=str(tmp_path / "voyant.db")) as server:
            with pytest.raises(VoyantConfigError, match=r"keeps its data in .*voyant\.db"):
                server.reset()
