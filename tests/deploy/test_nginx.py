"""The example's nginx before two real nodes: upgrades, silence, a node that stops, and nothing secret in its logs."""

from __future__ import annotations

import time
from collections.abc import Iterator

import attrs
import pytest
import requests
import websocket

from tests.deploy.nginx import Nginx, started
from tests.deploy.nodes import KEY, Reachable, two_nodes
from tests.processes import ROOT
from tests.realtime.channel_tools import Seen
from tests.server.wire_client import call, mint, publish, subscribe
from tests.waiting import until
from voyant_cloud import VoyantCloudClient
from voyant_cloud.server import connection
from voyant_cloud.testing import VoyantServer


@attrs.frozen
class Service:
    """Two nodes that take each other's tokens, and nginx in front."""

    nodes: list[VoyantServer]
    nginx: Nginx

    @property
    def front(self) -> Reachable:
        """The way through nginx."""
        return Reachable(self.nginx.url)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("nginx")
    # Pings after half a second instead of 20, and nginx's timeout as much shorter.
    patch = pytest.MonkeyPatch()
    patch.setattr(connection, "PING_AFTER", 0.5)
    try:
        with two_nodes(folder) as nodes, started(folder, nodes.hosts, nodes.hosts[0], "2s") as nginx:
            yield Service(nodes.both, nginx)
    finally:
        patch.undo()


def test_rest(service: Service) -> None:
    """Publishes go through, with the most that a batch may hold; metrics and console do not."""
    assert publish(service.front, data="x" * 60_000)["id"]
    messages = [{"channel": "a", "event": "e", "data": "x" * 20_000}] * 100
    answer = call(service.front, "POST", "/realtime/v1/messages", key=KEY, json={"messages": messages})
    assert answer.status_code == 200, answer.text
    for path in ("/metrics", "/console", "/console/", "/console/static/connection.js"):
        assert requests.get(service.nginx.url + path, timeout=20).status_code == 404
    ready = requests.get(f"{service.nginx.tls_url}/readyz", verify=ROOT / "tests/certificates/ca.pem", timeout=20)
    assert ready.status_code == 200


def test_both_nodes_serve(service: Service) -> None:
    """WebSockets are spread over both nodes, and messages arrive."""
    token = mint(service.front)
    before = [node.connections for node in service.nodes]
    with subscribe(service.front, token=token), subscribe(service.front, token=token):
        until(lambda: [node.connections for node in service.nodes] == [count + 1 for count in before])


def test_silence(service: Service) -> None:
    """Pings keep a silent channel open for longer than nginx's timeout: nothing but they travels."""
    with subscribe(service.front, token=mint(service.front)) as socket:
        begin = time.monotonic()
        while time.monotonic() - begin < 3:
            assert socket.raw.recv_frame().opcode == websocket.ABNF.OPCODE_PING
            socket.raw.pong(b"")


def test_a_node_stops(service: Service) -> None:
    """The channel goes on at the other node, from where it was."""
    one, two = service.nodes
    two.stop()
    with VoyantCloudClient(api_key=KEY, base_url=service.nginx.url) as client:
        channel = client.realtime.channel("moves", client_id="reader")
        with channel:
            seen = Seen(channel, "connected", "message", "gap")
            assert channel.wait_connected(20)
            client.realtime.publish("moves", event="e", data=1)
            seen.wait(2)
            two.start()
            one.stop()
            client.realtime.publish("moves", event="e", data=2)
            until(lambda: two.connections == 1)
            assert [name for name, _ in seen.wait(4)].count("gap") == 0
            assert [event.data for name, event in seen.all if name == "message"] == [1, 2]
            one.start()


def test_console_snippet(service: Service) -> None:
    """The snippet of the docs carries the page and a WebSocket with the browser's own host and port."""
    url = f"{service.nginx.console_url}/voyant"
    page = requests.get(f"{url}/console", timeout=20)
    assert page.status_code == 200
    assert "<html" in page.text
    below = Reachable(url)
    with subscribe(below, token=mint(below), origin=service.nginx.console_url):
        pass


def test_no_token_is_logged(service: Service) -> None:
    """Neither what goes well nor what fails leaves a token in a log."""
    for node in service.nodes:
        node.stop()
    token = "rtok_" + "a" * 4_000
    answer = requests.get(f"{service.nginx.url}/realtime/v1/channels/x?token={token}", timeout=20)
    assert answer.status_code == 502
    until(lambda: " 502 " in service.nginx.logged())
    assert "/realtime/v1/channels/x" in service.nginx.logged()
    assert "token=" not in service.nginx.logged()
    assert "rtok_" not in service.nginx.logged()
