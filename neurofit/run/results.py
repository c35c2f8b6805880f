"""A run as a modeller reads it: tables, the front, the best, the hypervolume, pictures; from the archive alone."""

from __future__ import annotations

import math
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from neurofit import front, paths
from neurofit.archive import Contents, Header, read
from neurofit.archive.records import front_of
from neurofit.config.library import neighbour
from neurofit.config.load import load
from neurofit.errors import ArchiveError, ConfigError, NeurofitError, place_of
from neurofit.evaluate.finer import how
from neurofit.problem.evaluation import STATUSES, TRUE, Evaluation
from neurofit.problem.problem import Problem
from neurofit.run.confirmation import confirmation, sentence
from neurofit.run.failures import failures, unheard_of

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from neurofit.report.pictures import Material
    from neurofit.run.again import Again
    from neurofit.run.learned import Learned
    from neurofit.surrogate.foretold import Foretold
    from neurofit.surrogate.partial import Partial
    from neurofit.surrogate.sensitivity import Sensitivity, Where


class Run:
    """One run as its archive stood when it was opened; open it again to see what has come since.

    A solution is named by its evaluation's number, which is the index of every table.
    """

    def __init__(self, directory: Path, contents: Contents, problem: Problem | None = None):
        self.directory, self._contents, self._problem = directory, contents, problem

    def __repr__(self) -> str:
        counts = f"{sum(self._feasible)} feasible, {len(self._front)} on the front"
        return f"<Run {self.header.name} in {self.directory}: {len(self.raw)} of {self.budget} evaluations, {counts}>"

    @property
    def header(self) -> Header:
        """Names, units, versions and the problem's text."""
        return self._contents.header

    @property
    def ended(self) -> str:
        """Why the run is over; "" while it is not."""
        return self._contents.ended

    @property
    def origin(self) -> str:
        """Of a retargeted run, the directory of the run that its first evaluations are from; else ""."""
        return self._contents.origin

    @property
    def budget(self) -> int:
        """Evaluations wanted in all."""
        return self._contents.budget

    @cached_property
    def raw(self) -> tuple[Evaluation, ...]:
        """The evaluations in order of their numbers; what has been confirmed is as it was then."""
        return tuple(self._contents.reported)

    @property
    def searched(self) -> tuple[Evaluation, ...]:
        """The same, all as the search saw them."""
        return tuple(self._contents.evaluations)

    @property
    def settled(self) -> Mapping[str, str | int]:
        """What simulates the run: "engine", "copies" in one simulation, "share" (whether sweeps share their beginnings)
        and "why"; {} for models without engines.
        """
        return dict(self._contents.settled)

    @property
    def confirmation(self) -> pd.DataFrame:
        """What half the time step, or repeats, changed: a row a confirmed solution, columns (feature | objective,
        name), the value then minus the search's; nan where one is undefined. (run, holds): whether it is feasible.
        """
        return confirmation(self._contents)

    @property
    def remarks(self) -> tuple[str, ...]:
        """Sentences on how it was simulated, what failed, and how the front was confirmed."""
        by = self._contents.settled
        engine = f"Simulated by {by['engine']}, {by['copies']} copies at a time ({by['why']})" if by else ""
        said = (failures(self.searched), unheard_of(self.searched, [name for name, _ in self.header.features]))
        return tuple(line for line in (engine, *said, self._of_confirming()) if line)

    def _of_confirming(self) -> str:
        if not self._contents.confirmed:
            return ""
        try:
            return sentence(self._contents, how(self.problem))
        except NeurofitError:  # a file that it names is gone
            return sentence(self._contents, "once more")

    @property
    def stages(self) -> Mapping[str, Run]:
        """The runs of the stages of a staged run (`StagedRun`), by name; empty for a run of one problem."""
        return {}

    @property
    def parts(self) -> Mapping[str, Run]:
        """The runs that this one is made of, by the folder below its own: of each stage, else itself at ""."""
        return {"": self}

    @property
    def warm(self) -> tuple[Evaluation, ...]:
        """Evaluations of other runs that the optimizer knew from the start, as this problem scores them."""
        return self._contents.warm

    @cached_property
    def problem(self) -> Problem:
        """The problem, loaded from the text in the archive. Raises ConfigError where a file it names is gone."""
        if self._problem is not None:
            return self._problem
        if not self.header.text:
            raise NeurofitError(
                f"{self.directory} was fitted from a Problem without a file, so it cannot be loaded again"
            )
        path = self.directory / "problem.yaml"
        if path.exists() and path.read_text(encoding="utf-8") == self.header.text:
            problem = load(path)
        else:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "problem.yaml"
                path.write_text(self.header.text, encoding="utf-8")
                problem = load(path)
        return replace(problem, fit=self.header.fit)

    @cached_property
    def evaluations(self) -> pd.DataFrame:
        """A row an evaluation; columns (parameter | feature | objective | rule | margin | run, name).

        Parameters and features in their units (a choice that has a name by that), objectives in standard deviations;
        rules are bool (not run is False); run has status, reason, seconds (of simulation and features together) and
        feasible.
        """
        import pandas as pd  # which a fit alone need not wait for

        h, raw = self.header, self.raw
        columns: dict[tuple[str, str], np.ndarray] = {}
        for kind, names, rows in (
            ("parameter", [n for n, _ in h.parameters], [e.x for e in raw]),
            ("feature", [n for n, _ in h.features], [e.features for e in raw]),
            ("objective", list(h.objectives), [e.objectives for e in raw]),
            ("rule", [n for n, _ in h.rules], [e.rules == TRUE for e in raw]),
            ("margin", [n for n, _ in h.rules], [e.margins for e in raw]),
        ):
            table = np.array(rows, bool if kind == "rule" else float).reshape(len(raw), len(names))
            columns |= {(kind, name): table[:, j] for j, name in enumerate(names)}
        for name, labels in h.labels:
            columns["parameter", name] = np.array(labels, object)[columns["parameter", name].astype(int)]
        columns["run", "status"] = np.array([e.status for e in raw], object)
        columns["run", "reason"] = np.array([e.reason for e in raw], object)
        columns["run", "seconds"] = np.array([sum(e.seconds) for e in raw], float)
        columns["run", "feasible"] = np.array([e.feasible for e in raw], bool)
        index = pd.Index([e.index for e in raw], name="evaluation", dtype=int)
        table = pd.DataFrame(columns, index=index)
        table.columns = pd.MultiIndex.from_tuples(list(columns), names=["kind", "name"])
        return table

    def front(self) -> pd.DataFrame:
        """The feasible evaluations that no other one dominates; columns as in `evaluations`."""
        return self.evaluations.loc[self._front]

    def best(self) -> pd.Series:
        """The feasible evaluation with the smallest sum of objectives. Raises NeurofitError where none is feasible."""
        return self.solution(self._front[int(np.argmin(self._scores(self._front).sum(axis=1)))])

    def knee(self) -> pd.Series:
        """The front's knee (`front.knee`). Raises NeurofitError where none is feasible."""
        return self.solution(self._front[front.knee(self._scores(self._front))])

    def solution(self, number: int | str) -> pd.Series:
        """One evaluation, by its number: 3, "3" or "#3". Raises NeurofitError where there is none of that number."""
        digits = str(number).removeprefix("#")
        if not digits.isdecimal() or int(digits) not in self._numbered:
            raise NeurofitError(
                f"{self.directory} has no evaluation {number}; it has {len(self.raw)}, numbered from 0, of which "
                "run.best() and run.knee() choose one that is feasible"
            )
        return self.evaluations.loc[int(digits)]

    def number(self, solution: str | int) -> int:
        """The number of an evaluation named "best", "knee" or by its number. Raises NeurofitError as those do."""
        found = {"best": self.best, "knee": self.knee}.get(str(solution))
        return int(str((found() if found is not None else self.solution(solution)).name))

    def flat(self) -> pd.DataFrame:
        """`evaluations` with columns named as in CSV files: parameter/soma.g_pas, rule/held, run/status."""
        table = self.evaluations.copy()
        table.columns = ["/".join(name) for name in table.columns]
        return table

    def hypervolume(self, reference: float | Sequence[float] | None = None) -> float:
        """Share, 0 to 1, of the box up to `reference` [std] (the problem's where None) that the feasible dominate."""
        points = self._objectives[self._feasible]
        return front.hypervolume(points, self._reference(reference))

    def convergence(self, reference: float | Sequence[float] | None = None) -> pd.Series:
        """The hypervolume after each evaluation, in order of their numbers."""
        import pandas as pd

        volumes = front.convergence(self._objectives, self._feasible, self._reference(reference))
        return pd.Series(volumes, self.evaluations.index, name="hypervolume")

    def retarget(self, target: str | Path | Problem, out: str | Path | None = None) -> Run:
        """The same evaluations under the targets, rules and bounds of `target` (a file, a built-in's name or a
        Problem), without one simulation; they keep their numbers.

        Objectives, rules and margins are scored anew from the archived features. What was not run, since an old rule
        stopped it early, stays unknown, so that such a candidate is not feasible. Candidates outside the new bounds are
        left out; so are features that `target` does not read: for yet other targets, retarget the first run. With
        `out`, a new directory, all of it is written there as the start of a run, and `neurofit fit TARGET --out DIR`
        goes on with `budget` evaluations of its own.

        Raises ConfigError that names the features or parameters that `target` needs and this run lacks, or what else
        the two simulate differently, or that no evaluation is left; ArchiveError where `out` holds a run.
        """
        from neurofit.run.retarget import retargeted  # which makes runs

        return retargeted(self, target, out)

    def plot(self, name: str = "front") -> Figure:
        """One of the run's pictures as a matplotlib Figure, which a notebook shows.

        "front", "convergence", "pairs", "parallel", "objectives", "rules", "sensitivity", "partial", "foretold",
        "curves", "traces", "raster" or "spectrum"; `neurofit plot` and `neurofit report` draw all that there is
        material for. Raises ConfigError for another name, NeurofitError where the run lacks what the picture needs.
        """
        from neurofit.report.pictures import picture

        return picture(name, self.material()).figure

    def material(self) -> Material:
        """What this run's pictures are drawn from (`neurofit.report.pictures`)."""
        from neurofit.report.arrays import gather
        from neurofit.report.pictures import Material, Surrogate

        results = gather(self.header, self.raw)
        try:
            problem = self.problem
        except NeurofitError as error:
            return Material(results, results.chosen(), trouble=str(error))
        where = "front" if self._feasible.any() else "all"
        surrogate = Surrogate(lambda: self.sensitivity(where), lambda: self.partial(where), self.foretold)
        learned, again = surrogate if len(self.raw) > 1 else None, self._again
        return Material(results, results.chosen(), problem, again.traces, learned, fire=again.spikes)

    def sensitivity(self, where: Where = "front") -> Sensitivity:
        """What drives each feature and rule: gradients of a surrogate trained on this run's evaluations, which takes
        seconds; `where` is the "front", all "feasible" evaluations, or "all" of the space.

        Raises NeurofitError where fewer than two were evaluated or, but for "all", none is feasible; ConfigError for
        another `where`.
        """
        return self._learned.sensitivity(where)

    def partial(self, where: Where = "front") -> Partial:
        """What the same surrogate says of the most driven features along the parameters that drive them, the others
        as they are `where`; errors as of `sensitivity`.
        """
        return self._learned.partial(where)

    def foretold(self, most: int | None = None) -> Foretold:
        """What a surrogate of the evaluations before a batch says of the batch, whichever optimizer proposed it.

        It is trained as the joint search does (with all its parts, also where `fit.without` leaves some out). Of `most`
        batches at most (six; three of a large problem), evenly chosen, a second or a few each.

        Raises NeurofitError where there is no batch after the initial design, or nothing but failures before it.
        """
        return self._learned.foretold(most)

    @property
    def seconds(self) -> dict[str, float]:
        """Where the time went over all sessions [s]; "simulate", "features" and "idle" summed over workers."""
        spent_on = [*self._contents.evaluations, *self._contents.confirmed.values()]
        simulate, features = np.array([e.seconds for e in spent_on], float).reshape(-1, 2).sum(axis=0)
        spent = self._contents.seconds
        return {
            "simulate": float(simulate),
            "features": float(features),
            "optimizer": spent["optimizer"],
            "idle": spent["idle"],
        }

    def summary(self) -> dict[str, object]:
        """What `neurofit show --json` prints; undefined numbers are None."""
        feasible = np.flatnonzero(self._feasible)
        statuses = Counter(e.status for e in self.raw)
        true = np.array([e.rules == TRUE for e in self.raw], float).reshape(len(self.raw), len(self.header.rules))
        return {
            "evaluations": len(self.raw),
            "feasible": len(feasible),
            "first_feasible": self.raw[feasible[0]].index if len(feasible) else None,
            "hypervolume": self.hypervolume(),
            "front": [self._entry(number) for number in self._front],
            "rules": {n: float(true[:, j].mean()) if len(true) else 0.0 for j, (n, _) in enumerate(self.header.rules)},
            "status": {status: statuses[status] for status in STATUSES if statuses[status]},
            "seconds": self.seconds,
            "settled": self.settled,
            "confirmed": self.confirmation["run", "holds"].tolist(),
        }

    def _entry(self, number: int) -> dict[str, object]:
        e, h = self._numbered[number], self.header
        return {
            "evaluation": number,
            "parameters": dict(zip([n for n, _ in h.parameters], h.given(e.x), strict=True)),
            "features": _named([n for n, _ in h.features], e.features),
            "objectives": _named(h.objectives, e.objectives),
        }

    @cached_property
    def _again(self) -> Again:
        """What simulates solutions again, the same for all pictures."""
        from neurofit.run.again import Again  # NEURON's and eFEL's friends, which take a second to load

        return Again(self._contents)

    @cached_property
    def _learned(self) -> Learned:
        """What surrogates of this run say, the same for all pictures."""
        from neurofit.run.learned import Learned  # torch, which takes a second to load

        return Learned(self._contents, self.problem, self.directory)

    @cached_property
    def _objectives(self) -> np.ndarray:
        return np.array([e.objectives for e in self.raw], float).reshape(len(self.raw), len(self.header.objectives))

    @cached_property
    def _feasible(self) -> np.ndarray:
        return np.array([e.feasible for e in self.raw], bool)

    @cached_property
    def _numbered(self) -> dict[int, Evaluation]:
        return {e.index: e for e in self.raw}

    @cached_property
    def _front(self) -> list[int]:
        return [e.index for e in front_of(self.raw)]

    def _scores(self, numbers: Sequence[int]) -> np.ndarray:
        if not numbers:
            raise NeurofitError(
                f"none of the {len(self.raw)} evaluations in {self.directory} is feasible yet; "
                "`neurofit show` tells which rules hold how often"
            )
        return np.stack([self._numbered[n].objectives for n in numbers])

    def _reference(self, reference: float | Sequence[float] | None) -> np.ndarray:
        given = np.asarray(self.header.reference if reference is None else reference)
        k = len(self.header.objectives)
        if given.shape not in ((), (k,)) or given.dtype.kind not in "iuf" or not (given > 0).all():
            raise ConfigError("reference", got=reference, expected=f"[std] above 0, or one for each of {k} objectives")
        return np.broadcast_to(given.astype(float), (k,))


def open_run(directory: str | Path) -> Run:
    """The run in `directory`, also while it is being fitted, and after its process was killed.

    That of a staged file (a `StagedRun`) has each stage's in `.stages`. Raises ArchiveError where there is none,
    ConfigError where it may not be looked at.
    """
    from neurofit.run.staged import open_staged  # which is made of runs

    place = place_of(directory, "directory", "the path of one that a fit wrote")
    if not paths.exists(place):
        raise ArchiveError(f"{place} holds no run: there is no such folder{neighbour(place)}")
    return open_staged(place) or Run(place, read(place))


def _named(names: Sequence[str], values: np.ndarray) -> Mapping[str, float | None]:
    return {n: float(v) if math.isfinite(v) else None for n, v in zip(names, values, strict=True)}
