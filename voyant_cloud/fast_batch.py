"""The fast way to check a batch's message: its data is written once, and no model is made. Pure.

It takes only what is just as usual. The rest is left to the models, which say what is wrong, if anything is; so this
file decides nothing, and has their results at a third of the cost.
"""

from __future__ import annotations

from typing import Any, Final

import attrs

from voyant_cloud import jsontext
from voyant_cloud.models import RealtimeBatchMessage
from voyant_cloud.models._check import Check

__all__ = ["MOST_BYTES", "FastCheck"]

_FIELDS: Final[Any] = attrs.fields(RealtimeBatchMessage)
_CHANNEL: Final[Check] = _FIELDS.channel.validator
_EVENT: Final[Check] = _FIELDS.event.validator
_DEPTH: Final[int] = _FIELDS.data.validator.max_depth
MOST_BYTES: Final[int] = _FIELDS.data.validator.max_bytes
"""The most bytes of a message's data, as JSON, that the contract allows."""
_REMEMBERED: Final = 1_000
"""Names that are remembered as good; messages that come together have few between them."""


class FastCheck:
    """Checks messages, and remembers names that it found good.

    Args:
        most_bytes: of a message's data as JSON; at most ``MOST_BYTES``.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._good: set[tuple[str, str]] = set()

    def data_text(self, channel: Any, event: Any, data: Any) -> str:
        """Return a message's data as JSON.

        Raises:
            TypeError, ValueError: the message is not just as usual, or breaks a limit.
        """
        if (channel, event) not in self._good:
            self._find_good(channel, event)
        text = jsontext.dumps(data, max_depth=_DEPTH)
        # No character takes more than four bytes.
        if len(text) * 4 > self._most_bytes and len(text.encode()) > self._most_bytes:
            raise ValueError
        return text

    def _find_good(self, channel: Any, event: Any) -> None:
        if _CHANNEL.find_problem(channel) or _EVENT.find_problem(event):
            raise ValueError
        if len(self._good) >= _REMEMBERED:
            self._good.clear()
        self._good.add((channel, event))
