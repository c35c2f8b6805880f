"""The files of a run that people read: problem.yaml, as it was resolved, and log.txt."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path


def put_problem(directory: Path, text: str) -> None:
    """Writes problem.yaml, in one step and only where there is none; nothing for a problem without a text."""
    path = directory / "problem.yaml"
    if text and not path.exists():
        new = path.with_name(path.name + ".tmp")
        new.write_text(text, encoding="utf-8")
        os.replace(new, path)


def log(directory: Path, line: str) -> None:
    """Adds a line to log.txt, with the time."""
    with open(directory / "log.txt", "a", encoding="utf-8") as file:
        file.write(f"{datetime.now().isoformat(timespec='seconds')} {line}\n")
