"""Every engine keeps the contract."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.redis_server import RedisServer, running_redis
from tests.server.engine_contract import EngineContract
from tests.server.engine_harness import NewEngine
from voyant_cloud.server.engine.memory import MemoryEngine
from voyant_cloud.server.engine.redis import RedisEngine
from voyant_cloud.server.engine.redis_address import parse_address
from voyant_cloud.server.engine.sqlite import SqliteEngine


class TestMemory(EngineContract):
    """Nothing but this process."""

    @pytest.fixture
    def new_engine(self) -> NewEngine:
        return MemoryEngine


class TestSqlite(EngineContract):
    """SQLite on the disk."""

    @pytest.fixture
    def new_engine(self, tmp_path: Path) -> NewEngine:
        return lambda **options: SqliteEngine(str(tmp_path / "voyant.db"), **options)


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis for all tests of this file; each takes a prefix of its own."""
    with running_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server


class TestRedis(EngineContract):
    """Redis, in a server of its own."""

    @pytest.fixture
    def new_engine(self, redis: RedisServer) -> NewEngine:
        address = parse_address(f"{redis.url}?prefix={secrets.token_hex(8)}")
        return lambda **options: RedisEngine(address, **options)
