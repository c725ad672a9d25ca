"""Threads of a channel's own: one that keeps it connected, one that calls the handlers."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import partial

from voyant_cloud.realtime.events import Event
from voyant_cloud.realtime.own_reading import Reading
from voyant_cloud.realtime.steps import Call, Running, Steps, Take
from voyant_cloud.realtime.watch import CAN_WATCH, Watch

__all__ = ["OwnThreads"]


class OwnThreads:
    """Runs a channel's steps on two threads of its own; what takes its time is done where it comes up.

    Handlers are called on the second of them alone. While they have nothing to do, that one waits for the socket, too:
    see ``Reading``.
    """

    waits = True

    def __init__(self) -> None:
        self._reading = Reading()

    def read(self, steps: Steps[None], channel: str) -> Running:
        """Run what keeps a *channel* connected."""
        self._reading.start(steps, f"voyant-reader-{channel}")
        return self._reading

    def deliver(self, steps: Steps[None], channel: str) -> Running:
        """Run what calls a *channel*'s handlers."""
        thread = _HandlersThread(steps, self._reading, f"voyant-handlers-{channel}")
        thread.start()
        return thread

    def is_shared_with_caller(self) -> bool:
        """Tell that no other channel needs these threads."""
        return False

    def defer(self, call: Call) -> None:
        """Call something that takes its time on a thread of its own."""
        # A daemon, so that a callable which never returns cannot keep the process from ending.
        threading.Thread(target=call, name="voyant-token", daemon=True).start()


class _HandlersThread(threading.Thread):
    def __init__(self, steps: Steps[None], reading: Reading, name: str) -> None:
        # A daemon, so that a program that ends without close(), or whose handler never returns, does end.
        super().__init__(name=name, daemon=True)
        self._steps = steps
        self._reading = reading
        self._watch: Watch | None = None
        self.is_asleep = False
        """Whether it waits for events that another thread reads."""

    def run(self) -> None:
        # Only here: a thread that cannot be started would never close it.
        self._watch = _watch()
        try:
            self._deliver()
        finally:
            if self._watch is not None:
                self._reading.end_help(self)
                self._watch.close()

    def is_own_thread(self) -> bool:
        return threading.current_thread() is self

    def _deliver(self) -> None:
        steps, watch = self._steps, self._watch
        if watch is not None:
            self._reading.begin_help(self)
        try:
            step = next(steps)
            while True:
                result = step.wait() if watch is None or not isinstance(step, Take) else self._take(step, watch)
                step = steps.send(result)
        except StopIteration:
            return

    def _take(self, step: Take, watch: Watch) -> Sequence[Event] | None:
        """Do the step, and read for oneself what there is not."""
        is_ready = partial(step.inbox.is_ready, self._wake)
        while True:
            events = self._reading.help(is_ready, watch)
            if events is not None:
                return events
            if is_ready():
                return step.wait()
            self.is_asleep = True
            self._reading.fall_asleep()
            watch.wait()
            self.is_asleep = False

    def _wake(self) -> None:
        if threading.current_thread() is not self and self._watch is not None:
            # Before it wakes: whoever wakes it must see that it will come.
            self.is_asleep = False
            self._watch.wake()


def _watch() -> Watch | None:
    if not CAN_WATCH:
        return None
    try:
        return Watch()
    except OSError:
        # It works without, if not as quickly; a connection needs the last descriptor more.
        return None
