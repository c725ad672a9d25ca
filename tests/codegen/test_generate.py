"""What is generated: the file, its classes and their fields."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, get_type_hints

import attrs
import pytest
import yaml

from codegen.cli import DEFAULT_OUTPUT, DEFAULT_SPEC, generate
from voyant_cloud import models
from voyant_cloud.errors import VoyantValidationError

WriteSpec = Callable[..., Path]

NOTE = {"type": "object", "description": "A note.", "required": ["text"], "properties": {"text": {"type": "string"}}}


def note_with(schema: Any, **more: Any) -> dict[str, Any]:
    """Return the schemas of a spec whose ``Note.value`` is of *schema*."""
    return {"Note": {"type": "object", "required": ["value"], "properties": {"value": schema}}, **more}


def load(source: str, name: str) -> ModuleType:
    """Import generated source text."""
    module = ModuleType(name)
    sys.modules[name] = module
    exec(compile(source, f"{name}.py", "exec"), module.__dict__)
    return module


@pytest.fixture
def load_note(write_spec: WriteSpec, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Return a function that generates a spec's models and returns its class ``Note``."""
    # load() registers a module, which this takes back.
    monkeypatch.setitem(sys.modules, "generated_note", None)

    def load_it(schema: Any, **more: Any) -> Any:
        return load(generate(write_spec(**note_with(schema, **more))), "generated_note").Note

    return load_it


class TestFile:
    """The file that is written."""

    def test_committed_file_is_current(self) -> None:
        """The committed models are what the committed contract generates."""
        assert generate(DEFAULT_SPEC) == DEFAULT_OUTPUT.read_text(encoding="utf-8")

    def test_is_deterministic_across_processes(self, tmp_path: Path) -> None:
        """Two runs with different hash seeds write the same bytes."""
        written = []
        for seed in ("1", "2"):
            output = tmp_path / f"{seed}.py"
            command = [sys.executable, "codegen/generate.py", "--output", str(output)]
            subprocess.run(command, check=True, capture_output=True, env={"PYTHONHASHSEED": seed}, cwd=_root())
            written.append(output.read_bytes())
        assert written[0] == written[1]

    def test_banner_names_spec_and_hash(self, write_spec: WriteSpec) -> None:
        """The banner holds the spec's base name and SHA-256, and no path of the machine."""
        path = write_spec("other.yaml", Note=NOTE)
        banner = generate(path).splitlines()[0]
        assert banner == f"# Generated from other.yaml (sha256 {hashlib.sha256(path.read_bytes()).hexdigest()})"

    def test_passes_lint(self, write_spec: WriteSpec, tmp_path: Path) -> None:
        """A file generated from awkward names passes the project's own lint and format."""
        awkward = {"class": {"type": "string"}, "datetime": {"type": "string", "format": "date-time"}, "x y": {}}
        output = tmp_path / "awkward.py"
        output.write_text(generate(write_spec(Note={"type": "object", "properties": awkward})), encoding="utf-8")
        for verb in (["check"], ["format", "--check"]):
            command = [sys.executable, "-m", "ruff", *verb, "--config", "pyproject.toml", "--no-cache", str(output)]
            result = subprocess.run(command, capture_output=True, text=True, cwd=_root(), check=False)
            assert result.returncode == 0, result.stdout

    def test_wire_only_schemas_are_left_out(self, write_spec: WriteSpec) -> None:
        """A schema marked x-wire-only gives no class, whatever it is made of."""
        frame = {"x-wire-only": True, "oneOf": [{"type": "string"}, {"type": "integer"}], "discriminator": {}}
        assert '__all__ = ["Note"]' in generate(write_spec(Note=NOTE, Frame=frame))

    def test_classes_come_after_what_they_use(self, write_spec: WriteSpec) -> None:
        """A class that sorts first comes last where it refers to others."""
        album = {"type": "object", "properties": {"notes": {"type": "array", "items": _ref("Note")}}}
        module = load(generate(write_spec(Album=album, Note=NOTE)), "generated_album")
        assert module.Album(notes=[module.Note(text="a")]).notes == (module.Note(text="a"),)

    def test_docstring_tells_fields_and_limits(self, write_spec: WriteSpec) -> None:
        """The docstring lists each field with its description, limits and the service's default."""
        limit = {"type": "integer", "description": "How many", "minimum": 1, "maximum": 9, "default": 4}
        text = generate(write_spec(Query={"type": "object", "properties": {"pageSize": limit}}))
        assert "page_size: How many. 1 to 9. The service takes 4 where it is left out." in text

    def test_docstring_survives_quotes_and_backslashes(self, load_note: Callable[..., Any]) -> None:
        """Quotes and backslashes of a description come out as they are."""
        note = load_note({"description": 'a """ and \\d and "'})
        assert 'a """ and \\d and "' in note.__doc__.replace("A", "a")


class TestFields:
    """How a property becomes a field."""

    def test_wire_name_is_metadata(self, load_note: Callable[..., Any]) -> None:
        """Every field is in snake case and carries its wire name."""
        note = load_note({"type": "object", "properties": {"publishedAt": {"type": "string"}}})
        inline = get_type_hints(note)["value"]
        assert [(f.name, f.metadata) for f in attrs.fields(inline)] == [("published_at", {"wire": "publishedAt"})]

    def test_order_is_that_of_the_spec(self, write_spec: WriteSpec) -> None:
        """Optional fields keep their place before required ones."""
        schema = {"type": "object", "required": ["b"], "properties": {"a": {"type": "string"}, "b": {}}}
        module = load(generate(write_spec(Note=schema)), "generated_order")
        assert [field.name for field in attrs.fields(module.Note)] == ["a", "b"]

    def test_scalar_component_is_written_in_place(self, load_note: Callable[..., Any]) -> None:
        """A reference to a scalar brings its limits, and the description beside the reference wins."""
        name = {"type": "string", "maxLength": 3, "description": "A name"}
        note = load_note(_ref("Name") | {"description": "Whose it is"}, Name=name)
        assert get_type_hints(note) == {"value": str}
        assert "value: Whose it is. At most 3 characters." in note.__doc__
        with pytest.raises(VoyantValidationError, match=r"Note\.value: is 4 characters long, at most 3 are allowed"):
            note(value="abcd")

    @pytest.mark.parametrize(
        "schema",
        [
            {"type": ["string", "null"]},
            {"type": "string", "nullable": True},
            {"anyOf": [{"type": "string"}, {"type": "null"}]},
            {"oneOf": [{"type": "null"}, {"type": "string"}]},
        ],
    )
    def test_every_spelling_of_null(self, load_note: Callable[..., Any], schema: Any) -> None:
        """A required nullable field must be given, and may be None."""
        note = load_note(schema)
        assert note(value=None).value is None
        with pytest.raises(TypeError, match="value"):
            note()
        with pytest.raises(VoyantValidationError, match="must be a string, got int 5"):
            note(value=5)

    def test_closed_enum(self, load_note: Callable[..., Any]) -> None:
        """A closed enumeration takes members and their strings and refuses others with the list."""
        note = load_note(_ref("Colour"), Colour={"type": "string", "enum": ["red", "light blue"]})
        colour = sys.modules["generated_note"].Colour
        assert note(value="light blue") == note(value=colour.LIGHT_BLUE)
        with pytest.raises(VoyantValidationError, match="must be one of 'red', 'light blue', got str 'green'"):
            note(value="green")

    def test_open_enum(self, load_note: Callable[..., Any]) -> None:
        """An open enumeration keeps unknown strings, and refuses what is no string."""
        note = load_note(_ref("Colour"), Colour={"type": "string", "enum": ["red"], "x-open-enum": True})
        assert note(value="green").value == "green"
        with pytest.raises(VoyantValidationError, match="must be a string"):
            note(value=5)

    def test_inline_enum_gets_a_class(self, load_note: Callable[..., Any]) -> None:
        """An enum inside a property becomes a class named after its place."""
        note = load_note({"type": "string", "enum": ["red"]})
        assert get_type_hints(note)["value"] == sys.modules["generated_note"].NoteValue | str

    def test_constant_is_its_own_default(self, load_note: Callable[..., Any]) -> None:
        """A required constant need not be given and cannot be another value."""
        note = load_note({"const": "note"})
        assert note().value == "note"
        with pytest.raises(VoyantValidationError, match="must be 'note', got str 'memo'"):
            note(value="memo")

    def test_all_of_merges_objects(self, write_spec: WriteSpec) -> None:
        """A schema built by allOf has the fields and the requirements of all parts."""
        longer = {"allOf": [_ref("Note"), {"type": "object", "required": ["n"], "properties": {"n": {}, "o": {}}}]}
        module = load(generate(write_spec(Note=NOTE, Longer=longer)), "generated_longer")
        fields = {field.name: field.default is attrs.NOTHING for field in attrs.fields(module.Longer)}
        assert fields == {"text": True, "n": True, "o": False}

    def test_secret_is_never_shown(self, load_note: Callable[..., Any]) -> None:
        """A secret is neither in the repr nor in a refusal."""
        note = load_note({"type": "string", "pattern": "^rtok_", "x-secret": True})
        assert "rtok_abc" not in repr(note(value="rtok_abc"))
        with pytest.raises(VoyantValidationError) as refused:
            note(value="sesame")
        assert "sesame" not in str(refused.value)

    def test_map(self, load_note: Callable[..., Any]) -> None:
        """A map's keys and values are checked, with or without a type for the keys, and the caller's dict is copied."""
        number = {"type": "integer", "maximum": 5}
        note = load_note({"type": "object", "propertyNames": {"maxLength": 1}, "additionalProperties": number})
        given = {"a": 5}
        made = note(value=given)
        given["b"] = 1
        assert made.value == {"a": 5}
        with pytest.raises(VoyantValidationError, match=r"Note\.value\['a'\]: is 6, at most 5 is allowed"):
            note(value={"a": 6})
        with pytest.raises(VoyantValidationError, match=r"key is 2 characters long, at most 1 is allowed"):
            note(value={"ab": 1})

    def test_free_map_and_list(self, load_note: Callable[..., Any]) -> None:
        """Without schemas for what they hold, maps and lists hold anything, untouched below the first level."""
        inner = [1]
        assert load_note({"type": "object"})(value={"a": inner}).value["a"] is inner
        assert load_note({"type": "array", "items": True})(value=[inner]).value[0] is inner

    def test_null_among_enum_values(self, load_note: Callable[..., Any]) -> None:
        """``null`` among an enumeration's values makes the field nullable and gives no member."""
        colour = {"type": ["string", "null"], "enum": ["red", None]}
        note = load_note(_ref("Colour"), Colour=colour)
        assert note(value=None).value is None
        assert list(sys.modules["generated_note"].Colour) == ["red"]

    def test_all_of_one_reference_takes_a_description(self, load_note: Callable[..., Any]) -> None:
        """The older spelling of a description beside a reference keeps the type and the description."""
        note = load_note({"allOf": [_ref("Colour")], "description": "Its hue"}, Colour={"enum": ["red"]})
        assert "value: Its hue." in note.__doc__
        assert note(value="red").value == "red"

    def test_hint_stands_in_for_a_description(self, load_note: Callable[..., Any]) -> None:
        """A field without a description is described by what its pattern means."""
        note = load_note({"type": "string", "pattern": "^a", "x-pattern-hint": "starts with an a"})
        assert "value: Starts with an a." in note.__doc__

    def test_alias_of_a_class(self, load_note: Callable[..., Any]) -> None:
        """A component that only refers to a class is that class."""
        note = load_note(_ref("Alias"), Alias=_ref("Colour"), Colour={"enum": ["red"]})
        assert get_type_hints(note)["value"] == sys.modules["generated_note"].Colour | str

    def test_unlimited_json_has_no_validator(self, load_note: Callable[..., Any]) -> None:
        """Any JSON without limits is taken as it is, at no cost."""
        assert attrs.fields(load_note({})).value.validator is None


def test_every_class_of_the_contract_is_public() -> None:
    """Every schema of the contract that is neither wire-only nor a scalar is in ``voyant_cloud.models``."""
    schemas = yaml.safe_load(DEFAULT_SPEC.read_bytes())["components"]["schemas"]
    wanted = {n for n, s in schemas.items() if not s.get("x-wire-only") and ("properties" in s or "enum" in s)}
    assert set(models.__all__) == wanted


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def _root() -> Path:
    return DEFAULT_SPEC.parent.parent
