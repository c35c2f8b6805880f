"""What a trial has settled, apart from what makes one: most fits find it remembered, and need not wait for the rest."""

from __future__ import annotations

from dataclasses import dataclass, replace

from neurofit.problem.problem import Problem


@dataclass(frozen=True, slots=True)
class Settled:
    """What a problem is simulated with: the engine, the copies in one simulation (0: by the cell's size), why, in a
    sentence, and whether a candidate's sweeps `share` what they have in common before they first differ.

    `slow` names features that take much longer to read than the others do, "" where none does. `lasting` is False where
    a trial failed, for whatever reason: another day it may not.
    """

    engine: str
    copies: int
    why: str
    share: bool = False
    slow: str = ""
    lasting: bool = True

    def put(self, problem: Problem) -> Problem:
        """The problem, to be evaluated this way."""
        fit = replace(problem.fit, engine=self.engine, copies=self.copies or None, share=self.share)
        return replace(problem, fit=fit)
