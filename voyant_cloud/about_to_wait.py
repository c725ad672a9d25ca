"""Tells whoever wants to know that this thread is about to wait for something that is not Python: a disk, or a service.

A thread that has more to compute goes on at that moment. Sooner, it would keep the interpreter from the one that sends,
and the service from its work: a busy thread is made to share only every five milliseconds.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

__all__ = ["about_to_wait", "telling"]

_wanted = threading.local()


@contextlib.contextmanager
def telling(tell: Callable[[], object]) -> Iterator[None]:
    """Have *tell* called, on this thread, each time that it is about to wait in the block."""
    _wanted.tell = tell
    try:
        yield
    finally:
        _wanted.tell = None


def about_to_wait() -> None:
    """Tell it."""
    tell = getattr(_wanted, "tell", None)
    if tell is not None:
        tell()
