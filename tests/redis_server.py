"""Real Redis servers for the tests, started on free ports, and what becomes of those tests where there is none."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import RedisError

from tests.processes import free_port
from tests.waiting import until

__all__ = ["RedisServer", "Sentinel", "require_redis", "running_cluster", "running_redis"]


def require_redis() -> str:
    """Skip the test where there is no Redis; fail if ``VOYANT_REQUIRE_REDIS`` is 1."""
    command = shutil.which("redis-server") or shutil.which("valkey-server")
    if command is None:
        (pytest.fail if os.environ.get("VOYANT_REQUIRE_REDIS") == "1" else pytest.skip)(
            "needs redis-server; on Debian: sudo apt-get install redis-server"
        )
    return command


class RedisServer:
    """A Redis that is started, killed, put to sleep and started again on the same port.

    Args:
        folder: where it keeps its file; it is durable there (``appendonly yes``, ``appendfsync always``).
        options: further words for its command line.
    """

    def __init__(self, folder: Path, *options: str, port: int | None = None) -> None:
        self.port = port or free_port()
        self._folder = folder
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """What the engine is told."""
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process is not None
        return self._process.pid

    def client(self) -> Redis:
        """Return a client for the tests' own questions."""
        return Redis(port=self.port, socket_timeout=5)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with (self._folder / "redis.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(require_redis(), "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self._folder)),
                    *("--save", "", "--appendonly", "yes", "--appendfsync", "always", *self._options),
                ],
                stdout=log,
                stderr=log,
            )
        until(self._answers)

    def kill(self) -> None:
        """End it as ``kill -9`` does."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def sleep(self) -> None:
        """Stop it where it stands; connections stay open and nothing answers."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def wake(self) -> None:
        """Let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def _answers(self) -> bool:
        with suppress(RedisError), self.client() as client:
            return bool(client.ping())
        return False


class Sentinel:
    """A primary, a replica, and the Sentinel that makes the one the other when it is gone. A context manager.

    Args:
        folder: where they keep their files.
    """

    def __init__(self, folder: Path) -> None:
        places = [folder / name for name in ("primary", "replica")]
        for place in places:
            place.mkdir()
        self.primary = RedisServer(places[0], "--repl-diskless-sync-delay", "0")
        self.replica = RedisServer(
            places[1], "--replicaof", f"127.0.0.1 {self.primary.port}", "--repl-diskless-sync-delay", "0"
        )
        self._port = free_port()
        self._settings = folder / "sentinel.conf"
        self._settings.write_text(
            f"port {self._port}\nbind 127.0.0.1\ndir {folder}\n"
            f"sentinel monitor voyant 127.0.0.1 {self.primary.port} 1\n"
            "sentinel down-after-milliseconds voyant 500\nsentinel failover-timeout voyant 2000\n"
        )
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """What the engine is told."""
        return f"redis+sentinel://127.0.0.1:{self._port}/voyant"

    def __enter__(self) -> Sentinel:
        self.primary.start()
        self.replica.start()
        self._process = subprocess.Popen(
            [require_redis(), str(self._settings), "--sentinel"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        # It has to know the replica before there is anything to fail over to.
        until(self._knows_replica)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        for server in (self.primary, self.replica):
            server.kill()

    def promoted(self) -> bool:
        """Whether the replica is the primary now."""
        with self.replica.client() as client:
            return client.role()[0] == b"master"

    def _knows_replica(self) -> bool:
        with suppress(RedisError), Redis(port=self._port, socket_timeout=5) as client, self.replica.client() as replica:
            synced = replica.info("replication")["master_link_status"] == "up"
            return synced and len(client.execute_command("SENTINEL", "REPLICAS", "voyant")) == 1
        return False


@contextmanager
def running_redis(folder: Path, *options: str) -> Iterator[RedisServer]:
    """A Redis for the length of a block."""
    server = RedisServer(folder, *options)
    server.start()
    try:
        yield server
    finally:
        server.kill()


@contextmanager
def running_cluster(folder: Path) -> Iterator[list[RedisServer]]:
    """A Cluster of two, each with half of the slots, for the length of a block."""
    servers, buses = [], []
    with ExitStack() as stack:
        for number in range(2):
            place = folder / str(number)
            place.mkdir()
            buses.append(free_port())
            options = ("--cluster-enabled", "yes", "--cluster-port", str(buses[-1]))
            servers.append(stack.enter_context(running_redis(place, *options)))
        clients = [stack.enter_context(server.client()) for server in servers]
        for client, slots in zip(clients, ((0, 8191), (8192, 16383)), strict=True):
            client.execute_command("CLUSTER", "ADDSLOTSRANGE", *slots)
        clients[0].execute_command("CLUSTER", "MEET", "127.0.0.1", servers[1].port, buses[1])
        until(lambda: all(b"cluster_state:ok" in client.execute_command("CLUSTER", "INFO") for client in clients))
        yield servers
