"""A warm start: evaluations of other runs, scored as this problem would, that the optimizer knows before its first ask.

They cost nothing and are no part of the run. They are looked up once, when a run begins, and kept in its archive, so
that it goes on with the same ones whatever becomes of the runs they are from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from neurofit.errors import ArchiveError, ConfigError
from neurofit.problem.evaluation import Evaluation
from neurofit.problem.problem import Problem
from neurofit.run.rescore import OUTSIDE, WIDEN, Rescoring, rescoring
from neurofit.run.results import Run, open_run


@dataclass(frozen=True, slots=True)
class WarmStart:
    """The evaluations, numbered from 0 in the order of their runs, and a line for people on each run; in `warnings`
    where it gives nothing.
    """

    evaluations: tuple[Evaluation, ...] = ()
    lines: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def logged(self) -> tuple[str, ...]:
        """All that the log says of it."""
        return (*self.lines, *(f"warning: {line}" for line in self.warnings))


def gathered(problem: Problem, earlier: Sequence[Run] = ()) -> WarmStart:
    """What the runs that `fit.warm_start` names hold now; candidates outside the bounds are left out, and so are those
    that came before. Runs of `earlier` stages serve too, where they are of the same features and parameters.

    Raises ConfigError where there is no run, or it is not one of the same features and parameters.
    """
    found: dict[bytes, Evaluation] = {}
    lines: list[str] = []
    warnings: list[str] = []
    for i, directory in enumerate(problem.fit.warm_start):
        place = f"$.fit.warm_start[{i}]"
        run = _opened(directory, place)
        line, some = _added(found, run, rescoring(problem, run, place))
        (lines if some else warnings).append(line)
    for run in earlier:
        try:
            rescored = rescoring(problem, run, "warm start")
        except ConfigError as error:
            lines.append(f"no warm start from {run.directory}, where the features are others ({error})")
            continue
        line, some = _added(found, run, rescored)
        (lines if some else warnings).append(line)
    return WarmStart(tuple(found.values()), tuple(lines), tuple(warnings))


def _added(found: dict[bytes, Evaluation], run: Run, rescored: Rescoring) -> tuple[str, bool]:
    """Adds the evaluations of `run` that fit to `found`, by their values; a line on that, and whether any fits."""
    inside = [e for e in run.searched if rescored.fits(e)]
    before = len(found)
    for old in inside:
        made = rescored.evaluation(old, len(found))
        found.setdefault(made.x.tobytes(), made)
    if not inside:
        why = f"all {len(run.raw)} in {run.directory} lie {OUTSIDE}" if run.raw else f"{run.directory} holds none yet"
        return f"warm start: no evaluation is known to the optimizer: {why}; {WIDEN}, or begin without it", False
    return _line(run, len(found) - before, len(inside), rescored.doubt), True


def _opened(directory: str, place: str) -> Run:
    try:
        return open_run(directory)
    except (ArchiveError, ConfigError) as error:
        raise ConfigError(place, got=directory, expected=f"a directory that a fit wrote ({error})") from error


def _line(run: Run, taken: int, inside: int, doubt: str) -> str:
    n = len(run.raw)
    parts = [f"warm start: {taken} of the {n} evaluations in {run.directory} are known to the optimizer"]
    if inside < n:
        parts.append(f"{n - inside} lie {OUTSIDE}")
    if taken < inside:
        parts.append(f"{inside - taken} are known already")
    if doubt:
        parts.append(f"that its model and protocols are the same is taken on trust, for {doubt}")
    return "; ".join(parts)
