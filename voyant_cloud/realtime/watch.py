"""Waiting for a socket and for other threads at the same time."""

from __future__ import annotations

import os
import select
import threading
import time
from typing import Any, Final

__all__ = ["CAN_WATCH", "Watch"]

# Looked up by name: what there is depends on the system.
_os: Final[Any] = os
_select: Final[Any] = select

CAN_WATCH: Final = hasattr(os, "eventfd") and hasattr(select, "poll")
"""Whether this system can: it has to wake a thread at the price of a single descriptor."""


class Watch:
    """Lets one thread wait for a socket until another thread wakes it.

    Lock rule: ``_lock`` guards ``_is_open``, and the number is written to under it alone: once closed, the system may
    give it to somebody else.

    Raises:
        OSError: the system has no descriptor left.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waker: int = _os.eventfd(0, _os.EFD_CLOEXEC | _os.EFD_NONBLOCK)
        self._is_open = True
        self._poll = _select.poll()
        self._poll.register(self._waker, _select.POLLIN)
        self._watched: int | None = None

    def wake(self) -> None:
        """Wake the thread that waits, or the next to wait; for any thread."""
        with self._lock:
            if self._is_open:
                _os.eventfd_write(self._waker, 1)

    def is_woken(self, descriptor: int | None, until: float) -> bool:
        """Wait for a socket.

        Args:
            descriptor: the socket's; ``None`` where there is no need to wait.
            until: when to wait no longer, on the monotonic clock.

        Returns:
            ``True`` if another thread wants something else.
        """
        if descriptor is None:
            return False
        if descriptor != self._watched:
            self._watch(descriptor)
        # Rounded up, or what remains of a millisecond would be spent in haste.
        milliseconds = max(0, int((until - time.monotonic()) * 1000) + 1)
        return self._is_woken(self._poll.poll(milliseconds))

    def wait(self) -> None:
        """Wait until another thread wakes this one."""
        self._watch(None)
        self._is_woken(self._poll.poll())

    def close(self) -> None:
        """Give the descriptor back; nobody is woken from here on."""
        with self._lock:
            self._is_open = False
            os.close(self._waker)

    def _watch(self, descriptor: int | None) -> None:
        if self._watched is not None:
            self._poll.unregister(self._watched)
        self._watched = descriptor
        if descriptor is not None:
            self._poll.register(descriptor, _select.POLLIN)

    def _is_woken(self, found: list[tuple[int, int]]) -> bool:
        for descriptor, _ in found:
            if descriptor == self._waker:
                _os.eventfd_read(self._waker)
                return True
        return False
