"""New targets and rules for an old run: its evaluations scored anew, to look at or to go on from."""

from __future__ import annotations

import os
from pathlib import Path

from neurofit.archive import GIVEN, Archive, Contents, Row, describe
from neurofit.builtin import fit_file
from neurofit.config.load import load
from neurofit.errors import ConfigError, Words, place_of
from neurofit.optimize import check_optimizer
from neurofit.problem.problem import Problem
from neurofit.run.rescore import OUTSIDE, WIDEN, rescoring
from neurofit.run.results import Run, open_run
from neurofit.run.textfiles import log, put_problem
from neurofit.run.warm import gathered


def retargeted(run: Run, target: str | Path | Problem, out: str | Path | None = None, named: str = "") -> Run:
    """The evaluations of `run` under the targets, rules and bounds of `target`, which errors call `named`; see
    `Run.retarget`.
    """
    problem = target if isinstance(target, Problem) else load(fit_file(target))
    named = named or (problem.name if isinstance(target, Problem) else str(target))
    rescored = rescoring(problem, run, named)
    place = None if out is None else place_of(out, "out", "a new directory, or None to write nothing")
    given = tuple(rescored.evaluation(e, e.index) for e in run.searched if rescored.fits(e))
    if not given:
        got = f"all {len(run.searched)} evaluations of {run.directory} {OUTSIDE}" if run.searched else "no evaluation"
        expected = f"some to score anew: {WIDEN}" if run.searched else f"some to score anew in {run.directory}"
        raise ConfigError(named, got=Words(got), expected=expected)
    outside = len(run.searched) - len(given)
    told = f"{len(given)} evaluations of {run.directory} scored anew" + (
        f"; {outside} lie {OUTSIDE}" if outside else ""
    )
    origin = os.path.abspath(run.directory)
    if place is None:
        rows = {e.index: Row(e, GIVEN) for e in given}
        contents = Contents(describe(problem), rows, budget=len(rows), ended=told, origin=origin)
        return Run(run.directory, contents, problem)
    check_optimizer(problem.fit.optimizer, problem)  # before anything is written
    known = {e.x.tobytes() for e in given}
    warm = gathered(problem)
    others = [e for e in warm.evaluations if e.x.tobytes() not in known]
    with Archive.create(place, problem, given, others, origin) as archive:
        put_problem(archive.directory, problem.text)
        archive.wanted(len(given))
        archive.ended(told)
        log(archive.directory, told + (f" ({rescored.doubt})" if rescored.doubt else ""))
        for line in warm.logged:
            log(archive.directory, line)
    return open_run(place)
