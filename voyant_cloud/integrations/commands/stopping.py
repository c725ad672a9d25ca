"""An orderly end of a command that runs on and on: SIGTERM and Ctrl-C set an event in place of breaking off."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Final, Self

__all__ = ["Stop"]

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


class Stop:
    """Whether the command was asked to end; a context manager that puts the signals' handlers back.

    The first signal is a request; a second Ctrl-C breaks off.
    """

    def __init__(self) -> None:
        self._asked = threading.Event()
        self._before: dict[int, Any] = {}
        self._then: Callable[[], object] | None = None

    def then(self, action: Callable[[], object]) -> None:
        """Have *action* called, on a thread of its own, when the command is asked to end."""
        self._then = action

    @property
    def asked(self) -> bool:
        """Whether a signal came."""
        return self._asked.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait, and tell whether a signal came meanwhile."""
        return self._asked.wait(seconds)

    def __enter__(self) -> Self:
        # Handlers can be set on the main thread alone; elsewhere, as in a test, there is nothing to end.
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._ask) for number in _SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _ask(self, number: int, _: FrameType | None) -> None:
        if self._asked.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        # What the action needs may be locked by the very code that this handler interrupts; a thread can wait for it.
        threading.Thread(target=self._end, name="voyant-stop", daemon=True).start()

    def _end(self) -> None:
        self._asked.set()
        if self._then is not None:
            self._then()
