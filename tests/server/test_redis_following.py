"""Presence on nodes that missed some of it, with a real Redis: the difference is told, and nobody leaves too early."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator

import attrs
import pytest
from redis import Redis

from tests.redis_server import RedisServer, running_redis
from tests.server.engine_harness import Heard, in_loop, opened, until_ready
from voyant_cloud.server.engine import redis as redis_engine
from voyant_cloud.server.engine import redis_following, redis_presence
from voyant_cloud.server.engine.base import EngineUnavailableError
from voyant_cloud.server.engine.redis import RedisEngine
from voyant_cloud.server.engine.redis_address import parse_address
from voyant_cloud.server.engine.redis_names import Names


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with running_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@attrs.frozen
class Watcher:
    """A node with a user of its own, so that Redis can keep it from things and leave the other nodes alone."""

    redis: RedisServer
    prefix: str = attrs.field(factory=lambda: secrets.token_hex(8))

    @property
    def names(self) -> Names:
        """What its things are called in Redis."""
        return Names(self.prefix)

    def engine(self) -> RedisEngine:
        """Return its engine."""
        self.may("on", "nopass", "allkeys", "allcommands", "allchannels")
        user = f"{self.prefix}:any@"
        return RedisEngine(parse_address(f"redis://{user}127.0.0.1:{self.redis.port}/0?prefix={self.prefix}"))

    def other(self) -> RedisEngine:
        """Return the engine of another node."""
        return RedisEngine(parse_address(f"{self.redis.url}?prefix={self.prefix}"))

    def may(self, *rules: str) -> None:
        """Change what it may do."""
        with self.redis.client() as client:
            client.execute_command("ACL", "SETUSER", self.prefix, *rules)

    def goes_deaf(self) -> None:
        """Have Redis end its pub/sub connection, and refuse it another."""
        self.may("resetchannels")

    def hears_again(self) -> None:
        """Let it have one."""
        self.may("allchannels")


@pytest.fixture
def watcher(redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> Watcher:
    monkeypatch.setattr(redis_presence, "SWEEP_EVERY", 0.02)
    monkeypatch.setattr(redis_presence, "SPARE_FOR", 0.5)
    return Watcher(redis)


def is_told(heard: Heard, *actions: tuple[str, str, object]) -> bool:
    return heard.actions()[-len(actions) :] == list(actions)


@in_loop
async def test_missed_presence_is_told(watcher: Watcher) -> None:
    """Who entered, changed or left while nothing was heard; who stayed is not told of again."""
    node, other = watcher.engine(), watcher.other()
    async with opened(other), opened(node, "a", "b") as heard:
        for client in ("ann", "bob", "eve"):
            await other.enter("a", client, "c", 1)
        await heard.until(lambda: len(heard.presence) == 3)
        watcher.goes_deaf()
        await other.enter("a", "bob", "c", 2)
        await other.leave("a", "ann", "c")
        await other.enter("b", "dan", "c", "x")
        watcher.hears_again()
        await heard.until(lambda: len(heard.presence) == 6)
        await other.leave("a", "bob", "c")
        await heard.until(lambda: len(heard.presence) == 7)
        events = heard.presence[3:]
    told = {(each.channel, *action) for each, action in zip(events, heard.actions()[3:], strict=True)}
    assert told == {
        ("a", "update", "bob", 2),
        ("a", "leave", "ann", 1),
        ("b", "enter", "dan", "x"),
        ("a", "leave", "bob", 2),
    }
    # Who entered is told first: who is missing may be about to be back.
    assert [str(each.action) for each in events[2:]] == ["leave", "leave"]


@in_loop
async def test_nobody_leaves_whom_redis_lost(watcher: Watcher, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those who are still there enter anew; of those whose node is gone, too, it is told that they left."""
    monkeypatch.setattr(redis_engine, "PROBE_EVERY", 0.05)
    node, other = watcher.engine(), watcher.other()
    async with opened(node, "a") as heard:
        async with opened(other):
            await other.enter("a", "bob", "c", 1)
        await node.enter("a", "ann", "c", 1)
        with watcher.redis.client() as client:
            # Until then it cannot know that it was lost.
            await until(lambda: client.exists(watcher.names.generation))
            await node.check()
            client.flushall()
        await heard.until(lambda: ("leave", "bob", 1) in heard.actions())
    assert heard.actions() == [("enter", "bob", 1), ("enter", "ann", 1), ("enter", "ann", 1), ("leave", "bob", 1)]


GARBAGE = [
    b"",
    b"\xc1",
    b"abc 0 1",
    b"1.5 0 1",
    b"9" * 5_000 + b" 0 1",
    b"1 0 [",
    b"1 0 \xff",
    b"1 0",
    b"9" * 30 + b" 0 1",
]


@in_loop
async def test_what_somebody_else_wrote_keeps_nobody_from_being_told(
    watcher: Watcher, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither keys of another kind nor unreadable members; their channel can be joined, and lists the others."""
    node, other, names = watcher.engine(), watcher.other(), watcher.names
    async with opened(other), opened(node, "wrong", "odd", "a") as heard:
        watcher.goes_deaf()
        await other.enter("odd", "eve", "c", 1)
        with watcher.redis.client() as client:
            client.set(names.presence("wrong")[0], "x")
            client.hset(names.presence("odd")[0], mapping={f"c{at}": each for at, each in enumerate(GARBAGE)})
            client.hset(names.presence("odd")[0], b"\xff", "1 0 1")
            client.delete(names.changes)
            client.lpush(names.changes, "x")
        await other.enter("a", "ann", "c", 1)
        watcher.hears_again()
        await heard.until(lambda: len(heard.presence) == 2)
        await until_ready(node)
        await node.unwatch("odd")
        await node.watch("odd")
        assert [member.client_id for member in await node.members("odd", limit=10)] == ["eve"]
    assert {(each.channel, each.client_id) for each in heard.presence} == {("a", "ann"), ("odd", "eve")}
    assert "members of channel odd cannot be read" in caplog.text


@in_loop
async def test_refusal_is_no_empty_channel(watcher: Watcher, caplog: pytest.LogCaptureFixture) -> None:
    """Nobody leaves because Redis does not let a node look, which is not ready then."""
    node, other = watcher.engine(), watcher.other()
    async with opened(other), opened(node, "a") as heard:
        await other.enter("a", "ann", "c", 1)
        await heard.until(lambda: bool(heard.presence))
        watcher.may("-hgetall")
        watcher.goes_deaf()
        watcher.hears_again()
        await until(lambda: "can't run this command" in caplog.text)
        with pytest.raises(EngineUnavailableError):
            await node.check()
        watcher.may("+hgetall")
        await until_ready(node)
        await other.leave("a", "ann", "c")
        await heard.until(lambda: len(heard.presence) > 1)
    assert heard.actions() == [("enter", "ann", 1), ("leave", "ann", 1)]


@in_loop
async def test_counter_that_is_lost_makes_nobody_deaf(watcher: Watcher) -> None:
    """A change that comes after is new, though nobody knows how many there were."""
    node, other = watcher.engine(), watcher.other()
    async with opened(other), opened(node) as heard:
        await other.enter("a", "ann", "c", 1)
        await node.watch("a")
        with watcher.redis.client() as client:
            client.delete(watcher.names.changes)
        await other.enter("a", "bob", "c", 1)
        await heard.until(lambda: bool(heard.presence))
    assert heard.actions() == [("enter", "bob", 1)]


@in_loop
async def test_redis_that_is_emptied_before_all_is_told(watcher: Watcher, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is missing in it then has not left: the nodes get the time to say so once more."""
    monkeypatch.setattr(redis_engine, "PROBE_EVERY", 3_600.0)
    node, other = watcher.engine(), watcher.other()
    async with opened(other), opened(node, "a") as heard:
        await other.enter("a", "ann", "c", 1)
        watcher.goes_deaf()
        watcher.hears_again()
        await until(lambda: bool(heard.standings))
        await until_ready(node)
        with watcher.redis.client() as client:
            client.flushall()
            # Nobody looks but who is about to tell who left.
            await until(lambda: client.exists(watcher.names.generation))
        await other.enter("a", "ann", "c", 1)
        await other.enter("a", "bob", "c", 1)
        await other.leave("a", "bob", "c")
        await heard.until(lambda: ("leave", "bob", 1) in heard.actions())
        await asyncio.sleep(redis_presence.SPARE_FOR * 2)
    assert ("leave", "ann", 1) not in heard.actions()


@in_loop
async def test_much_that_was_missed_leaves_time_for_others(watcher: Watcher) -> None:
    """Each change goes to all subscribers, and nothing else of the node would be done meanwhile."""
    node, other = watcher.engine(), watcher.other()
    turns = 0

    async def turn() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with opened(other), opened(node, "a") as heard:
        watcher.goes_deaf()
        await asyncio.gather(*(other.enter("a", f"c{number}", "c", "x" * 1_000) for number in range(200)))
        watcher.hears_again()
        await heard.until(lambda: bool(heard.presence))
        turning = asyncio.ensure_future(turn())
        await heard.until(lambda: len(heard.presence) == 200)
        turning.cancel()
    assert turns >= 199


@in_loop
async def test_more_than_is_read_at_once(watcher: Watcher, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many channels there are, and whatever their numbers of members, each is read."""
    monkeypatch.setattr(redis_following, "_CHANNELS_AT_ONCE", 4)
    monkeypatch.setattr(redis_following, "_MEMBERS_AT_ONCE", 3)
    node, other = watcher.engine(), watcher.other()
    channels = [f"ch-{number}" for number in range(11)]
    expected = {(channel, f"c{each}") for number, channel in enumerate(channels) for each in range(number)}
    async with opened(other), opened(node, *channels) as heard:
        watcher.goes_deaf()
        for channel, client in expected:
            await other.enter(channel, client, "c", None)
        watcher.hears_again()
        await heard.until(lambda: len(heard.presence) == len(expected))
    assert {(each.channel, each.client_id) for each in heard.presence} == expected


@in_loop
async def test_channel_whose_members_cannot_be_read_is_not_followed(watcher: Watcher) -> None:
    """All who wait for it are told, and it is read anew for the next."""
    node = watcher.engine()
    async with opened(node) as heard:
        await node.enter("a", "ann", "c", 1)
        watcher.may("-evalsha")
        waiting = [asyncio.ensure_future(node.watch("a")) for _ in range(3)]
        found = await asyncio.gather(*waiting, return_exceptions=True)
        assert all(isinstance(each, EngineUnavailableError) for each in found)
        watcher.may("+evalsha")
        await node.watch("a")
        await node.enter("a", "ann", "c", 2)
        await heard.until(lambda: is_told(heard, ("update", "ann", 2)))


@in_loop
async def test_channel_that_is_let_go_of_while_it_is_read(watcher: Watcher) -> None:
    """However far it came, nobody waits for ever, and who comes back finds it as it is then."""
    node, other = watcher.engine(), watcher.other()
    async with opened(other), opened(node) as heard:
        for number in range(40):
            channel = f"ch-{number}"
            watching = asyncio.ensure_future(node.watch(channel))
            for _ in range(number):
                await asyncio.sleep(0)
            await node.unwatch(channel)
            await asyncio.gather(watching, return_exceptions=True)
            await node.watch(channel)
            await other.enter(channel, "ann", "c", number)
        await heard.until(lambda: len(heard.presence) == 40)
    assert heard.actions() == [("enter", "ann", number) for number in range(40)]


@in_loop
async def test_presence_that_cannot_be_looked_after_is_said(watcher: Watcher, caplog: pytest.LogCaptureFixture) -> None:
    """Once for a key that all need; and what one channel has does not keep the others from it."""
    node, names = watcher.engine(), watcher.names
    async with opened(node, "a") as heard:
        with watcher.redis.client() as client:
            for channel, client_id in (("evil", "eve"), ("a", "ann"), ("a", "bob")):
                await node.enter(channel, client_id, "c", 1)
            client.hset(names.presence("evil")[2], "eve", "x")
            client.zadd(names.ends, {"evil": 1})
            client.zadd(names.presence("evil")[1], {"c eve": 1})
            await node.leave("a", "ann", "c", grace=0.01)
            await heard.until(lambda: ("leave", "ann", 1) in heard.actions())
            client.delete(names.ends)
            client.set(names.ends, "x")
            await until(lambda: "presence cannot be looked after" in caplog.text)
            client.delete(names.ends)
            await node.leave("a", "bob", "c", grace=0.01)
            await heard.until(lambda: ("leave", "bob", 1) in heard.actions())
    assert "presence of channel evil cannot be looked after" in caplog.text
    assert caplog.text.count("presence cannot be looked after") == 1


@in_loop
async def test_channel_that_cannot_be_refreshed_is_one(
    watcher: Watcher, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Members of the others stay, and who drops there leaves, though one channel's cannot be entered again."""
    monkeypatch.setattr(redis_presence, "COUNTS_FOR", 0.5)
    monkeypatch.setattr(redis_presence, "REFRESH_EVERY", 0.1)
    node, names = watcher.engine(), watcher.names
    async with opened(node, "a") as heard:
        for channel, client_id in (("evil", "eve"), ("a", "ann"), ("a", "bob")):
            await node.enter(channel, client_id, "c", 1)
        with watcher.redis.client() as client:
            client.set(names.presence("evil")[2], "x")
            damaging = asyncio.ensure_future(_forget_again_and_again(client, names.presence("evil")[1]))
            await until(lambda: "presence cannot be refreshed" in caplog.text)
            await asyncio.sleep(redis_presence.COUNTS_FOR * 2)
            await node.leave("a", "bob", "c", grace=0.01)
            await heard.until(lambda: ("leave", "bob", 1) in heard.actions())
            damaging.cancel()
    assert heard.actions() == [("enter", "ann", 1), ("enter", "bob", 1), ("leave", "bob", 1)]


async def _forget_again_and_again(client: Redis, key: str) -> None:
    while True:
        client.delete(key)
        await asyncio.sleep(0.005)


async def until(condition: object) -> None:
    """Wait for something that nobody tells of."""
    assert callable(condition)
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.01)
