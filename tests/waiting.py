"""Waiting for what another thread or process does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
PATIENCE = 30.0


def until(fact: Callable[[], T]) -> T:
    """Look until something is so, and return it; fail where it takes too long."""
    deadline = time.monotonic() + PATIENCE
    pause = threading.Event()
    while not (found := fact()):
        assert time.monotonic() < deadline, "it did not happen in time"
        pause.wait(0.01)
    return found
