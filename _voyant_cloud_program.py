"""The program ``voyant-cloud``. Outside the package, so that Ctrl-C while that is being imported is no traceback."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line; see ``voyant_cloud.__main__``."""
    try:
        from voyant_cloud.__main__ import main as run
    except KeyboardInterrupt:
        sys.exit(130)
    run()


if __name__ == "__main__":
    main()
