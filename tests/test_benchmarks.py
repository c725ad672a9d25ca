"""The benchmarks' arithmetic, their peers' words, and one row that takes no time; figures are for people to read."""

from __future__ import annotations

import json
import math
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import websocket

from benchmarks import __main__ as command
from benchmarks import store
from benchmarks.echo import EchoProcess
from benchmarks.engine_tables import engines_table, faults_table
from benchmarks.load import Load
from benchmarks.measure import MissingError, Pair, Result, Row, measure
from benchmarks.peer import play
from benchmarks.plots import draw_growth, draw_ratios
from benchmarks.process import cpu_seconds
from benchmarks.recovery import FAULTS, WITHIN, seconds_without
from benchmarks.report import comparison, read, summary, table, write, write_json
from benchmarks.scripted.ably import Ably, packed
from benchmarks.scripted.centrifugo import Centrifugo
from benchmarks.scripted.script import Script
from benchmarks.scripted.supabase import Supabase
from benchmarks.scripted.voyant import Voyant
from benchmarks.trips import Trips, due_times, percentile
from tests.redis_server import require_redis


def row(**changes: Any) -> Row:
    fixed: dict[str, Any] = {
        "name": "row",
        "what": "it",
        "unit": "a second",
        "against": "that",
        "floor": 0.5,
        "goal": 1.0,
    }
    return Row(**{**fixed, "prepare": steps, **changes})


@contextmanager
def steps() -> Iterator[Pair]:
    """Ours gives 0, 1, 2 …; theirs always 2."""
    numbers = iter(range(100))
    yield lambda: float(next(numbers)), lambda: 2.0


def test_measured_in_turn_after_a_warm_up() -> None:
    """The first turn of each is not counted."""
    result = measure(row(), 3)
    assert (result.ours, result.theirs, result.ratio) == ([1.0, 2.0, 3.0], [2.0] * 3, 1.0)


def test_long_turns_are_few_and_cold() -> None:
    """A row says how many turns it has at the most, and whether its first one is for warming up."""
    assert measure(row(turns=2, warm_up=False), 3).ours == [0.0, 1.0]
    assert measure(row(turns=2), 1).ours == [1.0]


@pytest.mark.parametrize(
    ("ratio", "is_cost", "verdict"),
    [
        (1.2, False, "goal met"),
        (0.6, False, "floor met"),
        (0.4, False, "below the floor"),
        (0.4, True, "goal met"),
        (1.2, True, "below the floor"),
    ],
)
def test_verdicts(ratio: float, is_cost: bool, verdict: str) -> None:
    """More is better, but for a cost."""
    floor, goal = (1.1, 0.5) if is_cost else (0.5, 1.0)
    result = Result(row(is_cost=is_cost, floor=floor, goal=goal), [ratio], [1.0])
    assert table([result]).splitlines()[-1].endswith(f"| {verdict} |")


def test_stored_and_compared(tmp_path: Path) -> None:
    """A ratio that moved is marked, a new row is called new."""
    for name, ours in (("before", [1.0]), ("now", [2.0])):
        rows = [Result(row(), ours, [1.0]), Result(row(name="same"), [1.0], [1.0])]
        write(rows if name == "before" else [*rows, Result(row(name="other"), [1.0], [1.0])], tmp_path / name)
    told = comparison(read(tmp_path / "before"), read(tmp_path / "now")).splitlines()[3:]
    assert [line.split() for line in told] == [
        ["row", "1.000", "->", "2.000", "+100%", "<-", "look"],
        ["same", "1.000", "->", "1.000", "+0%"],
        ["other", "1.000", "new"],
    ]


def test_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It measures the rows that are named, and leaves out what cannot be."""

    @contextmanager
    def missing() -> Iterator[Pair]:
        raise MissingError("needs a moon")
        yield

    monkeypatch.setattr(command, "ROWS", [row(), row(name="away", prepare=missing), row(name="other")])
    monkeypatch.setattr(command, "LATEST", tmp_path / "results" / "latest.json")
    monkeypatch.setattr("sys.argv", ["benchmarks", "row", "away", "--turns", "3"])
    assert command.main() == 0
    said = capsys.readouterr()
    assert "| it (a second) | that | 2 | 2 | **1.00** |" in said.out
    assert "away: left out, needs a moon" in said.err
    assert set(read(tmp_path / "results" / "latest.json")["rows"]) == {"row"}


def test_rows() -> None:
    """Names are unique, and a goal is beyond its floor; the rows that only tell have nothing to meet."""
    assert len({each.name for each in command.ROWS}) == len(command.ROWS)
    limited = [each for each in command.ROWS if each.floor is not None]
    assert {each.name for each in command.ROWS} - {each.name for each in limited} == {
        "latency-idle-uvloop-p50",
        "latency-idle-uvloop-p99",
        "latency-half-load-uvloop-p50",
        "latency-half-load-uvloop-p99",
        "latency-alone-p50",
        "latency-alone-p99",
        "channels-threads",
        "channels-memory",
        "shared-threads",
        "shared-memory",
        "replay-stored",
    }
    for each in limited:
        assert each.floor is not None
        assert each.goal is not None
        assert (each.goal < each.floor) is each.is_cost


@contextmanager
def joined(script: Script) -> Iterator[websocket.WebSocket]:
    """A client of a peer that plays *script*, down a socket of the machine's own."""
    ours, theirs = socket.socketpair()
    playing = threading.Thread(target=play, args=(theirs, script), daemon=True)
    playing.start()
    client = websocket.create_connection("ws://bench/", socket=ours, timeout=10)
    try:
        yield client
    finally:
        client.close()
        playing.join(10)
        theirs.close()
    assert not playing.is_alive()


def heard(client: websocket.WebSocket, said: Any = None) -> Any:
    """What the peer says next, in lines where it joins them, to *said* if anything."""
    if said is not None:
        client.send(json.dumps(said))
    return [json.loads(line) for line in client.recv().split("\n")]


def test_voyants_script() -> None:
    """All messages follow the greeting, one a frame."""
    with joined(Voyant(2)) as client:
        assert heard(client) == [{"type": "connected", "channel": "bench"}]
        [[first], [second]] = heard(client), heard(client)
    assert (first["type"], first["event"], first["data"]["orderId"]) == ("message", "order.updated", "ord_1")
    assert second["data"]["orderId"] == "ord_2"


def test_centrifugos_script() -> None:
    """Sixteen publications share a frame once the channel is subscribed."""
    with joined(Centrifugo(17)) as client:
        [connected] = heard(client, {"id": 1, "connect": {}})
        [subscribed] = heard(client, {"id": 2, "subscribe": {"channel": "bench"}})
        publications, [last] = heard(client), heard(client)
    assert (connected["id"], connected["connect"]["client"]) == (1, "bench")
    assert subscribed == {"id": 2, "subscribe": {}}
    assert [each["push"]["pub"]["offset"] for each in publications] == list(range(1, 17))
    data = {"event": "order.updated", "data": {"orderId": "ord_17", "status": "paid", "total": 129.5}}
    assert last == {"push": {"channel": "bench", "pub": {"data": data, "offset": 17}}}


def test_ablys_script() -> None:
    """A hundred messages share a frame of MessagePack once the channel is attached."""
    with joined(Ably(101)) as client:
        greeting = client.recv()
        client.send_binary(b"\x82\xa6action\x0a\xa7channel\xa5bench")
        attached, hundred, one = client.recv(), client.recv(), client.recv()
    assert packed({"action": 4})[3:] in greeting
    assert packed({"action": 11, "channel": "bench"})[3:] in attached
    assert hundred.count(packed("order.updated")) == 100
    data = '{"orderId":"ord_101","status":"paid","total":129.5}'
    message = {"id": "bench:101:0", "name": "order.updated", "data": data, "encoding": "json"}
    assert one.endswith(packed({"messages": [message]})[3:])


def test_messagepack() -> None:
    """Each kind has its type's byte, then its length."""
    assert packed({"a": [1, "é"]}) == b"\xde\0\1\xd9\1a\xdc\0\2\xcf\0\0\0\0\0\0\0\1\xd9\2\xc3\xa9"


def test_supabases_script() -> None:
    """Broadcasts follow the reply to the join, one a frame; heartbeats are not answered."""
    with joined(Supabase(2)) as client:
        client.send(json.dumps({"event": "heartbeat", "topic": "phoenix", "ref": "1"}))
        [reply] = heard(client, {"event": "phx_join", "topic": "realtime:bench", "ref": "2"})
        [[first], [second]] = heard(client), heard(client)
    assert (reply["event"], reply["ref"], reply["payload"]["status"]) == ("phx_reply", "2", "ok")
    assert (first["event"], first["topic"], first["ref"]) == ("broadcast", "realtime:bench", None)
    assert (second["payload"]["event"], second["payload"]["payload"]["orderId"]) == ("order.updated", "ord_2")


@pytest.mark.parametrize(
    ("percent", "expected"), [(0, 1.0), (1, 1.0), (50, 50.0), (50.5, 51.0), (99, 99.0), (100, 100.0)]
)
def test_percentile(percent: float, expected: float) -> None:
    """It is one of the values, whatever their order."""
    assert percentile([float(number) for number in range(100, 0, -1)], percent) == expected


def test_a_pace_is_kept_from_its_beginning() -> None:
    """Each message has its own time, which no late one moves; without a pace all are due at once."""
    assert list(due_times(10.0, 4, 2.0)) == [10.0, 10.5, 11.0, 11.5]
    assert list(due_times(10.0, 2, math.inf)) == [10.0, 10.0]


def test_trips_are_timed_each() -> None:
    """However they are sent, each message is timed, and none counts for an earlier run."""
    trips = Trips(lambda: trips.arrive())
    assert [len(trips.one_by_one(2)), len(trips.at_pace(3, 1000.0)), len(trips.at_pace(1, 1000.0))] == [2, 3, 1]


def test_the_highest_pace_is_where_messages_begin_to_queue() -> None:
    """One that takes half a millisecond to send keeps no pace of more than 2,000 a second."""
    trips = Trips(lambda: (time.sleep(0.0005), trips.arrive()))
    assert 500 <= trips.highest_pace(0.05) <= 2_000


def test_a_load_keeps_a_server_busy() -> None:
    """From when it is told to until it is told to stop; one that is gone says so."""

    def used() -> float:
        before = cpu_seconds(server.pid)
        time.sleep(0.2)
        return cpu_seconds(server.pid) - before

    with EchoProcess() as server, Load([server.url] * 2, "x") as load:
        shares = [used()]
        rate = load.rate_for(0.02, server.pid)
        shares.append(used())
        load.at(rate)
        busy = used()
        load.at(0)
        shares.append(used())
        load._process.kill()
        load._process.join()
        with pytest.raises(AssertionError, match="gone"):
            load.at(1)
    assert max(shares) * 3 < busy


def test_a_run_is_stored(tmp_path: Path) -> None:
    """What a run left out stays as it was."""
    stored = tmp_path / "stored"
    for machine, rows in (("old", {"a": 1, "b": 1}), ("new", {"b": 2, "c": 2})):
        write_json({"machine": machine, "rows": rows}, tmp_path / "run")
        store.merge(tmp_path / "run", stored, "rows")
    assert read(stored) == {"machine": "new", "rows": {"a": 1, "b": 2, "c": 2}}


@pytest.mark.parametrize("page", store.PAGES, ids=lambda page: page.name)
def test_pages_tell_what_is_stored(page: Path) -> None:
    """Their tables are those of the stored runs, to the last digit."""
    text = page.read_text()
    assert "<!-- what make bench" in text
    assert store.with_tables(text) == text


def test_tables_of_engines_and_faults() -> None:
    """Each engine beside the first one; each fault by its median turn and its worst."""
    first = {"p50": 0.001, "p99": 0.002, "publishes": 1000.4, "deliveries": 2e6, "delivery": 3e-7}
    second = {**first, "p50": 0.0015, "deliveries": 1e6}
    assert engines_table({"a": first, "b": second}).splitlines()[-1] == (
        "| b | 1.50 ms | 2.00 ms | 1.50 | 1,000 | 1,000,000 | 0.50 | 0.30 µs |"
    )
    turns = [(0.1, 1.0), (0.3, 2.0), (0.2, 6.0)]
    assert faults_table({"it": turns}).splitlines()[-1] == "| it | 0.20 s | 0.30 s | 2.00 s | 6.00 s |"


def test_a_fault_is_timed() -> None:
    """The figures are of real nodes: neither side is free of the fault, and both recover."""
    require_redis()
    [fault] = [each for each in FAULTS if "closes" in each.name]
    assert all(0 < seconds < WITHIN for seconds in seconds_without(fault))


def test_a_short_table() -> None:
    """A ratio that is small keeps its digits, and a cost says that its limits are the most."""
    rows = [row(), row(name="cost", is_cost=True, floor=2.0, goal=1.5), row(name="told", floor=None, goal=None)]
    text = summary([*rows, row(name="unmeasured")], {"rows": {each.name: {"ratio": 0.012} for each in rows}})
    assert [line.split(" | ")[2:] for line in text.splitlines()[2:]] == [
        ["**0.012**", "0.5", "1", "below the floor |"],
        ["**0.012**", "at most 2", "at most 1.5", "goal met |"],
        ["**0.012**", "", "", " |"],
    ]


def test_stored_plots() -> None:
    """Each stored series has its plot, small enough for a page."""
    drawn = {path.stem: path.stat().st_size for path in store.PLOTS.iterdir()}
    assert set(drawn) == {"ratios", *read(store.GROWTH)["series"]}
    assert max(drawn.values()) < 60_000


def test_plots_need_matplotlib(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without it the error says what to install."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingError, match=r"voyant-cloud\[bench\]"):
        draw_ratios([row()], {"row": 1.0}, tmp_path / "ratios.svg")


def test_plots(tmp_path: Path) -> None:
    """The same figures give the same files, which hold what was measured and no date."""
    history = {"history": read(store.GROWTH)["series"]["history"]}
    drawn = []
    for folder in (tmp_path / "once", tmp_path / "again"):
        folder.mkdir()
        draw_growth(history, folder)
        draw_ratios([row(), row(name="cost", is_cost=True)], {"row": 0.25, "cost": 0.25}, folder / "ratios.svg")
        drawn.append({path.name: path.read_text() for path in folder.iterdir()})
    assert drawn[0] == drawn[1]
    assert "messages retained in a channel" in drawn[0]["history.svg"]
    assert "row  0.25" in drawn[0]["ratios.svg"]
    assert not any("<dc:date>" in text for text in drawn[0].values())
