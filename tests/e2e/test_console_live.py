"""The console in a real Chromium: messages and presence as they come, and the form that publishes."""

from __future__ import annotations

import json
import queue
import threading
from pathlib import Path
from typing import Any

from playwright.sync_api import expect

from tests.browser import OpenPage
from tests.e2e.console_page import (
    CHANNEL,
    PATIENCE,
    UNAVAILABLE,
    following,
    lines,
    open_channel,
    publish,
    row,
    shown_data,
    sign_in,
)
from tests.waiting import until
from voyant_cloud import RealtimeMessageSummary, VoyantCloudClient
from voyant_cloud.testing import VoyantServer


def test_history_then_live_without_hole_or_repeat(console: OpenPage, client: VoyantCloudClient) -> None:
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


def test_publish_from_the_form(console: OpenPage, client: VoyantCloudClient) -> None:
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


def test_form_without_data_publishes_null(console: OpenPage, client: VoyantCloudClient) -> None:
    """An empty field is no data; Ctrl+Enter publishes."""
    page = console(CHANNEL).page
    page.locator("#publish-event").fill("order.seen")
    page.locator("#publish-data").press("Control+Enter")
    expect(lines(page)).to_have_count(1)
    assert client.realtime.history(CHANNEL)[0].data is None


def test_form_refuses_what_is_not_json(console: OpenPage) -> None:
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


def test_form_shows_the_servers_refusals(console: OpenPage) -> None:
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


def test_presence_that_cannot_be_read(console: OpenPage, client: VoyantCloudClient) -> None:
    """Who enters is shown, and still said that the list is not whole."""
    visit = console()
    visit.tolerate("status of 503")
    refusal = {"error": "no store now", "code": "service_unavailable"}
    visit.page.route("**/presence", lambda route: route.fulfill(status=503, json=refusal))
    open_channel(visit.page, CHANNEL)
    with following(client) as channel:
        channel.enter_presence({"name": "Alice"})
        expect(visit.page.locator(".member")).to_have_count(1)
        expect(visit.page.locator("#members-note")).to_have_text("no store now")


def test_presence_appears_changes_and_leaves(console: OpenPage, client: VoyantCloudClient) -> None:
    """Who was there before is listed; who enters, changes or leaves is seen to."""
    with following(client, "early") as early:
        early.enter_presence({"name": "Early"})
        until(lambda: len(client.realtime.presence.get(CHANNEL)) == 1)
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
    """Where the server no longer has what came after the last message, the page says so between the messages, once."""
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
            expect(page.locator(".trouble-line")).to_contain_text("A gap: history no longer reaches back")
            server.drop_connections()
            publish(client, "of the new history")
            expect(lines(page)).to_have_count(2)
            expect(page.locator(".trouble-line")).to_have_count(1)
            assert shown_data(page) == ["of the old history", "of the new history"]


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


def test_two_thousand_messages_stay_bounded(console: OpenPage, client: VoyantCloudClient) -> None:
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


def test_pause_and_filter(console: OpenPage, client: VoyantCloudClient) -> None:
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
