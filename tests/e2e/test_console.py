"""The console in a real Chromium, against a real server."""

from __future__ import annotations

import json
import queue
import re
import shlex
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Locator, Page, Route, WebSocketRoute, expect

from tests.browser import OpenPage, Visit
from voyant_cloud import RealtimeChannel, RealtimeMessageSummary, VoyantCloudClient
from voyant_cloud.testing import VoyantServer

CHANNEL = "orders:eu"
PATIENCE = 15.0
SCRIPT = "<script>document.title='pwned'</script>"
IMAGE = "<img src=x onerror=\"document.title='pwned'\">"
UNAVAILABLE = (
    r"ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE|ERR_SOCKET_NOT_CONNECTED|WebSocket connection"
)


@pytest.fixture
def client(server: VoyantServer) -> Iterator[VoyantCloudClient]:
    """The SDK, as the other side of what the page does."""
    with VoyantCloudClient(api_key=server.api_key, base_url=server.url) as made:
        yield made


@pytest.fixture
def console(server: VoyantServer, open_page: OpenPage) -> Callable[..., Visit]:
    """Open the console and sign in; with a channel's name also open that channel and wait until it is live."""

    def enter(channel: str | None = None, **options: Any) -> Visit:
        visit = open_page(f"{server.url}/console", **options)
        sign_in(visit.page, server.api_key)
        if channel is not None:
            open_channel(visit.page, channel)
        return visit

    return enter


def sign_in(page: Page, key: str) -> None:
    page.get_by_label("API key").fill(key)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()


def open_channel(page: Page, channel: str) -> None:
    page.get_by_label("Begins with").fill(channel)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=f"Messages on {channel}")).to_be_visible()
    expect(page.locator("#state")).to_have_text("Live")


def row(page: Page, channel: str) -> Locator:
    """The channel's button in the list."""
    return page.locator(".channel").filter(has=page.get_by_text(channel, exact=True))


def lines(page: Page) -> Locator:
    """The messages on the page, newest first."""
    return page.locator(".message-line")


def shown_data(page: Page) -> list[Any]:
    """The data of all messages on the page, oldest first."""
    return [json.loads(text) for text in reversed(page.locator(".message-line .data").all_text_contents())]


def publish(client: VoyantCloudClient, *data: Any, channel: str = CHANNEL) -> None:
    client.realtime.publish_many({"channel": channel, "event": "order.updated", "data": each} for each in data)


@contextmanager
def following(client: VoyantCloudClient, client_id: str = "user_42") -> Iterator[RealtimeChannel]:
    verbs = {CHANNEL: ["subscribe", "publish", "presence"]}
    with client.realtime.channel(CHANNEL, client_id=client_id, capabilities=verbs) as channel:
        assert channel.wait_connected(PATIENCE)
        yield channel


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


def test_first_visit_says_what_to_do(
    server: VoyantServer, console: Callable[..., Visit], client: VoyantCloudClient
) -> None:
    """With no channel there is a command that publishes; run as it stands, its channel appears."""
    page = console().page
    command = page.locator("#first-publish").inner_text()
    words = shlex.split(command.replace("\\\n", "").replace("$VOYANT_CLOUD_API_KEY", server.api_key))
    assert words[:3] == ["curl", "-X", "POST"]
    headers = dict(word.split(": ") for word in words if word.startswith(("Authorization", "Content-Type")))
    answer = requests.post(words[3], headers=headers, data=words[-1], timeout=10)
    assert answer.status_code == 200, answer.text
    expect(row(page, CHANNEL)).to_be_visible()
    expect(page.locator("#no-channels")).to_be_hidden()
    assert client.realtime.history(CHANNEL)[0].data == {"orderId": "ord_1"}


def test_history_then_live_without_hole_or_repeat(console: Callable[..., Visit], client: VoyantCloudClient) -> None:
    """What was published before is there, what is published now comes, each once and in order."""
    publish(client, *range(150))
    visit = console(CHANNEL)
    page = visit.page
    expect(lines(page)).to_have_count(100)
    publish(client, *range(150, 200))
    expect(lines(page)).to_have_count(150)
    assert shown_data(page) == list(range(50, 200))
    expect(page.locator(".note-line")).to_have_text("100 messages of history up to here")
    page.get_by_label("History").select_option("1,000")
    expect(lines(page)).to_have_count(200)
    assert shown_data(page) == list(range(200))


def test_messages_published_between_history_and_connection(
    server: VoyantServer, open_page: OpenPage, client: VoyantCloudClient
) -> None:
    """On a channel without history, what is published before the connection stands is not lost."""
    page = open_page(f"{server.url}/console").page
    sign_in(page, server.api_key)
    # The token is asked for after the history was read and before the connection is made.
    page.route("**/realtime/v1/tokens", lambda route: (publish(client, "between"), route.continue_())[1])
    open_channel(page, CHANNEL)
    publish(client, "after")
    expect(lines(page)).to_have_count(2)
    assert shown_data(page) == ["between", "after"]


def test_publish_from_the_form(console: Callable[..., Visit], client: VoyantCloudClient) -> None:
    """What the form sends arrives in Python as it was typed, and on the page; numbers keep every digit both ways."""
    page = console(CHANNEL).page
    received: queue.Queue[RealtimeMessageSummary] = queue.Queue()
    with following(client) as channel:
        channel.on("message", received.put)
        page.locator("#publish-event").fill("order.paid")
        page.locator("#publish-data").fill('{"id": 12345678901234567891,\n "é": ["😀"]}')
        page.locator("#publish").get_by_role("button", name="Publish").click()
        message = received.get(timeout=PATIENCE)
    assert (message.event, message.data["id"], message.data["é"]) == ("order.paid", 12345678901234567891, ["😀"])
    expect(page.locator("#publish-done")).to_contain_text(f"Published to {CHANNEL}")
    expect(page.locator(".message-line .data")).to_contain_text('{"id":12345678901234567891,')
    page.locator(".message-line summary").click()
    expect(page.locator(".whole pre")).to_contain_text('"id": 12345678901234567891')


def test_form_without_data_publishes_null(console: Callable[..., Visit], client: VoyantCloudClient) -> None:
    """An empty field is no data; Ctrl+Enter publishes."""
    page = console(CHANNEL).page
    page.locator("#publish-event").fill("order.seen")
    page.locator("#publish-data").press("Control+Enter")
    expect(lines(page)).to_have_count(1)
    assert client.realtime.history(CHANNEL)[0].data is None


def test_form_refuses_what_is_not_json(console: Callable[..., Visit]) -> None:
    """Data that is not JSON is not sent; its place is named, and the field has the focus."""
    page = console(CHANNEL).page
    page.locator("#publish-event").fill("e")
    for text, words in (
        ('{"a": 1,\n "b": }', "line 2, column 7: expected a value, found }"),
        ("{'a': 1}", "line 1, column 2: expected a key in double quotes or }, found '"),
        ('{"a" 1}', "line 1, column 6: expected a colon, found 1"),
        ("[1, 2", "line 1, column 6: expected a comma or ], found the end"),
        ("1 2", "line 1, column 3: expected nothing more, found 2"),
        ('["a\nb"]', "line 1, column 2: expected a value or ], found a string that does not end"),
        ("NaN", "line 1, column 1: expected a value, found NaN"),
    ):
        page.locator("#publish-data").fill(text)
        page.locator("#publish").get_by_role("button", name="Publish").click()
        expect(page.locator("#publish-problem")).to_contain_text(words)
        expect(page.locator("#publish-data")).to_be_focused()
    expect(lines(page)).to_have_count(0)


def test_form_shows_the_servers_refusals(console: Callable[..., Visit]) -> None:
    """What the server refuses is told beside the form, in its words; a name that is no channel is not sent at all."""
    visit = console(CHANNEL)
    visit.tolerate("status of 400")
    page = visit.page
    publish_button = page.locator("#publish").get_by_role("button", name="Publish")
    publish_button.click()
    expect(page.locator("#publish-problem")).to_contain_text("PublishRealtimeMessageInput.event")
    page.locator("#publish-event").fill("e")
    for name in ("..", "a b", ""):
        page.locator("#publish-channel").fill(name)
        publish_button.click()
        expect(page.locator("#publish-problem")).to_contain_text("a channel name has 1 to 200")


def test_presence_appears_changes_and_leaves(console: Callable[..., Visit], client: VoyantCloudClient) -> None:
    """Who was there before is listed; who enters, changes or leaves is seen to."""
    with following(client, "early") as early:
        early.enter_presence({"name": "Early"})
        wait_until(lambda: len(client.realtime.presence.get(CHANNEL)) == 1)
        visit = console(CHANNEL)
        members = visit.page.locator(".member")
        expect(members).to_have_count(1)
        with following(client, "late") as late:
            late.enter_presence({"name": "Late"})
            expect(members).to_have_count(2)
            expect(members.nth(1)).to_contain_text("late")
            late.update_presence({"name": "Late", "typing": True})
            expect(members.nth(1)).to_contain_text('"typing":true')
        expect(members).to_have_count(1)
    expect(visit.page.locator("#members-note")).to_have_text("Nobody is present.")


def wait_until(fact: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not fact():
        assert time.monotonic() < deadline, "it did not happen in time"


@pytest.mark.parametrize("hostile", [SCRIPT, IMAGE])
def test_markup_stays_text(console: Callable[..., Visit], client: VoyantCloudClient, hostile: str) -> None:
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


def test_key_is_nowhere(server: VoyantServer, console: Callable[..., Visit], client: VoyantCloudClient) -> None:
    """After signing in the key is in no element, field, address or store; signing out empties the page."""
    publish(client, "seen by nobody who signed out")
    page = console(CHANNEL).page
    expect(lines(page)).to_have_count(1)
    everything = """() => JSON.stringify([
        document.documentElement.outerHTML, [...document.querySelectorAll("input, textarea")].map((each) => each.value),
        location.href, document.title, document.cookie, {...localStorage}, {...sessionStorage}, history.state, name])"""
    assert server.api_key not in page.evaluate(everything)
    assert "rtok_" not in page.evaluate(everything)
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("API key")).to_be_focused()
    wait_until(lambda: server.connections == 0)
    left = page.evaluate(everything)
    assert server.api_key not in left
    assert "seen by nobody" not in left
    assert CHANNEL not in page.locator("#channel-list, #messages").all_inner_texts()
    page.reload()
    expect(page.get_by_label("API key")).to_have_value("")


def test_resumes_after_a_cut_and_a_restart(tmp_path: Path, open_page: OpenPage) -> None:
    """Cut off, and with the server stopped and started again, the page goes on: nothing lost, nothing twice."""
    with VoyantServer(data=str(tmp_path / "voyant.db")) as server:
        with VoyantCloudClient(api_key=server.api_key, base_url=server.url) as client:
            visit = open_page(f"{server.url}/console")
            visit.tolerate(UNAVAILABLE)
            page = visit.page
            sign_in(page, server.api_key)
            open_channel(page, CHANNEL)
            publish(client, *range(10))
            expect(lines(page)).to_have_count(10)
            assert server.drop_connections() == 1
            publish(client, *range(10, 20))
            expect(lines(page)).to_have_count(20)
            server.stop()
            expect(page.locator("#trouble")).to_contain_text("does not answer")
            expect(page.locator("#state")).to_contain_text("Reconnecting")
            server.start()
            publish(client, *range(20, 30))
            expect(lines(page)).to_have_count(30)
            expect(page.locator("#state")).to_have_text("Live")
            expect(page.locator("#trouble")).to_be_hidden()
            assert shown_data(page) == list(range(30))
            expect(page.locator(".trouble-line")).to_have_count(0)


def test_lost_history_shows_a_gap(open_page: OpenPage) -> None:
    """Where the server no longer has what came after the last message, the page says so between the messages."""
    with VoyantServer() as server:
        with VoyantCloudClient(api_key=server.api_key, base_url=server.url) as client:
            visit = open_page(f"{server.url}/console")
            visit.tolerate(UNAVAILABLE)
            page = visit.page
            sign_in(page, server.api_key)
            open_channel(page, CHANNEL)
            publish(client, "of the old history")
            expect(lines(page)).to_have_count(1)
            server.restart()
            publish(client, "of the new history")
            expect(page.locator(".trouble-line")).to_contain_text("A gap: history no longer reaches back")
            expect(lines(page)).to_have_count(2)
            assert shown_data(page) == ["of the old history", "of the new history"]


def test_key_that_is_no_longer_taken_signs_out(open_page: OpenPage) -> None:
    """A server that comes back with other keys has the page ask for one, with the server's words."""
    with VoyantServer() as server:
        visit = open_page(f"{server.url}/console")
        visit.tolerate(f"{UNAVAILABLE}|status of 401")
        sign_in(visit.page, server.api_key)
        port = int(server.url.rpartition(":")[2])
    with VoyantServer(port=port):
        expect(visit.page.locator("#key-problem")).to_contain_text("not valid")


def test_token_that_expires_is_renewed(server: VoyantServer, open_page: OpenPage, client: VoyantCloudClient) -> None:
    """With tokens that live for two seconds the page stays live and shows each message once."""
    page = open_page(f"{server.url}/console").page
    sign_in(page, server.api_key)
    asked = []

    def shorten(route: Any) -> None:
        asked.append(route)
        route.continue_(post_data=json.dumps({**json.loads(route.request.post_data), "ttlSeconds": 2}))

    page.route("**/realtime/v1/tokens", shorten)
    open_channel(page, CHANNEL)
    for number in range(1, 4):
        publish(client, number)
        expect(lines(page)).to_have_count(number)
        while len(asked) <= number:
            page.wait_for_event("request", lambda request: request.url.endswith("/tokens"))
    publish(client, 4)
    expect(lines(page)).to_have_count(4)
    assert shown_data(page) == [1, 2, 3, 4]


def test_two_thousand_messages_stay_bounded(console: Callable[..., Visit], client: VoyantCloudClient) -> None:
    """2,000 messages at once leave the newest 1,000 on the page, which answers to clicks all the while."""
    page = console(CHANNEL).page
    page.evaluate("""() => {
        let last = performance.now();
        window.longestFrame = 0;
        const measure = (now) => {
            window.longestFrame = Math.max(window.longestFrame, now - last);
            last = now;
            requestAnimationFrame(measure);
        };
        requestAnimationFrame(measure);
    }""")
    publisher = threading.Thread(target=publish, args=(client, *range(2_000)))
    publisher.start()
    while publisher.is_alive():
        page.get_by_text("Keyboard").click()
    expect(lines(page).first).to_contain_text("1999")
    assert page.locator("#feed > li").count() == 1_000
    assert shown_data(page) == list(range(1_000, 2_000))
    assert page.evaluate("window.longestFrame") < 2_000
    expect(row(page, CHANNEL)).to_contain_text("2,000 messages")


def test_pause_and_filter(console: Callable[..., Visit], client: VoyantCloudClient) -> None:
    """While paused nothing moves and what came is counted; the filter looks in event and data, in any case."""
    page = console(CHANNEL).page
    publish(client, "One")
    expect(lines(page)).to_have_count(1)
    page.get_by_role("button", name="Pause").click()
    publish(client, "Two", "Three")
    resume = page.get_by_role("button", name="Resume (2 new)")
    expect(resume).to_be_visible()
    expect(lines(page)).to_have_count(1)
    resume.click()
    expect(lines(page)).to_have_count(3)
    page.get_by_label("Filter").fill("tWO")
    expect(lines(page)).to_have_count(1)
    expect(page.locator("#feed-note")).to_have_text("1 of 3 messages")
    page.get_by_label("Filter").fill("nowhere")
    expect(page.locator("#feed-note")).to_have_text("0 of 3 messages")
    page.get_by_label("Filter").fill("order.upd")
    expect(lines(page)).to_have_count(3)


def test_channels_are_narrowed_ordered_and_rated(console: Callable[..., Visit], client: VoyantCloudClient) -> None:
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


def test_prefix_that_is_none_is_told(console: Callable[..., Visit]) -> None:
    """A prefix that no name can have gets the server's words, and opens nothing."""
    visit = console()
    visit.tolerate("status of 400")
    visit.page.get_by_label("Begins with").fill("a b")
    expect(visit.page.locator("#channels-note")).to_contain_text("no channel's name begins with it")
    visit.page.keyboard.press("Enter")
    expect(visit.page.locator("#channels-note")).to_contain_text("a channel name has")
    expect(visit.page.locator("#messages-title")).to_have_text("Messages")


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
    console: Callable[..., Visit], client: VoyantCloudClient, name: str, options: dict[str, Any]
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


def test_json_is_judged_as_the_browser_judges_it(server: VoyantServer, open_page: OpenPage) -> None:
    """What the page's own check takes and refuses is what JSON.parse does, and a number comes back with its digits."""
    page = open_page(f"{server.url}/console").page
    good = ["1", "-0.5e+7", '"\\u00e9\\n"', "[]", "{}", '{"a":[1,{"b":null}],"":true}', " [ 1 , 2 ]\n", "[[[]]]"]
    bad = [
        "",
        "01",
        "1.",
        "+1",
        "[1,]",
        "{,}",
        '{"a":1,}',
        '{"a"}',
        "[1 2]",
        "]",
        "{]",
        '"\\x"',
        '"\t"',
        "truex",
        "[1}",
        "nul",
    ]
    judge = """async (texts) => {
        const { findProblem } = await import("/console/json.js");
        const parses = (text) => { try { JSON.parse(text); return true; } catch { return false; } };
        return texts.map((text) => [findProblem(text) === null, parses(text)]);
    }"""
    assert page.evaluate(judge, good) == [[True, True]] * len(good)
    assert page.evaluate(judge, bad) == [[False, False]] * len(bad)
    exact = '[12345678901234567890,0.1234567890123456789,{"a":-98765432109876543210}]'
    again = 'async (text) => JSON.stringify((await import("/console/json.js")).parse(text))'
    assert page.evaluate(again, exact) == exact


def test_rates_are_what_was_published_between_answers(server: VoyantServer, open_page: OpenPage) -> None:
    """A new channel counts from nothing if it would have been listed before; a smaller count is a new history."""
    page = open_page(f"{server.url}/console").page
    script = """async () => {
        const { Rates } = await import("/console/rates.js");
        const rates = new Rates();
        const answer = (counts) => Object.entries(counts).map(([channel, published]) => ({ channel, published }));
        const knows = (name) => name.startsWith("new");
        rates.update(0, answer({ a: 100, b: 50 }), knows);
        const first = rates.of(null);
        rates.update(2000, answer({ a: 120, b: 4, new: 6, other: 9 }), knows);
        const second = [rates.of("a"), rates.of("b"), rates.of("new"), rates.of("other"), rates.of(null)];
        for (let at = 3000; at <= 80000; at += 1000) rates.update(at, answer({ a: 120 }), knows);
        return [first, second, rates.of("a"), rates.series(null, 80000).length];
    }"""
    assert page.evaluate(script) == [0, [10, 2, 3, 0, 15], 0, 61]
