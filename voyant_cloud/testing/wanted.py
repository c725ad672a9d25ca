"""What a test looks for among published messages, and how near a message comes to it; pure."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from typing import Any, Final

import attrs

from voyant_cloud.models import RealtimeMessageSummary

__all__ = ["ANYTHING", "Wanted", "one_line"]


class _Anything:
    """Stands where a test does not say what data it wants; ``None`` is data, too."""

    def __repr__(self) -> str:
        return "ANYTHING"


ANYTHING: Final[Any] = _Anything()
"""Any data, ``None`` included."""

_LONGEST_LINE: Final = 200
_LONGEST_DIFF: Final = 60


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
        return self.names_met(message) == 2 and not self._unlike(message)

    def names_met(self, message: RealtimeMessageSummary) -> int:
        """Return how many of channel and event a message has as wanted, 0 to 2."""
        return (self.channel in (None, message.channel)) + (self.event in (None, message.event))

    def likeness(self, message: RealtimeMessageSummary) -> tuple[int, float]:
        """Return how near a message comes: how many of channel and event it has, then 0 to 1 for its data."""
        ratios = [difflib.SequenceMatcher(None, *pair, autojunk=False).ratio() for pair in self._unlike(message)]
        return self.names_met(message), min(ratios, default=1.0)

    def differences(self, message: RealtimeMessageSummary) -> list[str]:
        """Return lines that say in what a message differs, with a diff of its data."""
        lines = []
        if self.channel not in (None, message.channel):
            lines.append(f"channel: {self.channel!r} was wanted")
        if self.event not in (None, message.event):
            lines.append(f"event: {self.event!r} was wanted")
        for wanted, published in self._unlike(message):
            diff = [line.rstrip() for line in difflib.ndiff(wanted, published) if not line.startswith("?")]
            lines.append("data, - as wanted, + as published:")
            lines += [f"  {line[:_LONGEST_LINE]}" for line in diff[:_LONGEST_DIFF]]
            if len(diff) > _LONGEST_DIFF:
                lines.append(f"  … {len(diff) - _LONGEST_DIFF} more lines")
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
        if self.data is not ANYTHING and not _match(self.data, message.data):
            pairs.append((_json_lines(_met(self.data, message.data)), _json_lines(message.data)))
        if self.data_contains is not ANYTHING and not _match(self.data_contains, message.data, partly=True):
            wanted = _met(self.data_contains, message.data, partly=True)
            pairs.append((_json_lines(wanted), _json_lines(_part(message.data, self.data_contains))))
        return pairs


def one_line(data: Any) -> str:
    """Write data on one line, cut where it is long."""
    text = json.dumps(_plain(data), ensure_ascii=False, default=repr)
    return text if len(text) <= _LONGEST_LINE else text[: _LONGEST_LINE - 1] + "…"


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


def _json_lines(data: Any) -> list[str]:
    lines = json.dumps(_plain(data), indent=2, ensure_ascii=False, default=repr).splitlines()
    # A comma that comes or goes with the next line would count as a difference.
    return [line.removesuffix(",") for line in lines]


def _plain(data: Any) -> Any:
    # Sorted by hand: json refuses to sort keys of several types, and a wrong key is what a failing test must show.
    if isinstance(data, Mapping):
        return {str(key): _plain(data[key]) for key in sorted(data, key=str)}
    if isinstance(data, (list, tuple)):
        return [_plain(value) for value in data]
    return data
