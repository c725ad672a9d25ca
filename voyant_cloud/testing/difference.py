"""In what two pieces of JSON data differ, in lines; the work is bounded however large they are; pure."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

__all__ = ["differing_lines", "json_lines", "likeness", "one_line"]

_LONGEST_LINE: Final = 200
_MOST_LINES: Final = 60
_CONTEXT: Final = 10
"""Lines before the first difference that are shown where not all can be."""
_PAIRED_CHARS: Final = 1_000
"""Of each of two blocks. To find which of their lines are alike takes time with the square of it and more."""


def json_lines(data: Any) -> list[str]:
    """Write data as JSON, one value a line, keys sorted."""
    lines = json.dumps(_plain(data), indent=2, ensure_ascii=False, default=repr).splitlines()
    # A comma that comes or goes with the next line would count as a difference.
    return [line.removesuffix(",") for line in lines]


def one_line(data: Any) -> str:
    """Write data as JSON on one line, cut where it is long."""
    text = json.dumps(_plain(data), ensure_ascii=False, default=repr)
    return text if len(text) <= _LONGEST_LINE else text[: _LONGEST_LINE - 1] + "…"


def likeness(wanted: Sequence[str], published: Sequence[str]) -> float:
    """Return how many of their lines two texts have in common, 0 to 1, wherever these stand."""
    return difflib.SequenceMatcher(None, wanted, published, autojunk=False).quick_ratio()


def differing_lines(wanted: Sequence[str], published: Sequence[str]) -> list[str]:
    """Return the lines of both, those of one alone after ``-`` or ``+``; at most 60, and how many are left out.

    Lines that stand before and after all differences are set aside first, and of what is between them no more is
    compared than can be shown.
    """
    before = _alike_at_start(wanted, published)
    rest = [wanted[before:], published[before:]]
    after = _alike_at_start(rest[0][::-1], rest[1][::-1])
    differing = [part[: len(part) - after] for part in rest]
    compared = [part[:_MOST_LINES] for part in differing]
    lines = [f"  {line}" for line in wanted[:before]]
    lines += _diff(*compared)
    lines += [f"  {line}" for line in wanted[len(wanted) - after :]]
    return _cut(lines, before, sum(map(len, differing)) - sum(map(len, compared)))


def _alike_at_start(one: Sequence[str], other: Sequence[str]) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    return next((index for index, (a, b) in pairs if a != b), min(len(one), len(other)))


def _diff(wanted: Sequence[str], published: Sequence[str]) -> Iterator[str]:
    matcher = difflib.SequenceMatcher(None, wanted, published, autojunk=False)
    for kind, start, end, other_start, other_end in matcher.get_opcodes():
        gone, new = wanted[start:end], published[other_start:other_end]
        if kind == "equal":
            yield from (f"  {line}" for line in gone)
        elif sum(map(len, gone)) * sum(map(len, new)) <= _PAIRED_CHARS**2:
            yield from (line for line in difflib.ndiff(gone, new) if not line.startswith("?"))
        else:
            yield from (f"- {line}" for line in gone)
            yield from (f"+ {line}" for line in new)


def _cut(lines: list[str], before: int, not_compared: int) -> list[str]:
    """Return what can be shown of a difference.

    Args:
        lines: all that was compared.
        before: how many of them stand before the first that differs.
        not_compared: how many lines beside them differ.
    """
    hidden = max(before - _CONTEXT, 0) if len(lines) + not_compared > _MOST_LINES else 0
    shown = lines[hidden : hidden + _MOST_LINES]
    more = len(lines) - hidden - len(shown) + not_compared
    cut = [line.rstrip()[:_LONGEST_LINE] for line in shown]
    return [*([f"… {hidden} lines alike"] if hidden else []), *cut, *([f"… {more} more lines"] if more else [])]


def _plain(data: Any) -> Any:
    # Sorted by hand: json refuses to sort keys of several types, and a wrong key is what a failing test must show.
    if isinstance(data, Mapping):
        return {str(key): _plain(data[key]) for key in sorted(data, key=str)}
    if isinstance(data, (list, tuple)):
        return [_plain(value) for value in data]
    return data
