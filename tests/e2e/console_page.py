"""What the console's tests do on its page, and with the SDK on the other side."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Locator, Page, expect

from voyant_cloud import RealtimeChannel, VoyantCloudClient

CHANNEL = "orders:eu"
PATIENCE = 15.0
UNAVAILABLE = r"net::ERR_(CONNECTION|EMPTY|SOCKET)|WebSocket connection"
"""What the browser logs while a server is away."""


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
