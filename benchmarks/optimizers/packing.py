"""Runs as small archives that can go on: candidates, scores and verdicts exactly, features to four digits, and the log.

What an optimizer that learns no features sees is all there, so it proposes the same candidates again, which it checks.
The initial evaluations are kept apart and exactly, as other runs begin with them. Unpacking writes an archive of the
neurofit at hand, so that a run goes on also where a newer version numbers, names or stores things otherwise.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import tarfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from ruamel.yaml import YAML

from benchmarks.optimizers.timing import CPU_FILE
from neurofit.archive import Archive, Batch, Contents, Header, Row, differing, read
from neurofit.archive.archive import describe
from neurofit.errors import ArchiveError
from neurofit.evaluate.finish import finish
from neurofit.evaluate.function_evaluator import FunctionEvaluator
from neurofit.problem.evaluation import STATUSES, Evaluation
from neurofit.problem.model import FunctionModel
from neurofit.problem.problem import Problem
from neurofit.run.warm import gathered

_TEXTS = ("log.txt", CPU_FILE)
_META, _ARRAYS = "run.json", "evaluations.npz"
_BITS = 14  # of a feature's mantissa that are kept: a relative error of 3e-5 at most
_AGREES = {"rtol": 0.01, "atol": 0.05}  # [std] of a score and what the features kept so give


def pack(directory: Path, file: Path, exact: bool) -> None:
    """Writes the run in `directory` to `file` (.tar.xz) in one step, with features as they are where `exact`."""
    contents = read(directory)
    rows = _rows(contents)
    evaluations = [row.evaluation for row in rows]
    meta = {
        "header": {k: v for k, v in asdict(contents.header).items() if k != "identity"},
        "asked": [len(batch.indexes) for batch in contents.asked],
        "budget": contents.budget,
        "ended": contents.ended,
        "seconds": contents.seconds,
        "batches": [row.batch for row in rows],
        "reasons": {str(e.index): e.reason for e in evaluations if e.reason},
    }
    features = np.array([e.features for e in evaluations], float)
    arrays = {
        "asked": np.concatenate([batch.x for batch in contents.asked]),
        "indexes": np.concatenate([batch.indexes for batch in contents.asked]),
        "index": np.array([e.index for e in evaluations]),
        "features": features if exact else shortened(features),
        "states": np.array([e.states for e in evaluations]),
        "objectives": np.array([e.objectives for e in evaluations]),
        "rules": np.array([e.rules for e in evaluations]),
        "status": np.array([STATUSES.index(e.status) for e in evaluations], np.int8),
        "seconds": np.array([e.seconds for e in evaluations], np.float32),
    }
    buffer = io.BytesIO()
    # columns one after another: neighbours in the file are then alike, and compress
    np.savez(buffer, **{name: np.asfortranarray(array) for name, array in arrays.items()})  # type: ignore[arg-type]
    parts = {_META: json.dumps(meta).encode(), _ARRAYS: buffer.getvalue()}
    parts |= {name: (directory / name).read_bytes() for name in _TEXTS if (directory / name).exists()}
    new = file.with_name(file.name + ".tmp")
    with tarfile.open(new, "w:xz", preset=9) as tar:
        for name, data in parts.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    os.replace(new, file)


def unpack(file: Path, directory: Path, problem: Problem) -> None:
    """Makes `directory` the run that was packed into `file`, ready to go on as a run of `problem`.

    The runs of `problem`'s warm start must be there. Raises ArchiveError where it is not one of the same problem.
    """
    parts = _parts(file)
    meta, arrays = json.loads(parts[_META]), np.load(io.BytesIO(parts[_ARRAYS]))
    header = _header(meta["header"], problem)
    _same(header, problem, file)
    ends = np.cumsum([0, *meta["asked"]])
    x, indexes = arrays["asked"], arrays["indexes"]
    evaluations = _evaluations(arrays, meta["reasons"], problem, file)
    _answered(evaluations, problem, file)
    contents = Contents(
        header,
        {e.index: Row(e, batch) for e, batch in zip(evaluations, meta["batches"], strict=True)},
        [Batch(i, indexes[a:b], x[a:b]) for i, (a, b) in enumerate(pairwise(ends))],
        meta["seconds"],
        meta["budget"],
        meta["ended"],
        warm=gathered(problem).evaluations,
    )
    _write(contents, directory, problem)
    for name in set(_TEXTS) & set(parts):
        (directory / name).write_bytes(parts[name])


def size(file: Path) -> int:
    """Evaluations of a packed run, without those of its warm start."""
    return np.load(io.BytesIO(_parts(file)[_ARRAYS]))["index"].size


def shortened(values: np.ndarray) -> np.ndarray:
    """`values` as single-precision numbers whose last bits are zeros, which compress to nothing."""
    drop = np.uint32(24 - _BITS)
    bits = np.asarray(values, np.float32).view(np.uint32)
    rounded = (bits + (np.uint32(1) << (drop - np.uint32(1)))) >> drop << drop
    return np.where(np.isfinite(values), rounded.view(np.float32), np.float32(np.nan))


def renewed(directory: Path, problem: Problem) -> bool:
    """Whether the archive in `directory` was of the same problem by another version of neurofit, and was made anew.

    Raises ArchiveError where it is of another problem, or nobody can tell.
    """
    contents = read(directory)
    if contents.header.identity == problem.identity:
        return False
    _same(contents.header, problem, directory)
    _answered([row.evaluation for row in _rows(contents)], problem, directory)
    new, old = (directory.with_name(f"{directory.name}.{end}") for end in ("new", "old"))
    for left in (new, old):
        shutil.rmtree(left, ignore_errors=True)
    _write(contents, new, problem)
    for name in _TEXTS:
        if (directory / name).exists():
            shutil.copy(directory / name, new / name)
    os.replace(directory, old)
    os.replace(new, directory)
    shutil.rmtree(old)
    return True


def _same(header: Header, problem: Problem, place: Path) -> None:
    """Raises ArchiveError unless a run with `header` is one of `problem`, whatever version of neurofit made it.

    A problem made in Python has no text to compare, and its file may hold others that changed: see `_answered`.
    """
    differing.check(replace(header, identity=problem.identity), describe(problem), place)  # names and settings
    if problem.text:
        same = header.file_hashes == problem.file_hashes and _bare(header.text) == _bare(problem.text)
    else:
        same = header.reference == problem.box and isinstance(problem.model, FunctionModel)
    if not same:
        raise _another(place)


def _answered(evaluations: Sequence[Evaluation], problem: Problem, place: Path) -> None:
    """Raises ArchiveError unless the function of a problem made in Python gives the features and scores once more of
    the evaluations that came well, at least one. Bounds are not compared.
    """
    if problem.text:
        return
    well = [e for e in evaluations if e.status == "ok"]
    x = np.array([e.x for e in well])
    again = list(FunctionEvaluator(problem).evaluate([e.index for e in well], x))
    features, scores = (
        [np.array([getattr(e, name) for e in each], float) for each in (well, again)]
        for name in ("features", "objectives")
    )
    alike = np.allclose(*features, rtol=2.0**-_BITS, atol=0.0, equal_nan=True)
    if not (well and alike and np.allclose(*scores, equal_nan=True, **_AGREES)):
        raise _another(place)


def _another(place: Path) -> ArchiveError:
    return ArchiveError(f"{place} is a run of the problem as it was once, or nobody can tell; run with --fresh")


def _bare(text: str) -> dict[str, Any]:
    """A resolved problem without the settings of its fit, which are compared one by one."""
    return {key: value for key, value in YAML(typ="safe", pure=True).load(text).items() if key != "fit"}


def _write(contents: Contents, directory: Path, problem: Problem) -> None:
    start = replace(problem, fit=replace(problem.fit, budget=contents.header.fit.budget))
    with Archive.create(directory, start, warm=contents.warm) as archive:
        archive.wanted(contents.budget)
        for batch in contents.asked:
            archive.asked(batch.number, batch.indexes, batch.x)
        for row in _rows(contents):
            archive.append(row.evaluation, row.batch)
        archive.spent(contents.seconds)
        archive.ended(contents.ended)


def _rows(contents: Contents) -> list[Row]:
    return [contents.rows[i] for i in sorted(contents.rows)]


def _evaluations(arrays: Any, reasons: dict[str, str], problem: Problem, file: Path) -> list[Evaluation]:
    """The evaluations of a packed run; margins are those of the features as they were kept."""
    names = ("index", "features", "states", "objectives", "rules", "status", "seconds")
    index, features, states, objectives, rules, status, seconds = (arrays[name] for name in names)
    x, place = arrays["asked"], {int(i): row for row, i in enumerate(arrays["indexes"])}
    made = []
    for i, number in enumerate(index.tolist()):
        again = finish(
            problem,
            number,
            x[place[number]].copy(),
            features[i].astype(float),
            states[i].copy(),
            seconds=(float(seconds[i, 0]), float(seconds[i, 1])),
            status=STATUSES[status[i]],
            reason=reasons.get(str(number), ""),
        )
        if not np.allclose(again.objectives, objectives[i], equal_nan=True, **_AGREES):
            raise ArchiveError(f"{file}: the features of evaluation {number} no longer give the scores they gave once")
        made.append(replace(again, objectives=objectives[i].copy(), rules=rules[i].copy()))
    return made


def _header(kept: dict[str, Any], problem: Problem) -> Header:
    def tuples(value: Any) -> Any:
        return tuple(tuples(v) for v in value) if isinstance(value, list) else value

    return Header(**{name: tuples(value) for name, value in kept.items()}, identity=problem.identity)


def _parts(file: Path) -> dict[str, bytes]:
    with tarfile.open(file, "r:xz") as tar:
        return {entry.name: (tar.extractfile(entry) or io.BytesIO()).read() for entry in tar.getmembers()}
