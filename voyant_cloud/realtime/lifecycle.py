"""Where a channel stands: its state, the connection in use, and how it ended. Shared by all threads."""

from __future__ import annotations

import copy
import threading
from enum import StrEnum

from voyant_cloud.errors import RealtimeClosedError, RealtimeError, RealtimeNotConnectedError
from voyant_cloud.realtime.connection import Connection
from voyant_cloud.realtime.steps import Call

__all__ = ["ChannelState", "Closing", "Lifecycle"]


class ChannelState(StrEnum):
    """Where a channel stands."""

    CONNECTING = "connecting"
    """It was never connected yet."""
    CONNECTED = "connected"
    """The service has said ``connected``: messages flow, and sending works."""
    RECONNECTING = "reconnecting"
    """The connection ended; the channel makes another."""
    CLOSED = "closed"
    """It ended for good."""


class Closing:
    """Rings once, at the end for good.

    Lock rule: ``_lock`` guards ``_when_rung``. Nobody is called under it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rung = threading.Event()
        self._when_rung: Call | None = None

    def ring(self) -> None:
        """Tell all who wait."""
        self._rung.set()
        with self._lock:
            call, self._when_rung = self._when_rung, None
        if call is not None:
            call()

    def is_set(self) -> bool:
        """Whether it has rung."""
        return self._rung.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for it, up to *timeout* seconds; tell whether it has rung."""
        return self._rung.wait(timeout)

    def is_rung(self, otherwise: Call) -> bool:
        """Tell whether it has rung; if not, *otherwise* is called when it does."""
        with self._lock:
            is_rung = self._rung.is_set()
            self._when_rung = None if is_rung else otherwise
            return is_rung


class Lifecycle:
    """The state of a channel.

    Lock rule: ``_lock`` guards every field. It is held for a few instructions only: no I/O, no handler, no other
    lock. Without it, ``_state``, ``_error`` and ``_live`` may each be looked at, one at a time.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._state = ChannelState.CONNECTING
        self._connection: Connection | None = None
        # The connection, while the state is connected.
        self._live: Connection | None = None
        self._error: RealtimeError | None = None
        self.was_live = False
        """Whether it was connected when it ended for good."""
        self.closing = Closing()
        """Rings at the end for good; what waits for time to pass waits on it."""

    @property
    def state(self) -> ChannelState:
        """Where the channel stands."""
        return self._state

    @property
    def error(self) -> RealtimeError | None:
        """Why the channel ended; ``None`` while it has not, and after ``close()``."""
        return self._error

    def error_to_raise(self) -> RealtimeError | None:
        """Return a copy of ``error``: each raise adds to a traceback, which would keep every caller's frame alive."""
        return copy.copy(self._error)

    # What the reader says

    def dialing(self, connection: Connection) -> bool:
        """Note the connection that is made now, so that it can be broken off; ``False`` if it is too late for one."""
        with self._lock:
            if self._state is not ChannelState.CLOSED:
                self._connection = connection
            return self._connection is connection

    def went_live(self) -> None:
        """Note that the connection works."""
        with self._lock:
            if self._state is not ChannelState.CLOSED:
                self._move(ChannelState.CONNECTED)

    def went_down(self) -> None:
        """Note that the connection is gone."""
        with self._lock:
            self._connection = None
            if self._state is ChannelState.CONNECTED:
                self._move(ChannelState.RECONNECTING)

    # What anybody says

    def finish(self, error: RealtimeError | None) -> bool:
        """End for good.

        Args:
            error: why; ``None`` for the user's wish.

        Returns:
            ``False`` if it had ended before; then nothing changed.
        """
        with self._lock:
            if self._state is ChannelState.CLOSED:
                return False
            self._error = error
            self.was_live = self._state is ChannelState.CONNECTED
            self._move(ChannelState.CLOSED)
        self.closing.ring()
        return True

    def connection(self) -> Connection | None:
        """Return the connection in use, live or in the making."""
        with self._lock:
            return self._connection

    def live_connection(self) -> Connection | None:
        """Return the connection to send on, or ``None`` while there is none.

        Raises:
            RealtimeClosedError: the channel has ended.
        """
        live = self._live
        if live is None and self._state is ChannelState.CLOSED:
            raise self._closed_error()
        return live

    def require_live_connection(self) -> Connection:
        """Return the connection to send on.

        Raises:
            RealtimeNotConnectedError: there is none now.
            RealtimeClosedError: the channel has ended.
        """
        live = self._live or self.live_connection()
        if live is None:
            raise RealtimeNotConnectedError("the channel is not connected now; nothing was sent")
        return live

    def wait_connected(self, timeout: float | None) -> bool:
        """Wait until the channel is connected.

        Args:
            timeout: seconds; ``None`` waits without a limit.

        Returns:
            ``False`` if it took longer.

        Raises:
            RealtimeError: the channel has ended; why it did.
        """
        ready = (ChannelState.CONNECTED, ChannelState.CLOSED)
        with self._lock:
            in_time = self._changed.wait_for(lambda: self._state in ready, timeout)
            if self._state is ChannelState.CLOSED:
                raise self.error_to_raise() or self._closed_error()
            return in_time

    def _move(self, state: ChannelState) -> None:
        assert self._lock.locked()
        # Before the state: who sees that it is connected, without the lock, can send.
        self._live = self._connection if state is ChannelState.CONNECTED else None
        self._state = state
        self._changed.notify_all()

    def _closed_error(self) -> RealtimeClosedError:
        if self._error is None:
            return RealtimeClosedError("the channel was closed")
        return RealtimeClosedError(f"the channel has ended: {self._error}", code=self._error.code)
