"""The files of a run that people read: problem.yaml, as it was resolved, and log.txt."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

from neurofit.errors import writing


def put_problem(directory: Path, text: str) -> None:
    """Writes problem.yaml, in one step and only where there is none; nothing for a problem without a text."""
    path = directory / "problem.yaml"
    if text and not path.exists():
        put(path, text)


def put(path: Path, text: str) -> None:
    """Makes `text` the contents of a file, in one step, and its folder too. Raises ArchiveError where it cannot."""
    with writing(path, "give another --out directory"):
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(path.name + ".tmp")
        new.write_text(text, encoding="utf-8")
        os.replace(new, path)


def log(directory: Path, line: str) -> None:
    """Adds a line to log.txt, with the time. Raises ArchiveError where it cannot."""
    path = directory / "log.txt"
    with writing(path, "what is done is kept"), open(path, "a", encoding="utf-8") as file:
        file.write(f"{datetime.now().isoformat(timespec='seconds')} {line}\n")
