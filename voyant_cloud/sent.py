"""Tells whoever wants to know that the request of this thread is on its way, before its answer is waited for.

A thread that has more to compute goes on at that moment. Sooner, it would keep the interpreter from the one that sends,
and the service from its work: a busy thread is made to share only every five milliseconds.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

__all__ = ["request_is_sent", "telling"]

_wanted = threading.local()


@contextlib.contextmanager
def telling(tell: Callable[[], object]) -> Iterator[None]:
    """Have *tell* called when a request that this thread makes in the block is sent, each time; on this thread."""
    _wanted.tell = tell
    try:
        yield
    finally:
        _wanted.tell = None


def request_is_sent() -> None:
    """Tell it."""
    tell = getattr(_wanted, "tell", None)
    if tell is not None:
        tell()
