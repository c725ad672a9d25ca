"""The one converter between models and JSON values: wire names, datetimes, open enums, readable failures.

What it does, beyond cattrs' defaults:

* fields go by their wire names (``publishedAt``), taken from each field's metadata;
* unknown keys are ignored, since a newer service may send them;
* unknown values of an open enum are kept as plain strings;
* ``Any`` fields (``data``) pass through untouched in both directions;
* datetimes are ISO 8601, written in UTC with milliseconds and ``Z``; one read without an offset counts as UTC;
* strings, integers and booleans must be what they say: ``5`` is not read as ``"5"``, but ``60.0`` is the integer 60,
  as in JSON Schema; nor is ``{}`` read as ``[]``;
* optional fields that are ``None`` are not written.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from functools import cache
from types import UnionType
from typing import Any, Final, TypeVar, Union, get_args, get_origin

import attrs
from cattrs import AttributeValidationNote, BaseValidationError, ClassValidationError, Converter, IterableValidationNote
from cattrs.cols import is_mapping, is_sequence, list_structure_factory, mapping_structure_factory
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

from voyant_cloud.errors import VoyantDecodeError, VoyantValidationError
from voyant_cloud.fast_models import fast_reader

__all__ = ["make_converter", "structure", "unstructure", "wire_time"]

T = TypeVar("T")


def structure(value: Any, as_type: type[T]) -> T:
    """Turn a JSON value into a model.

    Args:
        value: what ``json.loads`` gave.
        as_type: a generated model, or ``list[...]`` of one.

    Raises:
        VoyantDecodeError: where the value is not of that shape; it names the JSON path.
        VoyantValidationError: where it is, and breaks a limit of the contract; it names the field.
    """
    try:
        return _FAST.structure(value, as_type)
    except (BaseValidationError, VoyantValidationError, LookupError, TypeError, ValueError, AttributeError):
        # Only the detailed converter, at three times the cost, can tell where it failed.
        raise _explain(value, as_type) from None


def unstructure(model: Any) -> dict[str, Any]:
    """Turn a model into the JSON object that goes on the wire."""
    wire: dict[str, Any] = _FAST.unstructure(model)
    return wire


def wire_time(moment: dt.datetime) -> str:
    """Write an aware datetime as on the wire: ``2026-11-24T09:30:00.000Z``."""
    return moment.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def make_converter(*, detailed_validation: bool = False) -> Converter:
    """Build a converter with the rules at the top of this file.

    Args:
        detailed_validation: collect every failure with its place, at three times the cost.
    """
    converter = Converter(detailed_validation=detailed_validation)
    for plain in (str, int, bool):
        converter.register_structure_hook(plain, _exactly(plain))
    converter.register_structure_hook(dt.datetime, _read_time)
    converter.register_unstructure_hook(dt.datetime, wire_time)
    converter.register_structure_hook_factory(is_sequence, _container_factory(converter, list, list_structure_factory))
    converter.register_structure_hook_factory(
        is_mapping, _container_factory(converter, dict, mapping_structure_factory)
    )
    converter.register_structure_hook_factory(_is_open_enum, _enum_hook)
    converter.register_structure_hook_factory(attrs.has, _structure_factory(converter))
    converter.register_unstructure_hook_factory(attrs.has, _unstructure_factory(converter))
    return converter


def _exactly(plain: type) -> Callable[[Any, Any], Any]:
    def check(value: Any, _: Any) -> Any:
        if type(value) is plain:
            return value
        # bool is an int in Python, but true is no number in JSON.
        if isinstance(value, plain) and (plain is bool or not isinstance(value, bool)):
            return value
        if plain is int and isinstance(value, float) and value.is_integer():
            return int(value)
        raise TypeError(f"must be {_NAMES[plain]}, got {_name_of(value)}")

    return check


def _container_factory(converter: Converter, kind: type, factory: Callable[..., Any]) -> Callable[[Any], Any]:
    """Return a factory of hooks that refuse what cattrs would take for a list or a dict, such as a dict's keys."""

    def make(annotation: Any) -> Callable[[Any, Any], Any]:
        build = factory(annotation, converter)

        def read(value: Any, _: Any) -> Any:
            if not isinstance(value, kind):
                raise TypeError(f"must be {_NAMES[kind]}, got {_name_of(value)}")
            return build(value, annotation)

        return read

    return make


def _read_time(value: Any, _: Any) -> dt.datetime:
    if not isinstance(value, str):
        raise TypeError(f"must be an ISO 8601 time, got {_name_of(value)}")
    try:
        moment = dt.datetime.fromisoformat(value)
    except ValueError:
        raise ValueError(f"must be an ISO 8601 time, got {value[:80]!r}") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


def _is_open_enum(annotation: Any) -> bool:
    if get_origin(annotation) not in (Union, UnionType):
        return False
    kinds = get_args(annotation)
    return str in kinds and any(isinstance(kind, type) and issubclass(kind, Enum) for kind in kinds)


def _enum_hook(annotation: Any) -> Callable[[Any, Any], Any]:
    kind = next(kind for kind in get_args(annotation) if kind is not str and kind is not type(None))
    members = {member.value: member for member in kind}
    optional = type(None) in get_args(annotation)

    def read(value: Any, _: Any) -> Any:
        if isinstance(value, str) or (optional and value is None):
            return members.get(value, value)
        raise TypeError(f"must be a string, got {_name_of(value)}")

    return read


def _structure_factory(converter: Converter) -> Callable[[type], Callable[[Any, Any], Any]]:
    def make(model: type) -> Callable[[Any, Any], Any]:
        wire_names = {field.name: _wire_name(field) for field in attrs.fields(model)}
        names = {name: override(rename=wire_name) for name, wire_name in wire_names.items()}
        build: Callable[[Any, Any], Any] = make_dict_structure_fn(model, converter, **names)  # type: ignore[arg-type]
        read_fast = fast_reader(model, wire_names)

        def read(value: Any, _: Any) -> Any:
            if read_fast is not None and (made := read_fast(value)) is not None:
                return made
            # By the type first: to ask an abstract class takes longer than all the rest.
            if type(value) is not dict and not isinstance(value, Mapping):
                raise TypeError(f"must be an object, got {_name_of(value)}")
            return build(value, _)

        return read

    return make


def _unstructure_factory(converter: Converter) -> Callable[[type], Callable[[Any], dict[str, Any]]]:
    def make(model: type) -> Callable[[Any], dict[str, Any]]:
        attrs.resolve_types(model)
        names = {
            field.name: override(
                rename=_wire_name(field),
                omit_if_default=field.default is None,
                # Without this cattrs would take data apart by the runtime type of each value in it.
                unstruct_hook=_untouched if field.type is Any else None,
            )
            for field in attrs.fields(model)
        }
        return make_dict_unstructure_fn(model, converter, **names)  # type: ignore[arg-type]

    return make


def _untouched(value: Any) -> Any:
    return value


def _wire_name(field: attrs.Attribute[Any]) -> str:
    name: str = field.metadata.get("wire", field.name)
    return name


@cache
def _detailed() -> Converter:
    """Return the converter that tells where it failed: made once something did, so that starting costs only one."""
    return make_converter(detailed_validation=True)


def _explain(value: Any, as_type: Any) -> VoyantDecodeError | VoyantValidationError:
    try:
        _detailed().structure(value, as_type)
    except BaseValidationError as group:
        path, error = next(_leaves(group, "$"))
    except (VoyantValidationError, LookupError, TypeError, ValueError, AttributeError) as only:
        path, error = "$", only
    if isinstance(error, VoyantValidationError):
        return error if path == "$" else error.within(path.removeprefix("$."))
    if isinstance(error, KeyError):
        return VoyantDecodeError(path, "is missing")
    return VoyantDecodeError(path, str(error))


def _leaves(group: BaseValidationError, path: str) -> Iterator[tuple[str, BaseException]]:
    for error in group.exceptions:
        place = path + _step(group, error)
        if isinstance(error, BaseValidationError):
            yield from _leaves(error, place)
        else:
            yield place, error


def _step(group: BaseValidationError, error: BaseException) -> str:
    for note in getattr(error, "__notes__", ()):
        if isinstance(note, IterableValidationNote):
            return f"[{note.index}]" if isinstance(note.index, int) else f".{note.index}"
        if isinstance(note, AttributeValidationNote) and isinstance(group, ClassValidationError):
            return "." + _wire_name(attrs.fields_dict(group.cl)[note.name])
    return ""


def _name_of(value: Any) -> str:
    for kind, name in _NAMES.items():
        if type(value) is kind:
            return name
    return type(value).__name__


_NAMES: Final[dict[type, str]] = {
    str: "a string",
    int: "an integer",
    bool: "a boolean",
    float: "a number",
    dict: "an object",
    list: "an array",
    type(None): "null",
}
_FAST: Final = make_converter()
