"""Import a generated file before it is written, so that what cannot be imported replaces nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType

from codegen.spec import SpecError

__all__ = ["try_import"]

_ROOT = Path(__file__).resolve().parent.parent
_PACKAGES = ("voyant_cloud", "voyant_cloud.models")


def try_import(text: str) -> None:
    """Import *text*, in a process of its own.

    Raises:
        SpecError: where that fails; it says why.
    """
    command = [sys.executable, "-m", "codegen.trial"]
    done = subprocess.run(command, input=text, capture_output=True, check=False, encoding="utf-8", cwd=_ROOT)
    if done.returncode:
        why = done.stderr.strip().splitlines() or ["no reason was given"]
        raise SpecError(f"what it generates cannot be imported: {why[-1]}")


def _run(text: str) -> None:
    # The packages themselves would import the generated file that is there now, which may be broken.
    for name in _PACKAGES:
        package = ModuleType(name)
        package.__path__ = [str(_ROOT.joinpath(*name.split(".")))]
        sys.modules[name] = package
    sys.modules["voyant_cloud"].models = sys.modules["voyant_cloud.models"]  # type: ignore[attr-defined]
    module = ModuleType("voyant_cloud.models._generated")
    sys.modules[module.__name__] = module
    exec(compile(text, "_generated.py", "exec"), module.__dict__)  # noqa: S102 - to run it is the trial


if __name__ == "__main__":
    _run(sys.stdin.buffer.read().decode("utf-8"))
