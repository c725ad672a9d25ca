"""Fixtures for channels against a scripted peer."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest

from tests.realtime import channel_tools
from voyant_cloud import SharedThreads
from voyant_cloud.realtime import recovery
from voyant_cloud.realtime.backoff import Backoff


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reconnect within milliseconds. The real delays have tests of their own, without a clock."""
    monkeypatch.setattr(recovery, "Backoff", partial(Backoff, base=0.01, cap=0.02))


@pytest.fixture(params=["own", "shared"])
def threads(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Run the channels of the test on threads of their own, and once more on shared ones; gives which."""
    if request.param == "shared":
        with SharedThreads(handlers=2) as shared:
            monkeypatch.setattr(channel_tools, "shared", shared)
            yield "shared"
    else:
        yield "own"
