"""Lets the folder be run: `python benchmarks/optimizers`, or `python -m benchmarks.optimizers`."""

import sys
from pathlib import Path

if not __package__:  # run by its path: Python then looks beside this file, and not for the package that it is in
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from benchmarks.optimizers.cli import main

if __name__ == "__main__":
    main()
