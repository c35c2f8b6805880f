"""The same problem more surely, to confirm what was found: at a finer time step, or repeated where there is noise.

At a finer step also to see whether the search's will do.
"""

from __future__ import annotations

from dataclasses import replace

from neurofit.evaluate.function_evaluator import load_function, takes_seed
from neurofit.problem import network
from neurofit.problem.model import CellTemplate, FunctionModel
from neurofit.problem.network import ArtificialCell, NetworkTemplate
from neurofit.problem.problem import Problem
from neurofit.problem.protocol import HoldingSearch, Protocol, Search
from neurofit.simulate.engine import PLAIN_DT, time_step

_REPEATS = 4  # of a noisy solution: the mean's noise is half of an evaluation's
NO_STEP = "its cells have no equations to integrate, and so no time step that could be finer"


def finer(problem: Problem, factor: float, least: float = 0.0) -> Problem:
    """`problem` with every time step over `least` [ms] divided by `factor`; the very same where there is none.

    A clamp's steady state, which gives a holding current, does not depend on the step and keeps its own.
    """

    def stepped(what: Protocol | Search) -> Protocol | Search:
        dt = _step(problem, what)
        if dt is None or dt <= least:
            return what
        assert not isinstance(what, HoldingSearch)
        return replace(what, conditions=replace(what.conditions, dt=dt / factor))

    protocols = tuple(stepped(p) for p in problem.protocols)
    searches = tuple(stepped(s) for s in problem.searches)
    if protocols == problem.protocols and searches == problem.searches:
        return problem
    return replace(problem, protocols=protocols, searches=searches)  # type: ignore[arg-type]  # each of its own kind


def confirming(problem: Problem) -> Problem:
    """`problem` as its front is confirmed: at half the search's time step, with twice the time for it.

    Steps of 0.025 ms and less are fine for a cell. Those of a network are halved whatever they are: each spike is heard
    from the end of its step on, so that a step is part of every delay. A function that is given seeds is called four
    times with others, as the best of many noisy evaluations are the lucky ones. What has neither is the very same.
    """
    model = problem.model
    if isinstance(model, FunctionModel):
        if model.repeats > 1 or not takes_seed(load_function(model.file, model.function)):
            return problem
        patient = replace(problem.fit, timeout=_REPEATS * problem.fit.timeout)
        return replace(problem, model=replace(model, repeats=_REPEATS), fit=patient)
    fine = finer(problem, 2.0, 0.0 if isinstance(problem.model, NetworkTemplate) else PLAIN_DT)
    return fine if fine is problem else replace(fine, fit=replace(fine.fit, timeout=2 * problem.fit.timeout))


def how(problem: Problem) -> str:
    """How `confirming` differs, in words that follow on "confirmed"."""
    if isinstance(problem.model, FunctionModel):
        return f"in the mean of {_REPEATS} repeats with other seeds"
    return "at half the time step"


def stepless(problem: Problem) -> bool:
    """Whether it is a network of artificial cells alone, which have no equations to integrate."""
    model = problem.model
    return isinstance(model, NetworkTemplate) and all(isinstance(p.cell, ArtificialCell) for p in model.populations)


def _step(problem: Problem, what: Protocol | Search) -> float | None:
    """The longest step [ms] that something is simulated with; None where it has none that matters."""
    model = problem.model
    if isinstance(what, HoldingSearch) or stepless(problem):
        return None
    if isinstance(model, NetworkTemplate):
        return network.time_step(model, what.conditions)
    if not isinstance(model, CellTemplate):
        return None
    steps = {time_step(model, what, s)[0] for s in what.sweeps} if isinstance(what, Protocol) else set()
    return max(steps) if steps else time_step(model, what, None)[0]
