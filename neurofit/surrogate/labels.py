"""What a surrogate learns to tell apart: the status, rules, definedness and feasibility, as labels with two sides.

A rule that hardly any row keeps, or a score that hardly any has, tells too little as a whole: then its parts are labels
too, what must hold for it to hold. Of `n1 > 0 and n2 > 0` many rows keep one half before one keeps both.
"""

from __future__ import annotations

import numpy as np

from neurofit.problem.evaluation import NOT_RUN, TRUE, UNKNOWN, VALUE
from neurofit.problem.expression.meaning import true_at
from neurofit.problem.expression.nodes import Columns, Function, Node, columns_of
from neurofit.problem.expression.parts import needed, parts
from neurofit.problem.problem import Problem

Role = tuple[str, int]  # ("ok", 0), ("rule", r), ("defined", objective), ("part", i) or ("feasible", 0)
_RARE = 3  # rows that keep a condition: with fewer, its parts are learned too
_MOST_PARTS = 24  # the rarest of them: each is an output more to learn


def labels(
    problem: Problem, features: np.ndarray, states: np.ndarray, rules: np.ndarray, ok: np.ndarray, feasible: np.ndarray
) -> dict[Role, np.ndarray]:
    """Labels (n,), +1 or -1 and nan where not known: those with two sides that repeat none before them.

    Of evaluations' features, states (n, m) and rules (n, r), as these have them; ok, feasible (n,).
    """
    found: dict[Role, np.ndarray] = {}

    def learn(role: Role, label: np.ndarray) -> None:
        known = label[np.isfinite(label)]
        repeated = any(np.array_equal(label, other, equal_nan=True) for other in found.values())
        if known.size and known.min() < 0 < known.max() and not repeated:
            found[role] = label

    without = problem.fit.without
    rare: list[Node] = []
    learn(("ok", 0), _signed(ok))
    for r, rule in enumerate(problem.rules if "rules" not in without else ()):
        label = _signed(rules[:, r] == TRUE, rules[:, r] != UNKNOWN)
        learn(("rule", r), label)
        rare += parts(rule.expression.node) if _held(label) < _RARE else ()
    for k, objective in enumerate(problem.objectives if "definedness" not in without else ()):
        label = _defined(states[:, list(objective.columns)])
        learn(("defined", k), label)
        rare += parts(Function("defined", (Columns(objective.columns),))) if _held(label) < _RARE else ()
    of_parts = [_verdicts(part, features, states, "definedness" not in without) for part in dict.fromkeys(rare)]
    most = len(found) + _MOST_PARTS
    for i, label in enumerate(sorted(of_parts, key=_held)):
        if len(found) < most:
            learn(("part", i), label)
    learn(("feasible", 0), _signed(feasible))
    return found


def _signed(holds: np.ndarray, known: np.ndarray | bool = True) -> np.ndarray:
    return np.where(known, np.where(holds, 1.0, -1.0), np.nan)


def _held(label: np.ndarray) -> int:
    """How many rows keep what a label is about."""
    return int((label > 0).sum())


def _defined(states: np.ndarray) -> np.ndarray:
    """(n,) whether all columns of `states` (n, c) have values."""
    return _signed((states == VALUE).all(axis=1), ~(states == NOT_RUN).any(axis=1))


def _verdicts(part: Node, features: np.ndarray, states: np.ndarray, definedness: bool) -> np.ndarray:
    """(n,) the label of a part of a condition; not known where what it needs has no value, which is a part of its own.

    No part that is `defined` is known unless `definedness` is to be learned.
    """
    if isinstance(part, Function) and part.name == "defined" and not definedness:
        return np.full(len(features), np.nan)
    run = (states[:, list(columns_of(part))] != NOT_RUN).all(axis=1)
    known = run & (states[:, list(needed(part))] == VALUE).all(axis=1)
    return _signed(true_at(part, features), known)
