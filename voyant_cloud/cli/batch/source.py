"""A file or a pipe as lines, read piece by piece, with word of when nothing comes."""

from __future__ import annotations

import os
import select
import stat
import sys
import time
from collections.abc import Callable, Iterator
from typing import Final

__all__ = ["MAX_LINE", "Source"]

MAX_LINE: Final = 1024 * 1024
"""Bytes of a line. The largest message, every character of it escaped, takes less than half."""
LINGER: Final = 0.2
"""Seconds without input after which what waits is sent rather than kept for a fuller batch."""
KEPT_FOR: Final = 1.0
"""Seconds after which that is done in any case where the input is a pipe: a channel may be rare in a steady stream."""
_CHUNK: Final = 256 * 1024
_BOM: Final = b"\xef\xbb\xbf"


class Source:
    """Reads one input from its beginning to its end; memory stays the same however long it is.

    Args:
        handle: the file descriptor to read.
        on_pause: called when nothing came for a moment and more may come later, and once a second in any case.

    Attributes:
        bytes_taken: how much of it was given to whoever reads.
        size: how many bytes there are, ``None`` for a pipe or a terminal.
    """

    def __init__(self, handle: int, on_pause: Callable[[], object]) -> None:
        status = os.fstat(handle)
        self._handle = handle
        self._on_pause = on_pause
        self._is_file = stat.S_ISREG(status.st_mode)
        self._peeked = b""
        self._paused_at = time.monotonic()
        self.bytes_taken = 0
        self.size = status.st_size if self._is_file else None

    def peek(self) -> bytes:
        """Return the first bytes that are no white space, or what there is of them, without taking them."""
        while not self._peeked.strip() and len(self._peeked) < MAX_LINE and (chunk := self._read()):
            self._peeked += chunk
        return self._peeked.removeprefix(_BOM).lstrip()

    def chunks(self) -> Iterator[bytes]:
        """Give the bytes as they come."""
        for chunk in self._chunks():
            self.bytes_taken += len(chunk)
            yield chunk

    def lines(self) -> Iterator[bytes]:
        """Give line after line, without its end. One longer than ``MAX_LINE`` is cut to one byte more than that."""
        rest = b""
        is_cut = False
        for chunk in self._chunks():
            *whole, rest = (rest + chunk).split(b"\n")
            for line in whole:
                # Each by itself, or a short input would seem to be at its end at once.
                self.bytes_taken += len(line) + 1
                if is_cut:
                    # The end of a line of which the beginning was given already.
                    is_cut = False
                else:
                    yield line
            if len(rest) > MAX_LINE:
                if not is_cut:
                    yield rest[: MAX_LINE + 1]
                self.bytes_taken += len(rest)
                is_cut, rest = True, b""
        self.bytes_taken += len(rest)
        if rest and not is_cut:
            yield rest

    def _chunks(self) -> Iterator[bytes]:
        self.peek()
        first, self._peeked = self._peeked.removeprefix(_BOM), b""
        if first:
            yield first
        while chunk := self._read():
            yield chunk

    def _read(self) -> bytes:
        if not self._is_file and (self._is_silent() or time.monotonic() - self._paused_at > KEPT_FOR):
            self._on_pause()
            self._paused_at = time.monotonic()
        return os.read(self._handle, _CHUNK)

    def _is_silent(self) -> bool:
        return sys.platform != "win32" and not select.select([self._handle], [], [], LINGER)[0]
