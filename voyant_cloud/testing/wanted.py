"""What a test looks for among published messages, and how near a message comes to it; pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import attrs

from voyant_cloud.models import RealtimeMessageSummary
from voyant_cloud.testing.difference import differing_lines, json_lines, likeness, one_line

__all__ = ["ANYTHING", "Wanted"]


class _Anything:
    """Stands where a test does not say what data it wants; ``None`` is data, too."""

    def __repr__(self) -> str:
        return "ANYTHING"


ANYTHING: Final[Any] = _Anything()
"""Any data, ``None`` included."""


@attrs.frozen
class Wanted:
    """A description that messages match or not.

    Attributes:
        channel: the channel; ``None`` for any.
        event: the event's name; ``None`` for any.
        data: the data, equal as JSON; parts of it may be objects that compare themselves, such as ``mock.ANY``.
        data_contains: data of which objects may have more keys, at every depth.
    """

    channel: str | None = None
    event: str | None = None
    data: Any = ANYTHING
    data_contains: Any = ANYTHING

    def matches(self, message: RealtimeMessageSummary) -> bool:
        """Tell whether a message is one of those."""
        return self.names_met(message) == 2 and self._has_data(message) and self._has_part(message)

    def names_met(self, message: RealtimeMessageSummary) -> int:
        """Return how many of channel and event a message has as wanted, 0 to 2."""
        return (self.channel in (None, message.channel)) + (self.event in (None, message.event))

    def likeness(self, message: RealtimeMessageSummary) -> tuple[int, float]:
        """Return how near a message comes: how many of channel and event it has, then 0 to 1 for its data."""
        return self.names_met(message), min((likeness(*pair) for pair in self._unlike(message)), default=1.0)

    def differences(self, message: RealtimeMessageSummary) -> list[str]:
        """Return lines that say in what a message differs, with a diff of its data."""
        lines = []
        if self.channel not in (None, message.channel):
            lines.append(f"channel: {self.channel!r} was wanted")
        if self.event not in (None, message.event):
            lines.append(f"event: {self.event!r} was wanted")
        for wanted, published in self._unlike(message):
            lines.append("data, - as wanted, + as published:")
            lines += [f"  {line}" for line in differing_lines(wanted, published)]
        return lines

    def lines(self) -> list[str]:
        """Return lines that say what is wanted."""
        named = {"channel": self.channel, "event": self.event}
        lines = [f"{name}: {value}" for name, value in named.items() if value is not None]
        if self.data is not ANYTHING:
            lines.append(f"data: {one_line(self.data)}")
        if self.data_contains is not ANYTHING:
            lines.append(f"data with at least: {one_line(self.data_contains)}")
        return lines

    def _unlike(self, message: RealtimeMessageSummary) -> list[tuple[list[str], list[str]]]:
        """Return pairs of JSON lines, wanted and published, for data and its part where they do not match."""
        pairs = []
        if not self._has_data(message):
            pairs.append((json_lines(_met(self.data, message.data)), json_lines(message.data)))
        if not self._has_part(message):
            wanted = _met(self.data_contains, message.data, partly=True)
            pairs.append((json_lines(wanted), json_lines(_part(message.data, self.data_contains))))
        return pairs

    def _has_data(self, message: RealtimeMessageSummary) -> bool:
        return self.data is ANYTHING or _match(self.data, message.data)

    def _has_part(self, message: RealtimeMessageSummary) -> bool:
        return self.data_contains is ANYTHING or _match(self.data_contains, message.data, partly=True)


def _match(wanted: Any, data: Any, *, partly: bool = False) -> bool:
    if isinstance(wanted, Mapping) and isinstance(data, dict):
        keys_fit = wanted.keys() <= data.keys() if partly else wanted.keys() == data.keys()
        return keys_fit and all(_match(value, data[key], partly=partly) for key, value in wanted.items())
    if isinstance(wanted, (list, tuple)) and isinstance(data, list):
        return len(wanted) == len(data) and all(map(lambda *pair: _match(*pair, partly=partly), wanted, data))
    # In JSON true is not 1.
    if isinstance(wanted, (bool, int, float)) and isinstance(wanted, bool) != isinstance(data, bool):
        return False
    return bool(wanted == data)


def _met(wanted: Any, data: Any, *, partly: bool = False) -> Any:
    """Return *wanted* with each part that *data* matches written as it is there, so that a diff leaves it out."""
    if _match(wanted, data, partly=partly):
        return _part(data, wanted) if partly else data
    if isinstance(wanted, Mapping) and isinstance(data, dict):
        met = {key: _met(value, data[key], partly=partly) for key, value in wanted.items() if key in data}
        return {**wanted, **met}
    if isinstance(wanted, (list, tuple)) and isinstance(data, list) and len(wanted) == len(data):
        return [_met(value, data[index], partly=partly) for index, value in enumerate(wanted)]
    return wanted


def _part(data: Any, wanted: Any) -> Any:
    """Return of *data* the keys that *wanted* names."""
    if isinstance(wanted, Mapping) and isinstance(data, dict):
        return {key: _part(data[key], value) for key, value in wanted.items() if key in data}
    if isinstance(wanted, (list, tuple)) and isinstance(data, list) and len(wanted) == len(data):
        return [_part(data[index], value) for index, value in enumerate(wanted)]
    return data
