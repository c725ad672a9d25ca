"""Fixtures for tests that need the real server."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from voyant_cloud.testing import VoyantServer

# A shell ignores Ctrl-C for what it runs in the background, and every process of the tests would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The tests start hundreds of processes, and without bytecode each of them would compile the package again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# How long an example takes says something of the machine alone.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

HERE = Path(__file__).parent
# What they are about is another process, a page, or no part of the package. What of it runs in the tests' own process
# is reached by other tests, too, but for the nodes' way through the faults of Redis.
UNTRACED = ("codegen", "deploy", "e2e", "examples", "interop", "test_benchmarks.py", "test_docs.py")
TRACED = ("e2e/test_nodes.py",)
PROXY_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have coverage leave out the tests that add next to nothing to it: tracing doubles the time of what it sees."""
    for item in items:
        if _is_in(item, UNTRACED) and not _is_in(item, TRACED):
            item.add_marker(pytest.mark.no_cover)


def _is_in(item: pytest.Item, names: tuple[str, ...]) -> bool:
    return any(item.path.is_relative_to(HERE / name) for name in names)


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the machine's own settings out of the tests."""
    for name in (*PROXY_VARIABLES, *(name.upper() for name in PROXY_VARIABLES)):
        monkeypatch.delenv(name, raising=False)
    for name in ("VOYANT_CLOUD_API_KEY", "VOYANT_CLOUD_API_URL", "VOYANT_CLOUD_USER_AGENT"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server() -> Iterator[VoyantServer]:
    """A server of this test's own, in memory."""
    with VoyantServer() as running:
        yield running
