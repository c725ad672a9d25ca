"""Write the docstrings of the generated classes."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from typing import Any

from codegen.contract import Enumeration, Field, Kind, Model, Shape

__all__ = ["enum_docstring", "model_docstring"]

_WIDTH = 120
_NUMBER = re.compile(r"\d+")


def enum_docstring(enumeration: Enumeration) -> str:
    """Return the docstring of an enumeration, quotes included, indented for a class body."""
    summary = _sentence(enumeration.description) or f"The values of {enumeration.name}."
    return _quoted([summary], [])


def model_docstring(model: Model, names: Mapping[str, str]) -> str:
    """Return the docstring of a model, quotes included, indented for a class body.

    Args:
        model: the model.
        names: the Python name of each field, by its name on the wire.
    """
    summary = _sentence(model.description) or f"The object {model.name}."
    entries = [f"{names[field.wire]}: {_field_words(field)}" for field in model.fields]
    return _quoted([summary], entries)


def _field_words(field: Field) -> str:
    schema = field.shape.schema
    words = [_sentence(field.description), _sentence(_new_words(_limit_words(field.shape), field.description))]
    if not field.description and "x-pattern-hint" in schema:
        words.append(_sentence(str(schema["x-pattern-hint"])))
    if not field.required and "default" in schema:
        words.append(f"The service takes {schema['default']} where it is left out.")
    return " ".join(word for word in words if word) or "Not described."


def _new_words(limits: str, description: str) -> str:
    """Return *limits*, or nothing where *description* already gives all their numbers."""
    told = set(_NUMBER.findall(description.replace(",", "")))
    return "" if told.issuperset(_NUMBER.findall(limits)) else limits


def _limit_words(shape: Shape) -> str:
    schema = shape.schema
    match shape.kind:
        case Kind.STRING:
            return _range_words(schema, "minLength", "maxLength", "characters")
        case Kind.INTEGER | Kind.NUMBER:
            return _range_words(schema, "minimum", "maximum", "")
        case Kind.ARRAY:
            return _range_words(schema, "minItems", "maxItems", "items")
        case Kind.MAP:
            return _range_words(schema, "minProperties", "maxProperties", "entries")
        case Kind.JSON:
            return _range_words(schema, "", "x-max-encoded-bytes", "bytes of JSON")
        case _:
            return ""


def _range_words(schema: Mapping[str, Any], low_key: str, high_key: str, unit: str) -> str:
    low, high = schema.get(low_key), schema.get(high_key)
    if low is None and high is None:
        return ""
    if low is None:
        return f"at most {high} {unit}".rstrip()
    return (f"at least {low} {unit}" if high is None else f"{low} to {high} {unit}").rstrip()


def _sentence(text: str) -> str:
    text = text.strip()
    return text if not text or text[-1] in ".!?" else f"{text[0].upper()}{text[1:]}."


def _quoted(paragraphs: list[str], entries: list[str]) -> str:
    lines = [line for paragraph in paragraphs for line in _wrapped(paragraph, "    ", "    ", first=4)]
    if entries:
        lines += ["", "    Attributes:"]
        lines += [line for entry in entries for line in _wrapped(entry, " " * 8, " " * 12)]
    body = "\n".join(lines).replace("\\", "\\\\").replace('"""', '\\"\\"\\"').strip()
    closing = "\n    " if len(lines) > 1 or body.endswith('"') else ""
    return f'    """{body}{closing}"""'


def _wrapped(text: str, first_indent: str, indent: str, *, first: int = 0) -> list[str]:
    # The opening quotes stand before the first line, and where it is the only one the closing ones behind it.
    return textwrap.wrap(
        text,
        _WIDTH - first,
        initial_indent=first_indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
