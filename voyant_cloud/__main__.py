"""The command ``voyant-cloud``, also ``python -m voyant_cloud``."""

from __future__ import annotations

import importlib
import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line, or say what to install where the extra is missing."""
    try:
        for name in ("click", "rich"):
            importlib.import_module(name)
        run = importlib.import_module("voyant_cloud.cli.main").run
    except ModuleNotFoundError as error:
        if error.name not in ("click", "rich"):
            raise
        sys.exit('voyant-cloud: the command line needs an extra; run: pip install "voyant-cloud[cli]"')
    except KeyboardInterrupt:
        sys.exit(130)
    run()


if __name__ == "__main__":
    main()
