"""Print the requirements of dependency groups in pyproject.toml, quoted, one a line, for pips before 25.1."""

from __future__ import annotations

import shlex
import sys
import tomllib
from pathlib import Path


def main() -> None:
    """Print the groups named on the command line."""
    groups = tomllib.loads(Path("pyproject.toml").read_text())["dependency-groups"]
    for name in sys.argv[1:]:
        for requirement in groups[name]:
            print(shlex.quote(requirement))


if __name__ == "__main__":
    main()
