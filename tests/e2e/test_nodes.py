"""Several nodes on one Redis behind a balancer, through every fault of theirs: the oracle holds each time."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import attrs
import pytest
import requests

from tests.balancer import Balancer
from tests.e2e.executable import Running, environment
from tests.e2e.oracle import CHANNEL, KEY, Receiver, assert_oracle, survive, time_for_some_messages
from tests.processes import free_port
from tests.redis_server import RedisServer, Sentinel, running_redis
from tests.waiting import PATIENCE, until
from voyant_cloud import RealtimeChannel, VoyantCloudClient
from voyant_cloud.server.engine import redis as redis_engine
from voyant_cloud.server.engine import redis_feed, redis_presence
from voyant_cloud.server.secret_file import create_key_ring
from voyant_cloud.testing import VoyantServer

MANY = {"history_messages": 100_000}


@attrs.frozen
class Cluster:
    """Nodes of this process on one Redis, and a balancer in front."""

    redis: RedisServer
    nodes: Sequence[VoyantServer]
    balancer: Balancer

    def client(self, node: int | None = None) -> VoyantCloudClient:
        """Return a client of one node, or of whichever the balancer picks."""
        url = self.balancer.url if node is None else self.nodes[node].url
        return VoyantCloudClient(api_key=KEY, base_url=url)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("keys") / "keys"
    create_key_ring(path)
    return str(path)


@pytest.fixture
def cluster(tmp_path: Path, keys: str) -> Iterator[Cluster]:
    with running_redis(tmp_path) as redis:
        nodes = [VoyantServer(engine=redis.url, secret_file=keys, api_key=KEY, limits=MANY) for _ in range(3)]
        with nodes[0], nodes[1], nodes[2]:
            with Balancer([int(node.url.rpartition(":")[2]) for node in nodes]) as balancer:
                yield Cluster(redis, nodes, balancer)


def test_publish_on_one_receive_on_another_resume_on_a_third(cluster: Cluster) -> None:
    """What one node stored another delivers, and a third replays; a token is good on all of them."""
    with cluster.client(0) as publisher:
        token = publisher.realtime.tokens.mint(client_id="ann", capabilities={CHANNEL: ["subscribe"]}).token
        with cluster.client(1) as second:
            with second.realtime.channel(CHANNEL, client_id="ann") as channel:
                receiver = Receiver(channel)
                assert channel.wait_connected(PATIENCE)
                first = publisher.realtime.publish(CHANNEL, event="e", data=1).id
                receiver.wait_for(first)
        missed = [publisher.realtime.publish(CHANNEL, event="e", data=number).id for number in range(5)]
        with RealtimeChannel(channel=CHANNEL, token=token, base_url=cluster.nodes[2].url, since_id=first) as resumed:
            receiver = Receiver(resumed)
            receiver.wait_for(missed[-1])
            assert_oracle(missed, receiver)


def test_pubsub_connections_that_are_killed(cluster: Cluster) -> None:
    """Redis ends the connections on which it tells what is published, again and again."""
    with cluster.client() as client, cluster.redis.client() as redis:

        def kill() -> None:
            for _ in range(3):
                time_for_some_messages(client)
                # However many messages that was: each node has a connection again.
                until(lambda: len(redis.client_list(_type="pubsub")) == len(cluster.nodes))
                assert redis.client_kill_filter(_type="pubsub") == len(cluster.nodes)

        survive(client, kill)


def test_pubsub_connection_that_falls_silent(tmp_path: Path, keys: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing comes on it and nobody closes it; the node notices, and what it missed is delivered."""
    monkeypatch.setattr(redis_engine, "PROBE_EVERY", 0.1)
    monkeypatch.setattr(redis_feed, "SILENT_FOR", 0.5)
    with running_redis(tmp_path) as redis, Balancer([redis.port]) as wire, redis.client() as asked:
        engine = wire.url.replace("http", "redis")
        with VoyantServer(engine=engine, secret_file=keys, api_key=KEY, limits=MANY) as node:
            with VoyantCloudClient(api_key=KEY, base_url=node.url) as client:

                def silence() -> None:
                    for _ in range(3):
                        time_for_some_messages(client)
                        [silent] = asked.client_list(_type="pubsub")
                        wire.silence(int(silent["addr"].rpartition(":")[2]))
                        until(lambda silent=silent: silent["id"] not in _ids(asked.client_list(_type="pubsub")))
                        until(lambda: asked.client_list(_type="pubsub"))

                survive(client, silence)


def test_redis_that_is_killed(cluster: Cluster) -> None:
    """Redis is killed under load and started again on its file; sockets stay open meanwhile."""
    with cluster.client() as client:

        def restart() -> None:
            time_for_some_messages(client)
            open_before = sum(node.connections for node in cluster.nodes)
            cluster.redis.kill()
            until(lambda: not _ready(cluster.nodes[0].url))
            assert sum(node.connections for node in cluster.nodes) == open_before
            cluster.redis.start()
            until(lambda: _ready(cluster.nodes[0].url))
            time_for_some_messages(client)

        survive(client, restart)


def test_redis_that_sleeps(cluster: Cluster) -> None:
    """Redis stands still for longer than its connections are waited for."""
    with cluster.client() as client:

        def sleep() -> None:
            time_for_some_messages(client)
            cluster.redis.sleep()
            try:
                threading.Event().wait(5)
            finally:
                cluster.redis.wake()
            until(lambda: _ready(cluster.nodes[0].url))
            time_for_some_messages(client)

        survive(client, sleep)


def test_failover_to_a_replica(tmp_path: Path, keys: str) -> None:
    """The primary is killed and its replica takes over; what it had not got is lost with a gap."""
    with Sentinel(tmp_path) as sentinel:
        nodes = [VoyantServer(engine=sentinel.url, secret_file=keys, api_key=KEY, limits=MANY) for _ in range(2)]
        with nodes[0], nodes[1], VoyantCloudClient(api_key=KEY, base_url=nodes[0].url) as client:
            with VoyantCloudClient(api_key=KEY, base_url=nodes[1].url) as other:
                with other.realtime.channel(CHANNEL, client_id="survivor") as channel:
                    receiver = Receiver(channel)
                    assert channel.wait_connected(PATIENCE)
                    before = [client.realtime.publish(CHANNEL, event="e", data=number).id for number in range(50)]
                    sentinel.primary.kill()
                    until(sentinel.promoted)
                    until(lambda: _ready(nodes[0].url) and _ready(nodes[1].url))
                    after = [client.realtime.publish(CHANNEL, event="e", data=number).id for number in range(50)]
                    receiver.wait_for(after[-1])
    if not receiver.gaps:
        assert_oracle([*before, *after], receiver)
    assert set(after) <= set(receiver.ids)
    assert len(receiver.ids) == len(set(receiver.ids))


def test_history_that_is_lost_is_a_gap(cluster: Cluster) -> None:
    """Who follows a channel is told of a gap when Redis loses what it had, without a further message."""
    with cluster.client() as client, cluster.redis.client() as redis:
        with client.realtime.channel(CHANNEL, client_id="ann") as channel:
            receiver = Receiver(channel)
            assert channel.wait_connected(PATIENCE)
            receiver.wait_for(client.realtime.publish(CHANNEL, event="e").id)
            redis.flushall()
            until(lambda: receiver.gaps)
            receiver.wait_for(client.realtime.publish(CHANNEL, event="e").id)


def test_presence_is_of_all_nodes(cluster: Cluster) -> None:
    """A client on two nodes enters once and leaves once; each node lists who is on the others."""
    with cluster.client(0) as one, cluster.client(1) as two, cluster.client(2) as three:
        with three.realtime.channel(CHANNEL, client_id="watcher") as watching:
            events: list[Any] = []
            watching.on("presence", events.append)
            assert watching.wait_connected(PATIENCE)
            with one.realtime.channel(CHANNEL, client_id="ann") as here:
                here.enter_presence({"at": 1})
                until(lambda: [it.client_id for it in three.realtime.presence.get(CHANNEL)] == ["ann"])
                with two.realtime.channel(CHANNEL, client_id="ann") as there:
                    there.enter_presence({"at": 1})
                    # Only this shows that its entry has come, too: before that, its end would be nobody's.
                    there.update_presence({"at": 2})
                    until(lambda: len(events) == 2)
                until(lambda: sum(node.connections for node in cluster.nodes) == 2)
                here.update_presence({"at": 3})
                until(lambda: len(events) == 3)
            until(lambda: len(events) == 4)
            assert three.realtime.presence.get(CHANNEL) == []
        assert [str(event.action) for event in events] == ["enter", "update", "update", "leave"]


def test_presence_survives_pubsub_connections_that_are_killed(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Clients come and go while nodes hear nothing: who follows the events knows who is there in the end."""
    monkeypatch.setattr(redis_presence, "SPARE_FOR", 0.5)
    present: dict[str, Any] = {}

    def follow(event: Any) -> None:
        if str(event.action) == "leave":
            present.pop(event.client_id, None)
        else:
            present[event.client_id] = event.data

    with ExitStack() as stack:
        one, three = stack.enter_context(cluster.client(0)), stack.enter_context(cluster.client(2))
        watching = stack.enter_context(three.realtime.channel(CHANNEL, client_id="watcher"))
        watching.on("presence", follow)
        assert watching.wait_connected(PATIENCE)
        here = [stack.enter_context(one.realtime.channel(CHANNEL, client_id=f"c{number}")) for number in range(6)]
        assert all(each.wait_connected(PATIENCE) for each in here)
        redis = stack.enter_context(cluster.redis.client())
        for turn in range(60):
            redis.client_kill_filter(_type="pubsub")
            channel = here[turn * 5 % len(here)]
            if turn % 3 == 2:
                channel.leave_presence()
            else:
                channel.enter_presence({"turn": turn})

        def is_known() -> bool:
            return present == {each.client_id: each.data for each in three.realtime.presence.get(CHANNEL)}

        here[0].enter_presence("last")
        until(lambda: present.get("c0") == "last")
        until(is_known)


class Node:
    """``voyant-cloud serve`` in a process of its own, started again on the same port."""

    def __init__(self, engine: str, keys: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        options = ["--engine", engine, "--secret-file", keys, "--api-key", KEY, "--drain-seconds", "1"]
        self._command = ["serve", "--quiet", "--port", str(self.port), *options, "--limit", "history_messages=100000"]

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._running = started = Running(*self._command, env=environment(self.url, KEY))
        until(lambda: started.out)

    def end(self, how: signal.Signals) -> int:
        """Send a signal and wait for the end."""
        self._running.process.send_signal(how)
        return self._running.wait()


@pytest.fixture
def processes(tmp_path: Path, keys: str) -> Iterator[list[Node]]:
    with running_redis(tmp_path) as redis:
        nodes = [Node(redis.url, keys) for _ in range(2)]
        for node in nodes:
            node.start()
        yield nodes
        for node in nodes:
            node.end(signal.SIGKILL)


def test_nodes_that_are_killed_and_rolled(processes: list[Node]) -> None:
    """Nodes end by kill -9 and by a drain, one after the other, while the others serve."""
    with Balancer([node.port for node in processes]) as balancer:
        with VoyantCloudClient(api_key=KEY, base_url=balancer.url) as client:

            def roll() -> None:
                for node, how, code in zip(
                    processes, (signal.SIGKILL, signal.SIGTERM), (-signal.SIGKILL, 0), strict=True
                ):
                    time_for_some_messages(client)
                    assert node.end(how) == code
                    time_for_some_messages(client)
                    node.start()

            survive(client, roll)


def _ids(clients: list[dict[str, str]]) -> list[str]:
    return [each["id"] for each in clients]


def _ready(url: str) -> bool:
    return requests.get(f"{url}/readyz", timeout=20).ok
