"""Tests of the board. The real service runs beside them, see ``shop/testing.py``."""

from __future__ import annotations

import threading

from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.http import HttpResponse
from django.test import Client, TestCase
from django.urls import reverse

from orders.models import Order
from orders.realtime import CHANNEL
from shop.testing import RealtimeRunner
from voyant_cloud.integrations.django import get_client
from voyant_cloud.testing import Published


class BoardTestCase(TestCase):
    """A member of staff is logged in, and there is one order."""

    @classmethod
    def setUpTestData(cls) -> None:
        """Make what every test finds."""
        cls.alice = get_user_model().objects.create_user("alice", first_name="Alice", last_name="Meyer", is_staff=True)
        cls.customer = get_user_model().objects.create_user("carol")
        cls.order = Order.objects.create(customer="Ayşe Demir", items="City walk", total="156.00")

    def setUp(self) -> None:
        """Log in, and forget what other tests published."""
        self.client.force_login(self.alice)
        self.server = RealtimeRunner.server
        self.server.reset()
        self.published = Published(self.server)

    def move(self, status: str = "paid", version: int = 1) -> HttpResponse:
        """Press a button of the card."""
        with self.captureOnCommitCallbacks(execute=True):
            return self.client.post(reverse("move", args=[self.order.pk]), {"status": status, "version": version})


class MoveTests(BoardTestCase):
    """What a button does."""

    def test_it_is_saved_and_published(self) -> None:
        """The message holds what the answer holds."""
        answer = self.move()
        self.order.refresh_from_db()
        self.assertEqual((self.order.status, self.order.version, self.order.changed_by), ("paid", 2, self.alice))
        self.assertEqual(answer.status_code, 200)
        self.published(CHANNEL, event="order.changed", data=answer.json())
        self.assertEqual(answer.json()["order"]["changedBy"], "Alice Meyer")

    def test_nothing_is_published_before_the_commit(self) -> None:
        """Nor ever, if there is none."""
        self.client.post(reverse("move", args=[self.order.pk]), {"status": "paid", "version": 1})
        self.published.nothing()

    def test_a_second_click(self) -> None:
        """It finds the order where it wants it, and changes nothing."""
        self.move()
        answer = self.move()
        self.assertEqual((answer.status_code, answer.json()["order"]["version"]), (200, 2))
        self.assertEqual(self.published.count(), 1)

    def test_somebody_was_faster(self) -> None:
        """Nothing is overwritten; the answer holds the order as it is."""
        self.move("shipped")
        answer = self.move("paid")
        self.assertEqual((answer.status_code, answer.json()["order"]["status"]), (409, "shipped"))
        self.assertEqual(self.published.count(), 1)

    def test_the_service_is_away(self) -> None:
        """The order is changed all the same."""
        with self.server.refuse(503), self.assertLogs("voyant_cloud", "ERROR"):
            self.assertEqual(self.move().status_code, 200)
        self.order.refresh_from_db()
        self.assertEqual(self.order.status, "paid")
        self.published.nothing()

    def test_bad_requests(self) -> None:
        """They are refused."""
        self.assertEqual(self.move("lost").status_code, 400)
        self.assertEqual(self.move(version=0).status_code, 400)
        answer = self.client.post(reverse("move", args=[0]), {"status": "paid", "version": 1})
        self.assertEqual(answer.status_code, 404)

    def test_it_needs_a_csrf_token(self) -> None:
        """Another site cannot press the button."""
        client = Client(enforce_csrf_checks=True)
        client.force_login(self.alice)
        for address in (reverse("move", args=[self.order.pk]), reverse("token")):
            self.assertEqual(client.post(address, {"status": "paid", "version": 1}).status_code, 403)


class StateTests(BoardTestCase):
    """What the page fetches after each connection."""

    def test_orders_and_who_is_present(self) -> None:
        """Both are there."""
        verbs = {CHANNEL: ["subscribe", "presence"]}
        entered = threading.Event()
        with get_client().realtime.channel(CHANNEL, client_id="7", capabilities=verbs) as channel:
            self.assertTrue(channel.wait_connected(10))
            channel.on("presence", lambda _: entered.set())
            channel.enter_presence({"name": "Bob Tanaka"})
            self.assertTrue(entered.wait(10))
            state = self.client.get(reverse("state")).json()
        self.assertEqual(state["present"], [{"clientId": "7", "data": {"name": "Bob Tanaka"}}])
        self.assertEqual(state["me"], str(self.alice.pk))
        [order] = state["orders"]
        self.assertEqual((order["number"], order["total"], order["version"]), (1000 + self.order.pk, "156.00", 1))

    def test_the_service_is_away(self) -> None:
        """Orders are shown without it."""
        with self.server.refuse(503):
            state = self.client.get(reverse("state")).json()
        self.assertEqual((len(state["orders"]), state["present"]), (1, []))


class PermissionTests(BoardTestCase):
    """Who may do what."""

    def answers(self) -> dict[str, int]:
        """Return how each address answers this user."""
        return {
            "board": self.client.get(reverse("board")).status_code,
            "state": self.client.get(reverse("state")).status_code,
            "token": self.client.post(reverse("token")).status_code,
            "move": self.move().status_code,
        }

    def test_staff(self) -> None:
        """All."""
        self.assertEqual(self.answers(), {"board": 200, "state": 200, "token": 200, "move": 200})

    def test_customers(self) -> None:
        """Nothing."""
        self.client.force_login(self.customer)
        self.assertEqual(self.answers(), {"board": 403, "state": 403, "token": 403, "move": 403})

    def test_nobody(self) -> None:
        """Nothing; the page leads to where one logs in."""
        self.client.logout()
        self.assertEqual(self.answers(), {"board": 302, "state": 403, "token": 403, "move": 403})

    def test_the_token(self) -> None:
        """The page gets what it needs, and none of it from a cache."""
        answer = self.client.post(reverse("token"))
        self.assertEqual(set(answer.json()), {"token", "expiresAt", "channelUrl"})
        self.assertEqual(answer.headers["Cache-Control"], "no-store")


class MigrationTests(TestCase):
    """The tables."""

    def test_nothing_is_missing(self) -> None:
        """The models are as the migrations make them."""
        call_command("makemigrations", check=True, dry_run=True, verbosity=0)


class PageTests(BoardTestCase):
    """The page itself."""

    def test_its_policy(self) -> None:
        """Scripts and styles are this site's own, connections go to the service."""
        policy = self.client.get(reverse("board")).headers["Content-Security-Policy"]
        self.assertIn("script-src 'self'; style-src 'self';", policy)
        self.assertIn(f"connect-src 'self' {self.server.url.replace('http', 'ws')};", policy)

    def test_names_are_text(self) -> None:
        """What somebody is called cannot become markup."""
        self.alice.first_name = "<b>Alice"
        self.alice.save()
        self.assertContains(self.client.get(reverse("board")), "&lt;b&gt;Alice Meyer")
