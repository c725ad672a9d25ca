"""How much history an engine keeps; pure but for the clock that it is given."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import attrs

__all__ = ["Retention"]

_TRIMMED_AT_ONCE: Final = 32
_TRIMMED_PART: Final = 16
"""What part of those kept may be left over."""


@attrs.frozen
class Retention:
    """How much is kept.

    Attributes:
        messages: how many messages a channel, 1 or more.
        seconds: how long a message, above 0.
        answer_seconds: how long the answer to an idempotency key, above 0.
        clock: seconds since 1970.
    """

    messages: int = 1_000
    seconds: float = 86_400.0
    answer_seconds: float = 300.0
    clock: Callable[[], float] = time.time
    # How many go at a time: to remove one costs as much.
    _some: int = attrs.field(init=False, repr=False, eq=False)

    @_some.default
    def _default_some(self) -> int:
        return min(max(self.messages // _TRIMMED_PART, 1), _TRIMMED_AT_ONCE)

    def now_ms(self) -> int:
        """Return the time now, milliseconds since 1970."""
        return int(self.clock() * 1000)

    def oldest_ms(self) -> int:
        """Return the time before which messages are past theirs, milliseconds since 1970."""
        return int(max(self.clock() - self.seconds, 0.0) * 1000)

    def trimmed_seq(self, head_seq: int) -> int:
        """Return the ``seq`` up to which messages are too many, 0 where none are. Those are not shown any more."""
        return max(head_seq - self.messages, 0)

    def to_trim(self, head_seq: int, added: int) -> int:
        """Return the ``seq`` up to which messages are to be removed now, 0 where it is not worth it yet.

        Args:
            head_seq: where the channel stands.
            added: how many messages have just come.
        """
        too_many = head_seq - self.messages
        if too_many <= 0:
            return 0
        return too_many if too_many // self._some > (too_many - added) // self._some else 0
