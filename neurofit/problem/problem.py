"""The whole of what is fitted, as frozen data: model, space, protocols, features, objectives, rules, settings."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import numpy as np

from neurofit.problem.evaluation import NOT_RUN, UNKNOWN, Evaluation
from neurofit.problem.feature import Feature
from neurofit.problem.model import CellTemplate, FunctionModel
from neurofit.problem.network import NetworkTemplate
from neurofit.problem.objective import Objective
from neurofit.problem.protocol import Protocol, Search
from neurofit.problem.rule import Rule
from neurofit.problem.space import Space

Model = CellTemplate | NetworkTemplate | FunctionModel

# Settings that change neither evaluations nor proposals, but how fast or how long a run is, or what it does at its end.
PRACTICAL = (
    "budget", "workers", "timeout", "pack", "engine", "copies", "share", "confirm", "patience", "good_enough",
    "ranks_per_evaluation",
)  # fmt: skip
# Of the joint search: gradient steps on candidates; a label and a formula for each rule, where else feasibility as a
# whole is all that is learned; a label for each objective's being defined; features, where else the objectives
# themselves are learned.
PARTS = ("gradient", "rules", "definedness", "features")


@dataclass(frozen=True, slots=True)
class FitSettings:
    """How to search. `workers` 0 means as many as there are usable cores; `timeout` [s] is for one evaluation."""

    optimizer: str = "joint"
    budget: int = 600
    batch: int = 50
    initial: int | None = None  # points of the initial design; None lets the optimizer choose
    seed: int = 1
    workers: int = 0
    timeout: float = 60.0
    early_stop: bool = True  # skip dearer protocols once a rule is broken
    pack: int | None = None  # candidates evaluated together; None: as many as fill a simulation
    engine: str = "auto"  # "neuron" or "coreneuron"; "auto": whichever a trial finds equal and faster
    copies: int | None = None  # of the cell in one simulation; None until a trial has measured what pays
    share: bool | None = None  # a candidate's sweeps share their beginning; None until a trial has found it equal
    lag: int = 0  # batches under way while the next is asked for, whose results that ask does not see
    confirm: bool = True  # evaluate the front once more at a finer time step, when the run is over
    points_per_axis: int | None = None  # grid only
    design: str = "sobol"  # random only: "sobol" or "lhs"
    surrogate: str = "auto"  # joint only: "gp" or "net", or "auto": the one that suits
    sensitive_steps: bool = False  # joint only: parameters that drive much take smaller steps
    without: tuple[str, ...] = ()  # joint only: parts left out of it, of PARTS, to see what they are worth
    patience: int | None = None  # stop after so many evaluations without a growing hypervolume
    good_enough: float | None = None  # stop once one solution is within so many std of every target
    ranks_per_evaluation: int = 1  # of an MPI job, that share one evaluation: for networks; else it has no effect
    warm_start: tuple[str, ...] = ()  # runs whose evaluations the optimizer knows from the start


@dataclass(frozen=True, slots=True, repr=False)
class Problem:
    """A problem, complete: nothing else is read when it is run.

    `fixed` gives values for the model's parameters that are not free. `searches` and `protocols` are in file order;
    whoever runs them orders them by need and cost. `text` is the file as resolved (YAML), kept in the archive.
    `identity` is a hash of all that changes evaluations or proposals (not budget, workers or timeout): another
    identity is another problem.
    """

    name: str
    model: Model
    space: Space
    fixed: tuple[tuple[str, float], ...]
    searches: tuple[Search, ...]
    protocols: tuple[Protocol, ...]
    features: tuple[Feature, ...]
    objectives: tuple[Objective, ...]
    rules: tuple[Rule, ...]
    fit: FitSettings
    text: str = ""
    identity: str = ""
    reference: tuple[float, ...] = ()  # hypervolume's reference, an entry an objective
    warnings: tuple[str, ...] = ()
    file_hashes: tuple[tuple[str, str], ...] = field(
        default=()
    )  # (name, sha256) of mechanisms, morphologies, functions

    def __repr__(self) -> str:
        # all that it holds is pages
        counts = (("parameter", len(self.space)), ("objective", len(self.objectives)), ("rule", len(self.rules)))
        held = ", ".join(f"{n} {name}{'s' if n != 1 else ''}" for name, n in counts)
        return f"<Problem {self.name}: {held}; {self.fit.budget} evaluations with {self.fit.optimizer}>"

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(f.column for f in self.features)

    @property
    def box(self) -> tuple[float, ...]:
        """The hypervolume's reference [std], an entry an objective: 5 where the problem gives none."""
        return self.reference or (5.0,) * len(self.objectives)

    def failed(self, index: int, x: np.ndarray, status: str, reason: str, seconds: float = 0.0) -> Evaluation:
        """The evaluation of a candidate that gave nothing but a status."""
        m, k, r = len(self.features), len(self.objectives), len(self.rules)
        return Evaluation(
            index=index,
            x=np.asarray(x, float),
            features=np.full(m, np.nan),
            states=np.full(m, NOT_RUN, np.int8),
            objectives=np.full(k, np.nan),
            rules=np.full(r, UNKNOWN, np.int8),
            margins=np.full(r, np.nan),
            status=status,
            reason=reason,
            seconds=(seconds, 0.0),
        )


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
