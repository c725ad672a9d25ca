"""What is said about the differences of two generated files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from codegen.cli import generate
from codegen.describe import Description, describe
from codegen.report import Change, compare, report

WriteSpec = Callable[..., Path]

BASE: dict[str, Any] = {
    "Colour": {"type": "string", "enum": ["red", "blue"]},
    "Note": {
        "type": "object",
        "required": ["text"],
        "properties": {
            "text": {"type": "string", "minLength": 2, "maxLength": 9, "pattern": "^a"},
            "size": {"type": "integer", "minimum": 1, "maximum": 9},
            "tags": {"type": "array", "maxItems": 5, "items": {"type": "string", "maxLength": 7}},
            "colour": {"$ref": "#/components/schemas/Colour"},
        },
    },
    "NoteInput": {"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}},
}


def with_text(**changes: Any) -> dict[str, Any]:
    """Return the base schemas with other keywords on ``Note.text``; ``None`` drops one."""
    return with_property("text", **changes)


def with_property(name: str, **changes: Any) -> dict[str, Any]:
    """Return the base schemas with other keywords on a property of ``Note``; ``None`` drops one."""
    properties = BASE["Note"]["properties"]
    changed = {key: value for key, value in {**properties.get(name, {}), **changes}.items() if value is not None}
    return BASE | {"Note": BASE["Note"] | {"properties": {**properties, name: changed}}}


def without(*names: str) -> dict[str, Any]:
    """Return the base schemas without some of them, and ``Note`` without its colour."""
    properties = {key: value for key, value in BASE["Note"]["properties"].items() if key != "colour"}
    schemas = BASE | {"Note": BASE["Note"] | {"properties": properties}}
    return {name: schema for name, schema in schemas.items() if name not in names}


CASES = [
    ("new type", BASE | {"Extra": {"properties": {}}}, ["+ type Extra"], 0),
    ("removed type", without("NoteInput"), ["- type NoteInput", "- field Note.colour"], 2),
    ("removed enum", without("Colour"), ["- enum Colour", "- field Note.colour"], 2),
    ("new optional field", with_property("more", type="string"), ["+ field Note.more: str, optional"], 0),
    (
        "new required field",
        BASE | {"NoteInput": {"required": ["a"], "properties": {"text": {"type": "string"}, "a": {}}}},
        ["~ field NoteInput.text: required -> optional", "+ field NoteInput.a: Any, required"],
        1,
    ),
    (
        "optional to required",
        BASE | {"Note": BASE["Note"] | {"required": ["text", "size"]}},
        ["~ field Note.size: optional -> required"],
        1,
    ),
    (
        "required to optional, read by callers",
        BASE | {"Note": BASE["Note"] | {"required": []}},
        ["~ field Note.text: required -> optional"],
        1,
    ),
    (
        "optional to required, though None stays allowed",
        BASE | {"Note": with_property("size", type=["integer", "null"])["Note"] | {"required": ["text", "size"]}},
        ["~ field Note.size: optional -> required"],
        1,
    ),
    (
        "may be None, read by callers",
        with_text(type=["string", "null"]),
        ["~ field Note.text: never None -> may be None"],
        1,
    ),
    (
        "may be None, written by callers",
        BASE | {"NoteInput": {"required": ["text"], "properties": {"text": {"type": ["string", "null"]}}}},
        ["~ field NoteInput.text: never None -> may be None"],
        0,
    ),
    (
        "changed type",
        with_property("size", type="boolean", minimum=None, maximum=None),
        [
            "~ field Note.size: type int -> bool",
            "~ field Note.size: maximum 9 -> none",
            "~ field Note.size: minimum 1 -> none",
        ],
        1,
    ),
    ("tighter maxLength", with_text(maxLength=8), ["~ field Note.text: max_length 9 -> 8"], 1),
    ("looser maxLength", with_text(maxLength=10), ["~ field Note.text: max_length 9 -> 10"], 0),
    ("dropped maxLength", with_text(maxLength=None), ["~ field Note.text: max_length 9 -> none"], 0),
    ("tighter minLength", with_text(minLength=3), ["~ field Note.text: min_length 2 -> 3"], 1),
    ("looser minLength", with_text(minLength=1), ["~ field Note.text: min_length 2 -> 1"], 0),
    ("other pattern", with_text(pattern="^b"), ["~ field Note.text: pattern ^a -> ^b"], 1),
    ("dropped pattern", with_text(pattern=None), ["~ field Note.text: pattern ^a -> none"], 0),
    ("tighter minimum", with_property("size", minimum=2), ["~ field Note.size: minimum 1 -> 2"], 1),
    ("looser maximum", with_property("size", maximum=10), ["~ field Note.size: maximum 9 -> 10"], 0),
    (
        "tighter items",
        with_property("tags", items={"type": "string", "maxLength": 6}),
        ["~ field Note.tags: each.max_length 7 -> 6"],
        1,
    ),
    ("unique items", with_property("tags", uniqueItems=True), ["~ field Note.tags: unique_items none -> True"], 1),
    (
        "removed and added enum values",
        BASE | {"Colour": {"type": "string", "enum": ["red", "green"]}},
        ["- value Colour: 'blue'", "+ value Colour: 'green'"],
        1,
    ),
    (
        "closed enum opened",
        BASE | {"Colour": BASE["Colour"] | {"x-open-enum": True}},
        ["~ field Note.colour: OneOf Colour -> none"],
        0,
    ),
    ("only words", with_text(description="Other words", **{"x-pattern-hint": "an a"}), [], 0),
]


@pytest.mark.parametrize(
    ("schemas", "lines", "breaking"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_change(write_spec: WriteSpec, schemas: dict[str, Any], lines: list[str], breaking: int) -> None:
    """Each kind of change is named with both values, and marked where it breaks callers."""
    changes = compare(describe(generate(write_spec(**BASE))), describe(generate(write_spec(**schemas))))
    assert [change.text for change in changes] == lines
    assert sum(change.breaks for change in changes) == breaking


def test_opposite_direction(write_spec: WriteSpec) -> None:
    """Closing an open enumeration breaks callers, who may hold other values."""
    opened = BASE | {"Colour": BASE["Colour"] | {"x-open-enum": True}}
    changes = compare(describe(generate(write_spec(**opened))), describe(generate(write_spec(**BASE))))
    assert changes == [Change("~ field Note.colour: OneOf none -> Colour", breaks=True)]


def test_no_longer_none(write_spec: WriteSpec) -> None:
    """Refusing None breaks callers, who may give it."""
    nullable = with_text(type=["string", "null"])
    changes = compare(describe(generate(write_spec(**nullable))), describe(generate(write_spec(**BASE))))
    assert changes == [Change("~ field Note.text: may be None -> never None", breaks=True)]


def test_wire_name(write_spec: WriteSpec) -> None:
    """Another wire name of the same field breaks callers who talk to an older service."""
    old = write_spec("old.yaml", A={"properties": {"publishedAt": {}}})
    new = write_spec("new.yaml", A={"properties": {"published_at": {}}})
    changes = compare(describe(generate(old)), describe(generate(new)))
    assert changes == [Change("~ field A.published_at: wire name publishedAt -> published_at", breaks=True)]


def test_report_counts_and_marks() -> None:
    """The report has a line a change and a last line that counts."""
    lines = report([Change("- type A", breaks=True), Change("+ type B")]).splitlines()
    assert lines == ["- type A  [BREAKING]", "+ type B", "2 changes, 1 breaking"]


def test_report_of_nothing() -> None:
    """Where nothing changed, the report says so."""
    assert report([]) == "no changes"


def test_no_file_yet() -> None:
    """An empty file promises nothing."""
    assert describe("") == Description()


@pytest.mark.parametrize(
    "source",
    [
        "class",
        "class A:\n    x: int = attrs.field()\n",
        "class A:\n    x: int = attrs.field(validator=v, metadata={})\n",
    ],
)
def test_not_a_generated_file(source: str) -> None:
    """Text that the generator did not write is refused, not misread."""
    with pytest.raises(ValueError, match="not a generated file"):
        describe(source)
