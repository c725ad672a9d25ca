"""The command line: generate ``voyant_cloud/models/_generated.py`` from the contract and say what changed.

Exit codes: 0 done (with ``--check``: up to date), 1 not up to date, 2 the contract or the files cannot be used.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from codegen.assemble import assemble
from codegen.describe import Description, describe
from codegen.prepare import prepare
from codegen.render import render
from codegen.report import compare, report
from codegen.spec import SpecError, read_spec
from codegen.trial import try_import

__all__ = ["DEFAULT_OUTPUT", "DEFAULT_SPEC", "generate", "main"]

_ROOT = Path(__file__).resolve().parent.parent
DEFAULT_SPEC = _ROOT / "openapi" / "voyant-cloud.yaml"
DEFAULT_OUTPUT = _ROOT / "voyant_cloud" / "models" / "_generated.py"


def generate(path: Path) -> str:
    """Return the text of the generated file for the document at *path*.

    Raises:
        SpecError: where the document cannot be generated from.
    """
    spec = read_spec(path, _banner_name(path))
    try:
        contract = prepare(spec)
        return assemble(spec, contract, render(contract))
    except RecursionError:
        raise SpecError(f"{path}: is circular, or nested too deep") from None


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: what follows the program's name; by default what the process was given.

    Returns:
        The exit code.
    """
    options = _parser().parse_args(arguments)
    try:
        text = generate(options.spec)
        before = _read(options.output)
        if before != text:
            try_import(text)
        print(_summary(options.output, before, text))
        if options.check:
            return 0 if before == text else 1
        if before != text:
            _write(options.output, text)
    except (SpecError, OSError) as error:
        print(f"generate.py: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="generate.py", description="Generate the models and say what changed.")
    parser.add_argument("--spec", type=Path, default=DEFAULT_SPEC, help="the OpenAPI 3.x document")
    parser.add_argument("--output", type=Path, default=DEFAULT_OUTPUT, help="the file to write")
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 where the file is not current")
    return parser


def _banner_name(path: Path) -> str:
    # A machine's paths do not belong into a generated file.
    return DEFAULT_SPEC.relative_to(_ROOT).as_posix() if path.resolve() == DEFAULT_SPEC else path.name


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def _summary(output: Path, before: str, text: str) -> str:
    changes = compare(_described(output, before), describe(text))
    if not changes and before != text:
        return "no changes of types; only the banner or the words differ"
    return report(changes)


def _described(output: Path, before: str) -> Description:
    try:
        return describe(before)
    except ValueError as error:
        print(f"generate.py: {output} is compared as if it were empty: {error}", file=sys.stderr)
        return Description()


def _write(path: Path, text: str) -> None:
    """Replace the file at once, so that a reader or a crash never meets half of it."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with open(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        os.chmod(name, 0o644)
        os.replace(name, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise
