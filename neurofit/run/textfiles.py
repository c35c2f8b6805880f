"""The files of a run that people read: log.txt, which grows, and others, which are put in their place whole."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
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
    what_now = "give another --out directory"
    with writing(path, what_now):
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            return
    with beside(path, what_now) as new, writing(path, what_now):
        new.write_text(text, encoding="utf-8")


@contextmanager
def beside(path: Path, what_now: str) -> Iterator[Path]:
    """An empty file beside `path` to write to, which takes its place at the end, and is gone where that is not reached.

    Raises ArchiveError, which ends with `what_now`, where there can be none, before anything else is done.
    """
    place = Path(os.path.realpath(path))  # a link stays one
    new = place.with_name(place.name + ".tmp")
    with writing(path, what_now):
        if place.exists() and not place.is_file():
            raise FileExistsError("it is there, and no file")
        place.parent.mkdir(parents=True, exist_ok=True)
        new.touch()
    try:
        yield new
        with writing(path, what_now):
            os.replace(new, place)
    finally:
        new.unlink(missing_ok=True)


def log(directory: Path, line: str) -> None:
    """Adds a line to log.txt, with the time. Raises ArchiveError where it cannot."""
    path = directory / "log.txt"
    with writing(path, "what is done is kept"), open(path, "a", encoding="utf-8") as file:
        file.write(f"{datetime.now().isoformat(timespec='seconds')} {line}\n")
