"""The example's Caddy before two real nodes: both serve, one is gone or stops, and Redis is away."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest
import requests
from websocket import WebSocketBadStatusException

from tests.deploy.nodes import DEPLOY, Nodes, Reachable, require_proxy, two_nodes
from tests.processes import free_port, running, wait_for_port
from tests.server.wire_client import call, mint, publish, refused_upgrade, subscribe
from tests.waiting import until
from voyant_cloud.server.engine import redis_feed, redis_lane

EVERY = 0.1
"""Seconds between two looks at a node's health, in place of the example's 2."""


@attrs.frozen
class Service:
    """Two nodes, Caddy in front, and where Caddy logs."""

    nodes: Nodes
    front: Reachable
    log: Path

    def refused_looks(self) -> int:
        """Count the looks at a node's health that were answered with an error."""
        return self.log.read_text().count("status code out of tolerances")

    def upgrade_at(self, number: int) -> bool:
        """Tell whether a WebSocket that comes through now is at that node."""
        before = self.nodes.both[number].connections
        try:
            with subscribe(self.front, token=mint(self.front)):
                return self.nodes.both[number].connections > before
        except WebSocketBadStatusException:
            return False


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    program = require_proxy("caddy", "caddy")
    folder = tmp_path_factory.mktemp("caddy")
    # A node says after some tenths of a second instead of seconds that Redis is away.
    patch = pytest.MonkeyPatch()
    for module, name in ((redis_lane, "REACH_WITHIN"), (redis_lane, "ANSWER_WITHIN"), (redis_feed, "WATCH_WITHIN")):
        patch.setattr(module, name, 0.2)
    with two_nodes(folder) as nodes:
        port = free_port()
        replaced = {
            "\n{\n": "\n{\n\tadmin off\n",
            "realtime.example.com {": f"http://127.0.0.1:{port} {{",
            "node-1:8787": nodes.hosts[0],
            "node-2:8787": nodes.hosts[1],
            "health_interval 2s": f"health_interval {EVERY}s",
            "fail_duration 2s": "fail_duration 0.3s",
        }
        text = (DEPLOY / "Caddyfile").read_text()
        for old, new in replaced.items():
            assert old in text
            text = text.replace(old, new)
        file, log = folder / "Caddyfile", folder / "caddy.log"
        file.write_text(text)
        # It keeps certificates and its last configuration there.
        env = {**os.environ, "HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
        with running([program, "run", "--config", str(file), "--adapter", "caddyfile"], env, log):
            wait_for_port(port)
            yield Service(nodes, Reachable(f"http://127.0.0.1:{port}"), log)
    patch.undo()


def test_both_nodes_serve(service: Service) -> None:
    """Publishes with the most that a batch may hold, and WebSockets at both nodes; metrics and console do not pass."""
    messages = [{"channel": "a", "event": "e", "data": "x" * 20_000}] * 100
    assert call(service.front, "POST", "/realtime/v1/messages", json={"messages": messages}).status_code == 200
    for path in ("/metrics", "/console", "/console/", "/console/static/connection.js"):
        assert requests.get(service.front.url + path, timeout=20).status_code == 404
    with subscribe(service.front) as one, subscribe(service.front) as other:
        assert [node.connections for node in service.nodes.both] == [1, 1]
        publish(service.front, data=1)
        assert [socket.next("message")["data"] for socket in (one, other)] == [1, 1]


def test_a_node_is_down(service: Service) -> None:
    """No publish fails, and no WebSocket, from the first one on that its port does not take."""
    two = service.nodes.both[1]
    two.stop()
    for number in range(6):
        publish(service.front, data=number)
        assert service.upgrade_at(0)
    two.start()
    until(lambda: service.upgrade_at(1))


def test_a_node_stops(service: Service) -> None:
    """It takes publishes to its end, and WebSockets go to the other one."""
    two, seen = service.nodes.both[1], service.refused_looks()
    two._ask(lambda server: setattr(server.context, "draining", True))  # as SIGTERM does
    until(lambda: service.refused_looks() > seen)
    for number in range(6):
        assert service.upgrade_at(0)
        publish(service.front, data=number)
    two.restart()
    until(lambda: service.upgrade_at(1))


def test_no_token_is_logged(service: Service) -> None:
    """What fails is logged without its token."""
    for node in service.nodes.both:
        node.stop()
    path = f"/realtime/v1/connect?channel=a&token=rtok_{'a' * 200}"
    until(lambda: call(service.front, "GET", path).status_code >= 502 and "token=hidden" in service.log.read_text())
    assert "rtok_" not in service.log.read_text()
    for node in service.nodes.both:
        node.start()
    until(lambda: call(service.front, "GET", "/readyz").status_code == 200)


def test_redis_is_away(service: Service) -> None:
    """WebSockets stay, and the nodes' own refusal comes through, with when to come again."""
    token, seen = mint(service.front), service.refused_looks()
    with subscribe(service.front, token=token):
        open_before = sum(node.connections for node in service.nodes.both)
        service.nodes.redis.kill()
        # Caddy has seen both.
        until(lambda: service.refused_looks() >= seen + 2)
        answers = [
            call(service.front, "GET", "/readyz"),
            call(service.front, "POST", "/realtime/v1/channels/a/messages", json={"event": "e"}),
        ]
        for answer in answers:
            assert (answer.status_code, answer.json()["code"]) == (503, "service_unavailable")
            assert answer.headers["Retry-After"] == "1"
        status, body = refused_upgrade(service.front, "b", token)
        assert (status, body["code"]) == (503, "service_unavailable")
        assert sum(node.connections for node in service.nodes.both) == open_before == 1
