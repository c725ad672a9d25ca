"""The fast way from a JSON object to a model whose rules are all about types. Pure.

It goes past the constructor, having checked what the constructor would. What is not just as usual is left to the
converter, so that this file decides nothing: it has the converter's results at a third of the cost.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

import attrs

from voyant_cloud.models import _validators

__all__ = ["fast_reader"]

_TEXT = _validators.String()
_TIME = _validators.AwareDatetime()


def fast_reader(model: type, wire_names: Mapping[str, str]) -> Callable[[Any], Any] | None:
    """Return what makes a *model* of a JSON object, or ``None`` where the model has rules that it does not know.

    Args:
        model: a generated model.
        wire_names: the key of each field.

    Returns:
        A function of a JSON value. It gives the model; ``None`` where the value is not just as usual.
    """
    fields = attrs.fields(model)
    if not all(map(_is_known, fields)):
        return None

    def of_rule(rule: Any) -> list[tuple[str, Callable[[Any, Any], None]]]:
        # A frozen class has no other way past its constructor that costs less than the slots' own.
        return [(wire_names[it.name], getattr(model, it.name).__set__) for it in fields if it.validator == rule]

    texts, times, others = of_rule(_TEXT), of_rule(_TIME), of_rule(None)
    new, read_time = object.__new__, dt.datetime.fromisoformat

    def read(value: Any) -> Any:
        try:
            made: Any = new(model)
            for key, put in texts:
                if type(text := value[key]) is not str or not text.isascii():
                    return None
                put(made, text)
            for key, put in times:
                if (moment := read_time(value[key])).tzinfo is None:
                    return None
                put(made, moment)
            for key, put in others:
                put(made, value[key])
        except (LookupError, TypeError, ValueError):
            return None
        return made

    return read


def _is_known(field: attrs.Attribute[Any]) -> bool:
    if field.default is not attrs.NOTHING:
        return False
    return field.validator in (_TEXT, _TIME) or (field.validator is None and field.type in (Any, "Any"))
