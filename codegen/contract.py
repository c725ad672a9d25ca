"""What is generated, as plain values: the step between the document and the code."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any

import attrs

__all__ = ["Contract", "Enumeration", "Field", "Kind", "Model", "Shape"]


class Kind(enum.Enum):
    """What kind of value a schema describes."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATETIME = "datetime"
    CONSTANT = "constant"
    JSON = "json"
    ARRAY = "array"
    MAP = "map"
    MODEL = "model"
    ENUM = "enum"


@attrs.frozen
class Shape:
    """What a value must be.

    Attributes:
        kind: its kind.
        schema: the flat schema, for its limits: references to scalars and ``allOf`` are resolved.
        nullable: whether it may be ``null``.
        target: the name of the model or the enumeration.
        keys: what the keys of a map must be.
        values: what the items of an array or the values of a map must be.
    """

    kind: Kind
    schema: Mapping[str, Any]
    nullable: bool = False
    target: str | None = None
    keys: Shape | None = None
    values: Shape | None = None

    @property
    def levels(self) -> int:
        """How many arrays and maps are nested here."""
        return 0 if self.values is None else 1 + self.values.levels

    @property
    def is_secret(self) -> bool:
        """Whether it, or a value in it, must never be shown."""
        return bool(self.schema.get("x-secret")) or (self.values is not None and self.values.is_secret)

    @property
    def targets(self) -> set[str]:
        """The models and enumerations that this refers to."""
        found = set() if self.target is None else {self.target}
        return found | (set() if self.values is None else self.values.targets)


@attrs.frozen
class Field:
    """A property of a model.

    Attributes:
        wire: its name on the wire.
        shape: what its value must be.
        required: whether it must be given.
        description: what it means.
    """

    wire: str
    shape: Shape
    required: bool
    description: str


@attrs.frozen
class Model:
    """An object of the contract.

    Attributes:
        name: its name.
        description: what it means.
        fields: its properties, in the order of the document.
    """

    name: str
    description: str
    fields: tuple[Field, ...]

    @property
    def targets(self) -> set[str]:
        """The models and enumerations that this refers to."""
        return {target for field in self.fields for target in field.shape.targets}


@attrs.frozen
class Enumeration:
    """A set of strings.

    Attributes:
        name: its name.
        description: what it means.
        values: the strings, in the order of the document.
        is_open: whether newer strings may come.
    """

    name: str
    description: str
    values: tuple[str, ...]
    is_open: bool


@attrs.frozen
class Contract:
    """All that is generated.

    Attributes:
        enums: the enumerations by name.
        models: the models by name.
    """

    enums: Mapping[str, Enumeration]
    models: Mapping[str, Model]
