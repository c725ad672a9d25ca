"""The log for programs: one JSON object a line, whatever is logged and whoever logs it."""

from __future__ import annotations

import json
import logging
import math
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

__all__ = ["JsonLines", "log_what_python_says"]

_OWN: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}
"""What each record has; everything else was added with ``extra=``."""
_log = logging.getLogger("python")


class JsonLines(logging.Formatter):
    """Lays a log record out as an object on one line, in ASCII.

    It has ``time`` (UTC, to the millisecond), ``level``, ``logger`` and ``message``, then the record's extra fields,
    and ``traceback`` where there is one.

    Args:
        mask: takes keys and tokens out of a text.
    """

    def __init__(self, mask: Callable[[str], str]) -> None:
        super().__init__()
        self._mask = mask

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        extra = {name: self._plain(value) for name, value in vars(record).items() if name not in _OWN}
        fields = {
            "time": at.replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": self._text(_message(record)),
        }
        line: dict[str, Any] = {**fields, **extra, **fields}
        if record.exc_info:
            line["traceback"] = self._text(self.formatException(record.exc_info))
        return json.dumps(line, allow_nan=False)

    def _plain(self, value: object) -> Any:
        if value is None or isinstance(value, (bool, int)) or (isinstance(value, float) and math.isfinite(value)):
            return value
        return self._text(str(value))

    def _text(self, text: str) -> str:
        # Half of a surrogate pair is no character, and many readers of JSON refuse it.
        return self._mask(text).encode("utf-8", "backslashreplace").decode()


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError):
        # The values do not fit the text. logging itself would write a traceback as plain text.
        return f"{record.msg} {record.args!r}"


def log_what_python_says() -> None:
    """Have warnings, and failures in threads and finalizers, logged; the interpreter would write them as plain text."""
    logging.captureWarnings(True)
    threading.excepthook = _on_thread_failure
    sys.unraisablehook = _on_unraisable


def _on_thread_failure(failure: threading.ExceptHookArgs) -> None:
    name = failure.thread.name if failure.thread is not None else "unknown"
    _log.error("the thread %s failed", name, exc_info=failure.exc_value)


def _on_unraisable(failure: sys.UnraisableHookArgs) -> None:
    _log.error("%s: %r", failure.err_msg or "ignored", failure.object, exc_info=failure.exc_value)
