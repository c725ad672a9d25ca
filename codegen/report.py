"""Say what changed between two generated files, and which of it breaks callers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import attrs

from codegen.describe import Description, FieldDescription

__all__ = ["Change", "compare", "report"]

_REQUEST_SUFFIX = "Input"


@attrs.frozen
class Change:
    """A difference between two generated files.

    Attributes:
        text: what changed.
        breaks: whether code written for the old file can fail with the new one.
    """

    text: str
    breaks: bool = False

    def __str__(self) -> str:
        return f"{self.text}  [BREAKING]" if self.breaks else self.text


def compare(old: Description, new: Description) -> list[Change]:
    """Return what changed from *old* to *new*, in a fixed order."""
    return [*_enum_changes(old, new), *_model_changes(old, new)]


def report(changes: list[Change]) -> str:
    """Return the lines for a person: every change, then how many of them break callers."""
    if not changes:
        return "no changes"
    breaking = sum(change.breaks for change in changes)
    total = "1 change" if len(changes) == 1 else f"{len(changes)} changes"
    return "\n".join([*map(str, changes), f"{total}, {breaking} breaking"])


def _enum_changes(old: Description, new: Description) -> Iterator[Change]:
    yield from _class_changes("enum", old.enums, new.enums)
    for name in sorted(old.enums.keys() & new.enums.keys()):
        before, after = old.enums[name], new.enums[name]
        yield from (Change(f"- value {name}: {value!r}", breaks=True) for value in before if value not in after)
        yield from (Change(f"+ value {name}: {value!r}") for value in after if value not in before)


def _model_changes(old: Description, new: Description) -> Iterator[Change]:
    yield from _class_changes("type", old.models, new.models)
    for name in sorted(old.models.keys() & new.models.keys()):
        yield from _fields_changes(name, old.models[name], new.models[name])


def _class_changes(word: str, old: Mapping[str, object], new: Mapping[str, object]) -> Iterator[Change]:
    yield from (Change(f"- {word} {name}", breaks=True) for name in sorted(old.keys() - new.keys()))
    yield from (Change(f"+ {word} {name}") for name in sorted(new.keys() - old.keys()))


def _fields_changes(
    model: str, old: Mapping[str, FieldDescription], new: Mapping[str, FieldDescription]
) -> Iterator[Change]:
    for name in (name for name in old if name not in new):
        yield Change(f"- field {model}.{name}", breaks=True)
    for name, field in new.items():
        place = f"{model}.{name}"
        if name in old:
            yield from _field_changes(place, old[name], field)
        else:
            word = "required" if field.required else "optional"
            yield Change(f"+ field {place}: {field.annotation}, {word}", breaks=field.required)


def _field_changes(place: str, old: FieldDescription, new: FieldDescription) -> Iterator[Change]:
    if old.annotation != new.annotation:
        yield Change(f"~ field {place}: type {old.annotation} -> {new.annotation}", breaks=True)
    if old.wire != new.wire:
        yield Change(f"~ field {place}: wire name {old.wire} -> {new.wire}", breaks=True)
    yield from _presence_changes(place, old, new)
    for limit in sorted(old.limits.keys() | new.limits.keys()):
        before, after = old.limits.get(limit), new.limits.get(limit)
        if before != after:
            yield Change(
                f"~ field {place}: {limit} {_shown(before)} -> {_shown(after)}", _tightens(limit, before, after)
            )


def _presence_changes(place: str, old: FieldDescription, new: FieldDescription) -> Iterator[Change]:
    # Who reads the field must now expect None; what callers only write stays valid.
    is_only_written = place.partition(".")[0].endswith(_REQUEST_SUFFIX)
    surprises_readers = new.nullable and not old.nullable and not is_only_written
    if old.required != new.required:
        words = "optional -> required" if new.required else "required -> optional"
        yield Change(f"~ field {place}: {words}", breaks=new.required or surprises_readers)
    elif old.nullable != new.nullable:
        words = "never None -> may be None" if new.nullable else "may be None -> never None"
        yield Change(f"~ field {place}: {words}", breaks=not new.nullable or surprises_readers)


def _tightens(limit: str, before: object, after: object) -> bool:
    """Return whether a value that was allowed can now be refused."""
    if after is None:
        return False
    if before is None:
        return True
    if isinstance(before, (int, float)) and isinstance(after, (int, float)):
        lower = "min" in limit.rpartition(".")[2]
        return after > before if lower else after < before
    # Whether a pattern admits all that another one did cannot be told from here.
    return True


def _shown(value: object) -> str:
    return "none" if value is None else str(value)
