"""SIGTERM as an exception, so that a command which is told to end puts things in order first, as for Ctrl-C."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from voyant_cloud.cli.exits import Terminated

__all__ = ["terminable"]


@contextmanager
def terminable() -> Iterator[None]:
    """Raise ``Terminated`` in the main thread when SIGTERM comes.

    Raises:
        Terminated: it came. The process is then to end by that signal.
    """
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _terminate(_: int, __: FrameType | None) -> None:
    raise Terminated
