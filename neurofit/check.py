"""Tries a problem out before a fit: one evaluation of every protocol, and how long a fit would take here."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import qmc

from neurofit.evaluate.finer import finer
from neurofit.executors import ProcessExecutor
from neurofit.executors.environment import workers_of
from neurofit.executors.settled import Settled
from neurofit.optimize import check_optimizer, make_optimizer
from neurofit.problem.evaluation import Evaluation
from neurofit.problem.model import FunctionModel
from neurofit.problem.problem import Problem
from neurofit.run.engines import settled

_SAMPLE_SECONDS = 10.0  # for timing candidates like those of a fit
_SAMPLE_MOST = 32
_DEAREST = 120.0  # s for the evaluation at that finer step, which is left out where it would take longer
_THOUGHT = "joint"  # the optimizer whose asks take longer than a look at the clock, and no minutes
_TOLD = 10  # evaluations from which an ask is timed: a search begins with no fewer
_FINER = 4.0  # times finer than the search's step: what will not change then is not the step's doing


@dataclass(frozen=True, slots=True)
class Trial:
    """What trying out gave: the evaluation, `settled` on an engine (None where there is none to choose), the same point
    at a quarter of the time step (`finer`, None where there is no step, or where it would take long: `dear` seconds
    then, else 0), and seconds: `alone` for it, `start` before it could begin.

    `each` [s] is measured on `sampled` candidates spread over the space, as a fit has them: those that break a rule
    are stopped early. `workers` is how many a fit would use, `total` [s] how long it would simulate. The optimizer
    would think `asks` times at most, for `ask` CPU seconds where it knows those candidates; 0 where that was not timed.
    """

    evaluation: Evaluation
    alone: float
    each: float
    sampled: int
    start: float
    workers: int
    total: float
    settled: Settled | None = None
    finer: Evaluation | None = None
    dear: float = 0.0
    asks: int = 0
    ask: float = 0.0

    @property
    def coarse(self) -> tuple[float, int] | None:
        """(share, column) of the feature that a quarter of the time step changes most, relative to itself; 1 where it
        is defined in one of the two only. None where nothing can be said.
        """
        if self.finer is None or self.finer.status != "ok" or self.evaluation.status != "ok":
            return None
        a, b = self.evaluation.features, self.finer.features
        apart = np.abs(a - b) / np.maximum(np.maximum(np.abs(a), np.abs(b)), 1e-12)
        apart[np.isnan(a) & np.isnan(b)] = 0.0
        apart = np.where(np.isfinite(apart), apart, 1.0)
        worst = int(np.argmax(apart)) if len(apart) else 0
        return (float(apart[worst]), worst) if len(apart) else None


def default_point(problem: Problem) -> np.ndarray:
    """The free parameters (d,) at the model's own values, and where it has none that they can take, in the middle."""
    x = problem.space.from_unit(np.full((1, len(problem.space)), 0.5))[0]
    if not isinstance(problem.model, FunctionModel):
        own = {p.name: p.value for p in problem.model.parameters}
        for j, parameter in enumerate(problem.space.parameters):
            value = own.get(parameter.name)
            if value is None or not parameter.low <= value <= parameter.high:
                continue
            if parameter.kind != "categorical" or value in parameter.choices:
                x[j] = value
    return x


def try_out(problem: Problem, told: Callable[[str], None] = lambda what: None) -> Trial:
    """Builds the model in a worker process and evaluates it, without early stop so that every feature is seen; `told`
    hears what is being tried. What takes longer than the fit's time-out is not tried in other ways, too.

    Raises ConfigError where the model or a mechanism cannot be built, or the optimizer is not installed; a crash, a
    hang or a nan is a status.
    """
    check_optimizer(problem.fit.optimizer, problem)
    told("trying the engines")
    chosen = settled(problem)
    problem = chosen.put(problem) if chosen else problem
    whole = replace(problem, fit=replace(problem.fit, early_stop=False))
    told(f"evaluating a point, for {problem.fit.timeout:g} s at most")
    evaluation, alone, start = _one(whole, default_point(problem))
    late = evaluation.status == "timeout"
    quarter, dear = (None, 0.0) if late else _finer(whole, alone, told)
    most = min(_SAMPLE_MOST, problem.fit.batch, int(_SAMPLE_SECONDS / max(alone, 1e-3)))
    sampled = 1 if late else max(1, most)
    each, seen = alone, []
    if sampled > 1:
        told(f"evaluating {sampled} of a fit's first candidates")
        each, seen = _sample(problem, sampled)
    told("timing the optimizer")
    workers = workers_of(problem.fit)
    total = 2 * start + problem.fit.budget * each / busy(problem, workers)
    asks, ask = thinking(problem, seen)
    return Trial(evaluation, alone, each, sampled, start, workers, total, chosen, quarter, dear, asks, ask)


def thinking(problem: Problem, seen: Sequence[Evaluation]) -> tuple[int, float]:
    """How often the optimizer proposes after its design, at most, and the CPU seconds that one ask takes where it knows
    what was `seen`; (0, 0.0) where it hardly thinks, or too little was seen. It thinks on one core.
    """
    fit = problem.fit
    if fit.optimizer != _THOUGHT or len(seen) < _TOLD:
        return 0, 0.0
    from neurofit.optimize.design import Extent  # torch, which wrong input need not wait for

    asking = make_optimizer(fit.optimizer, problem, fit.seed)
    known, asks, n, spent = Extent.of(fit, problem.space).fewest, 0, 1, 0.0
    while known < fit.budget:
        n = asking.at_once(min(fit.batch, fit.budget), known)
        known, asks = known + n, asks + 1
    for _ in range(2 if asks else 0):  # the first of a process takes longer
        optimizer = make_optimizer(fit.optimizer, replace(problem, fit=replace(fit, initial=1)), fit.seed)
        optimizer.warm(seen)
        began = time.process_time()
        optimizer.ask(n)
        spent = time.process_time() - began
    return asks, spent


def busy(problem: Problem, workers: int) -> float:
    """How many of the workers have work on the mean, where an ask waits for the last candidate of the one before."""
    fit = problem.fit
    optimizer = make_optimizer(fit.optimizer, problem, fit.seed)
    asked = optimizer.at_once(min(fit.batch, fit.budget), fit.budget // 2) * (fit.lag + 1)
    return asked / math.ceil(asked / workers)


def _finer(problem: Problem, alone: float, told: Callable[[str], None]) -> tuple[Evaluation | None, float]:
    """The same point at a quarter of the step, and 0; or None, and the seconds that it would take where they are many.

    `alone` [s] is what the search's step takes.
    """
    fine = finer(problem, _FINER)
    if fine is problem:
        return None, 0.0
    if _FINER * alone > _DEAREST:
        return None, _FINER * alone
    told("evaluating it at a quarter of the time step")
    fine = replace(fine, fit=replace(fine.fit, timeout=_FINER * problem.fit.timeout))
    return _one(fine, default_point(problem))[0], 0.0


def _one(problem: Problem, x: np.ndarray) -> tuple[Evaluation, float, float]:
    """The evaluation of x (d,), the seconds it took, and the seconds before it could begin."""
    began = time.perf_counter()
    with ProcessExecutor(problem, 1, problem.fit.timeout) as executor:
        executor.submit([0], x[None, :])
        evaluation = next(iter(executor.results()))
        wall = time.perf_counter() - began
    alone = sum(evaluation.seconds)
    return evaluation, alone, max(wall - alone, 0.0)


def _sample(problem: Problem, n: int) -> tuple[float, list[Evaluation]]:
    """Seconds of a candidate when n of a fit's first ones are evaluated together, and what came of them."""
    sobol = qmc.Sobol(len(problem.space), rng=np.random.default_rng(problem.fit.seed))
    points = sobol.random_base2(math.ceil(math.log2(n)))[:n]
    with ProcessExecutor(problem, 1, problem.fit.timeout) as executor:
        executor.submit(list(range(n)), problem.space.from_unit(points))
        seen = sorted(executor.results(), key=lambda e: e.index)
    return executor.seconds["busy"] / n, seen  # complete once the worker has gone
