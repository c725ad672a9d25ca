"""The command ``voyant-cloud``, also ``python -m voyant_cloud``."""

from __future__ import annotations

import gc
import importlib
import sys
from collections.abc import Callable
from typing import Any

__all__ = ["load", "main"]


def load() -> Callable[[], Any]:
    """Import the command line and return what runs it, or end the process where the extra is missing.

    What is imported is there until the end: no look for garbage is to go through it, nor the last one of all.
    """
    gc.disable()
    try:
        for name in ("click", "rich"):
            importlib.import_module(name)
        return importlib.import_module("voyant_cloud.cli.main").run  # type: ignore[no-any-return]
    except ModuleNotFoundError as error:
        if error.name not in ("click", "rich"):
            raise
        sys.exit('voyant-cloud: the command line needs an extra; run: pip install "voyant-cloud[cli]"')
    finally:
        gc.freeze()
        gc.enable()


def main() -> None:
    """Run the command line, or say what to install where the extra is missing."""
    try:
        load()()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
