"""Node and npm packages for the tests that need them, and what becomes of those tests without."""

from __future__ import annotations

import os
import subprocess
from functools import cache
from pathlib import Path

import pytest

__all__ = ["bundle", "require_node"]

OLDEST_NODE = 18
"""The first with ``fetch``, which the official client uses; what Debian 12 and Ubuntu 24.04 install."""
ROOT = Path(__file__).resolve().parents[1]


def require_node(folder: Path, *packages: str) -> None:
    """Skip the test where Node or one of a folder's npm packages is missing; fail if ``VOYANT_REQUIRE_NODE`` is 1."""
    missing = _what_is_missing(folder, packages)
    if missing is not None:
        (pytest.fail if os.environ.get("VOYANT_REQUIRE_NODE") == "1" else pytest.skip)(missing)


def bundle(project: Path) -> None:
    """Bundle the script of an example's page; skip or fail as ``require_node`` does."""
    require_node(project, "@voyant-travel/cloud-sdk", "esbuild")
    subprocess.run(["node", str(project / "build.mjs")], check=True)


def _what_is_missing(folder: Path, packages: tuple[str, ...]) -> str | None:
    if _node_version() < OLDEST_NODE:
        return f"needs Node {OLDEST_NODE} or newer (https://nodejs.org)"
    if not all((folder / "node_modules" / name / "package.json").exists() for name in packages):
        return f"needs its npm packages: run make test, or npm ci in {folder.relative_to(ROOT)}"
    return None


@cache
def _node_version() -> int:
    try:
        said = subprocess.run(["node", "--version"], capture_output=True, check=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return 0
    return int(said.removeprefix("v").partition(".")[0])
