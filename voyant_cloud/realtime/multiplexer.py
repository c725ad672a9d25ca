"""Runs the readers of many channels on one thread, which waits for all their sockets and timers together."""

from __future__ import annotations

import itertools
import logging
import selectors
import socket
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from voyant_cloud.realtime.steps import Blocking, Call, Pause, Put, Receive, Step, Steps
from voyant_cloud.realtime.timers import Timers
from voyant_cloud.realtime.workers import Workers
from voyant_cloud.urls import redact

__all__ = ["Multiplexer", "Reading"]

_SIGNAL_SIZE: Final = 64

logger = logging.getLogger("voyant_cloud.realtime")


class Reading:
    """The reader of one channel, as the multiplexer runs it. Only that touches it, but for ``is_alive`` and ``join``.

    Args:
        number: the reading's own.
        steps: ``Receive``, ``Put``, ``Pause`` and ``Blocking`` steps.
        wake: has the multiplexer look at it again; for any thread.
        is_own_thread: tells whether the caller runs on a thread that the readers need.
    """

    def __init__(
        self, number: int, steps: Steps[None], *, wake: Callable[[Reading], None], is_own_thread: Callable[[], bool]
    ) -> None:
        self.number = number
        self.steps = steps
        self.step: Step | None = None
        """What it waits for."""
        self.watched: int | None = None
        """The descriptor that is watched for it."""
        self.wake: Call = partial(wake, self)
        self.is_own_thread = is_own_thread
        self._over = threading.Event()

    def is_alive(self) -> bool:
        """Whether the steps have not come to their end."""
        return not self._over.is_set()

    def join(self, timeout: float | None = None) -> None:
        """Wait for their end, up to *timeout* seconds; ``None`` waits without a limit."""
        self._over.wait(timeout)

    def end(self) -> None:
        """Close the steps, if they are not at their end, and tell who waits for it."""
        self.steps.close()
        self._over.set()


class Multiplexer:
    """One thread for the sockets of many channels. What takes its time is done by others.

    In each turn a channel reads once at most, so that none holds up the rest.

    Lock rule: ``_lock`` guards ``_mail``, ``_is_signalled`` and ``_closed``, and is held for a few instructions only.
    All else belongs to the thread.

    Args:
        connectors: calls what takes its time.
    """

    def __init__(self, connectors: Workers) -> None:
        self._connectors = connectors
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._mail: list[Call] = []
        self._is_signalled = False
        self._closed = False
        self._selector = selectors.DefaultSelector()
        self._signal, self._signalled = socket.socketpair()
        self._readings: dict[int, Reading] = {}
        self._timers = Timers()
        # Those that can read without waiting.
        self._ready: deque[Reading] = deque()
        self._signalled.setblocking(False)
        self._selector.register(self._signalled, selectors.EVENT_READ)
        # A daemon, so that a program that ends without close() does end.
        self._thread = threading.Thread(target=self._run, name="voyant-shared-reader", daemon=True)
        self._thread.start()

    # What any thread calls

    def read(self, steps: Steps[None]) -> Reading:
        """Run a reader's steps; once closed, they are at their end at once."""
        reading = Reading(next(self._numbers), steps, wake=self._wake, is_own_thread=self.is_own_thread)
        if not self._post(partial(self._begin, reading)):
            reading.end()
        return reading

    def close(self) -> None:
        """End the thread, and what it still reads."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._send_signal()

    @property
    def is_closed(self) -> bool:
        """Whether it reads nothing more: it was closed, or failed."""
        return self._closed

    def join(self, deadline: float) -> None:
        """Wait for the thread to end; *deadline* is on the monotonic clock."""
        if self._thread is not threading.current_thread():
            self._thread.join(max(0.0, deadline - time.monotonic()))

    def is_own_thread(self) -> bool:
        """Tell whether the caller runs on a thread that the readers need."""
        return threading.current_thread() is self._thread or self._connectors.is_own_thread()

    def _post(self, call: Call) -> bool:
        """Have *call* called on the thread; ``False`` if there is none any more."""
        with self._lock:
            if self._closed:
                return False
            self._mail.append(call)
            self._send_signal()
            return True

    def _wake(self, reading: Reading) -> None:
        self._post(partial(self._look_again, reading))

    def _send_signal(self) -> None:
        assert self._lock.locked()
        if not self._is_signalled:
            self._is_signalled = True
            self._signal.send(b"\0")

    # The thread

    def _run(self) -> None:
        try:
            while not self._closed:
                self._turn()
            self._open_mail()
        except BaseException:  # noqa: BLE001 - a thread that dies must not leave channels that look healthy
            logger.error("the shared reader failed; this is a bug\n%s", redact(traceback.format_exc()))
            self.close()
        for reading in self._readings.values():
            # What a connector still does for one ends it, when that comes back in vain.
            if not isinstance(reading.step, Blocking):
                self._unwatch(reading)
                reading.end()
        self._selector.close()
        self._signal.close()
        self._signalled.close()

    def _turn(self) -> None:
        """Wait until there is something to do, and do all of that once."""
        ready = len(self._ready)
        for key, _ in self._selector.select(0.0 if ready else self._patience()):
            if key.data is not None:
                self._receive(key.data)
        for _ in range(ready):
            self._receive(self._ready.popleft())
        self._open_mail()
        for number in self._timers.take_due(time.monotonic()):
            reading = self._readings.get(number)
            if reading is not None:
                self._time_is_up(reading)

    def _patience(self) -> float | None:
        look_at = self._timers.next_look()
        return None if look_at is None else max(0.0, look_at - time.monotonic())

    def _open_mail(self) -> None:
        with self._lock:
            if self._is_signalled:
                self._is_signalled = False
                self._signalled.recv(_SIGNAL_SIZE)
            mail, self._mail = self._mail, []
        for call in mail:
            call()

    # One reader

    def _begin(self, reading: Reading) -> None:
        self._readings[reading.number] = reading
        self._go_on(reading, partial(next, reading.steps))

    def _receive(self, reading: Reading) -> None:
        step = reading.step
        assert isinstance(step, Receive)
        self._unwatch(reading)
        try:
            texts = step.connection.receive(0.0, step.limit)
        except Exception as error:  # noqa: BLE001 - whatever it is, the steps say what follows
            self._go_on(reading, partial(reading.steps.throw, error))
        else:
            self._go_on(reading, partial(reading.steps.send, texts))

    def _time_is_up(self, reading: Reading) -> None:
        step = reading.step
        if isinstance(step, Receive):
            self._receive(reading)
        elif isinstance(step, (Put, Pause)):
            self._go_on(reading, partial(reading.steps.send, False if isinstance(step, Put) else None))

    def _look_again(self, reading: Reading) -> None:
        """See whether what it waits for can be done by now; it may have been done long since."""
        step = reading.step
        if isinstance(step, Put) and step.sink.put_now(step.events, reading.wake):
            self._go_on(reading, partial(reading.steps.send, True))
        elif isinstance(step, Pause) and step.closing.is_rung(reading.wake):
            self._go_on(reading, partial(reading.steps.send, None))

    def _go_on(self, reading: Reading, resume: Callable[[], Step]) -> None:
        """Take a reader from one step that waits to the next."""
        self._timers.cancel(reading.number)
        # Whoever wakes it from now on wakes it in vain: a wake may be late, and the steps at their end.
        reading.step = None
        while True:
            try:
                step = resume()
            except BaseException as error:  # noqa: BLE001 - one reader's failure is not the others'
                self._finish(reading, error)
                return
            try:
                if self._waits(reading, step):
                    return
                resume = partial(reading.steps.send, True)
            except Exception as error:  # noqa: BLE001 - no thread for a connector, say: the steps say what follows
                resume = partial(reading.steps.throw, error)

    def _finish(self, reading: Reading, error: BaseException) -> None:
        if not isinstance(error, StopIteration):
            # As text: what collects exceptions may show their variables, and one of them may be a token.
            logger.error("a shared reader failed; this is a bug\n%s", redact(traceback.format_exc()))
        reading.step = None
        self._readings.pop(reading.number, None)
        reading.end()

    def _waits(self, reading: Reading, step: Step) -> bool:
        """Begin a step; tell whether it must be waited for."""
        reading.step = step
        if isinstance(step, Receive):
            self._watch(reading, step)
        elif isinstance(step, Put):
            if step.sink.put_now(step.events, reading.wake):
                return False
            self._timers.set(reading.number, time.monotonic() + step.timeout)
        elif isinstance(step, Pause):
            if step.seconds <= 0 or step.closing.is_rung(reading.wake):
                return False
            self._timers.set(reading.number, time.monotonic() + step.seconds)
        else:
            assert isinstance(step, Blocking)
            if not self._connectors.submit(partial(self._call, reading, step), first=step.is_urgent):
                reading.end()
        return True

    def _watch(self, reading: Reading, step: Receive) -> None:
        descriptor = step.connection.descriptor
        if descriptor is None or step.timeout <= 0:
            self._ready.append(reading)
            return
        try:
            self._selector.register(descriptor, selectors.EVENT_READ, reading)
        except OSError as error:
            # What the system will not watch is this channel's end, and no other's.
            self._post(partial(self._go_on, reading, partial(reading.steps.throw, error)))
        else:
            reading.watched = descriptor
            self._timers.set(reading.number, time.monotonic() + step.timeout)

    def _unwatch(self, reading: Reading) -> None:
        # Before it goes on, which may close the socket: a selector must not be left with one that is closed.
        if reading.watched is not None:
            self._selector.unregister(reading.watched)
            reading.watched = None

    # A connector

    def _call(self, reading: Reading, step: Blocking) -> None:
        resume: Callable[[], Any]
        try:
            resume = partial(reading.steps.send, step.call())
        except BaseException as error:  # noqa: BLE001 - whatever it is, the steps say what follows
            resume = partial(reading.steps.throw, error)
        if not self._post(partial(self._go_on, reading, resume)):
            # The thread has ended, so the steps are this one's.
            reading.end()
