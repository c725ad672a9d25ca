"""The reader's steps of one channel, which two threads run in turn: its own, and that of the handlers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, Protocol

from voyant_cloud.realtime.events import Event
from voyant_cloud.realtime.steps import Put, Receive, Step, Steps
from voyant_cloud.realtime.watch import Watch

__all__ = ["Helper", "Reading"]

GRACE: Final = 0.05
"""Seconds that handlers may take before the reader's own thread reads on beside them."""


class Helper(Protocol):
    """The handlers' thread, which reads while it has nothing to deliver."""

    @property
    def is_asleep(self) -> bool:
        """Whether it waits for events that another thread reads."""


class Reading:
    """Runs a reader's steps on whichever thread is at hand.

    To hand a message from one thread to another takes longer than all else about it. So the handlers' thread reads for
    itself while there is nothing to deliver, and calls the handlers with what it read. The reader's own thread does
    what else takes its time, and takes over the socket as soon as the handlers are not back within ``GRACE``: however
    slow they are, the connection does not notice.

    Lock rule: ``_held`` is held by the thread that runs the steps; ``_step``, ``_until`` and ``_is_put`` belong to it.
    ``_changed`` is what the reader's own thread waits on; nothing is asked for under it that could wait.
    """

    def __init__(self) -> None:
        self._steps: Steps[None]
        self._thread: threading.Thread
        self._held = threading.Lock()
        self._step: Step | None = None
        self._until = 0.0
        self._is_put = False
        self._changed = threading.Condition()
        self._helper: Helper | None = None
        self._turn = 0
        self._dozes = False
        self._is_hurried = False
        self._is_over = False

    def start(self, steps: Steps[None], name: str) -> None:
        """Begin.

        Args:
            steps: ``Receive``, ``Put``, ``Pause`` and ``Blocking`` steps.
            name: the name of the reader's own thread.
        """
        self._steps = steps
        # A daemon, so that a program that ends without close(), or whose token callable never returns, does end.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    # What any thread calls

    def is_alive(self) -> bool:
        """Whether the steps have not come to their end."""
        return self._thread.is_alive()

    def join(self, timeout: float | None = None) -> None:
        """Wait for their end, up to *timeout* seconds; ``None`` waits without a limit."""
        with self._changed:
            # Whoever waits may be a handler, and then nobody else will read.
            self._is_hurried = True
            self._changed.notify()
        self._thread.join(timeout)

    def is_own_thread(self) -> bool:
        """Whether the caller runs on the one thread that they cannot do without."""
        return threading.current_thread() is self._thread

    # What the handlers' thread calls

    def begin_help(self, helper: Helper) -> None:
        """There is a thread that reads while it has nothing to deliver."""
        self._helper = helper

    def end_help(self, helper: Helper) -> None:
        """It is no more; another may have come in its place."""
        with self._changed:
            if self._helper is helper:
                self._helper = None
            self._changed.notify()

    def fall_asleep(self) -> None:
        """It waits for events now, and somebody else has to read them."""
        with self._changed:
            self._changed.notify()

    def help(self, is_ready: Callable[[], bool], watch: Watch) -> Sequence[Event] | None:
        """Read until there are events, or none to be had in this way.

        Args:
            is_ready: tells whether there are events that the other thread has put, which come before any that are read
                here; if not, *watch* is woken once there are.
            watch: what another thread wakes this one by.

        Returns:
            The events, for this thread to deliver before any that are put from then on; ``None`` if there are others,
            *watch* was woken, the other thread reads, or something is to be done that takes its time.
        """
        if not self._held.acquire(blocking=False):
            return None
        try:
            # Only now: until then the other thread may have put some.
            events = None if is_ready() else self._read(watch)
            is_left = self._is_over or not isinstance(self._step, (Receive, Put))
        finally:
            self._turn += 1
            self._held.release()
        # In this order: see _doze.
        if self._dozes or is_left:
            with self._changed:
                self._changed.notify()
        return events

    def _read(self, watch: Watch) -> Sequence[Event] | None:
        self._settle()
        while isinstance(step := self._step, Receive):
            if watch.is_woken(step.connection.descriptor, self._until):
                return None
            self._receive(step, 0.0)
        if not isinstance(step, Put):
            return None
        # What follows in the steps can wait until the handlers have returned.
        self._is_put = True
        return step.events

    def _settle(self) -> None:
        """Go on behind events that the other thread took."""
        if self._is_put:
            self._is_put = False
            self._advance(partial(self._steps.send, True))

    # The reader's own thread

    def _run(self) -> None:
        with self._held:
            self._advance(partial(next, self._steps))
        while self._await_turn():
            if self._held.acquire(blocking=False):
                try:
                    self._go_on()
                finally:
                    self._held.release()

    def _await_turn(self) -> bool:
        """Wait until the other thread does not read, and will not do so soon; tell whether there is more to do."""
        with self._changed:
            while not self._is_over:
                if self._is_mine() and not self._held.locked():
                    return True
                turn = self._turn
                self._changed.wait(GRACE)
                if turn == self._turn and not self._held.locked():
                    return True
                if turn == self._turn:
                    self._doze(turn)
        return False

    def _doze(self, turn: int) -> None:
        """Wait until the other thread does not read: nothing has come for a while, and it may be long until it does."""
        # Set before the look: who lets go of the steps after it sees that somebody is to be told.
        self._dozes = True
        if turn == self._turn and self._held.locked():
            self._changed.wait()
        self._dozes = False

    def _is_mine(self) -> bool:
        helper = self._helper
        is_helped = helper is not None and not helper.is_asleep
        return not is_helped or self._is_hurried or not isinstance(self._step, (Receive, Put))

    def _go_on(self) -> None:
        self._settle()
        step = self._step
        if step is None:
            return
        if isinstance(step, Receive):
            self._receive(step, max(0.0, self._until - time.monotonic()))
            return
        try:
            result = step.wait()
        except BaseException as error:  # noqa: BLE001 - whatever it is, the steps say what follows
            self._advance(partial(self._steps.throw, error))
        else:
            self._advance(partial(self._steps.send, result))

    # Both

    def _receive(self, step: Receive, timeout: float) -> None:
        """Do the step, waiting no longer than it may from now on."""
        try:
            texts = step.wait(timeout)
        except Exception as error:  # noqa: BLE001 - whatever it is, the steps say what follows
            self._advance(partial(self._steps.throw, error))
        else:
            self._advance(partial(self._steps.send, texts))

    def _advance(self, resume: Callable[[], Step]) -> None:
        """Take the steps from one that was done to the next."""
        assert self._held.locked()
        try:
            self._step = step = resume()
        except BaseException as error:
            self._step = None
            self._is_over = True
            if not isinstance(error, StopIteration):
                raise
            return
        if isinstance(step, Receive):
            self._until = time.monotonic() + step.timeout
