"""Two nodes on one Redis for the tests of what stands in front of them, and what becomes of a test without that."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs
import pytest

from tests.processes import ROOT
from tests.redis_server import RedisServer, running_redis
from voyant_cloud.server.secret_file import create_key_ring
from voyant_cloud.testing import VoyantServer

__all__ = ["DEPLOY", "KEY", "Nodes", "Reachable", "require_proxy", "two_nodes"]

DEPLOY = ROOT / "examples" / "deploy"
KEY = "vck_0123456789abcdef"


@attrs.frozen
class Reachable:
    """A way to the nodes, as the wire client wants it."""

    url: str
    api_key: str = KEY


@attrs.frozen
class Nodes:
    """Two nodes that take each other's tokens, and their Redis."""

    both: list[VoyantServer]
    redis: RedisServer

    @property
    def hosts(self) -> list[str]:
        """Host and port of each."""
        return [node.url.removeprefix("http://") for node in self.both]


@contextmanager
def two_nodes(folder: Path) -> Iterator[Nodes]:
    """Run them for the length of a block."""
    create_key_ring(folder / "keys")
    with running_redis(folder) as redis:
        nodes = [
            VoyantServer(engine=redis.url, secret_file=str(folder / "keys"), api_key=KEY, console=True)
            for _ in range(2)
        ]
        with nodes[0], nodes[1]:
            yield Nodes(nodes, redis)


def require_proxy(name: str, package: str) -> str:
    """Return the path of a program, or skip the test; fail if ``VOYANT_REQUIRE_PROXIES`` is 1."""
    program = shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin")
    if program is None:
        missing = f"There is no {name}; on Debian: apt-get install {package}"
        (pytest.fail if os.environ.get("VOYANT_REQUIRE_PROXIES") == "1" else pytest.skip)(missing)
    return program
