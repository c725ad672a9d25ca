"""The rules that the generated models put on lists and maps, and how a model makes them its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from voyant_cloud.models._check import Check, Problem, at_least, at_most, got, shown

__all__ = ["Entries", "Items", "own"]


@attrs.frozen
class Items(Check):
    """A list or another sequence, but not a string: ``"ab"`` is one value, not two.

    Attributes:
        each: the rule for every item.
        min_items: the fewest items.
        max_items: the most items.
        unique_items: whether an item may appear only once.
        too_many_hint: what the message adds where there are too many.
    """

    each: Check | None = None
    min_items: int = 0
    max_items: int | None = None
    unique_items: bool = False
    too_many_hint: str | None = None

    def find_problem(self, value: Any) -> Problem | None:
        """Return what is wrong with *value*, or ``None``."""
        if not isinstance(value, Sequence) or isinstance(value, (str, bytes, bytearray, memoryview)):
            return Problem("", f"must be a list or tuple, {got(value)}")
        return self._find_size(len(value)) or self._find_item(value) or self._find_repeat(value)

    def _find_size(self, size: int) -> Problem | None:
        if size < self.min_items:
            return Problem("", f"has {_count(size, 'item', 'items')}, {at_least(self.min_items)}")
        if self.max_items is not None and size > self.max_items:
            hint = f"; {self.too_many_hint}" if self.too_many_hint else ""
            return Problem("", f"has {_count(size, 'item', 'items')}, {at_most(self.max_items)}{hint}")
        return None

    def _find_item(self, items: Sequence[Any]) -> Problem | None:
        if self.each is None:
            return None
        for index, item in enumerate(items):
            problem = self.each.find_problem(item)
            if problem is not None:
                return problem._replace(path=f"[{index}]{problem.path}")
        return None

    def _find_repeat(self, items: Sequence[Any]) -> Problem | None:
        if not self.unique_items:
            return None
        # Not a set: items may be models with unhashable data.
        seen: list[Any] = []
        for index, item in enumerate(items):
            if item in seen:
                return Problem(f"[{index}]", f"repeats {shown(item)}, each item may appear only once")
            seen.append(item)
        return None


@attrs.frozen
class Entries(Check):
    """A dict or another mapping with string keys.

    Attributes:
        keys: the rule for every key.
        values: the rule for every value.
        min_entries: the fewest entries.
        max_entries: the most entries.
    """

    keys: Check
    values: Check | None = None
    min_entries: int = 0
    max_entries: int | None = None

    def find_problem(self, value: Any) -> Problem | None:
        """Return what is wrong with *value*, or ``None``."""
        if not isinstance(value, Mapping):
            return Problem("", f"must be a dict, {got(value)}")
        return self._find_size(len(value)) or self._find_entry(value)

    def _find_size(self, size: int) -> Problem | None:
        if size < self.min_entries:
            return Problem("", f"has {_count(size, 'entry', 'entries')}, {at_least(self.min_entries)}")
        if self.max_entries is not None and size > self.max_entries:
            return Problem("", f"has {_count(size, 'entry', 'entries')}, {at_most(self.max_entries)}")
        return None

    def _find_entry(self, entries: Mapping[Any, Any]) -> Problem | None:
        for key, item in entries.items():
            problem = self.keys.find_problem(key)
            if problem is not None:
                return Problem(f"[{shown(key)}]", f"key {problem.text}")
            problem = None if self.values is None else self.values.find_problem(item)
            if problem is not None:
                return problem._replace(path=f"[{shown(key)}]{problem.path}")
        return None


def own(instance: object, **levels: int) -> None:
    """Replace lists and maps of a frozen model by copies that the caller cannot reach.

    Called after validation, so that the validators see what the caller gave.

    Args:
        instance: the model.
        levels: the fields, each with how many lists and maps are nested in it; what lies deeper is kept as it is.
    """
    for name, depth in levels.items():
        object.__setattr__(instance, name, _copied(getattr(instance, name), depth))


def _copied(value: Any, depth: int) -> Any:
    if depth == 0 or value is None:
        return value
    if isinstance(value, Mapping):
        return {key: _copied(item, depth - 1) for key, item in value.items()}
    return tuple(_copied(item, depth - 1) for item in value)


def _count(size: int, one: str, many: str) -> str:
    return f"{size} {one if size == 1 else many}"
