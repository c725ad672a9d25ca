"""What only the Redis engine promises: repeated groups, nodes that die, addresses, and the texts it keeps."""

from __future__ import annotations

import asyncio
import secrets
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes import free_port
from tests.redis_server import RedisServer, running_cluster, running_redis
from tests.server.engine_harness import Heard, in_loop, opened, publish, texts
from voyant_cloud.errors import VoyantConfigError
from voyant_cloud.server.engine import redis_presence
from voyant_cloud.server.engine.base import EngineSetupError, EngineUnavailableError, IdempotencyKey, NewMessage
from voyant_cloud.server.engine.redis import RedisEngine
from voyant_cloud.server.engine.redis_address import parse_address
from voyant_cloud.server.engine.redis_appends import Appends, Retention
from voyant_cloud.server.engine.redis_lane import Lane
from voyant_cloud.server.engine.redis_names import Names
from voyant_cloud.server.engine.redis_payload import read_feed

SECRET = "correct-horse-battery"


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with running_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def url(redis: RedisServer) -> str:
    """An address that this test has for itself."""
    return f"{redis.url}?prefix={secrets.token_hex(8)}"


@in_loop
async def test_group_that_is_sent_again_is_stored_once(url: str) -> None:
    """A node that repeats a group gets the first answer; one that was overtaken is not stored any more."""
    address = parse_address(url)
    engine, lane = RedisEngine(address), Lane(address)

    def node() -> Appends:
        # The same node, that counts from 1 again.
        return Appends(lane, Names(address.prefix), Retention(), "node")

    one, two = NewMessage("a", "e", "1"), NewMessage("a", "e", "2")
    async with opened(engine):
        first = node()
        stored = await first.append([one], None)
        assert await node().append([one], None) == stored
        await first.append([two], None)
        with pytest.raises(EngineUnavailableError, match="LATE"):
            await node().append([one], None)
        history = await engine.history("a", limit=10)
    await lane.stop()
    assert texts(history.messages) == ["1", "2"]


@in_loop
async def test_node_whose_clock_is_wrong_harms_nobody(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages and presence go by the clock of Redis: none is stamped, dropped or let go of by that of a node."""
    engine = RedisEngine(parse_address(url), history_seconds=60.0, idempotency_seconds=60.0)
    async with opened(engine, "a") as heard:
        await publish(engine, "1")
        once = IdempotencyKey("key", "digest")
        stored = await engine.append([NewMessage("a", "e", "2")], once)
        real = time.time()
        monkeypatch.setattr(time, "time", lambda: real + 86_400.0)
        assert await engine.append([NewMessage("a", "e", "2")], once) == stored
        await publish(engine, "3")
        await engine.enter("a", "ann", "c", 1)
        history = await engine.history("a", limit=10)
        [member] = await engine.members("a", limit=10)
        await heard.until(lambda: bool(heard.presence))
    assert texts(history.messages) == ["1", "2", "3"]
    times = [*(each.published_at for each in history.messages), member.joined_at, heard.presence[0].at]
    assert all(abs(each.timestamp() - real) < 30 for each in times)


@in_loop
async def test_commands_survive_a_lost_connection(redis: RedisServer, url: str) -> None:
    """Appends and reads go on over connections that Redis ends, and scripts that it forgets."""
    engine = RedisEngine(parse_address(url))
    async with opened(engine):
        for number in range(5):
            with redis.client() as client:
                client.client_kill_filter(_type="normal", skipme=True)
                client.script_flush()
            await publish(engine, str(number))
        history = await engine.history("a", limit=10)
    assert texts(history.messages) == ["0", "1", "2", "3", "4"]


@in_loop
async def test_members_of_a_dead_node_leave_once(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A node that stops refreshing loses its members, told once however many nodes look after them."""
    monkeypatch.setattr(redis_presence, "COUNTS_FOR", 0.3)
    monkeypatch.setattr(redis_presence, "REFRESH_EVERY", 0.1)
    monkeypatch.setattr(redis_presence, "SWEEP_EVERY", 0.02)
    engines = [RedisEngine(parse_address(url)) for _ in range(3)]
    async with opened(engines[0], "a") as heard, opened(engines[1]), opened(engines[2]):
        await engines[1].enter("a", "ann", "c1", 1)
        await engines[2].enter("a", "ann", "c2", 1)
        await engines[2].enter("a", "bob", "c3", 2)
        await engines[2].close()
        await heard.until(lambda: ("leave", "bob", 2) in heard.actions())
        # Far longer than anybody counts unrefreshed.
        await asyncio.sleep(0.5)
        members = await engines[0].members("a", limit=10)
    assert [member.client_id for member in members] == ["ann"]
    assert heard.actions() == [("enter", "ann", 1), ("enter", "bob", 2), ("leave", "bob", 2)]


@in_loop
async def test_members_are_told_again_to_a_redis_that_lost_them(
    redis: RedisServer, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node enters its members again where Redis knows them no more, and tells where channels stand."""
    monkeypatch.setattr(redis_presence, "REFRESH_EVERY", 0.05)
    engine = RedisEngine(parse_address(url))
    async with opened(engine, "a") as heard:
        await engine.enter("a", "ann", "c1", 1)
        await publish(engine, "1")
        with redis.client() as client:
            client.flushall()
        await heard.until(lambda: heard.actions().count(("enter", "ann", 1)) == 2)
        await heard.until(lambda: heard.standings == [("a", None)])


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("http://localhost", "scheme is 'http'"),
        ("redis://localhost/0?colour=red", "no option 'colour'"),
        ("redis://localhost:70000", "a port"),
        ("redis://localhost/0?prefix=a%20b", "prefix is 'a b'"),
        ("redis://localhost/0?prefix", "cannot be read"),
        ("redis+sentinel://localhost:26379", "name of its service"),
        ("redis+sentinel://:26379/mymaster", "has no host"),
    ],
)
def test_address_that_is_none(wrong: str, said: str) -> None:
    """A wrong URL is one clear error."""
    with pytest.raises(VoyantConfigError, match=f"engine: .*{said}"):
        RedisEngine(parse_address(wrong))


@pytest.mark.parametrize("scheme", ["redis", "rediss", "redis+sentinel", "rediss+sentinel"])
def test_address_shows_no_secret(scheme: str) -> None:
    """Neither the password of the URL nor the one beside it is shown."""
    address = parse_address(f"{scheme}://user:{SECRET}@localhost:7000/0", password=SECRET)
    assert address.shown == f"{scheme}://localhost:7000/0"
    assert SECRET not in repr(address)


@in_loop
async def test_redis_that_is_not_there(redis: RedisServer) -> None:
    """A server does not start without its Redis, or with a wrong password, and says so without it."""
    for url in ("redis://127.0.0.1:1", f"redis://:{SECRET}@127.0.0.1:{redis.port}"):
        with pytest.raises(EngineSetupError, match="cannot be used") as caught:
            await RedisEngine(parse_address(url)).open(Heard())
        assert SECRET not in str(caught.value)


@in_loop
async def test_redis_behind_tls_and_a_password(tmp_path: Path) -> None:
    """The certificate is checked, and the password comes from beside the URL."""
    certificate, key = tmp_path / "redis.crt", tmp_path / "redis.key"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-keyout", key, "-out", certificate, "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"),
        ],
        check=True,
        capture_output=True,
    )
    port = free_port()
    files = ("--tls-cert-file", str(certificate), "--tls-key-file", str(key), "--tls-auth-clients", "no")
    with running_redis(tmp_path, "--tls-port", str(port), *files) as redis:
        with redis.client() as client:
            client.config_set("requirepass", SECRET)
        url = f"rediss://localhost:{port}"
        with pytest.raises(EngineSetupError, match="certificate verify failed"):
            await RedisEngine(parse_address(url, password=SECRET)).open(Heard())
        engine = RedisEngine(parse_address(f"{url}?ssl_ca_certs={certificate}", password=SECRET))
        async with opened(engine, "a") as heard:
            await publish(engine, "1")
            await heard.until(lambda: texts(heard.messages()) == ["1"])


@in_loop
async def test_cluster_that_moves_the_names(tmp_path: Path) -> None:
    """A node finds the server of its names, whichever of the Cluster its URL tells."""
    with running_cluster(tmp_path) as servers:
        for number, server in enumerate(servers):
            engine = RedisEngine(parse_address(f"{server.url}?prefix=p"))
            async with opened(engine, "a") as heard:
                await publish(engine, str(number))
                await heard.until(lambda number=number: texts(heard.messages()) == [str(number)])


@pytest.mark.parametrize("payload", [b"", b"x1", b"m1 2", b"mepoch 1 1 9:short", b"penter 1 1:a{}", b"penter 1 1 2:a"])
def test_payload_of_somebody_else(payload: bytes) -> None:
    """What the scripts did not write is refused, not guessed at."""
    with pytest.raises(ValueError, match=r"."):
        read_feed("a", payload)
