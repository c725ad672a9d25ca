"""Fixtures for tests through the executable, in a real browser, and of the console."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser import OpenPage, Visit, chromium, open_page, pytest_runtest_makereport
from tests.e2e.console_page import open_channel, sign_in
from tests.e2e.executable import environment
from voyant_cloud import VoyantCloudClient
from voyant_cloud.testing import VoyantServer

__all__ = ["chromium", "client", "console", "env", "open_page", "pytest_runtest_makereport"]


@pytest.fixture
def client(server: VoyantServer) -> Iterator[VoyantCloudClient]:
    """The SDK, as the other side of what a page or a command does."""
    with VoyantCloudClient(api_key=server.api_key, base_url=server.url) as made:
        yield made


@pytest.fixture
def env(server: VoyantServer) -> dict[str, str]:
    """The environment of a command that finds the server."""
    return environment(server.url, server.api_key)


@pytest.fixture
def console(server: VoyantServer, open_page: OpenPage) -> OpenPage:
    """Open the console and sign in; with a channel's name also open that channel and wait until it is live."""

    def enter(channel: str | None = None, **options: Any) -> Visit:
        visit = open_page(f"{server.url}/console", **options)
        sign_in(visit.page, server.api_key)
        if channel is not None:
            open_channel(visit.page, channel)
        return visit

    return enter
