"""The records that will not be published, each with the reason, in a file of JSON lines."""

from __future__ import annotations

import os
from pathlib import Path

from voyant_cloud.cli.batch.records import Record
from voyant_cloud.cli.output import as_json

__all__ = ["Rejects"]

_TAIL = 256 * 1024
"""Bytes at the end of the file in which a run that is continued looks for what the one before has written."""


class Rejects:
    """Appends ``{"line", "error", "text"}`` for each rejected record.

    What is in the file stays there, whoever wrote it: several inputs may share one. A record that was written by a run
    which then crashed before it could note that in its checkpoint is not written again.

    Args:
        path: the file, or a pipe or device; ``None`` keeps none of them.

    Raises:
        OSError: it cannot be written.
    """

    def __init__(self, path: Path | None) -> None:
        self._handle: int | None = None
        self._there: set[bytes] = set()
        if path is not None:
            self._handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            if path.is_file():
                self._there = _last_lines(path)

    def add(self, record: Record, unit: str, problem: str) -> None:
        """Write a record down. It is on the disk when this returns.

        Args:
            record: the record.
            unit: what its place counts.
            problem: why it is not published.

        Raises:
            OSError: it cannot be written.
        """
        if self._handle is None:
            return
        text = record.raw.decode("utf-8", "replace")
        line = as_json({unit: record.place, "error": problem, "text": text}).encode()
        if line in self._there:
            self._there.discard(line)
            return
        rest = memoryview(line + b"\n")
        while rest:
            rest = rest[os.write(self._handle, rest) :]
        if os.path.isfile(self._handle):
            os.fsync(self._handle)

    def close(self) -> None:
        """Let go of the file. Safe to call twice."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def _last_lines(path: Path) -> set[bytes]:
    with path.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL))
        return set(file.read().split(b"\n"))
