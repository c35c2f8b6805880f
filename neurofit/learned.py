"""What a run's surrogate learned, as a modeller meets it in a shell: the arrays, with a line on what they are.

The surrogate's own results are made for pictures, and the pages of numbers that they would show help nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from neurofit.errors import ConfigError
from neurofit.problem.evaluation import Evaluation
from neurofit.problem.problem import Problem
from neurofit.surrogate import foretold as of_foretold
from neurofit.surrogate import partial as of_partial
from neurofit.surrogate import sensitivity as of_sensitivity
from neurofit.surrogate.foretold import Foretold
from neurofit.surrogate.joint import JointModel
from neurofit.surrogate.partial import Partial
from neurofit.surrogate.sensitivity import Sensitivity, Where
from neurofit.surrogate.table import Table

_TOP = 4  # entries shown


class ShownSensitivity(Sensitivity):
    """A Sensitivity that shows as how much it holds, where, and what is driven most."""

    __slots__ = ()

    def __repr__(self) -> str:
        held = f"{len(self.features)} features and {len(self.rules)} rules by {len(self.parameters)} parameters"
        top = self._top()
        strongest = f"; strongest [sd / range]: {', '.join(top)}" if top else ""
        return f"<Sensitivity {_at(self.where, self.points)}: {held}{strongest}; .table has all>"

    def _top(self) -> list[str]:
        """The features that are driven most, each by what drives it most, with its sign."""
        size = np.nan_to_num(self.feature, nan=0.0).reshape(len(self.features), len(self.parameters))
        most = size.max(axis=1, initial=0.0)
        top = []
        for j in np.argsort(-most, kind="stable")[:_TOP]:
            if most[j] > 0:
                k = int(size[j].argmax())
                sign = "-" if self.feature_sign[j, k] < 0 else "+"
                top.append(f"{self.features[j]} by {self.parameters[k]} {sign}{most[j]:.3g}")
        return top


class ShownForetold(Foretold):
    """A Foretold that shows as of how many evaluations it is, and how right it was."""

    __slots__ = ()

    def __repr__(self) -> str:
        of = f"{len(self.index)} evaluations in {len(self.batches)} batches"
        feasible = f"{self.feasible.mean():.0%} feasible, {self.p.mean():.0%} foretold"
        error = ""
        if self.targets:
            covered = [f"{self.coverage(w):.0%} within {w} sd ({self.expected(w):.0%} expected)" for w in (1, 2)]
            error = f"; rms error {self.rms:.2g} std over {len(self.targets)} targets; {', '.join(covered)}"
        return f"<Foretold {of}: {feasible}{error}; .table has a row a batch>"


class ShownPartial(Partial):
    """A Partial that shows as how much it holds, and where."""

    __slots__ = ()

    def __repr__(self) -> str:
        held = f"{len(self.features)} features along {len(self.parameters)} parameters"
        members = f", each by {len(self.members[0])} members" if self.members else ""
        return f"<Partial {held}{members}, the others as {_at(self.where, self.points)}; .grid, .members have them>"


def sensitivity(model: JointModel, data: Table, problem: Problem, where: Where) -> Sensitivity:
    """`neurofit.surrogate.sensitivity.sensitivity`, with a line of its own in a shell."""
    return ShownSensitivity(**_values(of_sensitivity.sensitivity(model, data, problem, where)))


def partial(model: JointModel, data: Table, problem: Problem, found: Sensitivity, where: Where) -> Partial:
    """`neurofit.surrogate.partial.partial` of what is driven most in `found`, with a line of its own in a shell."""
    features, parameters = of_partial.strongest(found, problem)
    return ShownPartial(**_values(of_partial.partial(model, data, problem, features, parameters, where)))


def foretold(
    problem: Problem,
    known: Sequence[Evaluation],
    batches: Sequence[Sequence[Evaluation]],
    designed: int,
    seed: int,
    most: int | None,
) -> Foretold:
    """`neurofit.surrogate.foretold.foretold`, with a line of its own in a shell.

    Raises ConfigError where `most` is no count.
    """
    if most is not None and not (isinstance(most, int) and most > 0):
        raise ConfigError("most", got=most, expected="a whole number of batches, at least 1, or None for a few")
    return ShownForetold(**_values(of_foretold.foretold(problem, known, batches, designed, seed, most)))


def _values(found: Sensitivity | Foretold | Partial) -> dict[str, Any]:
    return {f.name: getattr(found, f.name) for f in fields(found)}


def _at(where: Where, points: int) -> str:
    places = {"front": "the front", "feasible": "what is feasible", "all": "the whole space"}
    return f"at {points} point{'s' if points != 1 else ''} of {places[where]}"
