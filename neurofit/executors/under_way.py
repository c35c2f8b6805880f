"""Which candidates a job was at when it died, kept on disk: so that one which kills every job is found."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

from neurofit.executors.queue import Candidate


class UnderWay:
    """Counts how often a job has died while a candidate was under way; without a `file` it remembers nothing.

    A candidate is known by its number and its values, so a file that another run has left behind says nothing here.
    """

    def __init__(self, file: Path | None):
        self._file = file
        self._deaths: dict[str, int] = {}
        if file is not None and file.exists():
            try:
                self._deaths = {str(key): int(count) for key, count in json.loads(file.read_text()).items()}
            except (ValueError, AttributeError):  # cut off by what killed the job: then nobody is under suspicion
                self._deaths = {}
        self._now: set[str] = set()

    def deaths(self, candidate: Candidate) -> int:
        """In how many jobs that died it was under way."""
        return self._deaths.get(_key(candidate), 0)

    def begin(self, candidate: Candidate) -> None:
        self._now.add(_key(candidate))
        self._write()

    def end(self, candidate: Candidate) -> None:
        """It is finished, and will not come again."""
        self._now.discard(_key(candidate))
        self._deaths.pop(_key(candidate), None)
        self._write()

    def close(self) -> None:
        """The job ends in good order: what was under way has killed nobody."""
        self._now.clear()
        self._write()

    def _write(self) -> None:
        if self._file is None:
            return
        told = {**self._deaths, **{key: self._deaths.get(key, 0) + 1 for key in self._now}}
        if told:
            half = self._file.with_suffix(".part")
            half.write_text(json.dumps(told))
            os.replace(half, self._file)
        else:
            self._file.unlink(missing_ok=True)


def _key(candidate: Candidate) -> str:
    index, x = candidate
    return f"{index}-{hashlib.sha256(x.tobytes()).hexdigest()[:16]}"
