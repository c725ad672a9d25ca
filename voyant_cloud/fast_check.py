"""The fast way to check a message to publish: its data is written once, and no model is made. Pure.

It takes only what is just as usual. The rest is left to the models, which say what is wrong, if anything is; so this
file decides nothing, and has their results at a third of the cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import attrs

from voyant_cloud import jsontext
from voyant_cloud.models import RealtimeBatchMessage
from voyant_cloud.models._check import Check

__all__ = ["MOST_BYTES", "FastCheck"]

_BATCH_MESSAGE: Final[Any] = attrs.fields(RealtimeBatchMessage)
_CHANNEL: Final[Check] = _BATCH_MESSAGE.channel.validator
MOST_BYTES: Final[int] = _BATCH_MESSAGE.data.validator.max_bytes
"""The most bytes of a message's data, as JSON, that the contract allows in a batch."""
_REMEMBERED: Final = 1_000
"""Names that are remembered as good; messages that come together have few between them."""


class FastCheck:
    """Checks messages, and remembers names that it found good.

    Args:
        model: what they would be; its ``event`` and ``data`` say what is allowed.
        most_bytes: of a message's data as JSON, no more than the model allows; ``None`` for just that.
    """

    def __init__(self, model: type[Any] = RealtimeBatchMessage, *, most_bytes: int | None = None) -> None:
        fields: Any = attrs.fields(model)
        self._event: Check = fields.event.validator
        self._depth: int = fields.data.validator.max_depth
        self._most_bytes: int = most_bytes or fields.data.validator.max_bytes
        self._good: dict[tuple[str, str], str] = {}

    def message_text(self, channel: Any, event: Any, data: Any) -> str:
        """Return a message as it stands in a batch.

        Raises:
            TypeError, ValueError: the message is not just as usual, or breaks a limit.
        """
        names = self.names_text(channel, event)
        return f"{{{names}}}" if data is None else f'{{{names},"data":{self.value_text(data)}}}'

    def data_text(self, channel: Any, event: Any, data: Any) -> str:
        """Return a message's data as JSON.

        Raises:
            TypeError, ValueError: the message is not just as usual, or breaks a limit.
        """
        self.names_text(channel, event)
        return self.value_text(data)

    def names_text(self, channel: Any, event: Any) -> str:
        """Return a message's channel and event as they stand in a batch.

        Raises:
            TypeError, ValueError: the channel or the event breaks a rule.
        """
        known = self._good.get((channel, event))
        return known or self._remember(channel, event)

    def _remember(self, channel: Any, event: Any) -> str:
        if _CHANNEL.find_problem(channel) or self._event.find_problem(event):
            raise ValueError
        if len(self._good) >= _REMEMBERED:
            self._good.clear()
        text = f'"channel":{jsontext.quote(channel)},"event":{jsontext.quote(event)}'
        self._good[channel, event] = text
        return text

    def value_text(self, data: Any) -> str:
        """Return data as JSON.

        Raises:
            ValueError: it is none, or breaks a limit.
        """
        text = jsontext.dumps(data, max_depth=self._depth)
        self.require_size(text)
        return text

    def require_size(self, text: str) -> None:
        """Refuse data that is too large as JSON.

        Raises:
            ValueError: it has too many bytes.
        """
        # No character takes more than four bytes.
        if len(text) * 4 > self._most_bytes and len(text.encode()) > self._most_bytes:
            raise ValueError

    def require_sizes(self, texts: Sequence[str]) -> None:
        """Do so for each of several, one or more."""
        if max(map(len, texts)) * 4 > self._most_bytes:
            for text in texts:
                self.require_size(text)
