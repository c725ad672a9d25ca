"""Files that outlive a crash: replaced as a whole or not at all, private, and used by one process at a time."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from pathlib import Path
from typing import BinaryIO

from voyant_cloud.cli.exits import CommandError, ExitCode

if sys.platform != "win32":
    import fcntl

__all__ = ["open_locked", "replace", "require_regular", "write"]


def open_locked(path: Path) -> BinaryIO:
    """Open a file for reading and writing, an empty one if there is none, and keep other processes from using it.

    Raises:
        CommandError: another process uses it, or it is no regular file.
        OSError: it cannot be opened.
    """
    require_regular(path)
    file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b", buffering=0)
    try:
        _lock(file, path)
        # Another process may have put a new file in its place between the two lines above.
        if not os.path.samestat(os.fstat(file.fileno()), os.stat(path)):
            raise _in_use(path)
    except BaseException:
        file.close()
        raise
    return file


def require_regular(path: Path) -> None:
    """Refuse a path where something else than a file is: a device would be replaced, and a pipe waited for.

    Raises:
        CommandError: there is a folder, device or pipe.
    """
    if path.exists() and not path.is_file():
        raise CommandError(f"{path} is no regular file; name another", ExitCode.USAGE)


def replace(path: Path, content: bytes) -> BinaryIO:
    """Put *content* in the place of what the file held. A reader, or a crash, meets the old or the new, whole.

    Args:
        path: the file, which others than its owner cannot read afterwards.
        content: what it is to hold.

    Returns:
        The new file, open at its end for writing, and locked as by ``open_locked``.

    Raises:
        OSError: it cannot be written, and the old file is as it was; or only that it is there may be forgotten with a
            loss of power.
    """
    # A link stays one, and leads to the new file.
    path = Path(os.path.realpath(path))
    try:
        handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise _named(error, path) from None
    file = os.fdopen(handle, "r+b", buffering=0)
    try:
        _lock(file, path)
        write(file, content)
        os.fsync(file.fileno())
        os.replace(draft, path)
        _sync_folder(path)
    except BaseException as error:
        file.close()
        with contextlib.suppress(OSError):
            os.unlink(draft)
        if isinstance(error, OSError):
            # The draft's name says nothing to anybody.
            raise _named(error, path) from None
        raise
    return file


def write(file: BinaryIO, content: bytes) -> None:
    """Write all of *content* to an unbuffered file, or nothing.

    Raises:
        OSError: the disk is full, or broken; what was written of it is taken back.
    """
    start = file.tell()
    rest = memoryview(content)
    try:
        while rest:
            rest = rest[file.write(rest) :]
    except OSError:
        # Half a line in the middle of a file would spoil what is written later.
        file.truncate(start)
        file.seek(start)
        raise


def _lock(file: BinaryIO, path: Path) -> None:
    if sys.platform == "win32":
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise _in_use(path) from None


def _in_use(path: Path) -> CommandError:
    return CommandError(f"{path} is in use by another run; wait for it, or name another file", ExitCode.USAGE)


def _named(error: OSError, path: Path) -> OSError:
    return OSError(error.errno, error.strerror, str(path))


def _sync_folder(path: Path) -> None:
    """Have the folder of a file remember the file's name over a loss of power."""
    if sys.platform == "win32":
        return
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
