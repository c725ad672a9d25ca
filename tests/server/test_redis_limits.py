"""A Redis that is full, shared, behind or asleep: what is refused is refused whole, and soon."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from redis import Redis

from tests.redis_server import RedisServer, running_redis
from tests.server.engine_harness import in_loop, opened, publish, texts
from voyant_cloud.server.engine import redis as redis_engine
from voyant_cloud.server.engine import redis_appends, redis_lane
from voyant_cloud.server.engine.base import EngineUnavailableError, NewMessage
from voyant_cloud.server.engine.redis import RedisEngine
from voyant_cloud.server.engine.redis_address import parse_address

LARGE = '"' + "x" * 60_000 + '"'


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with running_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def asked(redis: RedisServer) -> Iterator[Redis]:
    with redis.client() as client:
        yield client


@pytest.fixture
def prefix() -> str:
    """A deployment that this test has for itself."""
    return secrets.token_hex(8)


def new_engine(redis: RedisServer, prefix: str, database: int = 0) -> RedisEngine:
    return RedisEngine(parse_address(f"redis://127.0.0.1:{redis.port}/{database}?prefix={prefix}"))


@in_loop
async def test_a_full_redis_takes_no_more(redis: RedisServer, asked: Redis, prefix: str) -> None:
    """Not in a channel that is there, and not in a new one; what is there can be read, and room helps."""
    engine = new_engine(redis, prefix)
    async with opened(engine, "a"):
        await publish(engine, "1")
        used = asked.info("memory")["used_memory"]
        asked.config_set("maxmemory", used + 2_000_000)
        try:
            messages = [NewMessage(f"new-{number}", "e", LARGE) for number in range(100)]
            answers = await asyncio.gather(*(engine.append([each]) for each in messages), return_exceptions=True)
            refused = [str(each) for each in answers if isinstance(each, EngineUnavailableError)]
            assert len(refused) > 60
            assert all("maxmemory" in each for each in refused)
            assert asked.info("memory")["used_memory"] < used + 3_000_000
            asked.config_set("maxmemory", 1)
            with pytest.raises(EngineUnavailableError):
                await publish(engine, "2")
            assert texts((await engine.history("a", limit=9)).messages) == ["1"]
        finally:
            asked.config_set("maxmemory", 0)
        await publish(engine, "3")
        assert texts((await engine.history("a", limit=9)).messages) == ["1", "3"]


@in_loop
async def test_databases_are_deployments_apart(redis: RedisServer, prefix: str) -> None:
    """Pub/sub knows no databases, so that a name alone would be heard in all of them."""
    one, other = new_engine(redis, prefix), new_engine(redis, prefix, 1)
    async with opened(one, "a") as heard, opened(other, "a") as heard_elsewhere:
        await publish(one, "1")
        await publish(other, "2")
        await heard.until(lambda: bool(heard.messages()))
        await heard_elsewhere.until(lambda: bool(heard_elsewhere.messages()))
        assert (texts(heard.messages()), texts(heard_elsewhere.messages())) == (["1"], ["2"])


@pytest.mark.parametrize("kind", ["place", "stream"])
@in_loop
async def test_a_key_of_another_type(redis: RedisServer, asked: Redis, prefix: str, kind: str) -> None:
    """A batch with its channel is refused whole, and harms no other channel."""
    asked.set(f"{{{prefix}}}:{kind}:bad", "hello")
    engine = new_engine(redis, prefix)
    async with opened(engine, "good"):
        await publish(engine, "1", channel="good")
        with pytest.raises(EngineUnavailableError, match="WRONGTYPE"):
            await engine.append([NewMessage("good", "e", "2"), NewMessage("bad", "e", "3")])
        await publish(engine, "4", channel="good")
        assert texts((await engine.history("good", limit=9)).messages) == ["1", "4"]


@in_loop
async def test_channels_that_were_only_read_go_again(
    redis: RedisServer, asked: Redis, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever may read can name channels without an end; none of it stays, unlike what was published to."""
    monkeypatch.setattr(redis_engine, "KEEP_UNUSED_MS", 1)
    engine = new_engine(redis, prefix)
    async with opened(engine):
        await engine.history("kept", limit=1)
        await publish(engine, "1", channel="kept")
        for number in range(50):
            await engine.history(f"read-{number}", limit=1)
            await asyncio.sleep(0.003)
        listed = [it.name for it in await engine.channels("", 100)]
        places = asked.keys(f"{{{prefix}}}:place:*")
    assert "kept" in listed
    assert len(places) <= 3
    assert asked.zcard(f"{{{prefix}}}:channels") <= 4
    assert asked.zcard(f"{{{prefix}}}:used") <= 4


@asynccontextmanager
async def asked_of_a_sleeper(redis: RedisServer, prefix: str) -> AsyncIterator[list[asyncio.Future[Any]]]:
    """Ask for a hundred large messages to be stored while Redis sleeps, which it does for the length of a block."""
    engine = new_engine(redis, prefix)
    async with opened(engine):
        redis.sleep()
        try:
            asked = [asyncio.ensure_future(engine.append([NewMessage("a", "e", LARGE)])) for _ in range(100)]
            yield asked
        finally:
            redis.wake()
        await asyncio.gather(*asked, return_exceptions=True)


@in_loop
async def test_who_waits_is_answered_while_redis_sleeps(
    redis: RedisServer, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not one group after the other, each when the one before was given up."""
    monkeypatch.setattr(redis_appends, "WAIT_WITHIN", 0.1)
    async with asked_of_a_sleeper(redis, prefix) as asked:
        await asyncio.wait(asked[-50:])
        assert not asked[0].done()
        assert all(isinstance(each.exception(), EngineUnavailableError) for each in asked[-50:])
    assert isinstance(asked[0].result(), list)


@in_loop
async def test_more_than_can_wait_is_refused(redis: RedisServer, prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Redis that is behind costs this process no more than so much memory."""
    monkeypatch.setattr(redis_appends, "MOST_WAITING_BYTES", 1_000_000)
    async with asked_of_a_sleeper(redis, prefix) as asked:
        with pytest.raises(EngineUnavailableError, match="more than 1000000 bytes wait for Redis"):
            await asked[-1]


@in_loop
async def test_nobody_waits_for_a_redis_that_is_gone(
    redis: RedisServer, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once it has failed for long, a publish is refused at once, until one has succeeded."""
    monkeypatch.setattr(redis_lane, "REACH_WITHIN", 0.3)
    engine = new_engine(redis, prefix)
    async with opened(engine):
        redis.kill()
        try:
            with pytest.raises(EngineUnavailableError):
                await publish(engine, "1")
            # One that was given up has failed for a moment less than it was waited for.
            monkeypatch.setattr(redis_lane, "REACH_WITHIN", 0.2)
            trying = asyncio.ensure_future(publish(engine, "2"))
            for _ in range(20):
                await asyncio.sleep(0)
            with pytest.raises(EngineUnavailableError, match=r"Redis is not available$"):
                await publish(engine, "3")
            assert not trying.done()
        finally:
            redis.start()
        await asyncio.gather(trying, return_exceptions=True)
        await publish(engine, "4")
