"""The bounded queue between the thread that reads a channel's socket and the one that calls its handlers."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence

from voyant_cloud.realtime.events import Event

__all__ = ["Inbox"]


class Inbox:
    """Events on their way to the handlers.

    A full inbox makes the reader wait. It then takes nothing from the socket, TCP passes that on to the service, and
    a slow handler loses nothing.

    Lock rule: ``_changed`` guards every field and is held for a few instructions only.

    Args:
        capacity: how many events may wait, 1 or more.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._changed = threading.Condition()
        self._events: deque[Event] = deque()
        self._ended = False
        self._woken = False
        self.discarded = False
        """Whether ``discard`` was called: events that were taken before are not wanted any longer, either."""

    def put(self, events: Sequence[Event], timeout: float) -> bool:
        """Add events, waiting for room. After the end they are dropped.

        Args:
            events: in order. More than the capacity fit into an empty inbox.
            timeout: seconds to wait.

        Returns:
            ``False`` if there was no room in time; then nothing was added.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._has_room(len(events)), timeout):
                return False
            if not self._ended:
                self._events.extend(events)
                self._changed.notify_all()
            return True

    def take(self, limit: int) -> list[Event] | None:
        """Wait for events and take up to *limit* of them, oldest first.

        Returns:
            The events; an empty list after ``wake``; ``None`` once all are taken and no more will come.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._events or self._ended or self._woken)
            self._woken = False
            if not self._events:
                return None if self._ended else []
            count = min(limit, len(self._events))
            taken = [self._events.popleft() for _ in range(count)]
            self._changed.notify_all()
            return taken

    def wake(self) -> None:
        """Make ``take`` return, though nothing may have come."""
        with self._changed:
            self._woken = True
            self._changed.notify_all()

    def finish(self, last: Sequence[Event]) -> None:
        """Add the *last* events, whether or not there is room. Those that wait are still to be taken."""
        with self._changed:
            self._end(last)

    def discard(self, last: Sequence[Event]) -> None:
        """Drop the events that wait and add the *last* ones. After ``finish``, its last ones stand."""
        with self._changed:
            self.discarded = True
            if not self._ended:
                self._events.clear()
            self._end(last)

    def _end(self, last: Sequence[Event]) -> None:
        if not self._ended:
            self._ended = True
            self._events.extend(last)
        self._changed.notify_all()

    def _has_room(self, count: int) -> bool:
        return self._ended or not self._events or len(self._events) + count <= self._capacity
