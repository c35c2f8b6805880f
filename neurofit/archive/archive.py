"""The archive open for writing: a lock, results.h5 and a journal, put together so that no moment can lose a row.

Every record goes to the journal first. Now and then all of it is written to a new results.h5 that is renamed into
place, and only then does an empty journal replace the old one. results.h5 says up to which record it goes, so a process
killed between the two steps leaves records that are in both, and they are counted once.
"""

from __future__ import annotations

import dataclasses
import fcntl
import json
import math
import os
import platform
import time
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import numpy as np

from neurofit import paths
from neurofit.archive import differing
from neurofit.archive.hdf5 import read_file, write_file
from neurofit.archive.journal import Journal, Record, read_journal
from neurofit.archive.records import (
    GIVEN,
    Batch,
    Contents,
    Header,
    Kind,
    Row,
    encode_batch,
    encode_json,
    encode_row,
)
from neurofit.errors import ArchiveError, unwritten, writing
from neurofit.problem.evaluation import Evaluation
from neurofit.problem.problem import Problem

RESULTS, JOURNAL, LOCK = "results.h5", "journal.bin", ".lock"
_PACKAGES = ("neurofit", "neuron", "efel", "numpy", "scipy", "pymoo", "h5py")
_SHARE = 0.05  # the journal may hold this share of the rows before results.h5 is written anew, so writing stays linear
_PAUSE = 1.0  # [s] between two writings of results.h5, so that quick evaluations do not wait for the disk


def read(directory: str | Path) -> Contents:
    """All that the archive in `directory` holds, also while another process writes to it or after one was killed.

    Raises ArchiveError where there is no archive, or one that this version cannot read.
    """
    return _joined(Path(directory), None)[0]


def _joined(directory: Path, problem: Problem | None) -> tuple[Contents, int, int]:
    """(contents, the journal's records, the bytes they fill); checked to be of `problem` where one is given."""
    # the journal first: what a writer moves from it to results.h5 in between is then seen twice, and never not at all
    owner, records, good = read_journal(directory / JOURNAL)
    contents = read_file(directory / RESULTS)
    if problem is not None:
        differing.check(contents.header, describe(problem), directory)
    if owner and owner != uuid.UUID(contents.header.uuid).bytes:
        raise ArchiveError(f"{directory / JOURNAL} belongs to another {RESULTS}; bring that one back")
    for record in records:
        if record.sequence > contents.sequence + 1:
            raise ArchiveError(f"{directory / RESULTS} is older than {JOURNAL}; bring back the newest")
        contents.apply(record)
    return contents, len(records), good


class Archive:
    """One run's archive, locked for this process. Use `Archive.create` or `Archive.open`, and `with`."""

    def __init__(self, directory: Path, lock: int, contents: Contents, good: int = 0):
        self.directory, self.contents, self._lock = directory, contents, lock
        self._journal = Journal(directory / JOURNAL, uuid.UUID(contents.header.uuid).bytes, good)
        self._in_journal, self._last, self._written = 0, contents.sequence, -math.inf

    @classmethod
    def create(
        cls,
        directory: str | Path,
        problem: Problem,
        given: Sequence[Evaluation] = (),
        warm: Sequence[Evaluation] = (),
        origin: str = "",
    ) -> Archive:
        """A new archive for `problem` in `directory`, which is made. Raises ArchiveError where one is there already.

        It begins with the evaluations `given`, of the run `origin`, which cost it nothing, and with those of other runs
        that its optimizer is to know, `warm`. Both are there from the first moment on, or there is no archive.
        """
        directory = Path(directory)
        lock = _locked(directory)
        try:
            if exists(directory):
                raise ArchiveError(f"{directory} already holds a run; open it, or give another directory")
            contents = Contents(
                describe(problem), {e.index: Row(e, GIVEN) for e in given}, warm=tuple(warm), origin=origin
            )
            write_file(directory / RESULTS, contents)
            return cls(directory, lock, contents)
        except BaseException:
            os.close(lock)
            raise

    @classmethod
    def open(cls, directory: str | Path, problem: Problem) -> Archive:
        """The archive of `problem` in `directory`, to go on with. Raises ArchiveError where it is another problem's."""
        directory = Path(directory)
        lock = _locked(directory)
        try:
            contents, records, good = _joined(directory, problem)
            archive = cls(directory, lock, contents, good)
            archive._in_journal = records
            return archive
        except BaseException:
            os.close(lock)
            raise

    @classmethod
    def create_or_open(cls, directory: str | Path, problem: Problem, warm: Sequence[Evaluation] = ()) -> Archive:
        """`open` where `directory` holds an archive, `create` where it does not; an old one keeps its own `warm`."""
        there = exists(directory)
        return cls.open(directory, problem) if there else cls.create(directory, problem, warm=warm)

    def asked(self, batch: int, indexes: np.ndarray, x: np.ndarray) -> Batch:
        """Records that candidates `indexes` (n,) with values `x` (n, d) were asked for, before they are evaluated."""
        made = Batch(batch, np.asarray(indexes, np.int64), np.asarray(x, float))
        self._record(Kind.ASKED, encode_batch(made))
        return made

    def append(self, evaluation: Evaluation, batch: int) -> None:
        """Records one finished evaluation; when this returns, no kill can lose it."""
        if evaluation.index in self.contents.rows:
            raise ArchiveError(f"evaluation {evaluation.index} is in {self.directory} already, and stays as it is")
        self._record(Kind.EVALUATED, encode_row(Row(evaluation, batch)))

    def spent(self, seconds: Mapping[str, float]) -> None:
        """Adds to the run's seconds: "optimizer" and "idle" [s]."""
        self._record(Kind.SPENT, encode_json(dict(seconds)))

    def wanted(self, budget: int) -> None:
        """Records how many evaluations are wanted in all."""
        if budget != self.contents.budget:
            self._record(Kind.BUDGET, encode_json(budget))

    def ended(self, why: str) -> None:
        """Records that the run is over, and why."""
        if why != self.contents.ended:
            self._record(Kind.ENDED, encode_json(why))

    def renewed(self, evaluations: int) -> None:
        """Records that patience begins anew after so many evaluations of the run's own asks."""
        self._record(Kind.RENEWED, encode_json(evaluations))

    def settled(self, engine: str, copies: int, why: str, share: bool) -> None:
        """Records what simulates the run."""
        self._record(Kind.SETTLED, encode_json({"engine": engine, "copies": copies, "why": why, "share": share}))

    def confirmed(self, evaluation: Evaluation) -> None:
        """Records what a candidate that was evaluated before comes to at a finer time step."""
        self._record(Kind.CONFIRMED, encode_row(Row(evaluation, GIVEN)))

    @property
    def evaluations(self) -> list[Evaluation]:
        """Finished evaluations, in order of their numbers."""
        return self.contents.evaluations

    def flush(self) -> None:
        """Makes all of it durable, and brings results.h5 up to date where enough is new; called once a batch."""
        self._journal.sync()
        enough = self._in_journal > _SHARE * len(self.contents.rows)
        if enough and time.monotonic() - self._written >= _PAUSE:
            self.consolidate()

    def consolidate(self) -> None:
        """Writes results.h5 anew and empties the journal; killed anywhere in it, nothing is lost or counted twice."""
        # an exception inside `_record` (Ctrl-C) may leave the memory one record behind; the journal is then kept
        if self._in_journal == 0 or self._last != self.contents.sequence:
            return
        write_file(self.directory / RESULTS, self.contents)
        self._journal.restart()
        self._in_journal, self._written = 0, time.monotonic()

    def close(self) -> None:
        """Brings results.h5 up to date and lets go of the directory."""
        try:
            self.consolidate()
        finally:
            self._journal.close()
            if self._lock >= 0:
                os.close(self._lock)
                self._lock = -1

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> None:
        try:
            self.close()
        except ArchiveError:
            if kind is None:  # otherwise the first error is the one to tell
                raise

    def _record(self, kind: Kind, payload: bytes) -> None:
        record = Record(self.contents.sequence + 1, kind, payload)
        self._last = record.sequence
        self._journal.append(record)
        self._in_journal += 1
        self.contents.apply(record)


def exists(directory: str | Path) -> bool:
    """Whether `directory` holds an archive, or what is left of one. ConfigError where it may not be looked at."""
    return paths.exists(Path(directory) / RESULTS) or paths.exists(Path(directory) / JOURNAL)


def describe(problem: Problem) -> Header:
    """The header of a new archive for `problem`."""
    settings = dataclasses.asdict(problem.fit)
    versions = {"python": platform.python_version(), **{name: _version(name) for name in _PACKAGES}}
    return Header(
        uuid=str(uuid.uuid4()),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        name=problem.name,
        identity=problem.identity,
        text=problem.text,
        parameters=tuple((p.name, p.unit) for p in problem.space.parameters),
        features=tuple((f.column, f.unit) for f in problem.features),
        objectives=tuple(o.name for o in problem.objectives),
        rules=tuple((r.name, r.text) for r in problem.rules),
        reference=problem.box,
        settings=json.dumps(settings),
        versions=tuple(versions.items()),
        file_hashes=problem.file_hashes,
        labels=tuple((p.name, p.labels) for p in problem.space.parameters if p.labels),
    )


def differences(header: Header, problem: Problem) -> list[str]:
    """What makes the archive of `header` one of another problem than `problem`, for people; nothing where it is not."""
    return differing.differences(header, describe(problem))


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def _locked(directory: Path) -> int:
    """A file descriptor whose lock goes with the process, however that ends."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        fd = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        why = "there is a file of that name" if isinstance(error, FileExistsError) else error.strerror
        raise unwritten(f"cannot write in {directory}: {why}; give another --out directory", error) from error
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        holder = os.read(fd, 200).decode(errors="replace").strip() or "another process"
        os.close(fd)
        raise ArchiveError(f"{directory} is in use by {holder}; wait for it, or give another directory") from None
    try:
        with writing(directory / LOCK):
            os.ftruncate(fd, 0)
            os.write(fd, f"process {os.getpid()} on {platform.node()}\n".encode())
    except ArchiveError:
        os.close(fd)
        raise
    return fd
