"""``examples/flask_chat`` in a real Chromium: two people, a service that is killed, tokens that run out."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser import OpenPage, Visit
from tests.e2e.chat_demo import PROJECT, ChatDemo, bubbles, here, say, texts, write
from tests.e2e.console_page import UNAVAILABLE
from tests.e2e.executable import environment
from tests.node import bundle
from tests.processes import fetch

TOKEN_SECONDS = 4
AWAY = rf"{UNAVAILABLE}|status of 503"

EVIL = '<img src="x" onerror="alert(1)"><script>alert(2)</script>'
RECORD_PEOPLE = """
window.seen = [];
const people = document.getElementById("people");
new MutationObserver(() => seen.push(people.textContent)).observe(people, {childList: true});
"""

Enter = Callable[..., Visit]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChatDemo]:
    """The example, its script freshly built."""
    bundle(PROJECT)
    with ChatDemo(tmp_path_factory.mktemp("chat"), TOKEN_SECONDS) as running:
        yield running


@pytest.fixture
def room(request: pytest.FixtureRequest) -> str:
    """A room of the test's own."""
    return re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_"))


@pytest.fixture
def enter(demo: ChatDemo, open_page: OpenPage, room: str) -> Enter:
    """Let somebody choose a name and come into the room, and wait until it is live."""

    def visit(name: str, **options: Any) -> Visit:
        opened = open_page(f"{demo.url}/room/{room}", also=[demo.service.url], **options)
        opened.page.get_by_label("Your name").fill(name)
        opened.page.keyboard.press("Enter")
        expect(opened.page.locator("#status")).to_have_text("Live")
        return opened

    return visit


def test_two_people(enter: Enter, demo: ChatDemo, room: str) -> None:
    """An empty room says so; what either says is seen by both, each with the sender, on the right side."""
    ada = enter("Ada", timezone_id="Asia/Tokyo", locale="de-DE").page
    expect(ada.get_by_text("Nothing here yet.")).to_be_visible()
    bob = enter("Bob Tanaka").page
    for page in (ada, bob):
        here(page, "Ada", "Bob Tanaka")
    expect(ada.get_by_text("Bob Tanaka joined")).to_be_visible()
    write(ada, "Hello")
    expect(bob.get_by_text("Ada is typing")).to_be_visible()
    ada.keyboard.press("Enter")
    expect(bubbles(bob)).to_have_count(1)
    for hidden in ("Ada is typing", "Nothing here yet."):
        expect(bob.get_by_text(hidden)).to_be_hidden()
    say(bob, "Hello yourself")
    say(bob, "How are you?")
    for page in (ada, bob):
        expect(bubbles(page)).to_have_count(3)
        assert texts(page) == ["Hello", "Hello yourself", "How are you?"]
    expect(bubbles(ada).first).to_have_class(re.compile("mine"))
    expect(bubbles(bob).first).not_to_have_class(re.compile("mine"))
    expect(bubbles(ada).nth(1)).to_contain_text("Bob Tanaka")
    [published, *_] = demo.client.realtime.history(f"chat:{room}")
    tokyo = published.published_at.astimezone(ZoneInfo("Asia/Tokyo"))
    expect(bubbles(ada).first.locator("time")).to_have_text(f"{tokyo:%H:%M}")
    bob.get_by_role("button", name="Leave").click()
    here(ada, "Ada")
    expect(ada.get_by_text("Bob Tanaka left")).to_be_visible()


def test_a_killed_service(enter: Enter, demo: ChatDemo, room: str) -> None:
    """What could not be sent is said to be so, and stored once however often it is tried; no window lacks anything."""
    demo.client.realtime.publish(f"chat:{room}", event="message", data={"from": "Eve#aaaaa", "text": "Before"})
    visits = ada, _ = enter("Ada"), enter("Bob")
    for visit in visits:
        visit.tolerate(AWAY)
        here(visit.page, "Ada", "Bob")
        expect(bubbles(visit.page)).to_have_count(1)
    demo.service.kill()
    say(ada.page, "Meanwhile")
    again = ada.page.get_by_role("button", name="Try again")
    expect(ada.page.get_by_text("Not sent. The service cannot be reached")).to_be_visible()
    for visit in visits:
        expect(visit.page.locator("#status")).to_have_text("Reconnecting")
    ada.picture("flask-chat-not-sent")
    again.click()
    expect(again).to_be_visible()
    demo.service.start()
    # Before any page is back. None has had a message by the channel, after which it could resume: this is in history.
    demo.client.realtime.publish(f"chat:{room}", event="message", data={"from": "Eve#aaaaa", "text": "From Eve"})
    again.dblclick()
    for visit in visits:
        expect(visit.page.locator("#status")).to_have_text("Live")
        expect(bubbles(visit.page)).to_have_count(3)
        assert texts(visit.page) == ["Before", "From Eve", "Meanwhile"]
        here(visit.page, "Ada", "Bob")
    expect(ada.page.get_by_role("list", name="On their way").get_by_role("listitem")).to_have_count(0)
    assert demo.stored(room) == ["Before", "From Eve", "Meanwhile"]


def test_renewed_tokens(enter: Enter, demo: ChatDemo, room: str) -> None:
    """While they are renewed no message is missed or repeated, and nobody seems to leave."""
    pages = ada, bob = enter("Ada").page, enter("Bob").page
    renewals: dict[Page, list[str]] = {ada: [], bob: []}
    for page in pages:
        here(page, "Ada", "Bob")
        page.evaluate(RECORD_PEOPLE)
        page.on("websocket", lambda socket, urls=renewals[page]: urls.append(socket.url))
    wanted: list[str] = []
    while not all(renewals.values()):
        wanted.append(f"Message {len(wanted)}")
        say(ada, wanted[-1])
        expect(bubbles(bob)).to_have_count(len(wanted))
    for page in pages:
        expect(bubbles(page)).to_have_count(len(wanted))
        assert texts(page) == wanted
        assert all("Ada" in seen and "Bob" in seen for seen in page.evaluate("seen"))
    assert demo.stored(room) == wanted


def test_text_is_text(enter: Enter, demo: ChatDemo, room: str) -> None:
    """Markup is shown as it was written, by whomever; lines stay lines."""
    page = enter("Ada").page
    demo.client.realtime.publish(f"chat:{room}", event="message", data={"from": f"{EVIL}#aaaaa", "text": EVIL})
    demo.client.realtime.publish(f"chat:{room}", event="message", data={"text": ["no chat's"]})
    write(page, EVIL)
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("<b>Second</b> line")
    page.keyboard.press("Enter")
    for _ in range(2):
        expect(bubbles(page)).to_have_count(2)
        assert texts(page) == [EVIL, f"{EVIL}\n<b>Second</b> line"]
        expect(bubbles(page).first.locator(".name")).to_have_text(f"{EVIL} aaaaa")
        assert page.locator("#room img, #room script, #room b").count() == 0
        page.reload()


def test_sending(enter: Enter, demo: ChatDemo, room: str) -> None:
    """A text too long is refused in words, and stays in the field; others arrive in order, answer or none."""
    visit = enter("Ada")
    visit.tolerate("net::ERR_FAILED")
    page = visit.page
    field = page.get_by_role("textbox", name="Message to")
    say(page, "😀" * 2001)
    expect(page.get_by_text("That is 2,001 characters; a message may have 2,000.")).to_be_visible()
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_value("😀" * 2001)
    page.route("**/messages", lose_the_answer)
    # The channel brings the message before its answer is lost, and a route that is taken back must not be in use.
    with page.expect_event("requestfailed", lambda request: request.url.endswith("/messages")):
        say(page, "😀" * 2000)
    expect(field).to_have_value("")
    expect(bubbles(page)).to_have_count(1)
    page.unroute("**/messages")
    held: list[Route] = []
    is_slow = True
    page.route("**/messages", lambda route: held.append(route) if is_slow else route.continue_())
    for text in ("One", "Two", "Three"):
        say(page, text)
    expect(page.get_by_role("list", name="On their way").get_by_text("Sending")).to_have_count(3)
    is_slow = False
    # The last first: they would overtake each other if they were under way together.
    for route in reversed(held):
        route.continue_()
    expect(bubbles(page)).to_have_count(4)
    expect(page.get_by_text("Not sent")).to_have_count(0)
    assert texts(page) == demo.stored(room) == ["😀" * 2000, "One", "Two", "Three"]


def lose_the_answer(route: Route) -> None:
    route.fetch()
    route.abort()


def test_earlier_messages(enter: Enter, demo: ChatDemo, room: str) -> None:
    """The newest come first; those before on demand, while what is read stays in its place."""
    data = [{"from": "Eve#aaaaa", "text": f"Message {number}"} for number in range(120)]
    demo.client.realtime.publish_many({"channel": f"chat:{room}", "event": "message", "data": each} for each in data)
    page = enter("Ada").page
    expect(bubbles(page)).to_have_count(50)
    expect(page.get_by_text("Message 119")).to_be_in_viewport()
    earlier = page.get_by_role("button", name="Earlier messages")
    for shown, first in ((100, 70), (120, 20)):
        earlier.click()
        expect(bubbles(page)).to_have_count(shown)
        expect(page.get_by_text(f"Message {first}", exact=True)).to_be_in_viewport()
    expect(earlier).to_be_hidden()
    assert texts(page) == [each["text"] for each in data]
    demo.client.realtime.publish(f"chat:{room}", event="message", data={"from": "Eve#aaaaa", "text": "News"})
    page.get_by_role("button", name="New messages").click()
    expect(page.get_by_text("News", exact=True)).to_be_in_viewport()


def test_leaving_in_another_tab(enter: Enter, demo: ChatDemo, room: str) -> None:
    """Nobody speaks under a name that was given back: the page says so, shows the way in, and asks about texts."""
    visit = enter("Ada")
    visit.tolerate("status of 403")
    other = visit.page.context.new_page()
    other.goto(f"{demo.url}/room/{room}")
    other.get_by_role("button", name="Leave").click()
    expect(other.get_by_label("Your name")).to_be_visible()
    say(visit.page, "Still me?")
    expect(visit.page.get_by_text("Not sent. Choose a name first.")).to_be_visible()
    expect(visit.page.get_by_role("button", name="Send")).to_be_disabled()
    assert demo.stored(room) == []
    questions: list[str] = []
    visit.page.on("dialog", lambda dialog: (questions.append(dialog.type), dialog.accept()))
    visit.page.get_by_role("link", name="Come back").click()
    expect(visit.page.get_by_label("Your name")).to_be_visible()
    assert questions == ["beforeunload"]


def test_looks(enter: Enter, demo: ChatDemo, room: str) -> None:
    """In light and dark, on a desk and on a telephone, where nothing sticks out."""
    bob = enter("Bob Tanaka").page
    visit = enter("Ada Lovelace", viewport={"width": 1100, "height": 760})
    visit.tolerate("status of 422")
    page = visit.page
    link = "https://trains.example/vienna/" + "night-" * 20
    for sender, text in (
        (page, "Good morning! Has anybody looked at the night train to Vienna?"),
        (bob, "Yes. It leaves at 19:52, and there are couchettes left."),
        (bob, f"Shall I book three? I found this: {link}"),
        (page, "Please do.\nI'll bring breakfast."),
    ):
        before = bubbles(page).count()
        say(sender, text)
        expect(bubbles(page)).to_have_count(before + 1)
    write(bob, "On it")
    here(page, "Ada", "Bob")
    expect(page.get_by_text("Bob Tanaka is typing")).to_be_visible()
    for width in (1100, 360):
        page.set_viewport_size({"width": width, "height": 760})
        assert page.evaluate("document.documentElement.scrollWidth") == width
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            visit.picture(f"flask-chat-{scheme}-{width}")
    page.get_by_role("button", name="Leave").click()
    page.get_by_label("Your name").fill("@")
    page.keyboard.press("Enter")
    expect(page.get_by_text("but not @")).to_be_visible()
    visit.picture("flask-chat-front")


@pytest.mark.usefixtures("demo")
def test_start(tmp_path: Path) -> None:
    """One command starts all of it and says where; Ctrl-C ends it without a word."""
    env = environment("", "", CHAT_DATA=str(tmp_path / "data"))
    command = [sys.executable, str(PROJECT / "start.py")]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as started:
        assert started.stdout is not None
        address = started.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+", address)
        assert found is not None, address
        assert b"What shall we call you?" in fetch(found[0])
        started.send_signal(signal.SIGINT)
        assert started.communicate(timeout=20) == ("", "")
    assert started.returncode == 0
