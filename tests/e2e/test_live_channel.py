"""``examples/live_channel`` in a real Chromium, on the official client and the real server."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route

from tests.browser import OpenPage, Visit
from tests.e2e.console_page import UNAVAILABLE
from tests.node import require_node
from tests.waiting import until
from voyant_cloud import VoyantCloudClient
from voyant_cloud.testing import VoyantServer

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
PROJECT = EXAMPLES / "django_orders"
CHANNEL = "orders:eu"
START = """
window.seen = [];
const live = new LiveChannel({
  channel: "orders:eu", tokenUrl: "/token", headers: () => ({"X-CSRFToken": "secret"}), presence: {name: "Alice"},
});
for (const event of ["connected", "message", "presence", "disconnected", "ended", "error"])
  live.on(event, (payload) => seen.push({...payload, event}));
window.live = live;
"""
SLEEP = "Date.now = ((now) => () => now() + 900_000)(Date.now)"


@pytest.fixture(scope="module")
def script() -> str:
    """The module as a browser takes it, with a page's few lines."""
    require_node(PROJECT, "@voyant-travel/cloud-sdk", "esbuild")
    command = [str(PROJECT / "node_modules/.bin/esbuild"), "--bundle", "--format=esm"]
    source = f'import {{ LiveChannel }} from "./live-channel.js";{START}'
    return subprocess.run(
        command,
        input=source,
        cwd=EXAMPLES / "live_channel",
        env={**os.environ, "NODE_PATH": str(PROJECT / "node_modules")},
        capture_output=True,
        check=True,
        text=True,
    ).stdout


class Application:
    """What answers the page when it wants a token, as the test says."""

    def __init__(self, client: VoyantCloudClient) -> None:
        self.asked: list[str] = []
        self.ttl_seconds = 600
        self.refusals: list[dict[str, Any]] = []
        self._client = client

    def answer(self, route: Route) -> None:
        self.asked.append(f"{route.request.method} {route.request.headers['x-csrftoken']}")
        if self.refusals:
            route.fulfill(**self.refusals.pop(0))
            return
        token = self._client.realtime.tokens.mint(
            client_id="alice", capabilities={CHANNEL: ["subscribe", "presence"]}, ttl_seconds=self.ttl_seconds
        )
        body = {"token": token.token, "expiresAt": token.expires_at.isoformat(), "channelUrl": self._client.base_url}
        route.fulfill(json=body, headers={"Date": formatdate(usegmt=True)})


@pytest.fixture
def application(client: VoyantCloudClient) -> Application:
    return Application(client)


def without_icon(page: Page) -> None:
    page.route("**/favicon.ico", lambda route: route.fulfill(status=204))


@pytest.fixture
def visit(server: VoyantServer, application: Application, open_page: OpenPage, script: str) -> Callable[[], Visit]:
    """Open a page that begins to listen."""

    def enter() -> Visit:
        # A page that a test made up would not be let near an address of this machine.
        visit = open_page(f"{server.url}/healthz", before=without_icon)
        visit.page.route("**/token", application.answer)
        visit.page.add_script_tag(content=script, type="module")
        return visit

    return enter


def seen(page: Page, event: str, count: int) -> list[dict[str, Any]]:
    """Wait until so many events of a kind have come, and return all of that kind."""
    page.wait_for_function(
        "([event, count]) => seen.filter((e) => e.event === event).length >= count", arg=[event, count]
    )
    found: list[dict[str, Any]] = page.evaluate("(event) => seen.filter((e) => e.event === event)", event)
    return found


def test_renewal(visit: Callable[[], Visit], application: Application, client: VoyantCloudClient) -> None:
    """A new token and connection take over before the old ones end: nothing lost, repeated or seen by others."""
    application.ttl_seconds = 3
    with client.realtime.channel(CHANNEL, client_id="bob") as bob:
        others: list[str] = []
        bob.on("presence", lambda event: others.append(f"{event.action} {event.client_id}"))
        assert bob.wait_connected(15)
        page = visit().page
        seen(page, "connected", 1)
        published = 0
        while len(page.evaluate("seen.filter((e) => e.renewed)")) < 2:
            client.realtime.publish(CHANNEL, event="tick", data=published)
            published += 1
        assert [message["data"] for message in seen(page, "message", published)] == list(range(published))
        assert seen(page, "disconnected", 0) == []
        assert application.asked == ["POST secret"] * 3
        assert others == ["enter alice"]
        page.evaluate("live.close()")
        assert seen(page, "connected", 3)[0]["renewed"] is False


def test_an_application_that_is_away(
    visit: Callable[[], Visit], application: Application, server: VoyantServer
) -> None:
    """It is asked again, no sooner than it said; whoever is signed out is told so."""
    application.refusals = [{"status": 503, "headers": {"Retry-After": "1"}}, {"status": 502, "body": "<html>"}]
    opened = visit()
    opened.tolerate(rf"{UNAVAILABLE}|status of (403|502|503)")
    page = opened.page
    seen(page, "connected", 1)
    assert len(application.asked) == 3
    assert [event["action"] for event in seen(page, "presence", 1)] == ["enter"]
    application.refusals = [{"status": 403, "json": {"error": "log in first", "code": "unauthorized"}}]
    page.evaluate(SLEEP)
    server.drop_connections()
    [end] = seen(page, "ended", 1)
    assert (end["status"], end["message"]) == (403, "you are signed out")
    assert len(seen(page, "disconnected", 1)) == 1
    until(lambda: server.connections == 0)


def test_a_token_that_expired_in_a_sleep(
    visit: Callable[[], Visit], application: Application, server: VoyantServer
) -> None:
    """It is replaced and never tried again."""
    opened = visit()
    opened.tolerate(UNAVAILABLE)
    page = opened.page
    seen(page, "connected", 1)
    with page.expect_websocket():
        page.evaluate("dispatchEvent(new Event('online'))")
    seen(page, "connected", 2)
    assert len(application.asked) == 1
    page.evaluate(SLEEP)
    server.drop_connections()
    seen(page, "connected", 3)
    assert len(application.asked) == 2


def test_a_service_that_forgot_all(visit: Callable[[], Visit], server: VoyantServer) -> None:
    """Presence is entered again."""
    opened = visit()
    opened.tolerate(UNAVAILABLE)
    seen(opened.page, "presence", 1)
    server.restart()
    assert [event["action"] for event in seen(opened.page, "presence", 2)] == ["enter", "enter"]
    assert [event["renewed"] for event in seen(opened.page, "connected", 2)] == [False, False]
