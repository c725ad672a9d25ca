"""The bounded queue between the thread that reads a channel's socket and the one that calls its handlers."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence

from voyant_cloud.realtime.events import Event
from voyant_cloud.realtime.steps import Call

__all__ = ["Inbox"]


class Inbox:
    """Events on their way to the handlers.

    A full inbox makes the reader wait. It then takes nothing from the socket, TCP passes that on to the service, and
    a slow handler loses nothing.

    A side that must not wait has itself called instead, by the other side's thread, as soon as there is something to
    take or room to put: once, and perhaps in vain.

    Lock rule: ``_changed`` guards every field and is held for a few instructions only. Nobody is called under it.

    Args:
        capacity: how many events may wait, 1 or more.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._changed = threading.Condition()
        self._events: deque[Event] = deque()
        self._ended = False
        self._woken = False
        self._when_ready: Call | None = None
        self._when_room: Call | None = None
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
            call = self._add(events)
        if call is not None:
            call()
        return True

    def put_now(self, events: Sequence[Event], otherwise: Call) -> bool:
        """Add events if there is room; if not, *otherwise* is called once there may be."""
        with self._changed:
            if not self._has_room(len(events)):
                self._when_room = otherwise
                return False
            call = self._add(events)
        if call is not None:
            call()
        return True

    def take(self, limit: int) -> list[Event] | None:
        """Wait for events and take up to *limit* of them, oldest first.

        Returns:
            The events; an empty list after ``wake``; ``None`` once all are taken and no more will come.
        """
        with self._changed:
            self._changed.wait_for(self._is_ready)
            self._woken = False
            if not self._events:
                return None if self._ended else []
            taken = [self._events.popleft() for _ in range(min(limit, len(self._events)))]
            self._changed.notify_all()
            call, self._when_room = self._when_room, None
        if call is not None:
            call()
        return taken

    def is_ready(self, otherwise: Call) -> bool:
        """Tell whether ``take`` would not wait; if it would, *otherwise* is called once it may not."""
        with self._changed:
            is_ready = self._is_ready()
            self._when_ready = None if is_ready else otherwise
            return is_ready

    def wake(self) -> None:
        """Make ``take`` return, though nothing may have come."""
        with self._changed:
            self._woken = True
            self._changed.notify_all()
            call, self._when_ready = self._when_ready, None
        if call is not None:
            call()

    def finish(self, last: Sequence[Event]) -> None:
        """Add the *last* events, whether or not there is room. Those that wait are still to be taken."""
        self._end(last, discard=False)

    def discard(self, last: Sequence[Event]) -> None:
        """Drop the events that wait and add the *last* ones. After ``finish``, its last ones stand."""
        self._end(last, discard=True)

    def _add(self, events: Sequence[Event]) -> Call | None:
        """Add events that there is room for; return whom to call when the lock is released."""
        if self._ended:
            return None
        self._events.extend(events)
        self._changed.notify_all()
        call, self._when_ready = self._when_ready, None
        return call

    def _end(self, last: Sequence[Event], *, discard: bool) -> None:
        with self._changed:
            self.discarded = self.discarded or discard
            if not self._ended:
                if discard:
                    self._events.clear()
                self._ended = True
                self._events.extend(last)
            self._changed.notify_all()
            calls = (self._when_ready, self._when_room)
            self._when_ready = self._when_room = None
        for call in calls:
            if call is not None:
                call()

    def _is_ready(self) -> bool:
        return bool(self._events) or self._ended or self._woken

    def _has_room(self, count: int) -> bool:
        return self._ended or not self._events or len(self._events) + count <= self._capacity
