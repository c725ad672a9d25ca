"""Fixtures for channels against a scripted peer."""

from __future__ import annotations

from functools import partial

import pytest

from voyant_cloud.realtime import recovery
from voyant_cloud.realtime.backoff import Backoff


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reconnect within milliseconds. The real delays have tests of their own, without a clock."""
    monkeypatch.setattr(recovery, "Backoff", partial(Backoff, base=0.01, cap=0.02))
