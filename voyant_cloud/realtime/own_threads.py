"""Threads of a channel's own: one that reads, one that calls the handlers."""

from __future__ import annotations

import threading

from voyant_cloud.realtime.steps import Call, Running, Steps

__all__ = ["OwnThreads"]


class OwnThreads:
    """Runs each channel's steps on two threads of its own; what takes its time is done where it comes up."""

    waits = True

    def read(self, steps: Steps[None], channel: str) -> Running:
        """Run what keeps a *channel* connected."""
        return _started(steps, f"voyant-reader-{channel}")

    def deliver(self, steps: Steps[None], channel: str) -> Running:
        """Run what calls a *channel*'s handlers."""
        return _started(steps, f"voyant-handlers-{channel}")

    def is_shared_with_caller(self) -> bool:
        """Tell that no other channel needs these threads."""
        return False

    def defer(self, call: Call) -> None:
        """Call something that takes its time on a thread of its own."""
        # A daemon, so that a callable which never returns cannot keep the process from ending.
        threading.Thread(target=call, name="voyant-token", daemon=True).start()


class _OwnThread(threading.Thread):
    def __init__(self, steps: Steps[None], name: str) -> None:
        # A daemon, so that a program that ends without close(), or whose handler never returns, does end.
        super().__init__(name=name, daemon=True)
        self._steps = steps

    def run(self) -> None:
        steps = self._steps
        try:
            step = next(steps)
            while True:
                try:
                    result = step.wait()
                except BaseException as error:  # noqa: BLE001 - whatever it is, the steps say what follows
                    step = steps.throw(error)
                else:
                    step = steps.send(result)
        except StopIteration:
            return

    def is_own_thread(self) -> bool:
        return threading.current_thread() is self


def _started(steps: Steps[None], name: str) -> _OwnThread:
    thread = _OwnThread(steps, name)
    thread.start()
    return thread
