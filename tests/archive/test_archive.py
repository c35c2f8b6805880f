"""The archive must lose no row whatever is cut off or killed, and must refuse what is not its own."""

from __future__ import annotations

import errno
import resource
import shutil
import struct
from dataclasses import replace
from pathlib import Path

import bnh
import h5py
import numpy as np
import pytest

from neurofit.archive import Archive, journal, read
from neurofit.archive import archive as archive_module
from neurofit.config.identity import sealed
from neurofit.errors import ArchiveError, writing
from neurofit.problem.evaluation import Evaluation
from neurofit.problem.problem import Problem


@pytest.fixture
def problem(tmp_path: Path) -> Problem:
    return bnh.problem(tmp_path)


def rows(problem: Problem, n: int, first: int = 0) -> list[Evaluation]:
    x = problem.space.from_unit(np.random.default_rng(7).random((first + n, 2)))[first:]
    made = [bnh.evaluate(problem, first + i, row) for i, row in enumerate(x)]
    made[0] = problem.failed(first, x[0], "timeout", "over 60 s; naïve “reason”\nin two lines", 60.0)
    return made


def write(archive: Archive, evaluations: list[Evaluation], batch: int = 0) -> None:
    archive.asked(batch, np.array([e.index for e in evaluations]), np.stack([e.x for e in evaluations]))
    for evaluation in evaluations:
        archive.append(evaluation, batch)


def test_what_went_in_comes_out(problem: Problem, tmp_path: Path) -> None:
    made = rows(problem, 30)
    with Archive.create(tmp_path / "run", problem) as archive:
        write(archive, made)
        archive.spent({"optimizer": 1.5, "idle": 0.25})
        archive.spent({"optimizer": 1.0, "idle": 0.25})
        archive.wanted(120)
        unconsolidated = read(tmp_path / "run")
    for contents in (unconsolidated, read(tmp_path / "run")):
        assert bnh.same(contents.evaluations, made)
        assert contents.evaluations[0].seconds == (60.0, 0.0)
        assert [row.batch for row in contents.rows.values()] == [0] * 30
        assert np.array_equal(contents.asked[0].x, np.stack([e.x for e in made]))
        assert contents.seconds == {"optimizer": 2.5, "idle": 0.5}
        assert (contents.budget, contents.ended) == (120, "")
        assert contents.header.text == problem.text


def test_h5py_alone_can_read_it(problem: Problem, tmp_path: Path) -> None:
    made = rows(problem, 3)
    with Archive.create(tmp_path / "run", problem) as archive:
        write(archive, made)
    run = tmp_path / "run"
    assert bnh.columns(run, "parameters", "names") == ["x", "y"]
    assert bnh.columns(run, "features", "names") == list(problem.columns)
    assert bnh.columns(run, "objectives", "units") == ["std", "std"]
    assert bnh.columns(run, "rules", "texts") == ["c1 <= 25", "c2 >= 7.7"]
    assert np.array_equal(bnh.stored(run, "parameters"), np.stack([e.x for e in made]))
    assert list(bnh.stored(run, "status")) == ["timeout", "ok", "ok"]
    assert bnh.stored(run, "problem") == problem.text
    assert "neuron" in bnh.stored(run, "versions")
    assert "bnh.py" in bnh.stored(run, "file_hashes")


def test_a_journal_cut_at_any_byte_keeps_all_whole_records(problem: Problem, tmp_path: Path) -> None:
    made = rows(problem, 3)
    archive = Archive.create(tmp_path / "run", problem)
    ends = []
    for evaluation in made:
        archive.append(evaluation, 0)
        ends.append((tmp_path / "run" / "journal.bin").stat().st_size)
    archive._journal.close()
    shutil.copytree(tmp_path / "run", tmp_path / "copy")
    whole = (tmp_path / "run" / "journal.bin").read_bytes()
    for cut in range(journal._START, len(whole) + 1):
        (tmp_path / "copy" / "journal.bin").write_bytes(whole[:cut])
        kept = sum(end <= cut for end in ends)
        assert len(journal.read_journal(tmp_path / "copy" / "journal.bin")[1]) == kept, cut
        if cut % 50 == 0:  # and a writer goes on from there
            assert bnh.same(read(tmp_path / "copy").evaluations, made[:kept])
            with Archive.open(tmp_path / "copy", problem) as again:
                again.append(bnh.evaluate(problem, 99, np.array([1.0, 2.0])), 1)
            assert [e.index for e in read(tmp_path / "copy").evaluations] == [*range(kept), 99]
            shutil.copy(tmp_path / "run" / "results.h5", tmp_path / "copy" / "results.h5")


@pytest.mark.parametrize("tail", [b"\0" * 64, b"\xff" * 64, struct.pack("<II", 5, 0) + b"garbage of a crash"])
def test_a_garbled_tail_is_cut_off(problem: Problem, tmp_path: Path, tail: bytes) -> None:
    made = rows(problem, 4)
    archive = Archive.create(tmp_path / "run", problem)
    write(archive, made[:3])
    archive._journal.close()
    with open(tmp_path / "run" / "journal.bin", "ab") as file:
        file.write(tail)
    archive_module.os.close(archive._lock)
    with Archive.open(tmp_path / "run", problem) as again:
        assert bnh.same(again.evaluations, made[:3])
        again.append(made[3], 1)
    assert bnh.same(read(tmp_path / "run").evaluations, made)


def throwing(error: BaseException):
    def throw(*arguments: object) -> int:
        raise error

    return throw


class Killed(BaseException):
    """Stands in for kill -9: nothing catches it, nothing is cleaned up."""


@pytest.mark.parametrize("call", range(8))
def test_killed_at_every_step_of_consolidation(
    problem: Problem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    made = rows(problem, 12)
    archive = Archive.create(tmp_path / "run", problem)
    write(archive, made[:10])
    calls = []

    def dying(real):
        def step(*arguments, **named):
            calls.append(real)
            if len(calls) == call + 1:
                raise Killed
            return real(*arguments, **named)

        return step

    with monkeypatch.context() as patch:
        for name in ("replace", "fsync", "write", "open"):
            patch.setattr(archive_module.os, name, dying(getattr(archive_module.os, name)))
        try:
            archive.consolidate()
        except Killed:
            assert len(calls) == call + 1
    archive._journal.close()
    archive_module.os.close(archive._lock)
    assert bnh.same(read(tmp_path / "run").evaluations, made[:10])
    with Archive.open(tmp_path / "run", problem) as again:
        again.append(made[10], 1)
        again.consolidate()
        again.append(made[11], 1)
    assert bnh.same(read(tmp_path / "run").evaluations, made)
    assert list(bnh.stored(tmp_path / "run", "index")) == list(range(12))


def test_an_exception_between_journal_and_memory_loses_nothing(
    problem: Problem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = rows(problem, 2)
    with pytest.raises(KeyboardInterrupt), Archive.create(tmp_path / "run", problem) as archive:
        archive.append(made[0], 0)
        with monkeypatch.context() as patch:
            patch.setattr(type(archive.contents), "apply", throwing(KeyboardInterrupt()))
            archive.append(made[1], 0)
    assert bnh.same(read(tmp_path / "run").evaluations, made)


def test_another_problem_is_refused_by_name(problem: Problem, tmp_path: Path) -> None:
    Archive.create(tmp_path / "run", problem).close()
    (tmp_path / "other").mkdir()
    wider = bnh.problem(tmp_path / "other", seed=2)
    with pytest.raises(ArchiveError, match=r"fit\.seed: 1 there, 2 here"):
        Archive.open(tmp_path / "run", wider)
    rule = sealed(replace(problem, rules=problem.rules[:1]), problem.text)
    with pytest.raises(ArchiveError, match="rules: inside, outside there, inside here"):
        Archive.open(tmp_path / "run", rule)
    with open(tmp_path / "bnh.py", "a") as file:
        file.write("\n# another model\n")
    from neurofit.config.load import load

    with pytest.raises(ArchiveError, match=r"changed files: bnh\.py"):
        Archive.open(tmp_path / "run", load(tmp_path / "bnh.yaml"))


def test_budget_and_workers_make_no_other_problem(problem: Problem, tmp_path: Path) -> None:
    Archive.create(tmp_path / "run", problem).close()
    more = sealed(replace(problem, fit=replace(problem.fit, budget=999, workers=3, timeout=1.0)), problem.text)
    Archive.open(tmp_path / "run", more).close()


def test_what_is_no_archive_is_refused(problem: Problem, tmp_path: Path) -> None:
    run = tmp_path / "run"
    with pytest.raises(ArchiveError, match="holds no run"):
        read(run)
    run.mkdir()
    for text, what in (("not HDF5", "not HDF5"), ("", "an empty file")):
        (run / "results.h5").write_text(text)
        with pytest.raises(ArchiveError, match=f"no neurofit archive, or a damaged one \\({what}\\)"):
            Archive.create_or_open(run, problem)
    with h5py.File(run / "results.h5", "w") as file:
        file["x"] = 1
    with pytest.raises(ArchiveError, match="HDF5 file, but not a neurofit archive"):
        Archive.create_or_open(run, problem)
    (run / "results.h5").unlink()
    Archive.create(run, problem).close()
    whole = (run / "results.h5").read_bytes()
    (run / "results.h5").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ArchiveError, match=r"cut short.*restore it"):
        read(run)
    (run / "results.h5").write_bytes(whole)
    with h5py.File(run / "results.h5", "a") as file:
        file.attrs["neurofit_format"] = 2
    with pytest.raises(ArchiveError, match="format 2"):
        read(run)


def test_a_foreign_journal_and_an_old_file_are_refused(problem: Problem, tmp_path: Path) -> None:
    for name in ("a", "b"):
        with Archive.create(tmp_path / name, problem) as archive:
            write(archive, rows(problem, 2))
    shutil.copy(tmp_path / "b" / "results.h5", tmp_path / "old.h5")
    with Archive.open(tmp_path / "b", problem) as archive:
        archive.append(rows(problem, 1, 2)[0], 1)
        archive.consolidate()
        archive.append(rows(problem, 1, 3)[0], 1)
        shutil.copytree(tmp_path / "b", tmp_path / "c")
    shutil.copy(tmp_path / "old.h5", tmp_path / "c" / "results.h5")
    with pytest.raises(ArchiveError, match="older than"):
        read(tmp_path / "c")
    shutil.copy(tmp_path / "a" / "journal.bin", tmp_path / "b" / "journal.bin")
    with pytest.raises(ArchiveError, match="another"):
        read(tmp_path / "b")


def test_one_writer_at_a_time(problem: Problem, tmp_path: Path) -> None:
    with Archive.create(tmp_path / "run", problem):
        with pytest.raises(ArchiveError, match="in use by process"):
            Archive.open(tmp_path / "run", problem)
        read(tmp_path / "run")
    Archive.open(tmp_path / "run", problem).close()


def test_a_number_is_written_once(problem: Problem, tmp_path: Path) -> None:
    with Archive.create(tmp_path / "run", problem) as archive:
        archive.append(rows(problem, 1)[0], 0)
        with pytest.raises(ArchiveError, match="already"):
            archive.append(rows(problem, 1)[0], 0)


def test_a_disk_that_refuses_leaves_the_journal_whole(
    problem: Problem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = rows(problem, 3)
    with Archive.create(tmp_path / "run", problem) as archive:
        archive.append(made[0], 0)
        real = archive_module.os.write
        with monkeypatch.context() as patch:
            steps = iter([lambda fd, data: real(fd, data[:7]), throwing(OSError(28, "full"))])
            patch.setattr(archive_module.os, "write", lambda fd, data: next(steps)(fd, data))
            with pytest.raises(ArchiveError, match="full") as failed:
                archive.append(made[1], 0)
            assert failed.value.exit_code == 1  # the run has failed, whatever was asked for
        archive.append(made[1], 0)
        archive.append(made[2], 0)
    assert bnh.same(read(tmp_path / "run").evaluations, made)


def test_a_disk_that_is_full_leaves_the_file_that_was_there(problem: Problem, tmp_path: Path) -> None:
    """A limit on how long a file may be stands for the disk. HDF5 itself would fail again at the end of the process."""
    made = rows(problem, 3)
    with Archive.create(tmp_path / "run", problem) as archive:
        write(archive, made)
        archive.consolidate()
        before = (tmp_path / "run" / "results.h5").read_bytes()
        write(archive, rows(problem, 3, first=3), 1)
        limit = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, limit[1]))
        try:
            told = r"cannot write .*results.h5: File too large; what was there before"
            with pytest.raises(ArchiveError, match=told) as failed:
                archive.consolidate()
            assert failed.value.exit_code == 1
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        assert (tmp_path / "run" / "results.h5").read_bytes() == before
        assert not (tmp_path / "run" / "results.h5.tmp").exists()
        assert len(read(tmp_path / "run").evaluations) == 6


@pytest.mark.parametrize(
    ("number", "code"), [(errno.ENOSPC, 1), (errno.EFBIG, 1), (errno.EDQUOT, 1), (errno.EACCES, 2), (errno.EROFS, 2)]
)
def test_a_full_disk_has_failed_and_a_place_that_cannot_be_written_is_wrong(number: int, code: int) -> None:
    with pytest.raises(ArchiveError) as refused, writing(Path("results.h5")):
        raise OSError(number, "why")
    assert refused.value.exit_code == code
