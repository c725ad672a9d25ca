"""The records that will not be published, each with the reason, in a file of JSON lines."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

from voyant_cloud.cli import files
from voyant_cloud.cli.batch.records import Record
from voyant_cloud.cli.output import as_json

__all__ = ["Rejects"]


class Rejects:
    """Appends ``{"line", "error", "text"}`` for each rejected record.

    Args:
        path: the file; ``None`` keeps none of them.
        size: how long it was when its checkpoint was written; what a crash left behind that is cut off and written
            again. 0 for a new run, which keeps what the file holds.

    Attributes:
        size: how long it is, in bytes.

    Raises:
        OSError: it cannot be written.
    """

    def __init__(self, path: Path | None, size: int) -> None:
        self._file: BinaryIO | None = None
        self.size = 0
        if path is not None:
            self._file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b", buffering=0)
            self.size = self._file.seek(0, os.SEEK_END)
            if 0 < size < self.size:
                self._file.truncate(size)
                self.size = self._file.seek(size)

    def add(self, record: Record, unit: str, problem: str) -> None:
        """Write a record down. It is on the disk when this returns.

        Args:
            record: the record.
            unit: what its place counts.
            problem: why it is not published.

        Raises:
            OSError: it cannot be written.
        """
        if self._file is None:
            return
        text = record.raw.decode("utf-8", "replace")
        line = as_json({unit: record.place, "error": problem, "text": text})
        files.write(self._file, f"{line}\n".encode())
        os.fsync(self._file.fileno())
        self.size = self._file.tell()

    def close(self) -> None:
        """Let go of the file. Safe to call twice."""
        if self._file is not None:
            self._file.close()
            self._file = None
