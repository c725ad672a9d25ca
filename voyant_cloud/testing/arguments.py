"""The arguments of faults, checked where the test gives them and not where a request would meet them."""

from __future__ import annotations

from typing import Any, Final

from voyant_cloud.errors import VoyantConfigError

__all__ = ["read_retry_after", "read_seconds", "read_status", "read_times"]

_LONGEST_DELAY: Final = 86_400
_LONGEST_RETRY_AFTER: Final = 999_999_999
_LONGEST_SHOWN: Final = 80


def read_times(method: str, value: int | None) -> int | None:
    """Return to how many requests a fault is done, ``None`` for all.

    Args:
        method: whose argument it is.
        value: 1 or more, or ``None``.

    Raises:
        VoyantConfigError: it is something else.
    """
    if value is None or (_is_whole(value) and value >= 1):
        return value
    raise _wrong(method, "times", "must be a whole number of at least 1, or None for all", value)


def read_status(method: str, value: int) -> int:
    """Return the HTTP status of an error, 400 to 599; else raise as ``read_times`` does."""
    if _is_whole(value) and 400 <= value <= 599:
        return value
    raise _wrong(method, "status", "must be 400 to 599", value)


def read_retry_after(method: str, value: int | None) -> int | None:
    """Return whole seconds for a ``Retry-After`` header, or ``None`` for none; else raise as ``read_times`` does."""
    if value is None or (_is_whole(value) and 0 <= value <= _LONGEST_RETRY_AFTER):
        return value
    problem = f"must be whole seconds, 0 to {_LONGEST_RETRY_AFTER}, or None for no such header"
    raise _wrong(method, "retry_after", problem, value)


def read_seconds(method: str, value: float) -> float:
    """Return how long to wait, in seconds above 0 and up to a day; else raise as ``read_times`` does."""
    # NaN compares as false, and so is refused.
    if (_is_whole(value) or isinstance(value, float)) and 0 < value <= _LONGEST_DELAY:
        return value
    raise _wrong(method, "seconds", f"must be above 0 and at most {_LONGEST_DELAY}", value)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _wrong(method: str, name: str, problem: str, value: Any) -> VoyantConfigError:
    return VoyantConfigError(f"{method}: {name} {problem}, got {repr(value)[:_LONGEST_SHOWN]}")
