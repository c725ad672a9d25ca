"""What nodes do with trouble: a Redis that was away, things that somebody else wrote there, a listener that raises."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.redis_server import RedisServer, running_redis
from tests.server.engine_harness import Heard, in_loop, opened, publish, texts, until_ready
from voyant_cloud.server.engine import redis as redis_engine
from voyant_cloud.server.engine import redis_feed, redis_lane, redis_presence
from voyant_cloud.server.engine.base import EngineUnavailableError, StoredMessage
from voyant_cloud.server.engine.redis import RedisEngine
from voyant_cloud.server.engine.redis_address import parse_address
from voyant_cloud.server.engine.redis_names import Names
from voyant_cloud.server.message_id import MessageId


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with running_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def prefix() -> str:
    """Names that this test has for itself."""
    return secrets.token_hex(8)


@pytest.fixture
def names(prefix: str) -> Names:
    return Names(prefix)


@pytest.fixture
def url(redis: RedisServer, prefix: str) -> str:
    return f"{redis.url}?prefix={prefix}"


class Raising(Heard):
    """A listener that raises the first time that it is told of a message, and of where a channel stands."""

    def __init__(self) -> None:
        super().__init__()
        self._raises = {"messages", "standing"}

    def on_messages(self, channel: str, messages: Sequence[StoredMessage]) -> None:
        self._raise("messages")
        super().on_messages(channel, messages)

    def on_standing(self, channel: str, head: MessageId | None) -> None:
        self._raise("standing")
        super().on_standing(channel, head)

    def _raise(self, what: str) -> None:
        if what in self._raises:
            self._raises.remove(what)
            raise LookupError("confidential")


@pytest.mark.parametrize(
    "payload", [b"penter " + b"9" * 32 + b" 1 3:abc{}", b"penter 1 1 1:a" + b"[" * 100_000, b"\xff"]
)
@in_loop
async def test_payload_that_cannot_be_read_is_passed_over(
    redis: RedisServer, names: Names, url: str, payload: bytes
) -> None:
    """The feed lives on, on the same connection: whatever was published, it is no gap."""
    engine = RedisEngine(parse_address(url))
    async with opened(engine, "a") as heard:
        with redis.client() as client:
            client.publish(names.feed("a"), payload)
        await publish(engine, "1")
        await heard.until(lambda: texts(heard.messages()) == ["1"])
    assert heard.standings == []


@in_loop
async def test_feed_survives_a_listener_that_raises(url: str, caplog: pytest.LogCaptureFixture) -> None:
    """It counts as a lost connection: what was not taken is told of, and what follows is delivered."""
    engine, heard = RedisEngine(parse_address(url)), Raising()
    await engine.open(heard)
    await engine.watch("a")
    await publish(engine, "1")
    await heard.until(lambda: bool(heard.standings))
    await engine.watch("b")
    await publish(engine, "2")
    await heard.until(lambda: texts(heard.messages()) == ["2"])
    await engine.close()
    assert [(channel, head.seq) for channel, head in heard.standings if head] == [("a", 1)]
    assert "LookupError in _raise" in caplog.text
    assert "confidential" not in caplog.text


@pytest.mark.parametrize("damage", ["SET x", "HSET epoch e", "HSET epoch e ms x seq 1"])
@in_loop
async def test_damaged_place_is_that_of_one_channel(redis: RedisServer, names: Names, url: str, damage: str) -> None:
    """After a gap the other channels' standings are told all the same, and the node is ready again."""
    engine = RedisEngine(parse_address(url))
    async with opened(engine, "evil", "a") as heard:
        await publish(engine, "1")
        await heard.until(lambda: bool(heard.calls))
        with redis.client() as client:
            command, *values = damage.split()
            client.execute_command(command, names.place("evil"), *values)
            client.client_kill_filter(_type="pubsub")
        await heard.until(lambda: len(heard.standings) == 2)
        await publish(engine, "2")
        await heard.until(lambda: texts(heard.messages()) == ["1", "2"])
        await until_ready(engine)
    told = {channel: head and head.seq for channel, head in heard.standings}
    assert told == {"evil": None, "a": 1}


@in_loop
async def test_damaged_presence_is_that_of_one_channel(
    redis: RedisServer, names: Names, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Members elsewhere are refreshed, and leave, though a channel cannot be, and one has no name."""
    monkeypatch.setattr(redis_presence, "COUNTS_FOR", 0.4)
    monkeypatch.setattr(redis_presence, "REFRESH_EVERY", 0.1)
    monkeypatch.setattr(redis_presence, "SWEEP_EVERY", 0.02)
    engine = RedisEngine(parse_address(url))
    async with opened(engine, "a") as heard:
        await engine.enter("evil", "eve", "c1", 1)
        await engine.enter("a", "ann", "c2", 1)
        await engine.enter("a", "bob", "c3", 1)
        with redis.client() as client:
            client.set(names.presence("evil")[1], "x")
            client.zadd(names.ends, {b"\xff": 1, "evil": 2})
        await engine.leave("a", "bob", "c3", grace=0.5)
        await heard.until(lambda: ("leave", "bob", 1) in heard.actions())
    assert heard.actions() == [("enter", "ann", 1), ("enter", "bob", 1), ("leave", "bob", 1)]


@in_loop
async def test_presence_loop_survives_what_nobody_expected(
    url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged once, without the data that the error may hold, and the loop goes on."""
    monkeypatch.setattr(redis_presence, "SWEEP_EVERY", 0.01)
    tried = []

    async def failing(_self: redis_presence.RedisPresence) -> None:
        tried.append(1)
        raise LookupError("confidential")

    engine = RedisEngine(parse_address(url))
    async with opened(engine, "a") as heard:
        with monkeypatch.context() as broken:
            broken.setattr(redis_presence.RedisPresence, "_ended", failing)
            async with asyncio.timeout(5):
                while len(tried) < 3:
                    await asyncio.sleep(0.01)
        await engine.enter("a", "ann", "c1", 1)
        await engine.leave("a", "ann", "c1", grace=0.01)
        await heard.until(lambda: ("leave", "ann", 1) in heard.actions())
    told = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(told) == 1
    assert "LookupError in failing" in told[0]


@in_loop
async def test_members_outlive_a_redis_that_was_away(
    redis: RedisServer, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Away for longer than they count unrefreshed: nodes that live refresh first, and nobody leaves or enters anew."""
    monkeypatch.setattr(redis_presence, "COUNTS_FOR", 0.4)
    monkeypatch.setattr(redis_presence, "SWEEP_EVERY", 0.02)
    monkeypatch.setattr(redis_presence, "STANDS_STILL", 0.2)
    monkeypatch.setattr(redis_presence, "SPARE_FOR", 0.3)
    holder, watcher = RedisEngine(parse_address(url)), RedisEngine(parse_address(url))
    async with opened(holder), opened(watcher, "a") as heard:
        await holder.enter("a", "ann", "c1", 1)
        redis.sleep()
        # The refreshing that is due is one of 20 s until now.
        monkeypatch.setattr(redis_presence, "REFRESH_EVERY", 0.1)
        await asyncio.sleep(0.6)
        redis.wake()
        await watcher.enter("a", "bob", "c2", 2)
        await watcher.leave("a", "bob", "c2", grace=0.01)
        # Whoever has ended leaves with him.
        await heard.until(lambda: ("leave", "bob", 2) in heard.actions())
        members = await watcher.members("a", limit=10)
    assert [member.client_id for member in members] == ["ann"]
    assert heard.actions() == [("enter", "ann", 1), ("enter", "bob", 2), ("leave", "bob", 2)]


@in_loop
async def test_members_outlive_a_redis_that_is_begun_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands fail meanwhile, and that is enough to know, before the feed is back or a look takes long."""
    monkeypatch.setattr(redis_lane, "REACH_WITHIN", 0.05)
    monkeypatch.setattr(redis_lane, "ANSWER_WITHIN", 0.05)
    monkeypatch.setattr(redis_feed, "_BACKOFF", (60.0,))
    monkeypatch.setattr(redis_presence, "COUNTS_FOR", 0.4)
    monkeypatch.setattr(redis_presence, "SWEEP_EVERY", 0.02)
    monkeypatch.setattr(redis_presence, "STANDS_STILL", 3_600.0)
    with running_redis(tmp_path) as redis:
        engine = RedisEngine(parse_address(redis.url))
        async with opened(engine):
            await engine.enter("a", "ann", "c1", 1)
            [before] = await engine.members("a", limit=10)
            redis.kill()
            monkeypatch.setattr(redis_presence, "REFRESH_EVERY", 0.1)
            await asyncio.sleep(0.4)
            redis.start()
            async with asyncio.timeout(5):
                while not await _reachable(engine):
                    await asyncio.sleep(0.01)
            # As long as the feed is away: nobody else says that Redis was.
            await asyncio.sleep(0.1)
            assert await engine.members("a", limit=10) == [before]


async def _reachable(engine: RedisEngine) -> bool:
    with contextlib.suppress(EngineUnavailableError):
        await engine.members("a", limit=1)
        return True
    return False


@in_loop
async def test_members_are_told_at_once_to_a_redis_that_was_flushed(
    redis: RedisServer, names: Names, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next probe notices, and nobody waits for the next refresh."""
    monkeypatch.setattr(redis_engine, "PROBE_EVERY", 0.05)
    engine = RedisEngine(parse_address(url))
    async with opened(engine, "a") as heard:
        await engine.enter("a", "ann", "c1", 1)
        with redis.client() as client:
            async with asyncio.timeout(5):
                while not client.exists(names.generation):
                    await asyncio.sleep(0.01)
            # Commands are answered in order, and so its reading of what was written there.
            await engine.check()
            await engine.check()
            client.flushall()
        await heard.until(lambda: bool(heard.standings))
        async with asyncio.timeout(5):
            while not await engine.members("a", limit=10):
                await asyncio.sleep(0.01)


@in_loop
async def test_all_that_ended_leave_in_one_sweep(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """More channels than one look finds, and more members of one than one script lets go of."""
    monkeypatch.setattr(redis_presence, "COUNTS_FOR", 0.001)
    # None comes by itself after the one that is asked for.
    monkeypatch.setattr(redis_presence, "SWEEP_EVERY", 3_600.0)
    engine = RedisEngine(parse_address(url))
    async with opened(engine):
        many = [engine.enter(f"ch-{number}", "ann", "c", None) for number in range(250)]
        many += [engine.enter("ch-0", f"c{number}", "c", None) for number in range(1_000)]
        await asyncio.gather(*many)
        await engine.leave("ch-1", "ann", "c", grace=0.001)
        async with asyncio.timeout(5):
            while any([await engine.members(f"ch-{number}", limit=1) for number in range(250)]):
                await asyncio.sleep(0.02)
