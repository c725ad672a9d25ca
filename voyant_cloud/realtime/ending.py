"""How a user ends a channel: the last event, the close frame, and a bounded wait for what runs."""

from __future__ import annotations

import time
from typing import Final

from voyant_cloud.realtime.dispatcher import Dispatcher
from voyant_cloud.realtime.events import RealtimeChannelDisconnectedEvent
from voyant_cloud.realtime.frames import CloseCode
from voyant_cloud.realtime.lifecycle import Lifecycle
from voyant_cloud.realtime.reader import LINGER
from voyant_cloud.realtime.steps import Running

__all__ = ["Ending", "last_event"]

_CLOSED: Final = "client closed"
_CLOSE_TIMEOUT: Final = 1.0


class Ending:
    """Ends a channel. Any thread may, more than once.

    Args:
        lifecycle: the channel's state.
        dispatcher: what calls its handlers.
        reader: what keeps it connected.
    """

    def __init__(self, *, lifecycle: Lifecycle, dispatcher: Dispatcher, reader: Running) -> None:
        self._lifecycle = lifecycle
        self._dispatcher = dispatcher
        self._reader = reader

    @property
    def is_over(self) -> bool:
        """Whether nothing of the channel runs any more."""
        return not self._reader.is_alive() and self._dispatcher.join(0)

    def begin(self, timeout: float) -> None:
        """Drop what waits for the handlers, tell them of the end, and the service, too.

        Args:
            timeout: seconds that the whole may take; half of them, and no more than 1, for the close frame.
        """
        is_first = self._lifecycle.finish(None)
        self._dispatcher.discard(last_event())
        connection = self._lifecycle.connection() if is_first else None
        if connection is None:
            return
        if self._lifecycle.was_live:
            connection.start_close(CloseCode.NORMAL, _CLOSED, min(_CLOSE_TIMEOUT, timeout / 2))
        else:
            connection.abort()

    def wait(self, begun: float, deadline: float) -> None:
        """Wait for the end, but not on a thread that is needed for it.

        Args:
            begun: when ``begin`` was done, on the monotonic clock; the service has ``LINGER`` from then to answer.
            deadline: when to leave what runs to itself, on the monotonic clock.
        """
        if not self._reader.is_own_thread():
            self._reader.join(_left(min(begun + LINGER, deadline)))
            connection = self._lifecycle.connection()
            if connection is not None:
                # The service had its time to answer the close.
                connection.abort()
            self._reader.join(_left(deadline))
        if not self._dispatcher.is_own_thread():
            self._dispatcher.join(_left(deadline))


def last_event() -> RealtimeChannelDisconnectedEvent:
    """Return what the handlers are told when the channel is closed."""
    return RealtimeChannelDisconnectedEvent(
        code=int(CloseCode.NORMAL), reason=_CLOSED, will_reconnect=False, retry_in=None
    )


def _left(deadline: float) -> float:
    return max(0.0, deadline - time.monotonic())
