"""What may be tried again, and when. Pure: no clock, no I/O; time and chance are passed in.

How an attempt ended decides, see ``Outcome``. A call that may be repeated without harm (reading, minting a token) is
repeated after all but ``FAILED`` and ``FINAL``. A publish is repeated after ``NOT_SENT`` and ``REFUSED``; after
``UNSURE`` only within the time for which the service is known to remember the publish's ``Idempotency-Key``.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import Any, Final

import attrs

from voyant_cloud.errors import VoyantConfigError

__all__ = ["DEFAULT_RETRIES", "Outcome", "RetryPolicy", "outcome_of_status", "parse_retry_after", "time_allowed"]


DEFAULT_RETRIES: Final = 3


class Outcome(Enum):
    """How an attempt that did not succeed ended."""

    NOT_SENT = "not sent"
    """The request never left: no connection was had."""
    REFUSED = "refused"
    """Answered with 429 or 503: nothing was applied, later it may be."""
    UNSURE = "unsure"
    """It was sent, and whether it was applied is not known: 502, 504, a timeout, a connection that broke."""
    FAILED = "failed"
    """Answered with 500 or the like: whether it was applied is not known, and another attempt may end the same."""
    FINAL = "final"
    """Refused for good: nothing was applied, and another attempt would end the same."""


_OUTCOME_OF_STATUS: Final = {
    429: Outcome.REFUSED,
    502: Outcome.UNSURE,
    503: Outcome.REFUSED,
    504: Outcome.UNSURE,
}


def outcome_of_status(status: int) -> Outcome:
    """Return what an answer with an HTTP *status* of 300 or above says about trying again."""
    # 408 and a gateway's own 5xx may come after the service has stored what it was sent.
    other = Outcome.FAILED if status >= 500 or status == 408 else Outcome.FINAL
    return _OUTCOME_OF_STATUS.get(status, other)


def _number(kind: type[Any], maximum: int) -> Callable[[object, attrs.Attribute[Any], Any], None]:
    def check(_: object, attribute: attrs.Attribute[Any], value: Any) -> None:
        # An int will do where a float is asked for; a bool is neither.
        if isinstance(value, bool) or not isinstance(value, (int, kind)) or not 0 <= value <= maximum:
            raise VoyantConfigError(f"RetryPolicy.{attribute.name}: must be 0 to {maximum}, got {value!r}")

    return check


@attrs.frozen(kw_only=True)
class RetryPolicy:
    """How often and how long a call is tried again.

    Each wait is drawn evenly from 0 to a bound that doubles from *base_delay* to *max_delay* ("full jitter"), so that
    many clients which failed together do not come back together. What the service asks for with ``Retry-After`` is
    waited in addition.

    Attributes:
        retries: how many attempts may follow the first, 0 to 100. 0 turns retries off.
        base_delay: the bound of the first wait, seconds, 0 to 3600.
        max_delay: the largest bound, seconds, 0 to 3600.
        deadline: no attempt begins later than this after the first did, and none of them runs past it, seconds, 0 to
            86400. The first attempt has the call's timeout alone.
    """

    retries: int = attrs.field(default=DEFAULT_RETRIES, validator=_number(int, 100))
    base_delay: float = attrs.field(default=0.25, validator=_number(float, 3600))
    max_delay: float = attrs.field(default=8.0, validator=_number(float, 3600))
    deadline: float = attrs.field(default=60.0, validator=_number(float, 86_400))

    def delay(
        self, attempt: int, *, outcome: Outcome, retry_after: float | None, left: float, chance: Callable[[], float]
    ) -> float | None:
        """Return how many seconds to wait before the next attempt, or ``None`` if there must be none.

        Args:
            attempt: how many attempts preceded the one that just failed; 0 for the first.
            outcome: how it ended.
            retry_after: what the service asked for, seconds, or ``None``.
            left: the seconds left in which a next attempt is allowed, see ``time_allowed``.
            chance: gives a number from 0 to 1, such as ``random.random``.
        """
        if outcome in (Outcome.FAILED, Outcome.FINAL) or attempt >= self.retries:
            return None
        bound = min(self.max_delay, self.base_delay * 2.0**attempt)
        delay = chance() * bound + (retry_after or 0.0)
        return delay if delay < left else None


def time_allowed(policy: RetryPolicy, *, is_publish: bool, unsure: bool, key_lifetime: float) -> float:
    """Return for how many seconds after its start a call may be tried again.

    Args:
        policy: the caller's policy.
        is_publish: whether a repeat could publish twice.
        unsure: whether any attempt so far may have been applied.
        key_lifetime: for how many seconds the service is known to remember an idempotency key; 0 if it is not.
    """
    return min(policy.deadline, key_lifetime) if is_publish and unsure else policy.deadline


def parse_retry_after(value: str | None, *, now: dt.datetime) -> float | None:
    """Read a ``Retry-After`` header, which holds seconds or an HTTP date.

    Args:
        value: the header, or ``None``.
        now: the present time, aware, to measure a date from.

    Returns:
        Seconds, 0 or more, or ``None`` where there is no header or it cannot be read.
    """
    text = (value or "").strip()
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text):
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=dt.UTC)
        return max(0.0, math.ceil((moment - now).total_seconds()))
    except (ValueError, OverflowError, TypeError):
        return None
