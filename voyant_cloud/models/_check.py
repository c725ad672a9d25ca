"""What every validator of a model field is built on: how a problem is found, named and worded."""

from __future__ import annotations

import abc
import reprlib
from typing import Any, NamedTuple

import attrs

from voyant_cloud.errors import VoyantValidationError

__all__ = ["Check", "Problem", "at_least", "at_most", "got", "shown"]

_SHOWN_CHARACTERS = 80

# reprlib stops early, so that refusing a huge value does not first write all of it.
_repr = reprlib.Repr()
_repr.maxstring = _repr.maxother = _repr.maxlong = _SHOWN_CHARACTERS


class Problem(NamedTuple):
    """What is wrong with a value.

    Attributes:
        path: where in the value, as a suffix such as ``[3]``; empty for the value itself.
        text: what is wrong, with the limit and the value.
        code: the code with which a server refuses it.
    """

    path: str
    text: str
    code: str = "invalid_request"


class Check(abc.ABC):
    """A rule for the value of a field, usable as an attrs validator.

    Rules nest, and a good value costs no string: the place of a problem is put together only once there is one.
    """

    __slots__ = ()

    @abc.abstractmethod
    def find_problem(self, value: Any) -> Problem | None:
        """Return what is wrong with *value*, or ``None``."""

    def __call__(self, instance: object, attribute: attrs.Attribute[Any], value: Any) -> None:
        """Validate a field of a model.

        Raises:
            VoyantValidationError: where *value* breaks the rule; it names the class and the field.
        """
        problem = self.find_problem(value)
        if problem is not None:
            place = f"{type(instance).__name__}.{attribute.name}{problem.path}"
            raise VoyantValidationError(place, problem.text, code=problem.code)


def shown(value: object) -> str:
    """Return the ``repr`` of *value*, cut to what fits a message."""
    text = _repr.repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"


def got(value: object) -> str:
    """Return the type of *value* and the value, as in ``got int 5``."""
    return "got None" if value is None else f"got {type(value).__name__} {shown(value)}"


def at_least(limit: float) -> str:
    """Return the words for a lower limit."""
    return f"at least {limit} {_verb(limit)} required"


def at_most(limit: float) -> str:
    """Return the words for an upper limit."""
    return f"at most {limit} {_verb(limit)} allowed"


def _verb(count: float) -> str:
    return "is" if count == 1 else "are"
