"""The command line of the generator: what it prints, writes and refuses."""

from __future__ import annotations

import math
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from codegen.cli import DEFAULT_SPEC, generate, main

WriteSpec = Callable[..., Path]

NOTE = {"type": "object", "description": "A note.", "required": ["text"], "properties": {"text": {"type": "string"}}}


def note_with(schema: Any, **more: Any) -> dict[str, Any]:
    """Return the schemas of a spec whose ``Note.value`` is of *schema*."""
    return {"Note": {"type": "object", "required": ["value"], "properties": {"value": schema}}, **more}


class TestCommand:
    """What the command prints, writes and returns."""

    def test_first_run_then_nothing(
        self, write_spec: WriteSpec, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The first run writes and reports all types; the second one changes nothing and says so."""
        command = ["--spec", str(write_spec(Note=NOTE)), "--output", str(tmp_path / "out.py")]
        assert main(command) == 0
        assert capsys.readouterr().out == "+ type Note\n1 change, 0 breaking\n"
        assert main(command) == 0
        assert capsys.readouterr().out == "no changes\n"

    def test_new_spec_is_applied(
        self, write_spec: WriteSpec, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Another spec rewrites the file, and what breaks callers is marked."""
        output = tmp_path / "out.py"
        main(["--spec", str(write_spec(Note=NOTE)), "--output", str(output)])
        capsys.readouterr()
        newer = NOTE | {"required": [], "properties": {"words": {"type": "string"}}}
        assert main(["--spec", str(write_spec(Note=newer)), "--output", str(output)]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert lines == ["- field Note.text  [BREAKING]", "+ field Note.words: str, optional", "2 changes, 1 breaking"]
        assert "words: str | None" in output.read_text(encoding="utf-8")

    def test_changed_words_are_no_change_of_types(
        self, write_spec: WriteSpec, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Another description rewrites the file without a change to report."""
        output = tmp_path / "out.py"
        main(["--spec", str(write_spec(Note=NOTE)), "--output", str(output)])
        capsys.readouterr()
        main(["--spec", str(write_spec(Note=NOTE | {"description": "A memo."})), "--output", str(output)])
        assert capsys.readouterr().out == "no changes of types; only the banner or the words differ\n"
        assert "A memo." in output.read_text(encoding="utf-8")

    def test_check_passes_on_the_committed_file(self, capsys: pytest.CaptureFixture[str]) -> None:
        """--check is content with what is committed."""
        assert main(["--check"]) == 0
        assert capsys.readouterr().out == "no changes\n"

    def test_check_fails_on_drift_and_writes_nothing(
        self, write_spec: WriteSpec, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """--check returns 1 on an edited file, names the difference and leaves the file alone."""
        output = tmp_path / "out.py"
        spec = str(write_spec(Note=NOTE))
        main(["--spec", spec, "--output", str(output)])
        edited = output.read_text(encoding="utf-8").replace("String()", "String(max_length=5)")
        output.write_text(edited, encoding="utf-8")
        capsys.readouterr()
        assert main(["--check", "--spec", spec, "--output", str(output)]) == 1
        assert "~ field Note.text: max_length 5 -> none" in capsys.readouterr().out
        assert output.read_text(encoding="utf-8") == edited

    def test_broken_previous_file_is_replaced(
        self, write_spec: WriteSpec, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """A previous file that is not Python is said to be so, and replaced."""
        output = tmp_path / "out.py"
        output.write_text("<<<<<<< ours", encoding="utf-8")
        spec = write_spec(Note=NOTE)
        assert main(["--spec", str(spec), "--output", str(output)]) == 0
        assert "compared as if it were empty" in capsys.readouterr().err
        assert output.read_text(encoding="utf-8") == generate(spec)

    def test_unwritable_output(self, write_spec: WriteSpec, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """An output folder that is not there is one line on stderr and exit code 2."""
        assert main(["--spec", str(write_spec(Note=NOTE)), "--output", str(tmp_path / "none" / "out.py")]) == 2
        assert len(capsys.readouterr().err.splitlines()) == 1

    def test_failed_replace_leaves_the_old_file_alone(
        self, write_spec: WriteSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Where the file cannot be replaced, the old one stays and the temporary one is removed."""
        folder = tmp_path / "out"
        folder.mkdir()
        (folder / "out.py").write_text("# before\n", encoding="utf-8")

        def refuse(*_: object) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr("os.replace", refuse)
        assert main(["--spec", str(write_spec(Note=NOTE)), "--output", str(folder / "out.py")]) == 2
        assert [(path.name, path.read_text(encoding="utf-8")) for path in folder.iterdir()] == [
            ("out.py", "# before\n")
        ]


MAP_OF_ITSELF = {"$ref": "#/components/schemas/M"}
REFUSED_SCHEMAS: list[tuple[Any, str]] = [
    ({"$ref": "#/components/schemas/Nowhere"}, "leads nowhere"),
    ({"$ref": "other.yaml#/Note"}, "leads nowhere"),
    ({"$ref": "#/components/schemas/Note"}, "Note -> Note"),
    ({"oneOf": [{"type": "string"}, {"type": "integer"}]}, "`oneOf` is supported only"),
    ({"allOf": [{"type": "string"}, {"maxLength": 3}]}, "`allOf` is supported"),
    ({"allOf": {}}, "list of schemas"),
    ({"type": ["string", "integer"]}, "one type"),
    ({"type": "file"}, "`type: file`"),
    ({"type": {"a": "b"}}, "`type` needs"),
    ({"type": "string", "pattern": "("}, "`pattern: (`"),
    ({"type": "string", "minLength": "many"}, "`minLength: 'many'`"),
    ({"type": "integer", "maximum": True}, "`maximum: True`"),
    ({"type": "string", "enum": [True, "a"]}, "put it in quotes"),
    ({"type": "integer", "enum": [1]}, "`enum` needs `type: string`"),
    ({"type": "string", "enum": 5}, "`enum` needs a list"),
    ({"const": [1]}, "`const: [1]`"),
    ({"not": {"type": "string"}}, "`not` is not supported"),
    ({"properties": [1]}, "`properties` needs a map"),
    ({"properties": {"a": {}}, "required": "a"}, "`required` needs a list"),
    ({"properties": {"a": {}}, "required": ["b"]}, "requires 'b'"),
    ({"properties": {"a": {}}, "type": "string"}, "`properties` needs `type: object`"),
    ({"properties": {"a": {}}, "additionalProperties": {"type": "string"}}, "`additionalProperties`"),
    ({"properties": {"attrs": {}}}, "attrs: cannot be the name of a field"),
    ({"properties": {"self": {}}}, "self: cannot be the name of a field"),
    ({"type": "number", "minimum": math.nan}, "`minimum: nan` is not finite"),
    ({"type": "number", "maximum": math.inf}, "`maximum: inf` is not finite"),
    (5, "is not a schema"),
]


class TestRefusals:
    """Specs that cannot be generated from."""

    @pytest.mark.parametrize(("schema", "words"), REFUSED_SCHEMAS, ids=[words for _, words in REFUSED_SCHEMAS])
    def test_unsupported_schema(
        self, write_spec: WriteSpec, tmp_path: Path, capsys: pytest.CaptureFixture[str], schema: Any, words: str
    ) -> None:
        """A schema that is not supported is one line that says where and why, and the old file stays."""
        output = tmp_path / "out.py"
        output.write_text("# before\n", encoding="utf-8")
        spec = write_spec(**note_with(schema))
        assert main(["--spec", str(spec), "--output", str(output)]) == 2
        error = capsys.readouterr().err
        assert len(error.splitlines()) == 1
        assert "Note" in error
        assert words in error
        assert output.read_text(encoding="utf-8") == "# before\n"

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (b"a: [1", "is not YAML"),
            (b"\xff\xfe\x00", "is not YAML"),
            (b"", "is not OpenAPI 3.x"),
            (b"- 1", "is not OpenAPI 3.x"),
            (b"swagger: '2.0'", "is not OpenAPI 3.x"),
            (b"openapi: 3.1.0", "has no `components.schemas`"),
            (b"{openapi: 3.1.0, components: {schemas: {5: {}}}}", "5 is not a string"),
            (b"{openapi: 3.1.0, components: {schemas: {A: {type: string}}}}", "Models not found"),
        ],
    )
    def test_no_spec_at_all(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, words: str
    ) -> None:
        """A file that is no OpenAPI document of models is one line on stderr and exit code 2."""
        spec = tmp_path / "bad.yaml"
        spec.write_bytes(content)
        assert main(["--spec", str(spec), "--output", str(tmp_path / "out.py")]) == 2
        error = capsys.readouterr().err
        assert len(error.splitlines()) == 1
        assert words in error
        assert not (tmp_path / "out.py").exists()

    def test_missing_file(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """A spec that is not there is named."""
        assert main(["--spec", str(tmp_path / "none.yaml")]) == 2
        assert "none.yaml: cannot be read: No such file" in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("schemas", "words"),
        [
            ({"foo-bar": NOTE}, "foo-bar: cannot be the name of a class"),
            ({"Any": {"properties": {"x": {}}}}, "Any: cannot be the name of a class here"),
            ({"A": {"$ref": "#/components/schemas/A"}}, "A: refers to itself"),
            ({"None": NOTE}, "None: cannot be the name of a class; it is a word"),
            ({"True": {"type": "string", "enum": ["a"]}}, "True: cannot be the name of a class; it is a word"),
            (note_with(MAP_OF_ITSELF, M={"type": "object", "additionalProperties": MAP_OF_ITSELF}), "is circular"),
            (note_with(MAP_OF_ITSELF, M={"type": "array", "items": MAP_OF_ITSELF}), "is circular"),
            (note_with(MAP_OF_ITSELF, M={"type": "object", "propertyNames": MAP_OF_ITSELF}), "is circular"),
            (
                {"A": {"properties": {"b": {"allOf": [{"$ref": "#/components/schemas/A"}, {"properties": {}}]}}}},
                "is circular",
            ),
            (
                {"A": {"properties": {"b": {"properties": {"c": {}}}}}, "AB": NOTE},
                "A.b: its class would be AB, which is taken",
            ),
            (
                {"A": {"properties": {"b": {"$ref": "#/components/schemas/B"}}}, "B": {"x-wire-only": True}},
                "A.b: refers to B, which is x-wire-only",
            ),
        ],
    )
    def test_names_that_cannot_be(
        self, write_spec: WriteSpec, tmp_path: Path, capsys: pytest.CaptureFixture[str], schemas: Any, words: str
    ) -> None:
        """Names that give no class, or lead in a circle or to nothing generated, are refused by name."""
        assert main(["--spec", str(write_spec(**schemas)), "--output", str(tmp_path / "out.py")]) == 2
        error = capsys.readouterr().err
        assert len(error.splitlines()) == 1
        assert words in error

    def test_nested_too_deep(self, write_spec: WriteSpec, capsys: pytest.CaptureFixture[str]) -> None:
        """A document that is nested beyond what Python can follow is refused in one line."""
        item = "#/components/schemas/A"
        chain = {f"A{n}": {"type": "array", "items": {"$ref": f"{item}{n + 1}"}} for n in range(900)}
        assert main(["--spec", str(write_spec(**note_with({"$ref": f"{item}0"}, **chain, A900={})))]) == 2
        error = capsys.readouterr().err
        assert len(error.splitlines()) == 1
        assert "nested too deep" in error

    @pytest.mark.parametrize("text", ["class A(:\n", "raise KeyError('a')\n", "import nowhere_at_all\n"])
    def test_what_cannot_be_imported(
        self,
        write_spec: WriteSpec,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        text: str,
    ) -> None:
        """Text that does not compile or import is refused in one line, and the old file stays."""
        output = tmp_path / "out.py"
        output.write_text("# before\n", encoding="utf-8")
        monkeypatch.setattr("codegen.cli.assemble", lambda *_: text)
        assert main(["--spec", str(write_spec(Note=NOTE)), "--output", str(output)]) == 2
        error = capsys.readouterr().err
        assert len(error.splitlines()) == 1
        assert "cannot be imported" in error
        assert output.read_text(encoding="utf-8") == "# before\n"


def test_make_takes_a_path_with_a_space(tmp_path: Path) -> None:
    """``make generate`` hands SPEC over as one argument."""
    spec = str(tmp_path / "new er.yaml")
    command = ["make", "--dry-run", "--no-print-directory", "generate", f"SPEC={spec}"]
    shown = subprocess.run(command, cwd=DEFAULT_SPEC.parent.parent, check=True, capture_output=True, text=True).stdout
    assert shlex.split(shown.splitlines()[-1])[-2:] == ["--spec", spec]
