"""The rules that the generated models put on single values; those on lists and maps are in ``_containers``."""

from __future__ import annotations

import datetime
import enum
import math
import re
from functools import cache
from typing import Any

import attrs

from voyant_cloud import jsontext
from voyant_cloud.models._check import Check, Problem, at_least, at_most, got, shown

__all__ = [
    "AwareDatetime",
    "Boolean",
    "Constant",
    "InstanceOf",
    "Integer",
    "JsonValue",
    "Nullable",
    "Number",
    "OneOf",
    "String",
]

_ESCAPE_CLASS_OR_END = r"(?s)(\\.|\[(?:\\.|[^\]\\])*\])|\$"


@attrs.frozen
class String(Check):
    """A string that can be sent as UTF-8.

    Attributes:
        min_length: the fewest characters.
        max_length: the most characters.
        pattern: a regular expression of the contract's dialect (ECMA 262).
        pattern_hint: the pattern in words, for the message.
        secret: keep the value out of messages.
    """

    min_length: int = 0
    max_length: int | None = None
    pattern: str | None = None
    pattern_hint: str | None = None
    secret: bool = False

    def find_problem(self, value: Any) -> Problem | None:
        """Return what is wrong with *value*, or ``None``."""
        if not isinstance(value, str):
            return Problem("", f"must be a string, {self._got(value)}")
        length = len(value)
        if length < self.min_length:
            return Problem("", f"is {_characters(length)} long, {at_least(self.min_length)}")
        if self.max_length is not None and length > self.max_length:
            return Problem("", f"is {_characters(length)} long, {at_most(self.max_length)}")
        if self.pattern is not None and _ecma(self.pattern).search(value) is None:
            return Problem("", self._mismatch(value))
        if not value.isascii() and not _is_unicode(value):
            return Problem("", "contains a lone surrogate, which is not valid Unicode")
        return None

    def _got(self, value: object) -> str:
        return f"got {type(value).__name__}" if self.secret else got(value)

    def _mismatch(self, value: str) -> str:
        subject = "the value" if self.secret else shown(value)
        hint = f"; {self.pattern_hint}" if self.pattern_hint else ""
        return f"{subject} must match {self.pattern}{hint}"


@attrs.frozen
class Number(Check):
    """A finite number; ``bool`` is none.

    Attributes:
        minimum: the smallest value.
        maximum: the largest value.
        exclusive_minimum: what the value must be above.
        exclusive_maximum: what the value must be below.
    """

    minimum: float | None = None
    maximum: float | None = None
    exclusive_minimum: float | None = None
    exclusive_maximum: float | None = None

    def find_problem(self, value: Any) -> Problem | None:
        """Return what is wrong with *value*, or ``None``."""
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            return Problem("", f"must be a number, {got(value)}")
        if not math.isfinite(value):
            return Problem("", f"{value} is not JSON")
        return self._find_limit(value)

    def _find_limit(self, value: float) -> Problem | None:
        if self.minimum is not None and value < self.minimum:
            return Problem("", f"is {shown(value)}, at least {self.minimum} is required")
        if self.maximum is not None and value > self.maximum:
            return Problem("", f"is {shown(value)}, at most {self.maximum} is allowed")
        if self.exclusive_minimum is not None and value <= self.exclusive_minimum:
            return Problem("", f"is {shown(value)}, more than {self.exclusive_minimum} is required")
        if self.exclusive_maximum is not None and value >= self.exclusive_maximum:
            return Problem("", f"is {shown(value)}, less than {self.exclusive_maximum} is required")
        return None


@attrs.frozen
class Integer(Number):
    """A whole number, given as an ``int``; ``bool`` is none. Its limits are those of ``Number``."""

    def find_problem(self, value: Any) -> Problem | None:
        """Return what is wrong with *value*, or ``None``."""
        if not isinstance(value, int) or isinstance(value, bool):
            return Problem("", f"must be an integer, {got(value)}")
        return self._find_limit(value)


@attrs.frozen
class Boolean(Check):
    """``True`` or ``False``."""

    def find_problem(self, value: Any) -> Problem | None:
        """Return what is wrong with *value*, or ``None``."""
        return None if isinstance(value, bool) else Problem("", f"must be a boolean, {got(value)}")


@attrs.frozen
class Constant(Check):
    """The one value that the contract allows.

    Attributes:
        value: that value.
    """

    value: str | int | bool

    def find_problem(self, value: Any) -> Problem | None:
        """Return what is wrong with *value*, or ``None``."""
        # 1 == True in Python, not in JSON.
        if value == self.value and isinstance(value, bool) is isinstance(self.value, bool):
            return None
        return Problem("", f"must be {self.value!r}, {got(value)}")


@attrs.frozen
class OneOf(Check):
    """A member of a closed enumeration, or its value as a plain string.

    Attributes:
        enumeration: the enumeration.
    """

    enumeration: type[enum.StrEnum]
    _allowed: frozenset[str] = attrs.field(init=False, repr=False, eq=False)

    @_allowed.default
    def _values(self) -> frozenset[str]:
        return frozenset(self.enumeration)

    def find_problem(self, value: Any) -> Problem | None:
        """Return what is wrong with *value*, or ``None``."""
        if isinstance(value, str) and value in self._allowed:
            return None
        allowed = ", ".join(repr(member.value) for member in self.enumeration)
        return Problem("", f"must be one of {allowed}, {got(value)}")


@attrs.frozen
class AwareDatetime(Check):
    """A point in time: a ``datetime`` that knows its offset from UTC."""

    def find_problem(self, value: Any) -> Problem | None:
        """Return what is wrong with *value*, or ``None``."""
        if not isinstance(value, datetime.datetime):
            return Problem("", f"must be a datetime, {got(value)}")
        if value.utcoffset() is None:
            return Problem("", f"must be a datetime with a time zone, got {value.isoformat()} without one")
        return None


@attrs.frozen
class JsonValue(Check):
    """Any JSON value.

    Attributes:
        max_bytes: the most bytes of its text, exactly as it would be sent.
        max_depth: how deep arrays and objects may be nested.
    """

    max_bytes: int | None = None
    max_depth: int = jsontext.MAX_DEPTH

    def find_problem(self, value: Any) -> Problem | None:
        """Return what is wrong with *value*, or ``None``."""
        try:
            text = jsontext.dumps(value, max_depth=self.max_depth)
        except jsontext.JsonTextError as error:
            return Problem(error.path, error.problem)
        if self.max_bytes is None:
            return None
        size = len(text) if text.isascii() else len(text.encode())
        if size > self.max_bytes:
            return Problem("", f"is {size} bytes of JSON, {at_most(self.max_bytes)}", code="payload_too_large")
        return None


@attrs.frozen
class InstanceOf(Check):
    """A model.

    Attributes:
        model: its class.
    """

    model: type

    def find_problem(self, value: Any) -> Problem | None:
        """Return what is wrong with *value*, or ``None``."""
        if isinstance(value, self.model):
            return None
        return Problem("", f"must be of type {self.model.__name__}, {got(value)}")


@attrs.frozen
class Nullable(Check):
    """``None``, or what another rule allows.

    Attributes:
        check: the rule for anything but ``None``.
    """

    check: Check

    def find_problem(self, value: Any) -> Problem | None:
        """Return what is wrong with *value*, or ``None``."""
        return None if value is None else self.check.find_problem(value)


@cache
def _ecma(pattern: str) -> re.Pattern[str]:
    """Compile *pattern* with the contract's meaning: ``$`` is the very end, ``\\d`` and ``\\w`` are ASCII.

    Done for the first value that needs it, since to import the models should not take so long.
    """
    return re.compile(re.sub(_ESCAPE_CLASS_OR_END, lambda match: match[1] or r"\Z", pattern), re.ASCII)


def _characters(length: int) -> str:
    return "1 character" if length == 1 else f"{length} characters"


def _is_unicode(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
