"""A batch's messages as JSON: checked by the model's rules and written, once for every place that needs them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from voyant_cloud import jsontext
from voyant_cloud.converter import unstructure
from voyant_cloud.fast_check import FastCheck
from voyant_cloud.fast_json import compact
from voyant_cloud.models import PublishRealtimeMessageInput, RealtimeBatchMessage
from voyant_cloud.realtime.frames import encode_frame
from voyant_cloud.realtime.inputs import BATCH_KEYS, BatchItem, batch_message_from

__all__ = ["FrameWriter", "Writer", "Written", "body_of", "size_of", "write"]

_KEYS: Final = frozenset(BATCH_KEYS)


class Written(NamedTuple):
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
        channel: Any = item.get("channel")
        try:
            return Written(channel, self._check.message_text(channel, item.get("event"), item.get("data")))
        except (TypeError, ValueError):
            return None

    def write_json(self, given: bytes) -> Written | None:
        """Write one message that is JSON already if it is just as usual; ``None`` says nothing about it."""
        try:
            item, text = compact(given)
            # A message without data is written without it.
            if tuple(item) != BATCH_KEYS or item["data"] is None:
                return None
            if text.count("[") + text.count("{") > jsontext.MAX_DEPTH:
                return None
            self._check.names_text(item["channel"], item["event"])
            self._check.require_size(text)
        except (LookupError, TypeError, ValueError, RecursionError, StopIteration):
            return None
        return Written(item["channel"], text)


class FrameWriter:
    """Writes the frames that publish to one channel; any thread may use it.

    Args:
        channel: the channel's name.
    """

    def __init__(self, channel: str) -> None:
        self._channel = channel
        # Where the event stands in what ``names_text`` returns: each has its comma.
        self._event_at = len(f'"channel":{jsontext.quote(channel)},')
        self._check = FastCheck(PublishRealtimeMessageInput)

    def write(self, event: Any, data: Any) -> str:
        """Write one frame.

        Raises:
            VoyantValidationError: the event or its data breaks a limit.
        """
        try:
            names = self._check.names_text(self._channel, event)
            rest = "" if data is None else f',"data":{self._check.value_text(data)}'
        except (TypeError, ValueError):
            return encode_frame(PublishRealtimeMessageInput(event=event, data=data))
        return f'{{"type":"publish",{names[self._event_at :]}{rest}}}'


def size_of(text: str) -> int:
    """Return how many bytes a message takes in a batch's body: a comma follows it."""
    return (len(text) if text.isascii() else len(text.encode())) + 1


def body_of(messages: Sequence[str]) -> bytes:
    """Return the body of the request that publishes these messages."""
    return f'{{"messages":[{",".join(messages)}]}}'.encode()


def write(message: RealtimeBatchMessage) -> Written:
    """Write a message that was checked when it was made."""
    return Written(message.channel, jsontext.dumps(unstructure(message), max_depth=jsontext.MAX_DEPTH + 1))
