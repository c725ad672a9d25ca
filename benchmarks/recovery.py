"""How long a fault of several nodes lasts for those who publish and for those who listen."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import attrs

from benchmarks.server import ServerProcess
from tests.balancer import Balancer
from tests.redis_server import RedisServer, Sentinel, running_redis
from voyant_cloud import (
    PublishOutcomeUnknown,
    VoyantApiError,
    VoyantCloudClient,
    VoyantTransportError,
)
from voyant_cloud.server.secret_file import create_key_ring

__all__ = ["FAULTS", "Fault", "seconds_without"]

CHANNEL = "bench"
KEY = "vck_0123456789abcdef"
WITHIN = 60.0
"""Seconds that a recovery may take."""
_PAUSE = 0.005
"""Seconds between two publishes."""


@attrs.frozen
class Parts:
    """What a fault can be done to.

    Attributes:
        nodes: the processes of the nodes.
        redis: the server that they use.
        wire: what stands between the nodes and Redis.
    """

    nodes: Sequence[ServerProcess]
    redis: RedisServer
    wire: Balancer | None


@attrs.frozen
class Fault:
    """A fault.

    Attributes:
        name: what the table calls it.
        do: does it; returns the seconds for which it kept Redis away itself.
        with_sentinel: whether Redis has a replica, and a Sentinel.
    """

    name: str
    do: Callable[[Parts], float]
    with_sentinel: bool = False


def seconds_without(fault: Fault) -> tuple[float, float]:
    """Return for how long no publish was answered and for how long a listener heard nothing, the longer one of two.

    They listen through a balancer, one on each node, and a publisher goes on through it without retries. What the fault
    took itself is not counted.
    """
    with ExitStack() as stack:
        parts, url = stack.enter_context(_running(fault.with_sentinel))
        client = stack.enter_context(VoyantCloudClient(api_key=KEY, base_url=url, retries=0, timeout=2))
        listeners = [Heard(), Heard()]
        for heard in listeners:
            channel = stack.enter_context(client.realtime.channel(CHANNEL, client_id="listener"))
            channel.on("message", lambda message, heard=heard: heard.note(int(message.data)))
            assert channel.wait_connected(WITHIN)
        publisher = stack.enter_context(Publisher(client))
        everyone = [publisher.answered, *listeners]
        for each in everyone:
            each.wait_for(publisher.begun)
        taken = fault.do(parts)
        # The one that is begun may have been sent before the fault was there.
        after = publisher.begun + 1
        for each in everyone:
            each.wait_for(after)
        return publisher.answered.longest - taken, max(each.longest for each in listeners) - taken


class Heard:
    """The last number that came, and the longest time in which none did."""

    def __init__(self) -> None:
        # The lock of the condition is held where these change.
        self._changed = threading.Condition()
        self._last = -1
        self._at = 0.0
        self.longest = 0.0

    def note(self, number: int) -> None:
        """Note that a number came."""
        now = time.perf_counter()
        with self._changed:
            if self._at:
                self.longest = max(self.longest, now - self._at)
            self._last, self._at = number, now
            self._changed.notify_all()

    def wait_for(self, number: int) -> None:
        """Wait until a number came, or a later one."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._last >= number, WITHIN), "nothing came any more"


class Publisher:
    """Publishes numbers for as long as its block lasts. A context manager.

    Attributes:
        begun: the number that is sent next.
        answered: those that were answered.
    """

    def __init__(self, client: VoyantCloudClient) -> None:
        self._client = client
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._publish)
        self.begun = 0
        self.answered = Heard()

    def __enter__(self) -> Publisher:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _publish(self) -> None:
        while not self._over.wait(_PAUSE):
            number = self.begun
            with suppress(VoyantApiError, VoyantTransportError, PublishOutcomeUnknown):
                self._client.realtime.publish(CHANNEL, event="e", data=number)
                self.answered.note(number)
            self.begun = number + 1


@contextmanager
def _running(with_sentinel: bool) -> Iterator[tuple[Parts, str]]:
    """Two nodes behind a balancer; its address comes with them."""
    with TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        create_key_ring(folder / "keys")
        wire = None
        if with_sentinel:
            sentinel = stack.enter_context(Sentinel(folder))
            redis, engine = sentinel.primary, sentinel.url
        else:
            redis = stack.enter_context(running_redis(folder))
            wire = stack.enter_context(Balancer([redis.port]))
            engine = wire.url.replace("http", "redis")
        options = ("--engine", engine, "--secret-file", str(folder / "keys"), "--api-key", KEY)
        nodes = [stack.enter_context(ServerProcess(*options)) for _ in range(2)]
        balancer = stack.enter_context(Balancer([urlsplit(node.url).port or 0 for node in nodes]))
        yield Parts(nodes, redis, wire), balancer.url


def _kill_node(parts: Parts) -> float:
    parts.nodes[0].end(signal.SIGKILL)
    return 0


def _drain_node(parts: Parts) -> float:
    parts.nodes[0].end(signal.SIGTERM)
    return 0


def _kill_pubsub(parts: Parts) -> float:
    with parts.redis.client() as client:
        assert client.client_kill_filter(_type="pubsub") == len(parts.nodes)
    return 0


def _silence_pubsub(parts: Parts) -> float:
    assert parts.wire is not None
    with parts.redis.client() as client:
        for each in client.client_list(_type="pubsub"):
            parts.wire.silence(int(each["addr"].rpartition(":")[2]))
    return 0


def _restart_redis(parts: Parts) -> float:
    started = time.perf_counter()
    parts.redis.kill()
    time.sleep(2)
    parts.redis.start()
    return time.perf_counter() - started


def _wake_redis(parts: Parts) -> float:
    started = time.perf_counter()
    parts.redis.sleep()
    time.sleep(20)
    parts.redis.wake()
    return time.perf_counter() - started


def _kill_primary(parts: Parts) -> float:
    parts.redis.kill()
    return 0


FAULTS = (
    Fault("a node is killed", _kill_node),
    Fault("a node drains", _drain_node),
    Fault("Redis closes the pub/sub connections", _kill_pubsub),
    Fault("the pub/sub connections fall silent", _silence_pubsub),
    Fault("Redis is killed, and started again after 2 s", _restart_redis),
    Fault("Redis stands still for 20 s", _wake_redis),
    Fault("the primary is killed, and Sentinel sees it after 0.5 s", _kill_primary, with_sentinel=True),
)
