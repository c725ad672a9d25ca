"""Generate the models from the contract: ``python codegen/generate.py --help``."""

import sys
from pathlib import Path

# Python looks for modules in the folder of the file it runs, not in the one that holds this package.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from codegen.cli import main

if __name__ == "__main__":
    sys.exit(main())
