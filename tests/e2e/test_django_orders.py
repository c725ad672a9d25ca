"""``examples/django_orders`` in a real Chromium: two users, a service that is killed, tokens that run out."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser import OpenPage, Visit
from tests.e2e.console_page import UNAVAILABLE
from tests.e2e.executable import environment
from tests.e2e.orders_demo import PROJECT, OrdersDemo, avatars, card, column, move, sign_in
from tests.node import bundle
from tests.processes import fetch

TOKEN_SECONDS = 5
ALICE, BOB = "Alice Meyer", "Bob Tanaka"
BOTH = [f"AM{ALICE}", f"BT{BOB}"]
RECORD_GLIDES = """
window.glides = [];
const animate = Element.prototype.animate;
Element.prototype.animate = function (...given) { glides.push(this.id); return animate.apply(this, given); };
"""
RECORD_AVATARS_THAT_GO = """
window.gone = [];
const note = (change) => change.removedNodes.forEach((node) => gone.push(node.title));
new MutationObserver((changes) => changes.forEach(note)).observe(document.getElementById("people"), {childList: true});
"""

Enter = Callable[..., Visit]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OrdersDemo]:
    """The example, its script freshly built."""
    bundle(PROJECT)
    with OrdersDemo(tmp_path_factory.mktemp("orders"), TOKEN_SECONDS) as running:
        yield running


@pytest.fixture(scope="module")
def sessions() -> dict[str, Any]:
    """The cookies of those who have logged in already: a password takes Django a second."""
    return {}


@pytest.fixture
def enter(demo: OrdersDemo, open_page: OpenPage, sessions: dict[str, Any]) -> Enter:
    """Open a window, log in by hand if it is the user's first one, and wait until it is live."""

    def visit(user: str, **options: Any) -> Visit:
        known = sessions.get(user)
        also = [demo.service.url]
        opened = open_page(demo.url, before=record_glides, also=also, storage_state=known, **options)
        if known is None:
            sign_in(opened.page, user, demo.password)
            sessions[user] = opened.page.context.storage_state()
        expect(opened.page.locator("#status")).to_have_text("Live")
        return opened

    return visit


def record_glides(page: Page) -> None:
    page.add_init_script(RECORD_GLIDES)


def test_an_order_moves_in_the_other_window(enter: Enter) -> None:
    """Both see each other, and what either does; the card glides there."""
    alice, bob = enter("alice").page, enter("bob").page
    for page in (alice, bob):
        expect(avatars(page)).to_have_text(BOTH)
    move(alice, 1007, "Mark paid")
    for page in (alice, bob):
        expect(card(page, "Paid", 1007)).to_contain_text(ALICE)
        expect(column(page, "New").get_by_role("heading", level=2)).to_have_text("New 2")
        assert "order-7" in page.evaluate("glides")
    move(bob, 1007, "Back to new")
    expect(card(alice, "New", 1007)).to_contain_text(BOB)


def test_a_killed_service(enter: Enter, demo: OrdersDemo) -> None:
    """Orders can be changed while the service is away; after its return both windows show all, and both avatars."""
    visits = alice, bob = enter("alice"), enter("bob")
    for visit in visits:
        visit.tolerate(rf"{UNAVAILABLE}|status of 503")
        expect(avatars(visit.page)).to_have_count(2)
    demo.service.kill()
    for visit in visits:
        expect(visit.page.locator("#status")).to_have_text("Reconnecting")
    move(alice.page, 1004, "Mark shipped")
    move(bob.page, 1003, "Back to new")
    expect(card(alice.page, "Shipped", 1004)).to_be_visible()
    expect(card(bob.page, "New", 1003)).to_be_visible()
    expect(card(bob.page, "Paid", 1004)).to_be_visible()
    demo.service.start()
    for visit in visits:
        expect(visit.page.locator("#status")).to_have_text("Live")
        expect(card(visit.page, "Shipped", 1004)).to_be_visible()
        expect(card(visit.page, "New", 1003)).to_be_visible()
        expect(avatars(visit.page)).to_have_count(2)
    move(bob.page, 1004, "Back to paid")
    move(alice.page, 1003, "Mark paid")
    expect(card(alice.page, "Paid", 1004)).to_be_visible()
    expect(card(bob.page, "Paid", 1003)).to_be_visible()


def test_a_killed_site(enter: Enter, demo: OrdersDemo) -> None:
    """A change that could not be saved is said to be none; all goes on once Django is back."""
    visit = enter("alice")
    visit.tolerate(UNAVAILABLE)
    page = visit.page
    demo.kill_site()
    try:
        move(page, 1007, "Mark paid")
        expect(page.locator("#toast")).to_have_text("#1007 was not changed: the application cannot be reached.")
    finally:
        demo.start_site()
    move(page, 1007, "Mark paid")
    expect(card(page, "Paid", 1007)).to_be_visible()
    move(page, 1007, "Back to new")
    expect(card(page, "New", 1007)).to_be_visible()


def test_renewed_tokens(enter: Enter) -> None:
    """While they are renewed nobody seems to leave, and no change is missed."""
    pages = alice, bob = enter("alice").page, enter("bob").page
    for page in pages:
        expect(avatars(page)).to_have_text(BOTH)
        page.evaluate(RECORD_AVATARS_THAT_GO)
    while not all(renewals(page) for page in pages):
        for verb, label in (("Mark paid", "Paid"), ("Back to new", "New")):
            move(alice, 1005, verb)
            expect(card(bob, label, 1005)).to_be_visible()
    for page in pages:
        expect(page.locator("#status")).to_have_text("Live")
        assert page.evaluate("gone") == []


def renewals(page: Page) -> int:
    """How often, as the connection's state says to whoever points at it."""
    title = page.locator("#status").get_attribute("title") or ""
    return int("".join(filter(str.isdigit, title)) or 0)


def test_somebody_was_faster(enter: Enter) -> None:
    """No change is overwritten unseen: the slower one is told, and sees what is so now."""
    alice, bob = enter("alice"), enter("bob")
    bob.tolerate("status of 409")

    def be_faster(route: Route) -> None:
        move(alice.page, 1004, "Mark shipped")
        expect(card(alice.page, "Shipped", 1004)).to_be_visible()
        route.continue_()

    bob.page.route("**/move/", be_faster)
    move(bob.page, 1004, "Back to new")
    told = f"{ALICE} was faster: #1004 is shipped now. You changed nothing."
    expect(bob.page.locator("#toast")).to_have_text(told)
    expect(card(bob.page, "Shipped", 1004)).to_be_visible()
    move(alice.page, 1004, "Back to paid")
    expect(card(bob.page, "Paid", 1004)).to_be_visible()


def test_keys_and_double_clicks(enter: Enter) -> None:
    """Focus goes with an order. A second click moves neither this one nor the one that is now under the pointer."""
    page = enter("alice").page
    page.get_by_role("button", name="Mark paid: #1006").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Mark shipped: #1006")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Back to new: #1006")).to_be_focused()
    page.keyboard.press("Space")
    expect(card(page, "New", 1006)).to_be_visible()
    page.get_by_role("button", name="Mark paid: #1006").dblclick()
    expect(card(page, "Paid", 1006)).to_be_visible()
    expect(column(page, "New").get_by_role("listitem")).to_have_count(2)
    move(page, 1006, "Back to new")
    expect(card(page, "New", 1006)).to_be_visible()


def test_looks(enter: Enter) -> None:
    """In light and dark, on a desk and on a telephone, where nothing sticks out."""
    enter("bob")
    visit = enter("alice", viewport={"width": 1200, "height": 760})
    expect(avatars(visit.page)).to_have_count(2)
    for width in (1200, 360):
        visit.page.set_viewport_size({"width": width, "height": 760})
        assert visit.page.evaluate("document.documentElement.scrollWidth") == width
        for scheme in ("light", "dark"):
            visit.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            visit.picture(f"django-orders-{scheme}-{width}")
    move(visit.page, 1005, "Mark paid")
    expect(card(visit.page, "Paid", 1005)).to_be_visible()
    assert visit.page.evaluate("glides") == []
    visit.picture("django-orders-moved")
    move(visit.page, 1005, "Back to new")
    expect(card(visit.page, "New", 1005)).to_be_visible()


def test_the_end(enter: Enter, demo: OrdersDemo, sessions: dict[str, Any]) -> None:
    """Whoever signs out in another tab, or loses the permission, is told so with the next token, and sees no orders."""
    alice, bob = enter("alice"), enter("bob")
    expect(avatars(bob.page)).to_have_count(2)
    for visit in (alice, bob):
        visit.tolerate("status of 403")
    other = alice.page.context.new_page()
    other.goto(demo.url)
    del sessions["alice"]
    other.get_by_role("button", name="Sign out").click()
    expect(other.get_by_label("Password")).to_be_visible()
    other.go_back()
    expect(other.get_by_label("Password")).to_be_visible()
    expect(alice.page.get_by_role("alert")).to_have_text("You are signed out. Sign in")
    expect(avatars(bob.page)).to_have_count(1)
    demo.set_staff("bob", staff=False)
    try:
        expect(bob.page.get_by_role("alert")).to_contain_text("You may not")
        for visit in (alice, bob):
            expect(visit.page.get_by_role("listitem")).to_have_count(0)
        alice.picture("django-orders-signed-out")
        bob.page.reload()
        expect(bob.page.get_by_text("This page is for staff")).to_be_visible()
    finally:
        demo.set_staff("bob", staff=True)
    alice.page.get_by_role("link", name="Sign in").click()
    alice.picture("django-orders-sign-in")
    sign_in(alice.page, "alice", demo.password)


def test_two_windows_of_one_user(enter: Enter, demo: OrdersDemo) -> None:
    """They are one avatar, which stays until the last is closed."""
    alice, bob = enter("alice").page, enter("bob").page
    expect(avatars(bob)).to_have_count(2)
    second = alice.context.new_page()
    second.goto(demo.url)
    expect(second.locator("#status")).to_have_text("Live")
    bob.evaluate(RECORD_AVATARS_THAT_GO)
    alice.goto("about:blank")
    move(second, 1006, "Mark paid")
    expect(card(bob, "Paid", 1006)).to_be_visible()
    expect(avatars(bob)).to_have_count(2)
    assert bob.evaluate("gone") == []
    second.close()
    expect(avatars(bob)).to_have_count(1)
    move(bob, 1006, "Back to new")
    expect(card(bob, "New", 1006)).to_be_visible()


def test_start(demo: OrdersDemo, tmp_path: Path) -> None:
    """One command starts all of it, says where and how to log in, and Ctrl-C ends it without a word."""
    env = environment("", "", ORDERS_DATA=str(tmp_path))
    command = [sys.executable, str(PROJECT / "start.py")]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as started:
        assert started.stdout is not None
        logins, address = started.stdout.readline(), started.stdout.readline()
        assert logins.startswith("Log in as alice or bob with the password ")
        found = re.search(r"http://\S+", address)
        assert found is not None, address
        assert b"Sign in" in fetch(found[0] + "/login/")
        started.send_signal(signal.SIGINT)
        rest, errors = started.communicate(timeout=20)
    assert (started.returncode, rest) == (0, "")
    assert "Traceback" not in errors
