"""What a file gives to be fitted, one step after the other: its problem, or its stages with what each takes.

A step is made when the one before it has been fitted, as only then there is something to take.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from neurofit import paths
from neurofit.archive import differences, exists, read
from neurofit.builtin import fit_file
from neurofit.config.document import Document
from neurofit.config.document import read as read_yaml
from neurofit.config.stages import Stage, Staged
from neurofit.config.taking import Cell, Offer, Take, described
from neurofit.errors import ArchiveError, ConfigError, NeurofitError
from neurofit.optimize import check_optimizer
from neurofit.problem.problem import Problem
from neurofit.run.results import Run, open_run
from neurofit.run.staged import FILE
from neurofit.run.textfiles import put
from neurofit.run.warm import WarmStart, gathered


@dataclass(frozen=True, slots=True)
class Step:
    """A problem to fit, and the directory of its run.

    stage   its name, "" where the file is of one problem
    start   what the optimizer knows from the start; None where the run is there already
    of      the stage itself, None where the file is of one problem
    """

    stage: str
    problem: Problem
    directory: Path
    start: WarmStart | None = None
    of: Stage | None = None

    @property
    def title(self) -> str:
        """What is fitted, for people."""
        return f"{self.stage}: {self.problem.name}" if self.stage not in ("", self.problem.name) else self.problem.name


def steps(work: Problem | Staged, out: str | Path) -> Iterator[Step]:
    """The steps of a fit into `out`; whoever asks for the next one has fitted the one before.

    A stage that is there already is a step too, with nothing left to do. Raises ArchiveError where a directory holds
    something else or what a stage was given has changed since; NeurofitError where a stage lacks what is to be taken.
    """
    out = Path(out)
    if isinstance(work, Problem):
        if paths.exists(out / FILE):
            raise ArchiveError(f"{out} holds a run of several stages; give another --out directory")
        check_optimizer(work.fit.optimizer, work)  # before anything is written
        yield Step("", work, out, None if exists(out) else gathered(work))
        return
    if exists(out):
        raise ArchiveError(f"{out} holds a run of one problem, without stages; give another --out directory")
    for stage in work.stages:
        with placed(stage):
            check_optimizer(stage.problem.fit.optimizer, stage.problem)  # before anything is written
    done: dict[str, tuple[Problem, Run]] = {}
    for stage in work.stages:
        directory = out / stage.name
        found = {(need.stage, need.solution): _offer(stage, need, *done[need.stage]) for need in stage.needs}
        problem = stage.resolved(found)
        start = None
        if exists(directory):
            _check_same(stage, problem, directory)
        else:
            fronts = [done[take.stage][1] for take in stage.takes if take.solution == "front"]
            with placed(stage):
                warm = gathered(problem, fronts)
            start = WarmStart(warm.evaluations, (*_lines(stage, problem, found), *warm.lines), warm.warnings)
        put(out / FILE, work.text)
        yield Step(stage.name, problem, directory, start, stage)
        done[stage.name] = problem, open_run(directory)


@dataclass(frozen=True, slots=True)
class TryOut:
    """A problem to try out before a fit; `stage` is "" where the file is of one problem. `lines` say for people what
    earlier stages would give, and what there is in place of that, and what a warm start has; `warnings` where that is
    nothing. `of`: as of a Step.
    """

    stage: str
    problem: Problem
    lines: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    of: Stage | None = None


def parts_of(work: Problem | Staged) -> tuple[tuple[str, Problem], ...]:
    """(stage, problem) of what a file gives, "" for the stage where it is of one problem; a stage's is as its file says
    it, without what others will give.
    """
    return (("", work),) if isinstance(work, Problem) else tuple((s.name, s.problem) for s in work.stages)


def trials(work: Problem | Staged) -> Iterator[TryOut]:
    """What to try out. A stage that takes something has values from the middle of what the earlier one searches."""
    if isinstance(work, Problem):
        warm = gathered(work)
        yield TryOut("", work, warm.lines, warm.warnings)
        return
    for stage in work.stages:
        with placed(stage):
            warm = gathered(stage.problem)
        lines = (*(_instead(need) for need in stage.needs), *warm.lines)
        yield TryOut(stage.name, stage.problem, lines, warm.warnings, stage)


def _instead(need: Take | Cell) -> str:
    given = f"the cell of population {need.population}" if isinstance(need, Cell) else ", ".join(need.parameters)
    return f"From the {need.text}: {given}; tried here with the middle of what {need.stage} searches."


@contextmanager
def read_from(file: str | Path, changes: Mapping[str, str], options: Collection[str] = ()) -> Iterator[None]:
    """Says of a ConfigError inside where it was written: in the fit file or built-in `file`, in `changes` (dotted key:
    YAML value) of the command line, of which those of the settings that `options` names are options of their own.
    """
    try:
        yield
    except ConfigError as error:
        if error.file is None:
            key = next((k for k in changes if re.match(rf"\$\.{re.escape(k)}(?!\w)", error.path)), None)
            if key is None:
                raise _found_in(read_yaml(fit_file(file)), error) from error
            error.file = f"{key}={changes[key]}"
        for key, text in changes.items():
            name = key.removeprefix("fit.")
            option = f"--{name.replace('_', '-')}" if name in options else f"--set {key}={text}"
            # several may have changed what is wrong: a=1 b=2 in FILE
            error.file = re.sub(rf"(?<!\S){re.escape(f'{key}={text}')}(?!\S)", lambda _, o=option: o, error.file)
        raise


@contextmanager
def placed(stage: Stage | None) -> Iterator[None]:
    """Says of a ConfigError inside, of this stage's problem, where it was written, if it is known; None: nothing."""
    try:
        yield
    except ConfigError as error:
        if stage is None or error.file is not None:
            raise
        raise stage.located(error) from error


def _found_in(document: Document, error: ConfigError) -> ConfigError:
    """The error with its place in the fit file, where that says anything of it."""
    setting = re.match(r"\$\.fit\.\w+", error.path)
    known = error.path in document.places or (setting and setting[0] in document.places)
    return document.locate(error) if known else error


def load_work(file: str | Path, changes: Mapping[str, str]) -> Problem | Staged:
    """What the file or built-in `file` gives to be fitted, with `changes` (dotted key: YAML value) applied."""
    from neurofit.config.stages import load_any

    return load_any(fit_file(file), changes)


def _offer(stage: Stage, need: Take | Cell, problem: Problem, run: Run) -> Offer:
    """What `need` takes of a finished run."""
    try:
        numbers = [int(n) for n in run.front().index] if need.solution == "front" else [run.number(need.solution)]
        if not numbers:
            run.best()  # which says that nothing is feasible
    except NeurofitError as error:
        raise NeurofitError(f"stage {stage.name} takes the {need.text}, but {error}") from error
    rows = {e.index: e.x for e in run.raw}
    return Offer(problem, np.stack([rows[n] for n in numbers]), tuple(numbers))


def _lines(stage: Stage, problem: Problem, found: Mapping[tuple[str, str | int], Offer]) -> Iterator[str]:
    """Lines for the log on what a stage was given."""
    for need in stage.needs:
        offer = found[need.stage, need.solution]
        which = f"evaluation {offer.numbers[0]}" if len(offer.numbers) == 1 else f"{len(offer.numbers)} evaluations"
        if isinstance(need, Cell):
            verb, names = f"is the cell of population {need.population}:", _of_cell(need, offer)
        else:
            verb, names = "gives", need.parameters
        values = described(problem, names)
        given = ", ".join(f"{n} {v}" if v[0] in "io" else f"{n} = {v}" for n, v in values.items())
        yield f"{need.text} ({which}) {verb} {given}"


def _of_cell(cell: Cell, offer: Offer) -> tuple[str, ...]:
    """What the network calls the parameters that were fitted in the cell."""
    return tuple(f"{cell.population}.{name}" for name in offer.problem.space.names)


def _check_same(stage: Stage, problem: Problem, directory: Path) -> None:
    """Raises ArchiveError unless `directory` holds a run of just this `problem`."""
    differs = differences(read(directory).header, problem)
    if not differs:
        return
    taken = _changed(stage, problem, directory)
    why = f"what it is given has changed: {', '.join(taken)}" if taken else "; ".join(differs)
    move, other = f"move it away to fit {stage.name} anew (other stages are kept)", "give another --out directory"
    restore = f"restore the problem as it is in {directory / 'problem.yaml'}"
    ways = f"{move}, or {other}" if taken else f"{move}, {other}, or {restore}"
    raise ArchiveError(f"{directory} holds a run of another problem ({why}); {ways}")


def _changed(stage: Stage, problem: Problem, directory: Path) -> list[str]:
    """What earlier stages give that is fixed or bounded otherwise there."""
    try:
        old = open_run(directory).problem
    except NeurofitError:  # a file of it is gone
        return []
    names = {name for take in stage.takes for name in take.parameters}
    begins = tuple(f"{cell.population}." for cell in stage.cells)
    known = [*(name for name, _ in problem.fixed), *problem.space.names]
    given = [name for name in known if name in names or name.startswith(begins)]
    there, here = described(old, given), described(problem, given)
    return [f"{n} {there.get(n, 'nothing')} there, {here[n]} here" for n in here if there.get(n) != here[n]]
