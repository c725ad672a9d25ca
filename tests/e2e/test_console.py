"""The console in a real Chromium: who gets in, what is listed, what stays text, how it looks."""

from __future__ import annotations

import json
import os
import re
import shlex
from typing import Any

import pytest
from playwright.sync_api import Page, Route, WebSocketRoute, expect

from tests.browser import OpenPage
from tests.e2e.console_page import (
    CHANNEL,
    UNAVAILABLE,
    following,
    lines,
    open_channel,
    publish,
    row,
    sign_in,
)
from tests.e2e.executable import run
from tests.waiting import until
from voyant_cloud import VoyantCloudClient
from voyant_cloud.testing import VoyantServer

SCRIPT = "<script>document.title='pwned'</script>"
IMAGE = "<img src=x onerror=\"document.title='pwned'\">"


def test_wrong_key_gets_the_servers_words(server: VoyantServer, open_page: OpenPage) -> None:
    """A key that the server does not take, or that cannot be one, is answered beside the field; another may follow."""
    visit = open_page(f"{server.url}/console")
    visit.tolerate("status of 401")
    page = visit.page
    problem = page.locator("#key-problem")
    for key, words in (
        ("vck_not-the-key-of-it", "not valid"),
        ("schlüssel", "no spaces, accents"),
        ("", "type an API key"),
    ):
        page.get_by_label("API key").fill(key)
        page.keyboard.press("Enter")
        expect(problem).to_contain_text(words)
    expect(page.get_by_role("button", name="Sign out")).to_be_hidden()
    visit.picture("console-sign-in")
    sign_in(page, server.api_key)


def test_first_visit_says_what_to_do(server: VoyantServer, console: OpenPage, client: VoyantCloudClient) -> None:
    """With no channel there is a command that publishes; run as it stands, its channel appears."""
    page = console().page
    command = page.locator("#first-publish").inner_text()
    words = shlex.split(command.replace("\\\n", ""))
    assert words[0] == "voyant-cloud"
    done = run(*words[1:], env={**os.environ, "VOYANT_CLOUD_API_KEY": server.api_key})
    assert done.returncode == 0, done.stderr
    expect(row(page, CHANNEL)).to_be_visible()
    expect(page.locator("#no-channels")).to_be_hidden()
    assert client.realtime.history(CHANNEL)[0].data == {"orderId": "ord_1"}


@pytest.mark.parametrize("hostile", [SCRIPT, IMAGE])
def test_markup_stays_text(console: OpenPage, client: VoyantCloudClient, hostile: str) -> None:
    """Markup in an event, in data, in a client id and in presence data is shown as what it is."""
    visit = console(CHANNEL)
    page = visit.page
    with following(client, hostile) as channel:
        channel.enter_presence({hostile: hostile})
        client.realtime.publish(CHANNEL, event=hostile, data={hostile: [hostile]})
        expect(page.locator(".message-line .event")).to_have_text(hostile)
        expect(page.locator(".member .client")).to_have_text(hostile)
        expect(page.locator(".member .data")).to_have_text(json.dumps({hostile: hostile}, separators=(",", ":")))
        page.locator(".message-line summary").click()
        expect(page.locator(".whole pre")).to_contain_text(json.dumps(hostile))
    assert page.locator("main script, main img").count() == 0
    assert page.title() == "Voyant Cloud console"


def test_key_is_nowhere(server: VoyantServer, console: OpenPage, client: VoyantCloudClient) -> None:
    """After signing in the key is in no element, field, address or store; signing out empties the page."""
    publish(client, "seen by nobody who signed out")
    page = console(CHANNEL).page
    expect(lines(page)).to_have_count(1)
    everything = """() => JSON.stringify([
        document.documentElement.outerHTML, [...document.querySelectorAll("input, textarea")].map((each) => each.value),
        location.href, document.title, document.cookie, {...localStorage}, {...sessionStorage}, history.state, name])"""
    assert server.api_key not in page.evaluate(everything)
    assert "rtok_" not in page.evaluate(everything)
    page.locator("#needle").fill("seen by")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("API key")).to_be_focused()
    expect(page.locator("#needle")).to_have_value("")
    until(lambda: server.connections == 0)
    left = page.evaluate(everything)
    assert server.api_key not in left
    assert "seen by nobody" not in left
    assert CHANNEL not in page.locator("#channel-list, #messages").all_inner_texts()
    page.reload()
    expect(page.get_by_label("API key")).to_have_value("")


def test_leaving_the_page_forgets_a_key_that_is_tried(server: VoyantServer, open_page: OpenPage) -> None:
    """A browser may keep the page for the way back; neither the key nor the sign-in with it is there then."""
    page = open_page(f"{server.url}/console").page
    held: list[Route] = []
    page.route("**/console/channels*", lambda route: held.append(route))
    page.get_by_label("API key").fill(server.api_key)
    with page.expect_request("**/console/channels*"):
        page.get_by_role("button", name="Sign in").click()
    page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide'))")
    expect(page.get_by_label("API key")).to_have_value("")
    page.unroute("**/console/channels*")
    sign_in(page, server.api_key)


def test_key_that_is_no_longer_taken_signs_out(open_page: OpenPage) -> None:
    """A server that comes back with other keys has the page ask for one, with the server's words."""
    with VoyantServer() as server:
        visit = open_page(f"{server.url}/console")
        visit.tolerate(f"{UNAVAILABLE}|status of 401")
        sign_in(visit.page, server.api_key)
        port = int(server.url.rpartition(":")[2])
    with VoyantServer(port=port):
        expect(visit.page.locator("#key-problem")).to_contain_text("not valid")


def test_channels_are_narrowed_ordered_and_rated(console: OpenPage, client: VoyantCloudClient) -> None:
    """The list has the channels that begin with what was typed, in the chosen order, each with its rate."""
    for name in ("a:quiet", "b:busy", "other"):
        publish(client, 0, channel=name)
    page = console().page
    names = page.locator(".channel .name")
    expect(names).to_have_text(["a:quiet", "b:busy", "other"])
    publish(client, *range(30), channel="b:busy")
    expect(row(page, "b:busy").locator(".rate")).not_to_have_text("0/s")
    expect(page.locator("#plot-now")).not_to_have_text("0/s")
    expect(page.locator("#plot path.plot-line")).to_have_attribute("d", re.compile("^M"))
    # With the focus in the list its rows would stand still.
    page.get_by_label("Order").focus()
    page.get_by_label("Order").select_option("busiest")
    expect(names.first).to_have_text("b:busy")
    page.get_by_label("Begins with").fill("a:")
    expect(names).to_have_text(["a:quiet"])
    page.get_by_label("Begins with").fill("nowhere")
    expect(page.locator("#channels-note")).to_contain_text("No channel begins with that")


def test_prefix_that_is_none_is_told(console: OpenPage, client: VoyantCloudClient) -> None:
    """A prefix that no name can have is told of, opens nothing, and holds up nothing."""
    visit = console()
    visit.page.get_by_label("Begins with").fill("a b")
    expect(visit.page.locator("#channels-note")).to_contain_text("no channel's name begins with it")
    visit.page.keyboard.press("Enter")
    expect(visit.page.locator("#channels-note")).to_contain_text("a channel name has")
    expect(visit.page.locator("#messages-title")).to_have_text("Messages")
    publish(client, 1, 2, 3)
    expect(visit.page.locator("#plot-now")).not_to_have_text(re.compile(r"^0/s"))


@pytest.mark.parametrize(
    ("scopes", "missing", "disabled"),
    [
        ("realtime:publish,realtime:tokens", "realtime:subscribe", ["#prefix", "#needle", "#pause"]),
        ("realtime:subscribe,realtime:tokens", "realtime:publish", ["#publish-event", "#publish button"]),
        ("realtime:subscribe,realtime:publish", "realtime:tokens", []),
    ],
)
def test_missing_scopes_are_named(open_page: OpenPage, scopes: str, missing: str, disabled: list[str]) -> None:
    """What a key does not allow cannot be used, and the scope that it would take is told."""
    with VoyantServer(api_key=f"vck_0123456789abcdef:{scopes}") as server:
        visit = open_page(f"{server.url}/console")
        visit.tolerate("status of 403")
        page = visit.page
        sign_in(page, server.api_key)
        if missing == "realtime:tokens":
            page.get_by_label("Begins with").fill(CHANNEL)
            page.keyboard.press("Enter")
        expect(page.get_by_text(f"lacks the scope {missing}").first).to_be_visible()
        for each in disabled:
            expect(page.locator(each)).to_be_disabled()
        if missing != "realtime:publish":
            expect(page.locator("#publish-event")).to_be_enabled()


def test_keyboard_alone(server: VoyantServer, open_page: OpenPage, client: VoyantCloudClient) -> None:
    """From the key to a published message without a pointer."""
    for name in ("a", "b", "c"):
        publish(client, 0, channel=name)
    page = open_page(f"{server.url}/console").page
    page.keyboard.type(server.api_key)
    page.keyboard.press("Enter")
    expect(row(page, "a")).to_be_focused()
    page.keyboard.press("End")
    page.keyboard.press("ArrowUp")
    expect(row(page, "b")).to_be_focused()
    page.keyboard.press("/")
    expect(page.get_by_label("Begins with")).to_be_focused()
    page.keyboard.press("Escape")
    expect(row(page, "b")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#state")).to_have_text("Live")
    for target in ("#needle", "#history", "#reload", "#pause", "#log", ".message-line summary"):
        page.keyboard.press("Tab")
        expect(page.locator(target)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".whole pre")).to_be_visible()
    page.locator("#publish-channel").focus()
    page.keyboard.press("Tab")
    page.keyboard.type("by.hand")
    page.keyboard.press("Tab")
    page.keyboard.type("[1]")
    page.keyboard.press("Control+Enter")
    expect(lines(page)).to_have_count(2)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("light", {"viewport": {"width": 1600, "height": 900}}),
        ("dark", {"viewport": {"width": 1600, "height": 900}, "color_scheme": "dark"}),
        ("medium", {"viewport": {"width": 1024, "height": 768}}),
        ("narrow", {"viewport": {"width": 360, "height": 740}, "reduced_motion": "reduce"}),
    ],
)
def test_every_width_and_scheme(
    console: OpenPage, client: VoyantCloudClient, name: str, options: dict[str, Any]
) -> None:
    """Nothing sticks out sideways, however long a name or a value and whichever way it is written."""
    long = "x" * 200
    for channel in (long, "chat:room-17", "telemetry:sensor-4"):
        publish(client, 1, channel=channel)
    publish(client, {"orderId": "ord_1", "status": "paid"}, long * 20, {"שלום": "مرحبا \u202e reversed"}, SCRIPT)
    client.realtime.publish(CHANNEL, event=long, data=None)
    visit = console(CHANNEL, **options)
    page = visit.page
    page.get_by_label("Begins with").fill("")
    expect(page.locator(".channel")).to_have_count(4)
    with following(client, "user_42") as one, following(client, "c" * 128) as other:
        one.enter_presence({"name": "Alice"})
        other.enter_presence(long)
        expect(page.locator(".member")).to_have_count(2)
        publish(client, *range(20))
        expect(lines(page)).to_have_count(25)
        lines(page).nth(23).locator("summary").click()
        visit.picture(f"console-{name}")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        expect(page.locator(".message-line .data").filter(has_text="reversed")).to_contain_text(r"\u202e reversed")
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, re.findall(r"\d+", ground)[:3])) < 384) is (name == "dark")


def test_behind_a_proxy_with_a_prefix(server: VoyantServer, open_page: OpenPage, client: VoyantCloudClient) -> None:
    """Where a proxy adds a prefix, all that the page asks for is under it."""
    publish(client, "through the proxy")
    prefix = f"{server.url}/voyant"
    sockets: list[str] = []

    def forward(route: Route) -> None:
        route.fulfill(response=route.fetch(url=route.request.url.replace(prefix, server.url)))

    def connect(socket: WebSocketRoute) -> None:
        sockets.append(socket.url)
        socket.send(json.dumps({"type": "connected", "channel": CHANNEL}))

    def through_proxy(page: Page) -> None:
        page.route(f"{prefix}/**", forward)
        page.route_web_socket(re.compile("/connect"), connect)

    page = open_page(f"{prefix}/console", before=through_proxy).page
    sign_in(page, server.api_key)
    expect(page.locator("#server")).to_have_text(prefix)
    open_channel(page, CHANNEL)
    expect(lines(page)).to_have_count(1)
    assert [url.partition("?")[0] for url in sockets] == [f"ws{prefix.removeprefix('http')}/realtime/v1/connect"]
