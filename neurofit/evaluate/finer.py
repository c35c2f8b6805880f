"""The same problem at a finer time step: to confirm what was found at the search's, or to see whether that will do."""

from __future__ import annotations

from dataclasses import replace

from neurofit.problem.model import CellTemplate
from neurofit.problem.problem import Problem
from neurofit.problem.protocol import HoldingSearch, Protocol, Search
from neurofit.simulate.engine import PLAIN_DT, time_step


def finer(problem: Problem, factor: float, least: float = 0.0) -> Problem:
    """`problem` with every time step over `least` [ms] divided by `factor`; the very same where there is none.

    A clamp's steady state, which gives a holding current, does not depend on the step and keeps its own.
    """
    if not isinstance(problem.model, CellTemplate):
        return problem
    model = problem.model

    def stepped(what: Protocol | Search) -> Protocol | Search:
        if isinstance(what, HoldingSearch):
            return what
        steps = {time_step(model, what, s)[0] for s in what.sweeps} if isinstance(what, Protocol) else set()
        dt = max(steps) if steps else time_step(model, what, None)[0]
        if dt <= least:
            return what
        return replace(what, conditions=replace(what.conditions, dt=dt / factor))

    protocols = tuple(stepped(p) for p in problem.protocols)
    searches = tuple(stepped(s) for s in problem.searches)
    if protocols == problem.protocols and searches == problem.searches:
        return problem
    return replace(problem, protocols=protocols, searches=searches)  # type: ignore[arg-type]  # each of its own kind


def confirming(problem: Problem) -> Problem:
    """`problem` at half the search's time step, as its front is confirmed, and twice the time for it; steps of 0.025
    ms and less are fine.
    """
    fine = finer(problem, 2.0, PLAIN_DT)
    return fine if fine is problem else replace(fine, fit=replace(fine.fit, timeout=2 * problem.fit.timeout))
