"""A few threads for many calls that take their time."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
import traceback
from collections import deque

from voyant_cloud.realtime.steps import Call
from voyant_cloud.urls import redact

__all__ = ["Workers"]

logger = logging.getLogger("voyant_cloud.realtime")


class Workers:
    """Threads that call what they are given, in order. Each is started when there is work for it.

    Lock rule: ``_changed`` guards every field and is held for a few instructions only, never during a call. It may be
    asked for under any other lock.

    Args:
        name: the threads' name.
        limit: how many there are at most, 1 or more.
    """

    def __init__(self, name: str, limit: int) -> None:
        self._name = name
        self._limit = limit
        self._changed = threading.Condition()
        self._calls: deque[Call] = deque()
        self._threads: list[threading.Thread] = []
        self._idle = 0
        self._closed = False

    def submit(self, call: Call, *, first: bool = False) -> bool:
        """Have *call* called.

        Args:
            call: is called on one of the threads.
            first: whether it comes before all that wait.

        Returns:
            ``False`` after ``close``; then it is not called.

        Raises:
            RuntimeError: there is no thread yet, and the system gives none; then it is not called, either.
        """
        with self._changed:
            if self._closed:
                return False
            if len(self._calls) >= self._idle and len(self._threads) < self._limit:
                # Where the system gives no more threads, those that there are do it all.
                with contextlib.suppress(RuntimeError) if self._threads else contextlib.nullcontext():
                    self._start_one()
            if first:
                self._calls.appendleft(call)
            else:
                self._calls.append(call)
            self._changed.notify()
            return True

    @property
    def is_behind(self) -> bool:
        """Whether there are calls for which no thread was free yet."""
        return bool(self._calls)

    def is_own_thread(self) -> bool:
        """Tell whether the caller is one of the threads."""
        return threading.current_thread() in self._threads

    def close(self) -> None:
        """Take no more calls; the threads end when they have called those that wait."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def join(self, deadline: float) -> None:
        """Wait for the threads to end, but not for the caller's own.

        Args:
            deadline: when to leave them to themselves, on the monotonic clock.
        """
        for thread in list(self._threads):
            if thread is not threading.current_thread():
                thread.join(max(0.0, deadline - time.monotonic()))

    def _start_one(self) -> None:
        # A daemon, so that a call which never returns cannot keep the process from ending.
        thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        thread.start()
        self._threads.append(thread)

    def _run(self) -> None:
        while (call := self._next()) is not None:
            try:
                call()
            except BaseException:  # noqa: BLE001 - the other calls still need this thread
                # As text: what collects exceptions may show their variables, and one of them may be a token.
                logger.error("a call on %s failed; this is a bug\n%s", self._name, redact(traceback.format_exc()))
            # A call must not live on in this frame while the thread waits for the next.
            del call

    def _next(self) -> Call | None:
        with self._changed:
            self._idle += 1
            self._changed.wait_for(lambda: self._calls or self._closed)
            self._idle -= 1
            return self._calls.popleft() if self._calls else None
