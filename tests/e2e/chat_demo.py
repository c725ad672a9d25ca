"""``examples/flask_chat`` with the service in a process, and what people do in it."""

from __future__ import annotations

import logging
import socket
import threading
from contextlib import ExitStack
from pathlib import Path

from playwright.sync_api import Locator, Page, expect
from werkzeug.serving import make_server

from chat import create_app
from tests.e2e.service_process import KEY, ServiceProcess
from voyant_cloud import VoyantCloudClient

__all__ = ["PROJECT", "ChatDemo", "bubbles", "here", "say", "texts", "write"]

PROJECT = Path(__file__).resolve().parents[2] / "examples" / "flask_chat"


class ChatDemo:
    """The chat, Flask in a thread. A context manager.

    Args:
        folder: for its data.
        token_seconds: how long a token lives.

    Attributes:
        url: the address of the page.
        service: the service.
        client: a client of the service, to look with.
    """

    def __init__(self, folder: Path, token_seconds: int) -> None:
        self._stack = ExitStack()
        listener = self._stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self.service = ServiceProcess(folder / "voyant.sqlite3", self.url)
        self.client = VoyantCloudClient(api_key=KEY, base_url=self.service.url)
        app = create_app(
            SECRET_KEY="test",
            VOYANT_CLOUD_API_URL=self.service.url,
            VOYANT_CLOUD_API_KEY=KEY,
            CHAT_TOKEN_SECONDS=token_seconds,
        )
        logging.getLogger("werkzeug").setLevel(logging.WARNING)
        self._server = make_server("127.0.0.1", 0, app, threaded=True, fd=listener.fileno())

    def __enter__(self) -> ChatDemo:
        self._stack.enter_context(self.client)
        self._stack.enter_context(self.service)
        thread = threading.Thread(target=self._server.serve_forever)
        self._stack.callback(thread.join)
        self._stack.callback(self._server.shutdown)
        thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def stored(self, room: str) -> list[str]:
        """The texts of a room's messages, as the service has them."""
        return [message.data["text"] for message in self.client.realtime.history(f"chat:{room}", limit=1000)]


def write(page: Page, text: str) -> None:
    """Put a text into the field."""
    page.get_by_role("textbox", name="Message to").fill(text)


def say(page: Page, text: str) -> None:
    """Write a message and send it."""
    write(page, text)
    page.keyboard.press("Enter")


def bubbles(page: Page) -> Locator:
    """The messages that are in the channel, in their order."""
    return page.get_by_role("log").get_by_role("listitem")


def texts(page: Page) -> list[str]:
    """What the messages in the channel say."""
    return page.get_by_role("log").locator(".text").all_text_contents()


def here(page: Page, *names: str) -> None:
    """Wait until these are the people in the room, in any order."""
    people = page.get_by_role("region", name="Here now").get_by_role("listitem")
    expect(people).to_have_count(len(names))
    for name in names:
        expect(people.filter(has_text=name)).to_have_count(1)
