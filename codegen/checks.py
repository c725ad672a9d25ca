"""Write the validators of fields, as the source text of calls to ``voyant_cloud.models``."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import attrs

from codegen.contract import Contract, Kind, Shape
from codegen.spec import SpecError

__all__ = ["CheckWriter"]


@attrs.frozen
class _Limit:
    """A keyword of the schema and the argument it becomes."""

    keyword: str
    argument: str
    type: type | tuple[type, ...]


_STRING = (
    _Limit("minLength", "min_length", int),
    _Limit("maxLength", "max_length", int),
    _Limit("pattern", "pattern", str),
    _Limit("x-pattern-hint", "pattern_hint", str),
    _Limit("x-secret", "secret", bool),
)
_NUMBER = (
    _Limit("minimum", "minimum", (int, float)),
    _Limit("maximum", "maximum", (int, float)),
    _Limit("exclusiveMinimum", "exclusive_minimum", (int, float)),
    _Limit("exclusiveMaximum", "exclusive_maximum", (int, float)),
)
_JSON = (
    _Limit("x-max-encoded-bytes", "max_bytes", int),
    _Limit("x-max-depth", "max_depth", int),
)
_ARRAY = (
    _Limit("minItems", "min_items", int),
    _Limit("maxItems", "max_items", int),
    _Limit("uniqueItems", "unique_items", bool),
    _Limit("x-too-many-hint", "too_many_hint", str),
)
_MAP = (
    _Limit("minProperties", "min_entries", int),
    _Limit("maxProperties", "max_entries", int),
)
_CHECK_OF_KIND: dict[Kind, tuple[str, tuple[_Limit, ...]]] = {
    Kind.STRING: ("_validators.String", _STRING),
    Kind.INTEGER: ("_validators.Integer", _NUMBER),
    Kind.NUMBER: ("_validators.Number", _NUMBER),
    Kind.BOOLEAN: ("_validators.Boolean", ()),
    Kind.DATETIME: ("_validators.AwareDatetime", ()),
    Kind.CONSTANT: ("_validators.Constant", ()),
    Kind.JSON: ("_validators.JsonValue", _JSON),
    Kind.ARRAY: ("_containers.Items", _ARRAY),
    Kind.MAP: ("_containers.Entries", _MAP),
}


class CheckWriter:
    """Writes the validator of a shape.

    Args:
        contract: what is generated, to tell open enumerations from closed ones.
    """

    def __init__(self, contract: Contract) -> None:
        self._enums = contract.enums

    def write(self, shape: Shape, where: str, *, optional: bool = False) -> str | None:
        """Return the validator's source text, or ``None`` where any JSON is allowed without limits.

        Args:
            shape: what the value must be.
            where: its place, for errors.
            optional: whether ``None`` stands for a value that is left out.

        Raises:
            SpecError: where a limit has the wrong type.
        """
        check = self._bare(shape, where)
        # null is JSON already.
        if check is None or shape.kind is Kind.JSON or not (shape.nullable or optional):
            return check
        return f"_validators.Nullable({check})"

    def _bare(self, shape: Shape, where: str) -> str | None:
        if shape.kind is Kind.MODEL:
            return f"_validators.InstanceOf({shape.target})"
        if shape.kind is Kind.ENUM:
            return self._enumeration(shape.target or "")
        name, limits = _CHECK_OF_KIND[shape.kind]
        arguments = self._nested(shape, where) + _limits(shape.schema, limits, where)
        if shape.kind is Kind.JSON and not arguments:
            return None
        return f"{name}({', '.join(arguments)})"

    def _enumeration(self, name: str) -> str:
        return "_validators.String()" if self._enums[name].is_open else f"_validators.OneOf({name})"

    def _nested(self, shape: Shape, where: str) -> list[str]:
        if shape.kind is Kind.CONSTANT:
            return [f"value={shape.schema['const']!r}"]
        if shape.values is None:
            return []
        values = self.write(shape.values, where)
        if shape.keys is None:
            return [f"each={values}"] if values else []
        keys = self.write(shape.keys, where)
        return [f"keys={keys}", f"values={values}"] if values else [f"keys={keys}"]


def _limits(schema: Mapping[str, Any], limits: tuple[_Limit, ...], where: str) -> list[str]:
    written = []
    for limit in limits:
        value = schema.get(limit.keyword)
        if value is not None and value is not False:
            written.append(f"{limit.argument}={_literal(value, limit, where)}")
    return written


def _literal(value: object, limit: _Limit, where: str) -> str:
    if not isinstance(value, limit.type) or (isinstance(value, bool) and limit.type is not bool):
        raise SpecError(f"{where}: `{limit.keyword}: {value!r}` is not valid")
    if isinstance(value, float) and not math.isfinite(value):
        raise SpecError(f"{where}: `{limit.keyword}: {value!r}` is not finite")
    if limit.keyword == "pattern" and isinstance(value, str):
        return _raw(value)
    return repr(value)


def _raw(pattern: str) -> str:
    plain = re.fullmatch(r"""[^"'\n]*[^"'\n\\]""", pattern)
    return f'r"{pattern}"' if plain else repr(pattern)
