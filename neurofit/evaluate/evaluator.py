"""What executors feed, whatever the kind of model: the interface of evaluators, and the one that suits a problem."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol as Interface

import numpy as np

from neurofit.problem.evaluation import Evaluation
from neurofit.problem.model import FunctionModel
from neurofit.problem.network import NetworkTemplate
from neurofit.problem.problem import Problem


class Evaluator(Interface):
    """What executors feed: `evaluate` yields each candidate's evaluation as it is finished; `pack` candidates at a
    time suit it best.

    sequential  whether the first unfinished candidate of a pack is the one under way
    collective  whether a group of ranks can share an evaluation
    close       takes what it has built out of this process, whose NEURON another may need
    """

    pack: int
    sequential: bool
    collective: bool

    def evaluate(self, indexes: Sequence[int], X: np.ndarray) -> Iterator[Evaluation]: ...

    def close(self) -> None: ...


def make_evaluator(problem: Problem) -> Evaluator:
    """The evaluator for the problem's kind of model; building it builds and loads the mechanisms."""
    # Imported for the kind that it is: every worker starts with this, and the others' libraries take it up to a second.
    if isinstance(problem.model, FunctionModel):
        from neurofit.evaluate.function_evaluator import FunctionEvaluator

        return FunctionEvaluator(problem)
    if isinstance(problem.model, NetworkTemplate):
        from neurofit.evaluate.network_evaluator import NetworkEvaluator

        return NetworkEvaluator(problem)
    from neurofit.evaluate.cell_evaluator import CellEvaluator

    return CellEvaluator(problem)
