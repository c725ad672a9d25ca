"""What of an input is published, on its way or refused, in a file that a crash at any moment leaves readable.

The file is a journal of JSON lines. The first is a snapshot: ``{"checkpoint": 1, "complete", "settled", "published",
"rejected"}``. Then, in the order in which things happened:

* ``{"sending": key, "at", "numbers", "digests", "after", "messages"}``: on the disk before the request is sent;
* ``{"published": key}`` or ``{"refused": key}``: how that ended, where it is known;
* ``{"rejected": number, "digest"}``: a record that will not be published.

A batch without an end is one of which nobody knows yet whether it was published: it goes out again with the same key,
or is looked for in the history. A line that a crash cut short is the last one, and says nothing.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final

from voyant_cloud import jsontext
from voyant_cloud.about_to_wait import about_to_wait
from voyant_cloud.cli import files
from voyant_cloud.cli.batch.sending import Sending, line_of
from voyant_cloud.cli.batch.settled import Settled
from voyant_cloud.cli.exits import CommandError, ExitCode
from voyant_cloud.cli.output import as_json

__all__ = ["Checkpoint"]

_VERSION: Final = 1
_COMPACT_ABOVE: Final = 16 * 1024 * 1024
"""Bytes. Batches are written whole, so that a file for a long input would become as long as that."""


class Checkpoint:
    """The progress of one input. Several threads may tell it what happened.

    Lock rules: ``_lock`` guards what is known and what is written; nobody waits for the network, or for the disk but to
    put another file in this one's place, while holding it. ``_disk`` guards ``_on_disk``; it is held by the one thread
    that waits for the disk, for all that have written by then. ``_file`` and ``_lost`` change under both and are read
    under either. Who needs both takes ``_disk`` first.

    Args:
        path: the file; ``None`` keeps everything in memory.
        clock: seconds since 1970.

    Attributes:
        settled: the records that are published or rejected.
        published: how many messages were acknowledged, in all runs.
        rejected: how many records were refused for good, in all runs.
        complete: whether all of the input was dealt with.
    """

    def __init__(self, path: Path | None, clock: Callable[[], float] = time.time) -> None:
        self._lock = threading.Lock()
        self._path = path
        self._clock = clock
        self._disk = threading.Lock()
        self._file: BinaryIO | None = None
        self._size = 0
        self._noted = 0
        self._on_disk = 0
        self._lost: OSError | None = None
        self._sending: dict[str, Sending] = {}
        self.settled = Settled()
        self.published = 0
        self.rejected = 0
        self.complete = False

    # Opening

    def open(self, *, resume: bool, restart: bool) -> None:
        """Make the file, or go on with what it holds.

        Args:
            resume: go on with an earlier run, if there is one.
            restart: begin anew, whatever there is.

        Raises:
            CommandError: there is an unfinished run and neither was asked for; the file is something else, or another
                process uses it.
            OSError: it cannot be read or written.
        """
        if self._path is None:
            return
        with files.open_locked(self._path) as found:
            content = found.read()
            if content:
                self._load(content)
            if restart or (self.complete and not resume):
                self._forget()
            elif (self.settled or self._sending) and not resume:
                raise CommandError(
                    f"{self._path} is of an unfinished run, {len(self.settled):,} records in; "
                    "continue it with --resume, or begin anew with --restart",
                    ExitCode.USAGE,
                )
            self.complete = False
            with self._disk, self._lock:
                self._compact()

    @property
    def unfinished(self) -> list[Sending]:
        """The batches of which it is not known whether they were published, in the order of sending."""
        with self._lock:
            return list(self._sending.values())

    # What happens

    def sending(self, digests: Mapping[int, int], after: Mapping[str, str], texts: Sequence[str]) -> Sending:
        """Note that a batch is about to be sent. It is on the disk when this returns.

        Args:
            digests: see ``Sending``.
            after: see ``Sending``.
            texts: see ``Sending``.

        Raises:
            OSError: it cannot be written; do not send it.
        """
        sending = Sending(uuid.uuid4().hex, self._clock(), digests, after, texts)
        line = line_of(sending)
        self._keep_small()
        with self._lock:
            self._require_sound()
            self._append(line)
            self._sending[sending.key] = sending
            self._noted += 1
            number = self._noted
            # Alone, it would find the interpreter taken afterwards, and the service without work.
            tells = self._file is not None and len(self._sending) > 1
        try:
            if tells:
                about_to_wait()
            self._wait_for_disk(number)
        except OSError:
            with self._lock:
                del self._sending[sending.key]
            raise
        return sending

    def was_published(self, sending: Sending) -> None:
        """Note that a batch is stored."""
        with self._lock:
            self._publish(sending.key)
            self._append(as_json({"published": sending.key}))

    def was_refused(self, sending: Sending) -> None:
        """Note that nothing of a batch is stored; its records are as if they had never been sent."""
        with self._lock:
            del self._sending[sending.key]
            self._append(as_json({"refused": sending.key}))

    def was_rejected(self, number: int, digest: int) -> None:
        """Note that a record will not be published.

        Args:
            number: the record's number.
            digest: its checksum.
        """
        with self._lock:
            self._reject(number, digest)
            self._append(as_json({"rejected": number, "digest": digest}))

    def finish(self) -> None:
        """Note that all of the input was dealt with."""
        with self._disk, self._lock:
            assert not self._sending, "every batch has come to an end"
            self.complete = True
            self._compact()

    def close(self) -> None:
        """Let go of the file. Safe to call twice."""
        with self._disk, self._lock:
            if self._file is not None:
                with contextlib.suppress(OSError):
                    os.fsync(self._file.fileno())
                self._file.close()
                self._file = None

    # The file

    def _append(self, line: str) -> None:
        assert self._lock.locked()
        if self._file is None:
            return
        data = f"{line}\n".encode()
        files.write(self._file, data)
        self._size += len(data)

    def _wait_for_disk(self, number: int) -> None:
        """Return once the batch that was noted as the *number*th is on the disk."""
        with self._disk:
            if self._file is None or self._on_disk >= number:
                return
            # The system says so once, and from then on takes what it has lost for written.
            self._require_sound()
            with self._lock:
                # Those that are noted while the disk is busy are for the next time.
                noted = self._noted
            try:
                os.fsync(self._file.fileno())
            except OSError as error:
                with self._lock:
                    self._lost = error
                raise
            self._on_disk = noted

    def _require_sound(self) -> None:
        """Refuse to go on once something that was noted may not be in the file."""
        if self._lost is not None:
            raise OSError(self._lost.errno, self._lost.strerror, self._lost.filename)

    def _keep_small(self) -> None:
        with self._lock:
            is_small = self._size <= _COMPACT_ABOVE
        if not is_small:
            with self._disk, self._lock:
                # Another thread may have done so.
                if self._size > _COMPACT_ABOVE:
                    self._compact()

    def _compact(self) -> None:
        """Write what is known as a new file in the place of the old one."""
        assert self._disk.locked()
        assert self._lock.locked()
        if self._path is None:
            return
        snapshot = {
            "checkpoint": _VERSION,
            "complete": self.complete,
            "settled": self.settled.ranges,
            "published": self.published,
            "rejected": self.rejected,
        }
        lines = [as_json(snapshot), *map(line_of, self._sending.values())]
        content = "".join(f"{line}\n" for line in lines).encode()
        try:
            file = files.replace(self._path, content)
        except OSError as error:
            # The new file may be in its place all the same, and what is appended to the old one is nowhere then.
            self._lost = error
            raise
        if self._file is not None:
            self._file.close()
        self._file, self._size = file, len(content)
        self._on_disk = self._noted

    def _forget(self) -> None:
        self._sending.clear()
        self.settled = Settled()
        self.published = self.rejected = 0

    def _load(self, content: bytes) -> None:
        lines = content.split(b"\n")[:-1]
        try:
            self._begin(jsontext.loads(lines[0]))
            for line in lines[1:]:
                self._replay(jsontext.loads(line))
        except (jsontext.JsonTextError, LookupError, TypeError, ValueError, AttributeError):
            raise CommandError(
                f"{self._path} is not a checkpoint, or damaged; if a run was unfinished, look at the history for what "
                "it published before you name another file",
                ExitCode.USAGE,
            ) from None

    def _begin(self, snapshot: dict[str, Any]) -> None:
        if snapshot["checkpoint"] != _VERSION:
            raise ValueError(snapshot["checkpoint"])
        self.complete = snapshot["complete"]
        self.settled = Settled(snapshot["settled"])
        self.published, self.rejected = snapshot["published"], snapshot["rejected"]

    def _replay(self, entry: dict[str, Any]) -> None:
        if "sending" in entry:
            digests = dict(zip(entry["numbers"], entry["digests"], strict=True))
            texts = list(map(as_json, entry["messages"]))
            sending = Sending(entry["sending"], entry["at"], digests, entry["after"], texts)
            self._sending[sending.key] = sending
        elif "published" in entry:
            self._publish(entry["published"])
        elif "refused" in entry:
            del self._sending[entry["refused"]]
        else:
            self._reject(entry["rejected"], entry["digest"])

    def _publish(self, key: str) -> None:
        sending = self._sending.pop(key)
        for number, digest in sending.digests.items():
            self.settled.add(number, digest)
        self.published += len(sending.digests)

    def _reject(self, number: int, digest: int) -> None:
        self.settled.add(number, digest)
        self.rejected += 1
