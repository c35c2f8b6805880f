"""What the controller of an MPI job and its ranks say to each other; everything but Begin fits into an eager message.

Down, to ranks: Begin, Work, Close, End. Up, to the controller: Hello, Ready, Done, Told, Unable, Pulse.
`session` counts the executors of the job: late answers to an earlier one are told by it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from neurofit.errors import NeurofitError
from neurofit.problem.evaluation import Evaluation


@dataclass(frozen=True, slots=True)
class Begin:
    """Build the evaluator. `build` is the packed (factory, problem), `timeout` [s] of one evaluation.

    `group` 0: in an isolating child of each rank; else in the rank itself, together with the others of its group of so
    many ranks. `words` is a folder for what cannot be told (`neurofit.executors.last_words`), "" where there is none.
    """

    session: int
    build: bytes
    timeout: float
    group: int
    words: str = ""


@dataclass(frozen=True, slots=True)
class Work:
    """Evaluate: rows of X (n, d) with their indexes."""

    session: int
    indexes: tuple[int, ...]
    X: np.ndarray


@dataclass(frozen=True, slots=True)
class Close:
    """The session is over: its children are killed, its evaluator is let go."""

    session: int


@dataclass(frozen=True, slots=True)
class End:
    """The job is over; with `abort` by MPI_Abort with `code`, as some ranks can no longer be reached."""

    code: int
    abort: bool


@dataclass(frozen=True, slots=True)
class Hello:
    """From rank 0, once MPI is up: the number of ranks and the library's own name; `problem` where it is not."""

    size: int
    library: str
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Ready:
    """The evaluator is built; it prefers `pack` candidates at a time."""

    session: int
    rank: int
    pack: int


@dataclass(frozen=True, slots=True)
class Done:
    """Finished evaluations, and what the rank's child has done so far: seconds in each state, restarts."""

    session: int
    rank: int
    evaluations: tuple[Evaluation, ...]
    seconds: dict[str, float] = field(default_factory=dict)
    restarts: int = 0


@dataclass(frozen=True, slots=True)
class Told:
    """One rank's word on an evaluation of its group: the `evaluation`, or why it has none (a status and a reason)."""

    session: int
    rank: int
    index: int
    evaluation: Evaluation | None
    status: str = "ok"
    reason: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Unable:
    """What keeps the evaluator from being built, or the rank's child from working."""

    session: int
    rank: int
    error: NeurofitError


@dataclass(frozen=True, slots=True)
class Pulse:
    """Rank 0 passes messages on, and has passed on all that it had."""


Down = Begin | Work | Close | End
Up = Hello | Ready | Done | Told | Unable | Pulse
