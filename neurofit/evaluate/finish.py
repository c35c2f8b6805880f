"""The last step of every evaluation: objectives and verdicts from features."""

from __future__ import annotations

import math

import numpy as np

from neurofit.problem.evaluation import Evaluation
from neurofit.problem.problem import Problem


def finish(
    problem: Problem,
    index: int,
    x: np.ndarray,
    features: np.ndarray,
    states: np.ndarray,
    *,
    seconds: tuple[float, float],
    status: str = "ok",
    reason: str = "",
) -> Evaluation:
    """The evaluation of candidate `index` at x (d,) with features and states (m,)."""
    judged = [rule.judge(features, states) for rule in problem.rules]
    scores = [float(objective.scores(features)) for objective in problem.objectives]
    return Evaluation(
        index=index,
        x=np.asarray(x, float),
        features=features,
        states=np.asarray(states, np.int8),
        objectives=np.array([s if math.isfinite(s) else math.nan for s in scores], float),
        rules=np.array([verdict for verdict, _ in judged], np.int8),
        margins=np.array([margin for _, margin in judged], float),
        status=status,
        reason=reason,
        seconds=seconds,
    )
