"""The command ``voyant-cloud``, also ``python -m voyant_cloud``."""

from __future__ import annotations

import importlib
import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line, or say what to install where the extra is missing."""
    try:
        importlib.import_module("click")
    except ImportError:
        sys.exit('voyant-cloud: the command line needs an extra; run: pip install "voyant-cloud[cli]"')
    importlib.import_module("voyant_cloud.cli.main").cli(prog_name="voyant-cloud")


if __name__ == "__main__":
    main()
