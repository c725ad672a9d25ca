"""A real Chromium for tests of pages, strict about what a page does, that leaves pictures of what was seen.

A ``conftest.py`` imports the two fixtures and the hook. Pictures, and traces of tests that failed, are put in
``test-artefacts/``, or in the folder that ``VOYANT_TEST_ARTEFACTS`` names. With ``VOYANT_TEST_FILM=1`` the traces hold
what was seen all along, which costs a tenth of the time.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

__all__ = ["OpenPage", "Visit", "chromium", "open_page", "pytest_runtest_makereport"]

NAMES = ("chromium", "chromium-browser", "google-chrome")
# The first because root has no sandbox, the others so that the browser itself asks nobody for anything.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE_MS = 15_000
ROOT = Path(__file__).resolve().parents[1]
ARTEFACTS = Path(os.environ.get("VOYANT_TEST_ARTEFACTS") or ROOT / "test-artefacts")
MISSING = "no Chromium was found; on Debian: apt-get install chromium"
FAILED = pytest.StashKey[bool]()


class Visit:
    """One page and what it did that no page should.

    Attributes:
        page: the page.
    """

    def __init__(
        self, context: BrowserContext, url: str, name: str, before: Callable[[Page], None], also: Sequence[str]
    ) -> None:
        self.page: Page = context.new_page()
        self._context = context
        self._name = name
        self._hosts = {urlsplit(each).netloc for each in (url, *also)}
        self._problems: list[str] = []
        self._tolerated: list[str] = []
        self.page.set_default_timeout(PATIENCE_MS)
        self.page.on("console", self._take_console)
        self.page.on("pageerror", lambda error: self._problems.append(f"page error: {error}"))
        self.page.on("request", lambda request: self._take_url(request.url))
        self.page.on("websocket", lambda socket: self._take_url(socket.url))
        before(self.page)
        self.page.goto(url)

    def tolerate(self, pattern: str) -> None:
        """Pass over errors that the browser writes to its console about what the test itself brings about."""
        self._tolerated.append(pattern)

    def picture(self, name: str) -> None:
        """Keep what is seen now, all of the page."""
        self.page.screenshot(path=ARTEFACTS / f"{name}.png", full_page=True)

    def end(self, *, failed: bool) -> None:
        """Keep a picture, and a trace where something went wrong; hold the page to the rules."""
        bad = [each for each in self._problems if not any(re.search(pattern, each) for pattern in self._tolerated)]
        self.picture(self._name)
        trace = ARTEFACTS / f"{self._name}.zip"
        # Of this run, not of one before.
        trace.unlink(missing_ok=True)
        self._context.tracing.stop(path=trace if failed or bad else None)
        self._context.close()
        assert not bad, f"the page misbehaved: {bad}"

    def _take_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self._problems.append(f"console {message.type}: {message.text}")

    def _take_url(self, url: str) -> None:
        if urlsplit(url).netloc not in self._hosts:
            self._problems.append(f"request elsewhere: {url}")


OpenPage = Callable[..., Visit]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser for all tests of a file. No longer, since ``asyncio.run`` refuses to work beside it."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        (pytest.fail if os.environ.get("VOYANT_REQUIRE_BROWSER") == "1" else pytest.skip)(MISSING)
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[OpenPage]:
    """Open pages, each in a profile of its own.

    ``open_page(url, before=…, also=…, **options)``: *before* gets the page while it is still empty, *also* are
    addresses of other hosts that it may turn to, the options are those of ``Browser.new_context``.

    A test fails in which a page logs an error or a warning, raises, breaks its security policy or turns to another
    host than that of its first address and those.
    """
    visits: list[Visit] = []

    def visit(
        url: str, before: Callable[[Page], None] = lambda _: None, also: Sequence[str] = (), **options: Any
    ) -> Visit:
        context = chromium.new_context(**options)
        # Without snapshots of the document, which take seconds each where a page has a thousand rows.
        context.tracing.start(screenshots=bool(os.environ.get("VOYANT_TEST_FILM")))
        name = re.sub(r"\W+", "-", request.node.name) + (f"-{len(visits) + 1}" if visits else "")
        visits.append(Visit(context, url, name, before, also))
        return visits[-1]

    yield visit
    for each in visits:
        each.end(failed=request.node.stash.get(FAILED, False))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note on a test that it failed, for ``open_page``."""
    report = yield
    if report.failed:
        item.stash[FAILED] = True
    return report
