"""A file or a pipe as lines, read piece by piece, with word of when nothing comes."""

from __future__ import annotations

import os
import select
import stat
import sys
from collections.abc import Callable, Iterator
from typing import Final

__all__ = ["MAX_LINE", "Source"]

MAX_LINE: Final = 1024 * 1024
"""Bytes of a line. The largest message, every character of it escaped, takes less than half."""
LINGER: Final = 0.2
"""Seconds without input after which what waits is sent rather than kept for a fuller batch."""
_CHUNK: Final = 256 * 1024
_BOM: Final = b"\xef\xbb\xbf"


class Source:
    """Reads one input from its beginning to its end; memory stays the same however long it is.

    Args:
        handle: the file descriptor to read.
        on_pause: called when nothing came for a moment, and more may come later.

    Attributes:
        bytes_read: how far it is.
        size: how many bytes there are, ``None`` for a pipe or a terminal.
    """

    def __init__(self, handle: int, on_pause: Callable[[], object]) -> None:
        status = os.fstat(handle)
        self._handle = handle
        self._on_pause = on_pause
        self._is_file = stat.S_ISREG(status.st_mode)
        self._peeked = b""
        self.bytes_read = 0
        self.size = status.st_size if self._is_file else None

    def peek(self) -> bytes:
        """Return the first bytes that are no white space, or what there is of them, without taking them."""
        while not self._peeked.strip() and (chunk := self._read()):
            self._peeked += chunk.removeprefix(_BOM) if not self._peeked else chunk
        return self._peeked.lstrip()

    def chunks(self) -> Iterator[bytes]:
        """Give the bytes as they come."""
        self.peek()
        first, self._peeked = self._peeked, b""
        if first:
            yield first
        while chunk := self._read():
            yield chunk

    def lines(self) -> Iterator[bytes]:
        """Give line after line, without its end. One longer than ``MAX_LINE`` is cut to one byte more than that."""
        rest = b""
        is_cut = False
        for chunk in self.chunks():
            *whole, rest = (rest + chunk).split(b"\n")
            if is_cut and whole:
                # The end of a line of which the beginning was given already.
                del whole[0]
                is_cut = False
            yield from whole
            if len(rest) > MAX_LINE:
                if not is_cut:
                    yield rest[: MAX_LINE + 1]
                is_cut, rest = True, b""
        if rest and not is_cut:
            yield rest

    def _read(self) -> bytes:
        if not self._is_file and sys.platform != "win32" and not select.select([self._handle], [], [], LINGER)[0]:
            self._on_pause()
        chunk = os.read(self._handle, _CHUNK)
        self.bytes_read += len(chunk)
        return chunk
