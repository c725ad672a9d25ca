"""Resolve references to scalars, ``allOf`` and the spellings of ``null``, so that one flat schema is left."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from codegen.spec import SpecError

__all__ = ["Flattener"]

_PREFIX = "#/components/schemas/"
_STRUCTURE = frozenset({"properties", "required", "type", "enum", "additionalProperties", "items"})
_UNSUPPORTED = (
    "not",
    "if",
    "prefixItems",
    "contains",
    "multipleOf",
    "patternProperties",
    "dependentRequired",
    "dependentSchemas",
    "unevaluatedItems",
    "unevaluatedProperties",
)


class Flattener:
    """Makes schemas flat: what a flat schema says, it says itself.

    Only ``$ref`` to a model or an enumeration stays, as ``{"$ref": "<its name>"}``, and ``nullable`` stands for every
    way to allow ``null``.

    Args:
        schemas: the component schemas by name.
    """

    def __init__(self, schemas: Mapping[str, Any]) -> None:
        self._schemas = schemas

    def flatten(self, schema: object, where: str) -> dict[str, Any]:
        """Return the flat form of *schema*.

        Args:
            schema: a schema of the document.
            where: its place, for errors.

        Raises:
            SpecError: where it refers to nothing, or to itself, or uses what is not supported.
        """
        return self._flatten(schema, where, ())

    def is_class(self, name: str) -> bool:
        """Return whether a class is generated for the component *name*, rather than its schema written in place."""
        return _is_class(self._component(name, ()))

    def _component(self, name: str, seen: tuple[str, ...]) -> dict[str, Any]:
        if name in seen:
            raise SpecError(f"{name}: refers to itself through {' -> '.join([*seen, name])}")
        return self._flatten(self._schemas[name], name, (*seen, name))

    def _flatten(self, schema: object, where: str, seen: tuple[str, ...]) -> dict[str, Any]:
        if schema is True:
            return {}
        if not isinstance(schema, Mapping):
            raise SpecError(f"{where}: {schema!r} is not a schema")
        _check_form(schema, where)
        if "$ref" in schema:
            return self._resolved(schema, where, seen)
        if "allOf" in schema:
            return self._merged(schema, where, seen)
        if "anyOf" in schema or "oneOf" in schema:
            return self._nullable_choice(schema, where, seen)
        return _with_null_apart(dict(schema), where)

    def _resolved(self, schema: Mapping[str, Any], where: str, seen: tuple[str, ...]) -> dict[str, Any]:
        name = self._target(schema["$ref"], where)
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        component = self._component(name, seen)
        if not _is_class(component):
            return _with_null_apart(component | beside, where)
        nullable = {"nullable": True} if component.get("nullable") else {}
        return {"$ref": name} | nullable | beside

    def _target(self, reference: object, where: str) -> str:
        name = str(reference).removeprefix(_PREFIX)
        if not str(reference).startswith(_PREFIX) or name not in self._schemas:
            raise SpecError(f"{where}: `$ref: {reference}` leads nowhere in components.schemas")
        target = self._schemas[name]
        if isinstance(target, Mapping) and target.get("x-wire-only"):
            raise SpecError(f"{where}: refers to {name}, which is x-wire-only and so is not generated")
        return name

    def _merged(self, schema: Mapping[str, Any], where: str, seen: tuple[str, ...]) -> dict[str, Any]:
        beside = {key: value for key, value in schema.items() if key != "allOf"}
        parts = [self._flatten(part, where, seen) for part in _branches(schema["allOf"], where)]
        if len(parts) == 1 and not _STRUCTURE & beside.keys():
            return parts[0] | beside
        whole: dict[str, Any] = {}
        for part in [*map(self._expanded, parts), beside]:
            properties = {**whole.get("properties", {}), **part.get("properties", {})}
            required = [*whole.get("required", []), *part.get("required", [])]
            whole |= part | {"properties": properties, "required": required}
        if not whole["properties"]:
            raise SpecError(f"{where}: `allOf` is supported for objects, and to put a description beside a `$ref`")
        return whole

    def _expanded(self, part: dict[str, Any]) -> dict[str, Any]:
        return self._component(part["$ref"], ()) if "$ref" in part else part

    def _nullable_choice(self, schema: Mapping[str, Any], where: str, seen: tuple[str, ...]) -> dict[str, Any]:
        key = "anyOf" if "anyOf" in schema else "oneOf"
        branches = _branches(schema[key], where)
        others = [branch for branch in branches if branch != {"type": "null"}]
        if len(others) != 1 or len(branches) != 2:
            raise SpecError(f"{where}: `{key}` is supported only for one schema and `type: 'null'`")
        beside = {name: value for name, value in schema.items() if name != key}
        return self._flatten(others[0], where, seen) | beside | {"nullable": True}


def _check_form(schema: Mapping[str, Any], where: str) -> None:
    if unsupported := [key for key in _UNSUPPORTED if key in schema]:
        raise SpecError(f"{where}: `{unsupported[0]}` is not supported")
    properties = schema.get("properties", {})
    if not isinstance(properties, Mapping) or not _are_strings(list(properties)):
        raise SpecError(f"{where}: `properties` needs a map of schemas by name")
    if not _are_strings(schema.get("required", [])):
        raise SpecError(f"{where}: `required` needs a list of names")
    types = schema.get("type", [])
    if not _are_strings(types if isinstance(types, list) else [types]):
        raise SpecError(f'{where}: `type` needs a name or a list of names, "null" in quotes')
    if not isinstance(schema.get("enum", []), list):
        raise SpecError(f"{where}: `enum` needs a list")


def _are_strings(values: object) -> bool:
    return isinstance(values, list) and all(isinstance(value, str) for value in values)


def _branches(value: object, where: str) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise SpecError(f"{where}: a list of schemas is needed, not {value!r}")
    return value


def _is_class(flat: Mapping[str, Any]) -> bool:
    return "properties" in flat or "enum" in flat


def _with_null_apart(flat: dict[str, Any], where: str) -> dict[str, Any]:
    """Move ``null`` from the type list and the enum of *flat* to ``nullable``."""
    types = flat.get("type")
    if isinstance(types, list):
        rest = [name for name in types if name != "null"]
        if len(rest) != 1:
            raise SpecError(f'{where}: `type: {types}` is not supported: one type and "null" is')
        flat |= {"type": rest[0], "nullable": "null" in types or flat.get("nullable", False)}
    if None in flat.get("enum", []):
        flat |= {"enum": [value for value in flat["enum"] if value is not None], "nullable": True}
    return flat
