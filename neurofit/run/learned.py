"""What surrogates say of a run: each is trained anew from the archive, as the run's own search would have had it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from neurofit.archive import Contents
from neurofit.errors import NeurofitError
from neurofit.optimize.design import designed
from neurofit.problem.evaluation import Evaluation
from neurofit.problem.problem import Problem
from neurofit.surrogate import foretold, partial, sensitivity, training
from neurofit.surrogate.foretold import Foretold
from neurofit.surrogate.joint import JointModel
from neurofit.surrogate.partial import Partial
from neurofit.surrogate.sensitivity import Sensitivity, Where
from neurofit.surrogate.table import Table


@dataclass(frozen=True)
class Learned:
    """The run of a problem in `contents`, whose `directory` errors name; what it is asked for, `Run` documents."""

    contents: Contents
    problem: Problem
    directory: Path

    def sensitivity(self, where: Where) -> Sensitivity:
        return sensitivity.sensitivity(*self._surrogate, self.problem, where)

    def partial(self, where: Where) -> Partial:
        driven = partial.strongest(self.sensitivity(where), self.problem)
        return partial.partial(*self._surrogate, self.problem, *driven, where)

    def foretold(self, most: int | None) -> Foretold:
        known, batches = self._course
        return foretold.foretold(self.problem, known, batches, self._designed, self.contents.header.fit.seed, most)

    @cached_property
    def _surrogate(self) -> tuple[JointModel, Table]:
        """A surrogate of all evaluations of this run, and their table; nothing is left out of it."""
        contents = self.contents
        count = len(contents.rows)
        if count < 2:
            raise NeurofitError(f"{self.directory} has {count} evaluations; a surrogate needs at least two")
        known, batches = self._course
        together = training.groups(len(known), [len(b) for b in batches], self._designed)
        given, proposed = len(contents.given), [e for batch in batches for e in batch]
        mine = np.concatenate([together[:given], together[len(known) :]])
        whole = replace(self.problem, fit=replace(self.problem.fit, without=()))
        return training.fitted(whole, [*known[:given], *proposed], mine, contents.header.fit.seed, len(proposed))

    @cached_property
    def _course(self) -> tuple[Sequence[Evaluation], Sequence[Sequence[Evaluation]]]:
        """What the optimizer knew before its first ask, and each batch that came."""
        contents, rows = self.contents, self.contents.rows
        batches = [[rows[i].evaluation for i in sorted(b.indexes.tolist()) if i in rows] for b in contents.asked]
        return [*contents.given, *contents.warm], batches

    @property
    def _designed(self) -> int:
        """How many rows were no proposals of a model: the design of a search on a surrogate, the first batch of any
        other.
        """
        fit, (known, batches) = self.contents.header.fit, self._course
        if fit.optimizer in ("joint", "botorch"):
            return designed(fit, self.problem.space, known, batches)
        return len(known) + (len(batches[0]) if batches else 0)
