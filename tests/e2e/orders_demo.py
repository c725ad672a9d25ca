"""``examples/django_orders`` in two real processes, Django's and the service's, and what its users do in it."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tests.e2e.executable import environment
from tests.e2e.service_process import KEY, ServiceProcess
from tests.processes import free_port, running, wait_for_port

__all__ = ["MANAGE", "PROJECT", "OrdersDemo", "avatars", "card", "column", "move", "sign_in"]

PROJECT = Path(__file__).resolve().parents[2] / "examples" / "django_orders"
MANAGE = [sys.executable, str(PROJECT / "manage.py")]


class OrdersDemo:
    """The example, as ``start.py`` starts it, but that either process can be killed. A context manager.

    Args:
        folder: for its databases.
        token_seconds: how long a token lives.

    Attributes:
        url: the address of the page.
        service: the service.
        password: what its users log in with.
    """

    def __init__(self, folder: Path, token_seconds: int) -> None:
        self.folder = folder
        self.url = f"http://127.0.0.1:{free_port()}"
        self.service = ServiceProcess(folder / "voyant.sqlite3", self.url)
        self._env = environment(self.service.url, KEY, ORDERS_DATA=str(folder), ORDERS_TOKEN_SECONDS=str(token_seconds))
        self._site = ExitStack()

    def __enter__(self) -> OrdersDemo:
        try:
            self.service.start()
            subprocess.run([*MANAGE, "prepare_demo"], env=self._env, check=True, capture_output=True)
            self.start_site()
        except BaseException:
            self.__exit__()
            raise
        self.password = (self.folder / "demo-password").read_text()
        return self

    def __exit__(self, *_: object) -> None:
        self.service.kill()
        self.kill_site()

    def start_site(self) -> None:
        """Start Django's server."""
        port = int(self.url.rpartition(":")[2])
        command = [*MANAGE, "runserver", "--noreload", str(port)]
        self._site.enter_context(running(command, self._env, self.folder / "site.log"))
        wait_for_port(port)

    def kill_site(self) -> None:
        """Kill Django's server."""
        self._site.close()

    def set_staff(self, user: str, *, staff: bool) -> None:
        """Say who may see the board."""
        with sqlite3.connect(self.folder / "orders.sqlite3", timeout=20) as database:
            database.execute("UPDATE auth_user SET is_staff = ? WHERE username = ?", (staff, user))
        database.close()


def sign_in(page: Page, user: str, password: str) -> None:
    """Log in by hand, and wait until the board is live."""
    page.get_by_label("User name").fill(user)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#status")).to_have_text("Live")


def column(page: Page, label: str) -> Locator:
    return page.get_by_role("region", name=label)


def card(page: Page, label: str, number: int) -> Locator:
    """The order's card, if it is in that column."""
    return column(page, label).get_by_role("listitem").filter(has_text=f"#{number}")


def move(page: Page, number: int, verb: str) -> None:
    """Press a button of a card: ``move(page, 1003, "Mark paid")``."""
    page.get_by_role("button", name=f"{verb}: #{number}").click()


def avatars(page: Page) -> Locator:
    return page.get_by_role("list", name="Looking at this page").get_by_role("listitem")
