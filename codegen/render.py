"""Have datamodel-code-generator write the classes, with this folder's templates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import datamodel_code_generator as tool
from datamodel_code_generator.enums import DataModelType
from datamodel_code_generator.format import DatetimeClassType
from datamodel_code_generator.model.base import DataModelFieldBase

from codegen.checks import CheckWriter
from codegen.contract import Contract, Field, Kind, Model, Shape
from codegen.docs import enum_docstring, model_docstring
from codegen.spec import SpecError

__all__ = ["render"]

_TEMPLATES = Path(__file__).resolve().parent / "templates"
_REFERENCE = "#/components/schemas/"


def render(contract: Contract) -> str:
    """Return the source text of all classes, with imports, not yet ordered or formatted.

    Args:
        contract: what to generate.

    Raises:
        SpecError: where the tool refuses it.
    """
    try:
        text = tool.generate(
            _document(contract),
            input_file_type=tool.InputFileType.OpenAPI,
            output=None,
            output_model_type=DataModelType.DataclassesDataclass,
            custom_template_dir=_TEMPLATES,
            extra_template_data=_template_data(contract),
            formatters=[],
            disable_timestamp=True,
            target_python_version=tool.PythonVersion.PY_311,
            output_datetime_class=DatetimeClassType.Datetime,
            snake_case_field=True,
            capitalise_enum_members=True,
            use_specialized_enum=True,
            use_standard_collections=True,
            use_generic_container_types=True,
            use_union_operator=True,
            strict_refs=True,
            allow_remote_refs=False,
        )
    except tool.Error as error:
        raise SpecError(f"datamodel-code-generator refuses it: {' '.join(str(error).split())}") from error
    return str(text)


def _document(contract: Contract) -> dict[str, Any]:
    """Return an OpenAPI document of only what shapes the annotations; limits and words come by ``_template_data``."""
    schemas: dict[str, Any] = {name: {"type": "string", "enum": list(e.values)} for name, e in contract.enums.items()}
    for name, model in contract.models.items():
        properties = {field.wire: _typed(field.shape) for field in model.fields}
        required = [field.wire for field in model.fields if field.required]
        schemas[name] = {"type": "object", "properties": properties, "required": required}
    return {
        "openapi": "3.1.0",
        "info": {"title": "models", "version": "1"},
        "paths": {},
        "components": {"schemas": schemas},
    }


def _typed(shape: Shape) -> dict[str, Any]:
    typed = _not_null(shape)
    return {"anyOf": [typed, {"type": "null"}]} if shape.nullable and shape.kind is not Kind.JSON else typed


def _not_null(shape: Shape) -> dict[str, Any]:
    reference = {"$ref": f"{_REFERENCE}{shape.target}"}
    match shape.kind:
        case Kind.MODEL:
            return reference
        case Kind.ENUM:
            return {"anyOf": [reference, {"type": "string"}]}
        case Kind.DATETIME:
            return {"type": "string", "format": "date-time"}
        case Kind.CONSTANT:
            return {"const": shape.schema["const"]}
        case Kind.ARRAY:
            return {"type": "array", "items": _inner(shape)}
        case Kind.MAP:
            return {"type": "object", "additionalProperties": _inner(shape)}
        case Kind.JSON:
            return {}
        case scalar:
            return {"type": scalar.value}


def _inner(shape: Shape) -> dict[str, Any]:
    return {} if shape.values is None else _typed(shape.values)


def _template_data(contract: Contract) -> defaultdict[str, dict[str, Any]]:
    checks = CheckWriter(contract)
    data: defaultdict[str, dict[str, Any]] = defaultdict(dict)
    for name, enumeration in contract.enums.items():
        data[name] = {"docstring": enum_docstring(enumeration)}
    for name, model in contract.models.items():
        data[name] = {
            "docstring": _docstring_writer(model),
            "in_order": _sorter(model),
            "owned": _levels_writer(model),
            "arguments": {field.wire: _arguments(field, checks, name) for field in model.fields},
        }
    return data


def _sorter(model: Model) -> Callable[[Sequence[DataModelFieldBase]], list[DataModelFieldBase]]:
    # The tool moves required fields to the front, which keyword-only ones do not need.
    place = {field.wire: index for index, field in enumerate(model.fields)}
    return lambda fields: sorted(fields, key=lambda field: place[str(field.original_name)])


def _docstring_writer(model: Model) -> Callable[[Sequence[DataModelFieldBase]], str]:
    return lambda fields: model_docstring(model, _python_names(fields))


def _levels_writer(model: Model) -> Callable[[Sequence[DataModelFieldBase]], str]:
    levels = {field.wire: field.shape.levels for field in model.fields}
    return lambda fields: ", ".join(f"{name}={levels[w]}" for w, name in _python_names(fields).items() if levels[w])


def _python_names(fields: Sequence[DataModelFieldBase]) -> dict[str, str]:
    return {str(field.original_name): str(field.name) for field in fields}


def _arguments(field: Field, checks: CheckWriter, owner: str) -> str:
    """Return the arguments of the field's ``attrs.field()``."""
    arguments = []
    if not field.required:
        arguments.append("default=None")
    elif field.shape.kind is Kind.CONSTANT:
        arguments.append(f"default={field.shape.schema['const']!r}")
    if check := checks.write(field.shape, f"{owner}.{field.wire}", optional=not field.required):
        arguments.append(f"validator={check}")
    if field.shape.is_secret:
        arguments.append("repr=False")
    arguments.append(f"metadata={{'wire': {field.wire!r}}}")
    return ", ".join(arguments)
