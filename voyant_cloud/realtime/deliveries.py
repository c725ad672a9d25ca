"""Runs the deliveries of many channels on a few threads: a channel's one after the other, a batch at a time."""

from __future__ import annotations

import logging
import threading
import traceback
from typing import Final

from voyant_cloud.realtime.steps import Give, Step, Steps, Take
from voyant_cloud.realtime.workers import Workers
from voyant_cloud.urls import redact

__all__ = ["Delivery"]

logger = logging.getLogger("voyant_cloud.realtime")

_WAITS: Final = object()


class Delivery:
    """The delivery of one channel. It is on a thread only while there is something to deliver.

    No lock: it is either on one thread, or waits to be scheduled once by what it waits for. So to wait is the last
    thing that a turn does.

    Args:
        steps: ``Take`` and ``Give`` steps.
        workers: the threads.
    """

    def __init__(self, steps: Steps[None], workers: Workers) -> None:
        self._steps = steps
        self._workers = workers
        self._step: Step | None = None
        self._over = threading.Event()
        self._schedule()

    def is_alive(self) -> bool:
        """Whether the steps have not come to their end."""
        return not self._over.is_set()

    def join(self, timeout: float | None = None) -> None:
        """Wait for their end, up to *timeout* seconds; ``None`` waits without a limit."""
        self._over.wait(timeout)

    def is_own_thread(self) -> bool:
        """Whether the caller runs on one of the threads; if all of them waited, none could deliver."""
        return self._workers.is_own_thread()

    def _schedule(self) -> None:
        if not self._workers.submit(self._turn):
            self._steps.close()
            self._over.set()

    def _turn(self) -> None:
        """Deliver until there is nothing to deliver, or others wait for the thread."""
        try:
            step = self._step if self._step is not None else self._begin(next(self._steps))
            result = self._attempt(step)
            while result is not _WAITS:
                step = self._begin(self._steps.send(result))
                if self._workers.is_behind and self._workers.submit(self._turn):
                    return
                result = self._attempt(step)
        except StopIteration:
            self._over.set()
        except BaseException:  # noqa: BLE001 - whoever waits for the end must not wait for ever
            logger.error("a delivery failed; this is a bug\n%s", redact(traceback.format_exc()))
            self._over.set()

    def _begin(self, step: Step) -> Step:
        self._step = step
        if isinstance(step, Give):
            step.handover.offer(step.messages)
        return step

    def _attempt(self, step: Step) -> object:
        """Do the step if that needs no waiting; if it does, be scheduled when it may not."""
        if isinstance(step, Give):
            left = step.handover.take_back(self._schedule)
            return _WAITS if left is None else left
        assert isinstance(step, Take)
        return step.inbox.take(step.limit) if step.inbox.is_ready(self._schedule) else _WAITS
