"""The page on growth says what was measured, and what is computed from it; its code sends each channel to one home."""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from benchmarks import million
from tests.server.wire_client import subscribe
from voyant_cloud.server.engine.redis import PROBE_EVERY
from voyant_cloud.server.engine.redis_appends import KEEP_UNUSED_MS
from voyant_cloud.server.engine.redis_feed import _AT_ONCE
from voyant_cloud.server.engine.redis_presence import REFRESH_EVERY, SWEEP_EVERY
from voyant_cloud.server.secret_file import create_key_ring
from voyant_cloud.testing import VoyantServer

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "growth.md").read_text()
WORDS = " ".join(PAGE.split())
KEY = "vck_your-own-key-here"


def stored(name: str, part: str) -> Any:
    return json.loads((ROOT / "benchmarks" / name).read_text())[part]


def shown(value: float, digits: int = 2) -> str:
    """Return a figure as the page writes it: rounded to as many digits as are worth reading."""
    return f"{float(f'{value:.{digits}g}'):,.10g}"


GROWTH = stored("growth.json", "series")
REDIS = stored("redis_work.json", "work")


def growth(series: str, curve: str, point: int) -> float:
    found: float = GROWTH[series]["curves"][curve][GROWTH[series]["points"].index(point)]
    return found


def rows_of_a_node() -> Iterator[str]:
    yield f"| memory of an idle connection | {shown(million.measured().connection_bytes / 1e3, 3)} KB | |"
    units = [
        ("a publish", growth("history", "publish", 1_000), "publishes"),
        ("a message in a batch of 100", growth("history", "message of a batch of 100", 1_000), "messages"),
    ]
    for words, curve in (("", "delivery of a single publish"), (" in a batch of 100", "delivery of a batch of 100")):
        for count in (200, 1_000):
            what = f"a delivery{words or ', one message at a time'}, {count:,} subscribers"
            units.append((what, growth("subscribers", curve, count), "deliveries"))
    resume = growth("history", "resume 10 messages back", 1_000)
    units.append(("a connect that resumes 10 messages back", resume, "connects"))
    for what, cost, many in units:
        yield f"| {what} | {shown(cost)} µs | {shown(1e6 / cost)} {many}/s |"


def rows_of_redis() -> Iterator[str]:
    for what, name in {
        "a publish": "publish alone",
        "one of 100 publishes at once on a node": "publish, 100 at once",
        "a batch of 100 to one channel": "batch of 100 to a channel",
        "a batch of 100 to 100 channels": "batch of 100 to 100 channels",
        "a node's first subscriber of a channel, until it leaves": "first subscriber",
        "a member that enters": "member that enters",
    }.items():
        work = REDIS[name]
        cells = f"{work['scripts']:g} | {work['commands']:.0f} | {shown(work['bytes in'])}"
        yield f"| {what} | {cells} | {shown(work['microseconds'])} µs |"
    for words, copy, node in (
        ("a message", "copy of a message", "node, a message"),
        ("a batch of 100", "copy of a batch of 100", "node, a batch of 100"),
    ):
        cost = REDIS[copy]
        cells = f"{shown(cost['bytes out'])} | {shown(cost['microseconds'])} µs | {shown(REDIS[node]['told'])} µs"
        yield f"| of {words} | {cells} |"
    at_once = REDIS["node, 16 messages at once"]["told"]
    yield f"| of one of 16 messages at once | likewise | likewise | {shown(at_once)} µs |"


def sentences() -> Iterator[str]:
    publish, copy = REDIS["publish alone"]["microseconds"], REDIS["copy of a message"]["microseconds"]
    together = REDIS["publish, 100 at once"]["microseconds"]
    batch = REDIS["batch of 100 to a channel"]["microseconds"]
    told, at_once = (REDIS[name]["told"] for name in ("node, a message", "node, 16 messages at once"))
    yield f"{shown(1e6 / publish)} publishes a second, one at a time, and {shown(1e6 / together)} where"
    yield f"{shown(100e6 / batch)} messages a second in batches of 100"
    yield f"{shown(1e6 / copy)} copies a second"
    yield f"publishes × ({shown(publish)} + {shown(copy)} × nodes) µs"
    for nodes in (10, 50):
        yield f"{shown(5e5 / (publish + copy * nodes))} publishes a second with {nodes} nodes"
    yield f"takes {shown(told)} µs to be told of one message, and {shown(at_once)} µs where many come together"
    yield f"so {shown(5e5 / at_once)} of them a second are half of its core"
    yield f"takes {shown(REDIS['retained message']['bytes kept'])} bytes of Redis' memory"
    gone, read = (REDIS[f"channel {what}"]["bytes kept"] for what in ("whose messages are gone", "that was read alone"))
    yield f"keeps {shown(gone)} bytes for good"
    yield f"keeps {shown(read)} bytes for {KEEP_UNUSED_MS / 86_400_000:g} days"
    yield f"{2 / REFRESH_EVERY * 1_000:.0f} commands a second"
    yield f"{3 / PROBE_EVERY + 1 / SWEEP_EVERY:g} commands a second, with nothing to do"
    yield f"subscribes to {_AT_ONCE} channels with one command"


@pytest.mark.parametrize("name", ["baseline.json", "growth.json", "redis_work.json"])
def test_machine(name: str) -> None:
    """All figures are of the machine that the page names."""
    named = re.findall(r"Python \d+\.\d+|Redis \d+\.\d+|\d+ cores of [^,]+", stored(name, "machine"))
    assert len(named) >= 2
    assert all(each in WORDS for each in named)


@pytest.mark.parametrize("row", [*rows_of_a_node(), *rows_of_redis()])
def test_rows(row: str) -> None:
    """Each figure of the tables is a stored one."""
    assert row in PAGE.splitlines()


@pytest.mark.parametrize("sentence", [*sentences()])
def test_sentences(sentence: str) -> None:
    """Each figure in the text follows from stored ones, or is one of the code."""
    assert sentence in WORDS


PLANS = re.findall(r"```sh\npython -m benchmarks\.million (.*?)\n```\n\n```text\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize(("arguments", "output"), PLANS)
def test_plans(arguments: str, output: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What the page shows is what the program prints."""
    million.main(shlex.split(arguments))
    assert capsys.readouterr().out == output


def test_larger_nodes() -> None:
    """What the page says of larger nodes is what the program computes."""
    arguments = shlex.split(PLANS[0][0])
    load = million.parse([*arguments, "--per-node", "50000"])
    usual, large = million.sized(million.parse(arguments)), million.sized(load)
    times = [f"{load.publishes * each.told:,.0f}" for each in (large, usual)]
    assert f"on each of {large.nodes} nodes" in WORDS
    assert f"Redis tells {times[0]} copies a second instead of {times[1]}" in WORDS
    assert f"the nodes take {large.cores:.1f} cores instead of {usual.cores:.1f}" in WORDS


def test_clients_that_come_back() -> None:
    """All at once where there is room; where there is none, they give up and come again until the last one is in."""
    at_once = million.come_back(1_000, room=100_000)
    assert (at_once.busiest, at_once.attempts) == (1_000, 1_000)
    assert at_once.seconds == pytest.approx(1.0, abs=0.05)
    crowded = million.come_back(1_000, room=20)
    assert crowded.attempts > 1_000
    assert crowded.seconds >= 1_000 / 20
    spread = million.come_back(1_000, room=100_000, over=20)
    assert spread.busiest < 100


def python_blocks() -> list[str]:
    return re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def test_shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The page's code with two deployments that share signing keys: a message has one home, a token is good at all."""
    module, use = python_blocks()
    monkeypatch.setitem(sys.modules, "shards", ModuleType("shards"))
    exec(module, sys.modules["shards"].__dict__)
    create_key_ring(tmp_path / "keys")
    with ExitStack() as stack:
        homes = [stack.enter_context(VoyantServer(api_key=KEY, secret_file=str(tmp_path / "keys"))) for _ in range(2)]
        for number, home in enumerate(homes, 1):
            use = use.replace(f"https://rt{number}.example.com", home.url)
        space: dict[str, Any] = {}
        exec(use, space)
        shards = space["shards"]
        for channel in ("orders:eu", *(f"orders:{number}" for number in range(10))):
            found = [name for name in shards.clients if shards.clients[name].realtime.history(channel)]
            assert found == [shards.name_of(channel)]
        assert {shards.name_of(f"orders:{number}") for number in range(100)} == {"one", "two"}
        way = shards.way_in("user_42", "orders:eu")
        assert way["base_url"] == shards.of("orders:eu").base_url
        for home in homes:
            with subscribe(home, channel="orders:eu", token=way["token"]):
                pass


def test_one_shard_more() -> None:
    """Only what goes to the new one moves, and it gets its part."""
    space: dict[str, Any] = {}
    exec(python_blocks()[0], space)
    urls = {name: f"https://{name}.example.com" for name in ("one", "two", "three")}
    before = space["Shards"](dict(list(urls.items())[:2]), api_key=KEY)
    after = space["Shards"](urls, api_key=KEY)
    names = [f"orders:{number}" for number in range(300)]
    moved = [name for name in names if before.name_of(name) != after.name_of(name)]
    assert {after.name_of(name) for name in moved} == {"three"}
    assert 50 < len(moved) < 150
