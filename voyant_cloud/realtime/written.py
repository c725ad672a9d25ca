"""A batch's messages as JSON: checked by the model's rules and written, once for every place that needs them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import attrs

from voyant_cloud import jsontext
from voyant_cloud.converter import unstructure
from voyant_cloud.fast_batch import FastCheck
from voyant_cloud.models import RealtimeBatchMessage
from voyant_cloud.realtime.inputs import BATCH_KEYS, BatchItem, batch_message_from

__all__ = ["Writer", "Written", "body_of", "size_of", "write"]

_KEYS: Final = frozenset(BATCH_KEYS)


@attrs.frozen
class Written:
    """A message that may be sent.

    Attributes:
        channel: the channel that it goes to.
        text: the message, as it stands in a batch.
    """

    channel: str
    text: str


class Writer:
    """Writes messages; one thread uses it."""

    def __init__(self) -> None:
        self._check = FastCheck()

    def write(self, item: BatchItem, place: str) -> Written:
        """Write one message.

        Args:
            item: a model, or a dict with its fields.
            place: what to call it in an error, such as ``messages[3]``.

        Raises:
            VoyantValidationError: it is neither, or a field is missing, unknown or breaks a limit.
        """
        return self.write_usual(item) or write(batch_message_from(item, place))

    def write_usual(self, item: Any) -> Written | None:
        """Write one message if it is just as usual; ``None`` says nothing about it."""
        if type(item) is not dict or not item.keys() <= _KEYS:
            return None
        channel, event, data = item.get("channel"), item.get("event"), item.get("data")
        try:
            text = self._check.data_text(channel, event, data)
        except (TypeError, ValueError):
            return None
        assert isinstance(channel, str)
        assert isinstance(event, str)
        rest = "" if data is None else f',"data":{text}'
        return Written(channel, f'{{"channel":{jsontext.quote(channel)},"event":{jsontext.quote(event)}{rest}}}')


def size_of(text: str) -> int:
    """Return how many bytes a message takes in a batch's body: a comma follows it."""
    return (len(text) if text.isascii() else len(text.encode())) + 1


def body_of(messages: Sequence[str]) -> bytes:
    """Return the body of the request that publishes these messages."""
    return f'{{"messages":[{",".join(messages)}]}}'.encode()


def write(message: RealtimeBatchMessage) -> Written:
    """Write a message that was checked when it was made."""
    return Written(message.channel, jsontext.dumps(unstructure(message), max_depth=jsontext.MAX_DEPTH + 1))
