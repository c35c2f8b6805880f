"""The command line: `main` is what the script `neurofit` calls; `commands.py` and `machine.py` hold the commands."""

from neurofit.cli.commands import main

__all__ = ["main"]
