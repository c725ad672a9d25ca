"""What ``/metrics`` tells, over real sockets: each number moves when its thing happens, and no secret is among them."""

from __future__ import annotations

import asyncio
import logging
import socket as sockets
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.server.wire_client import Reachable, call, mint, publish, refused_upgrade, subscribe
from tests.waiting import until
from voyant_cloud import __version__
from voyant_cloud.server.engine.base import EngineUnavailableError
from voyant_cloud.testing import VoyantServer

REFUSALS = 'voyant_refusals_total{code="%s",transport="%s"}'


def scrape(server: Reachable) -> dict[str, float]:
    """Read every sample, by its name and labels in alphabetical order."""
    answer = call(server, "GET", "/metrics", headers={"Authorization": ""})
    assert answer.status_code == 200
    found = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            labels = ",".join(f'{name}="{value}"' for name, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


def publish_large(server: Reachable) -> None:
    messages = [{"channel": "orders:eu", "event": "e", "data": "x" * 20_000}] * 100
    assert call(server, "POST", "/realtime/v1/messages", json={"messages": messages}).status_code == 200


def test_a_connection_is_counted_from_its_upgrade_to_its_close(server: VoyantServer) -> None:
    """Open, present, on a channel; and once it is closed, by its code."""
    with subscribe(server) as socket:
        socket.send(type="presence", action="enter")
        socket.next("presence")
        now = scrape(server)
        assert now["voyant_connections"] == now["voyant_connections_opened_total"] == 1
        assert now["voyant_presence_connections"] == now["voyant_channels"] == 1
        assert now["voyant_connections_limit"] == 20_000
        assert now["voyant_queue_bytes"] == 0
        assert now['voyant_engine_latency_seconds_count{operation="enter"}'] == 1
        socket.raw.send_close(1001)
        assert socket.close_code() == 1001
    now = until(lambda: found if (found := scrape(server))["voyant_connections"] == 0 else None)
    assert now['voyant_closes_total{code="1001"}'] == 1
    assert sum(value for name, value in now.items() if name.startswith("voyant_closes_total")) == 1
    assert now["voyant_presence_connections"] == 0


def test_an_upgrade_that_waits_is_not_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """While the store does not answer it is counted for itself, and takes one of the connections that there may be."""
    answered = threading.Event()

    async def watch(*_: object) -> None:
        await asyncio.to_thread(answered.wait, 20)

    monkeypatch.setattr("voyant_cloud.server.engine.memory.MemoryEngine.watch", watch)
    names = "voyant_connections", "voyant_connections_waiting"
    with VoyantServer(limits={"connections": 1}) as server, ThreadPoolExecutor(1) as pool:
        token = mint(server)
        with ExitStack() as stack:
            opening = pool.submit(lambda: stack.enter_context(subscribe(server, token=token)))
            assert until(lambda: [now[name] for name in names] if (now := scrape(server))[names[1]] else None) == [0, 1]
            assert refused_upgrade(server, "orders:eu", token)[0] == 503
            answered.set()
            opening.result(20)
            assert [scrape(server)[name] for name in names] == [1, 0]
        until(lambda: [scrape(server)[name] for name in names] == [0, 0])


def test_publishes_and_deliveries(server: VoyantServer) -> None:
    """Publishes by transport, messages in them, deliveries to each subscriber, and how long both took."""
    with subscribe(server) as one, subscribe(server) as other:
        publish(server)
        messages = [{"channel": "orders:eu", "event": "e"}] * 3 + [{"channel": "nobody", "event": "e"}]
        call(server, "POST", "/realtime/v1/messages", json={"messages": messages})
        one.send(type="publish", event="e")
        for socket in (one, other):
            for _ in range(5):
                socket.next("message")
        now = scrape(server)
    assert now['voyant_publishes_total{transport="http"}'] == 2
    assert now['voyant_published_messages_total{transport="http"}'] == 5
    assert now['voyant_publishes_total{transport="websocket"}'] == 1
    assert now['voyant_published_messages_total{transport="websocket"}'] == 1
    assert now['voyant_deliveries_total{path="live"}'] == 10
    assert now['voyant_deliveries_total{path="replay"}'] == 0
    assert now["voyant_delivery_latency_seconds_count"] == 3, "once for what was committed together"
    assert 0 <= now["voyant_delivery_latency_seconds_sum"] < 10
    assert now['voyant_engine_latency_seconds_count{operation="append"}'] == 3
    assert 0 < now['voyant_engine_latency_seconds_sum{operation="append"}'] < 10


def test_replays_by_outcome_and_gaps() -> None:
    """How subscriptions began, what was sent again, and gaps."""
    with VoyantServer(limits={"history_messages": 3}) as server:
        ids = [publish(server)["id"] for _ in range(6)]
        with subscribe(server, since_id=ids[3]) as kept, subscribe(server, since_id=ids[0]) as lost, subscribe(server):
            for _ in range(2):
                kept.next("message")
            assert lost.next("error")["code"] == "history_gap"
            for _ in range(3):
                lost.next("message")
            now = scrape(server)
    assert {name: now[f'voyant_replays_total{{outcome="{name}"}}'] for name in ("recovered", "gap", "live")} == {
        "recovered": 1,
        "gap": 1,
        "live": 1,
    }
    assert now["voyant_gaps_total"] == 1
    assert now['voyant_deliveries_total{path="replay"}'] == 5
    assert now['voyant_deliveries_total{path="live"}'] == 0


def test_a_slow_consumer(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits for it is seen, then that it fell behind, then its close with 4008."""
    monkeypatch.setattr("voyant_cloud.server.connection.ABORT_AFTER", 0.05)
    with VoyantServer(limits={"queue_bytes": 65_536}) as server, subscribe(server) as stalled:
        stalled.raw.sock.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4_096)
        while scrape(server)["voyant_queue_bytes"] <= 65_536:
            publish_large(server)
        publish_large(server)
        now = scrape(server)
        assert now["voyant_fell_behind_total"] == 1
        assert now['voyant_closes_total{code="4008"}'] == 0
        stalled.send(type="ping")
        now = until(lambda: found if (found := scrape(server))["voyant_connections"] == 0 else None)
        assert now['voyant_closes_total{code="4008"}'] == 1
        assert now["voyant_queue_bytes"] == 0


def test_refusals(server: VoyantServer) -> None:
    """Requests, upgrades and frames that are refused, by code."""
    before = scrape(server)
    assert call(server, "POST", "/realtime/v1/tokens", key="sk_wrong").status_code == 401
    assert call(server, "GET", "/nowhere").status_code == 404
    assert refused_upgrade(server, "orders:eu", mint(server, {"other": ["subscribe"]}))[0] == 403
    assert refused_upgrade(server, "orders:eu", "rtok_wrong")[0] == 401
    with server.refuse(429, times=1):
        assert call(server, "POST", "/realtime/v1/tokens").status_code == 429
    with subscribe(server, token=mint(server, {"*": ["subscribe"]})) as socket:
        socket.send(type="publish", event="e")
        assert socket.next("error")["code"] == "forbidden"
    now = scrape(server)
    moved = {name: value - before[name] for name, value in now.items() if "refusals" in name and value != before[name]}
    assert moved == {
        REFUSALS % ("unauthorized", "http"): 2,
        REFUSALS % ("not_found", "http"): 1,
        REFUSALS % ("forbidden", "http"): 1,
        REFUSALS % ("rate_limited", "http"): 1,
        REFUSALS % ("forbidden", "websocket"): 1,
    }
    assert now['voyant_publishes_total{transport="websocket"}'] == 0


def test_an_engine_that_fails(server: VoyantServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failure of the store is counted, a conflict of the caller's is not."""
    for data, status in ((1, 200), (2, 409)):
        answer = call(
            server,
            "POST",
            "/realtime/v1/channels/a/messages",
            json={"event": "e", "data": data},
            headers={"Idempotency-Key": "k"},
        )
        assert answer.status_code == status
    assert scrape(server)['voyant_engine_failures_total{operation="append"}'] == 0

    async def fail(*_: object) -> None:
        raise EngineUnavailableError("away")

    monkeypatch.setattr("voyant_cloud.server.engine.memory.MemoryEngine.append", fail)
    assert call(server, "POST", "/realtime/v1/channels/a/messages", json={"event": "e"}).status_code == 503
    now = scrape(server)
    assert now['voyant_engine_failures_total{operation="append"}'] == 1
    assert now[REFUSALS % ("service_unavailable", "http")] == 1
    assert now['voyant_publishes_total{transport="http"}'] == 1


def test_the_loop_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loop that was held up shows by how much."""
    monkeypatch.setattr("voyant_cloud.server.app.TICK", 0.01)
    with VoyantServer() as server:
        until(lambda: scrape(server)["voyant_loop_lag_seconds_count"] >= 3)
        slow = 'voyant_loop_lag_seconds_bucket{le="0.05"}'
        with server.pause():
            held = time.monotonic()
            until(lambda: time.monotonic() - held >= 0.1)
        assert until(lambda: (now := scrape(server))["voyant_loop_lag_seconds_count"] - now[slow]) >= 1


def test_the_route(server: VoyantServer, caplog: pytest.LogCaptureFixture) -> None:
    """It takes no key, answers GET and HEAD, and is quiet in the access log."""
    with caplog.at_level(logging.DEBUG, "voyant_cloud.server.access"):
        answer = call(server, "GET", "/metrics", headers={"Authorization": ""})
        head = call(server, "HEAD", "/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    assert answer.headers["x-request-id"] != head.headers["x-request-id"]
    assert (head.status_code, head.content) == (200, b"")
    assert [record.levelname for record in caplog.records if " /metrics " in record.getMessage()] == ["DEBUG"] * 2
    refused = call(server, "POST", "/metrics")
    assert (refused.status_code, refused.headers["Allow"]) == (405, "GET,HEAD")
    now = scrape(server)
    assert now[f'voyant_build_info{{version="{__version__}"}}'] == 1
    assert now["voyant_draining"] == 0


def test_nothing_of_the_callers_is_told(server: VoyantServer) -> None:
    """No key, token, channel, client, event or data is in it, whatever is done and refused."""
    token = mint(server, {"secret-channel": ["subscribe"]}, clientId="secret-client")
    publish(server, "secret-channel", event="secret-event", data="secret-data")
    with subscribe(server, "secret-channel", token=token):
        call(server, "GET", "/secret-path")
        text = call(server, "GET", "/metrics").text
    assert "secret" not in text
    assert server.api_key not in text
    assert token not in text


def test_each_server_counts_for_itself(server: VoyantServer) -> None:
    """Two servers of one process do not share their counts."""
    publish(server)
    with VoyantServer() as other:
        name = 'voyant_publishes_total{transport="http"}'
        assert (scrape(server)[name], scrape(other)[name]) == (1, 0)
