"""From the document to what is generated: which schemas become classes, and what each of their fields must be."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from codegen.contract import Contract, Enumeration, Field, Kind, Model, Shape
from codegen.flatten import Flattener
from codegen.spec import Spec, SpecError

__all__ = ["prepare"]

_CLASS_NAME = re.compile(r"[A-Z][A-Za-z0-9]*")
_KIND_OF_TYPE = {
    "string": Kind.STRING,
    "integer": Kind.INTEGER,
    "number": Kind.NUMBER,
    "boolean": Kind.BOOLEAN,
    "array": Kind.ARRAY,
    "object": Kind.MAP,
    None: Kind.JSON,
}


def prepare(spec: Spec) -> Contract:
    """Work out what is generated from *spec*.

    Schemas marked ``x-wire-only`` are left out. Objects with properties become models, strings with an ``enum``
    become enumerations, and everything else is written into the fields that use it. An object or an ``enum`` that
    stands inside a property gets a class named after its place.

    Args:
        spec: the document.

    Returns:
        The models and enumerations, sorted by name.

    Raises:
        SpecError: where the document uses what is not supported.
    """
    return _Preparation(spec.schemas).run()


class _Preparation:
    def __init__(self, schemas: Mapping[str, Any]) -> None:
        wanted = {name: schema for name, schema in schemas.items() if not _is_wire_only(schema)}
        self._flattener = Flattener(schemas)
        self._named = {name: self._flattener.flatten(schema, name) for name, schema in wanted.items()}
        self._enums: dict[str, Enumeration] = {}
        self._models: dict[str, Model] = {}
        self._open: list[object] = []

    def run(self) -> Contract:
        for name, flat in list(self._named.items()):
            if self._flattener.is_class(name):
                self._add_class(name, flat)
        return Contract(dict(sorted(self._enums.items())), dict(sorted(self._models.items())))

    def _add_class(self, name: str, flat: Mapping[str, Any]) -> None:
        if not _CLASS_NAME.fullmatch(name):
            raise SpecError(f"{name}: cannot be the name of a class; letters and digits, a capital first, are needed")
        if keyword.iskeyword(name):
            raise SpecError(f"{name}: cannot be the name of a class; it is a word of Python's own")
        if "enum" in flat:
            self._enums[name] = _enumeration(name, flat)
        else:
            self._models[name] = self._model(name, flat)

    def _model(self, name: str, flat: Mapping[str, Any]) -> Model:
        properties, required = flat["properties"], flat.get("required", [])
        if flat.get("type", "object") != "object":
            raise SpecError(f"{name}: `properties` needs `type: object`")
        if isinstance(flat.get("additionalProperties"), Mapping):
            raise SpecError(f"{name}: `additionalProperties` with a schema beside `properties` is not supported")
        if unknown := [key for key in required if key not in properties]:
            raise SpecError(f"{name}: requires {unknown[0]!r}, which is not among its properties")
        fields = [self._field(name, wire, schema, wire in required) for wire, schema in properties.items()]
        return Model(name, _description(flat), tuple(fields))

    def _field(self, owner: str, wire: str, schema: object, required: bool) -> Field:
        where = f"{owner}.{wire}"
        flat = self._flattener.flatten(schema, where)
        with self._inside(schema, where):
            shape = self._shape(flat, where, owner + _pascal(wire))
        description = _description(flat) or _description(self._named.get(shape.target or "", {}))
        return Field(wire, shape, required, description)

    def _shape(self, flat: Mapping[str, Any], where: str, class_name: str) -> Shape:
        nullable = bool(flat.get("nullable"))
        if "$ref" in flat:
            return self._reference(flat["$ref"], flat, nullable)
        if "properties" in flat or "enum" in flat:
            self._add_inline(class_name, flat, where)
            return self._reference(class_name, flat, nullable)
        kind = _kind(flat, where)
        if kind is Kind.ARRAY:
            items = self._inner(flat.get("items", True), f"{where}[]", class_name + "Item")
            return Shape(kind, flat, nullable, values=items)
        if kind is Kind.MAP:
            keys = self._keys(flat.get("propertyNames", True), f"{where} key", class_name + "Key")
            values = self._inner(flat.get("additionalProperties", True), f"{where}{{}}", class_name + "Value")
            return Shape(kind, flat, nullable, keys=keys, values=values)
        return Shape(kind, flat, nullable)

    def _inner(self, schema: object, where: str, class_name: str) -> Shape:
        flat = self._flattener.flatten(schema, where)
        with self._inside(schema, where):
            return self._shape(flat, where, class_name)

    def _keys(self, schema: object, where: str, class_name: str) -> Shape:
        flat = {"type": "string"} | self._flattener.flatten(schema, where)
        with self._inside(schema, where):
            return self._shape(flat, where, class_name)

    @contextmanager
    def _inside(self, schema: object, where: str) -> Iterator[None]:
        """Refuse a schema that is met again within itself: the very one, since equal ones may be nested."""
        if isinstance(schema, Mapping) and any(schema is outer for outer in self._open):
            raise SpecError(f"{where}: is circular: it contains itself, which is not supported")
        self._open.append(schema)
        yield
        self._open.pop()

    def _add_inline(self, name: str, flat: Mapping[str, Any], where: str) -> None:
        if name in self._named:
            raise SpecError(f"{where}: its class would be {name}, which is taken; give it a name in components.schemas")
        self._named[name] = dict(flat)
        self._add_class(name, flat)

    def _reference(self, name: str, flat: Mapping[str, Any], nullable: bool) -> Shape:
        kind = Kind.ENUM if "enum" in self._named[name] else Kind.MODEL
        return Shape(kind, flat, nullable, target=name)


def _kind(flat: Mapping[str, Any], where: str) -> Kind:
    if "const" in flat:
        if not isinstance(flat["const"], (str, int)):
            raise SpecError(f"{where}: `const: {flat['const']!r}` is not supported: a string, integer or boolean is")
        return Kind.CONSTANT
    if flat.get("type") not in _KIND_OF_TYPE:
        raise SpecError(f"{where}: `type: {flat['type']}` is not supported")
    kind = _KIND_OF_TYPE[flat.get("type")]
    if kind is Kind.STRING:
        _check_pattern(flat.get("pattern", ""), where)
        return Kind.DATETIME if flat.get("format") == "date-time" else kind
    return kind


def _check_pattern(pattern: object, where: str) -> None:
    try:
        re.compile(str(pattern))
    except re.error as error:
        raise SpecError(f"{where}: `pattern: {pattern}` is not supported: {error}") from None


def _enumeration(name: str, flat: Mapping[str, Any]) -> Enumeration:
    values = flat["enum"]
    if flat.get("type", "string") != "string" or not values:
        raise SpecError(f"{name}: `enum` needs `type: string` and a list of strings")
    if odd := [value for value in values if not isinstance(value, str)]:
        raise SpecError(f"{name}: `enum` holds {odd[0]!r}, which is not a string; put it in quotes")
    return Enumeration(name, _description(flat), tuple(dict.fromkeys(values)), bool(flat.get("x-open-enum")))


def _is_wire_only(schema: object) -> bool:
    return isinstance(schema, Mapping) and bool(schema.get("x-wire-only"))


def _description(flat: Mapping[str, Any]) -> str:
    return " ".join(str(flat.get("description", "")).split())


def _pascal(wire: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in re.split(r"[^A-Za-z0-9]+", wire))
