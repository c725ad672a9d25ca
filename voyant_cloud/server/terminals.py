"""SIGHUP by its two meanings: the terminal is gone, or somebody asks for a reload, perhaps before that can be done."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

__all__ = ["STREAMS", "starting", "terminals_of"]

STREAMS: Final = (0, 1, 2)
"""The descriptors that lead to a terminal, where a process has one."""


def terminals_of(streams: Iterable[int]) -> list[int]:
    """Return which streams lead to a terminal. None leads to one that was closed."""
    return [stream for stream in streams if os.isatty(stream)]


@contextmanager
def starting(streams: Iterable[int] = STREAMS) -> Iterator[None]:
    """Have no SIGHUP end the process that starts a server: what is to be read again is being read.

    Args:
        streams: those by which a terminal that was closed is known.

    Raises:
        KeyboardInterrupt: the signal came because a terminal was closed.
    """
    if sys.platform == "win32":
        yield
        return
    streams = tuple(streams)
    terminals = terminals_of(streams)

    def hang_up(_: int, __: FrameType | None) -> None:
        if terminals != terminals_of(streams):
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGHUP, hang_up)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)
