"""``SharedThreads``: many channels on few threads."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final, Protocol

from voyant_cloud.config import check_close_timeout
from voyant_cloud.errors import RealtimeClosedError, RealtimeError, VoyantConfigError
from voyant_cloud.realtime.deliveries import Delivery
from voyant_cloud.realtime.multiplexer import Multiplexer
from voyant_cloud.realtime.steps import Call, Running, Steps, Threads
from voyant_cloud.realtime.workers import Workers

__all__ = ["SharedThreads"]

_MOST: Final = 64
_FEW: Final = 16
"""Channels among which those that are over need not be looked for."""


class OpenChannel(Protocol):
    """A channel, to be closed."""

    @property
    def is_over(self) -> bool:
        """Whether nothing of it runs any more."""

    def begin(self, timeout: float) -> None:
        """Start to close it, which may take *timeout* seconds."""

    def wait(self, begun: float, deadline: float) -> None:
        """Wait until it is closed; both are on the monotonic clock."""


class SharedThreads:
    """Threads for many channels: one reads for all of them, a few call handlers, a few connect.

        with SharedThreads(handlers=4) as threads:
            channels = [RealtimeChannel(channel=name, token=mint, threads=threads) for name in names]

    A channel keeps all its promises: its handlers run one after the other and in order, and a full queue stops that
    channel alone. What is shared is time: a handler that is slow keeps one of *handlers* threads from the other
    channels, and a token callable or a host that does not answer one of *connectors*, a host for no longer than the
    channel's *connect_timeout*. A ``for`` loop over a channel takes none.

    A handler cannot wait for the end of a channel on the same threads, nor iterate over one.

    All methods may be called from any thread. After ``fork`` the threads are the parent's: in the child no channel can
    be opened on them, and ``close()`` does nothing there. Windows can watch 512 sockets together; for more channels
    than that, make several.

    Args:
        handlers: how many handlers may run at a time, 1 to 64.
        connectors: how many channels may ask for a token and connect at a time, 1 to 64.

    Raises:
        VoyantConfigError: a number is out of its range.
    """

    def __init__(self, *, handlers: int = 4, connectors: int = 3) -> None:
        self._handlers = _check_count("handlers", handlers)
        self._connectors = _check_count("connectors", connectors)
        self._process = os.getpid()
        # Guards the three below; a channel is opened under it, so that none is missed by close(). No handler runs under
        # it, and nothing is waited for.
        self._lock = threading.Lock()
        self._channels: set[OpenChannel] = set()
        self._look_at = _FEW
        self._closed = False
        self._pool = _Pool(handlers, connectors)

    def open(self, run: Callable[[Threads], OpenChannel]) -> None:
        """Have a channel run on these threads; ``RealtimeChannel`` calls this.

        Raises:
            RealtimeClosedError: they were closed.
            RealtimeError: they are those of the process that this one was forked from.
        """
        if os.getpid() != self._process:
            raise RealtimeError(
                "these SharedThreads were made before a fork and are the parent's; make some in this process"
            )
        with self._lock:
            if self._closed or self._pool.is_closed:
                raise RealtimeClosedError("these SharedThreads were closed; a channel needs some that are open")
            self._channels.add(run(self._pool))
            if len(self._channels) >= self._look_at:
                # Not at each one, which would look at all the others.
                self._channels = {channel for channel in self._channels if not channel.is_over}
                self._look_at = 2 * len(self._channels) + _FEW

    def close(self, timeout: float = 5.0) -> None:
        """Close the channels, all at a time, and end the threads. Safe to call twice, and from a handler.

        Args:
            timeout: seconds that handlers that run, and the service, have to come to an end, 0 to 86400. After that
                they are left to themselves.

        Raises:
            VoyantConfigError: *timeout* is no such number.
        """
        check_close_timeout(timeout)
        if os.getpid() != self._process:
            return
        deadline = time.monotonic() + timeout
        with self._lock:
            self._closed = True
            channels = list(self._channels)
        for channel in channels:
            channel.begin(max(0.0, deadline - time.monotonic()))
        begun = time.monotonic()
        for channel in channels:
            channel.wait(begun, deadline)
        self._pool.close(deadline)

    def __enter__(self) -> SharedThreads:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "closed" if self._closed else "open"
        return f"<SharedThreads handlers={self._handlers} connectors={self._connectors} {state}>"


class _Pool:
    """The threads, as channels use them."""

    waits = False

    def __init__(self, handlers: int, connectors: int) -> None:
        self._handlers = Workers("voyant-shared-handlers", handlers)
        self._connectors = Workers("voyant-shared-connector", connectors)
        self._multiplexer = Multiplexer(self._connectors)

    @property
    def is_closed(self) -> bool:
        return self._multiplexer.is_closed

    def read(self, steps: Steps[None], channel: str) -> Running:
        return self._multiplexer.read(steps)

    def deliver(self, steps: Steps[None], channel: str) -> Running:
        return Delivery(steps, self._handlers)

    def is_shared_with_caller(self) -> bool:
        return self._handlers.is_own_thread()

    def defer(self, call: Call) -> None:
        # What is deferred is short, or somebody waits for it.
        self._connectors.submit(call, first=True)

    def close(self, deadline: float) -> None:
        self._multiplexer.close()
        self._connectors.close()
        self._handlers.close()
        self._multiplexer.join(deadline)
        self._connectors.join(deadline)
        self._handlers.join(deadline)


def _check_count(name: str, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= _MOST:
        raise VoyantConfigError(f"{name}: must be a whole number, 1 to {_MOST}, got {value!r}")
    return value
