"""Read back from a generated file what it promises, so that two files can be compared."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

import attrs

__all__ = ["Description", "FieldDescription", "describe"]

_WORDING = frozenset({"pattern_hint", "too_many_hint"})


@attrs.frozen
class FieldDescription:
    """What a generated field promises.

    Attributes:
        annotation: its type, without ``| None``.
        required: whether it must be given.
        nullable: whether it can be ``None``.
        wire: its name on the wire.
        limits: its limits by name; the limits of nested values have names such as ``each.max_length``.
    """

    annotation: str
    required: bool
    nullable: bool
    wire: str
    limits: Mapping[str, object]


@attrs.frozen
class Description:
    """What a generated file promises.

    Attributes:
        enums: the values of each enumeration.
        models: the fields of each model, by their Python names.
    """

    enums: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict)
    models: Mapping[str, Mapping[str, FieldDescription]] = attrs.field(factory=dict)


def describe(source: str) -> Description:
    """Describe a generated file from its text, without running it.

    Args:
        source: the text; empty for a file that is not there yet.

    Returns:
        Its enumerations and models.

    Raises:
        ValueError: where the text is not one that this generator wrote.
    """
    try:
        tree = ast.parse(source)
        classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
        enums = {node.name: tuple(_enum_values(node)) for node in classes if node.bases}
        models = {node.name: dict(_fields(node)) for node in classes if not node.bases}
    except (SyntaxError, LookupError, TypeError, ValueError) as error:
        raise ValueError(f"not a generated file: {error}") from error
    return Description(enums, models)


def _enum_values(node: ast.ClassDef) -> Iterator[str]:
    for statement in node.body:
        if isinstance(statement, ast.Assign):
            yield ast.literal_eval(statement.value)


def _fields(node: ast.ClassDef) -> Iterator[tuple[str, FieldDescription]]:
    for statement in node.body:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.value, ast.Call):
            yield ast.unparse(statement.target), _field(statement.annotation, statement.value)


def _field(annotation: ast.expr, call: ast.Call) -> FieldDescription:
    arguments = {keyword.arg: keyword.value for keyword in call.keywords}
    written = ast.unparse(annotation)
    bare = written.removesuffix(" | None")
    limits = dict(_limits(arguments["validator"], "")) if "validator" in arguments else {}
    return FieldDescription(
        annotation=bare,
        required="default" not in arguments,
        nullable=bare != written or bare == "Any",
        wire=ast.literal_eval(arguments["metadata"])["wire"],
        limits=limits,
    )


def _limits(check: ast.expr, prefix: str) -> Iterator[tuple[str, object]]:
    """Yield the limits that the source text of a validator sets."""
    if not isinstance(check, ast.Call):
        raise ValueError(f"{ast.unparse(check)} is not a validator")
    for argument in check.args:
        if isinstance(argument, ast.Call):
            yield from _limits(argument, prefix)
        else:
            yield f"{prefix}{ast.unparse(check.func).rpartition('.')[2]}", ast.unparse(argument)
    for keyword in check.keywords:
        if isinstance(keyword.value, ast.Call):
            yield from _limits(keyword.value, f"{prefix}{keyword.arg}.")
        elif keyword.arg not in _WORDING:
            yield f"{prefix}{keyword.arg}", ast.literal_eval(keyword.value)
