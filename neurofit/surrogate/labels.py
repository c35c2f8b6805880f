"""What a surrogate learns to tell apart: the status, rules, definedness and feasibility, as labels with two sides.

A rule that hardly any row keeps, or a score that hardly any has, tells too little as a whole: then its parts are labels
too, what must hold for it to hold. Of `n1 > 0 and n2 > 0` many rows keep one half before one keeps both.
"""

from __future__ import annotations

import numpy as np

from neurofit.problem.evaluation import NOT_RUN, TRUE, UNKNOWN, VALUE
from neurofit.problem.expression.meaning import truth
from neurofit.problem.expression.nodes import Columns, Function, Node, walk
from neurofit.problem.expression.parts import parts
from neurofit.problem.problem import Problem

Role = tuple[str, int]  # ("ok", 0), ("rule", r), ("defined", objective), ("part", i) or ("feasible", 0)
_RARE = 10  # rows that keep a condition: with fewer, its parts are learned too
_MOST_PARTS = 24  # the rarest of them: each is an output more to learn


class Labels:
    """Labels (n,), +1 or -1 and nan where not known: those with two sides that repeat none before them."""

    def __init__(self, n: int):
        self._n = n
        self.columns: list[np.ndarray] = []
        self.roles: list[Role] = []

    @staticmethod
    def of(
        problem: Problem,
        features: np.ndarray,
        states: np.ndarray,
        rules: np.ndarray,
        ok: np.ndarray,
        feasible: np.ndarray,
    ) -> Labels:
        """Of evaluations' features, states (n, m) and rules (n, r), as these have them; ok, feasible (n,)."""
        labels, without = Labels(len(ok)), problem.fit.without
        wholes: list[tuple[Node, np.ndarray]] = []
        labels._add(("ok", 0), _signed(ok))
        for r, rule in enumerate(problem.rules if "rules" not in without else ()):
            label = _signed(rules[:, r] == TRUE, rules[:, r] != UNKNOWN)
            labels._add(("rule", r), label)
            wholes.append((rule.expression.node, label))
        for k, objective in enumerate(problem.objectives if "definedness" not in without else ()):
            label = _defined(states[:, list(objective.columns)])
            labels._add(("defined", k), label)
            wholes.append((Function("defined", (Columns(objective.columns),)), label))
        rare = dict.fromkeys(part for whole, label in wholes if (label > 0).sum() < _RARE for part in parts(whole))
        learned = [part for part in rare if "definedness" not in without or not _of_definedness(part)]
        verdicts = sorted((_verdicts(part, features, states) for part in learned), key=lambda label: (label > 0).sum())
        most = len(labels.roles) + _MOST_PARTS
        for i, label in enumerate(verdicts):
            if len(labels.roles) < most:
                labels._add(("part", i), label)
        labels._add(("feasible", 0), _signed(feasible))
        return labels

    @property
    def array(self) -> np.ndarray:
        """(n, q) all of them."""
        return np.array(self.columns).T if self.columns else np.zeros((self._n, 0))

    def _add(self, role: Role, label: np.ndarray) -> None:
        known = label[np.isfinite(label)]
        repeated = any(np.array_equal(label, other, equal_nan=True) for other in self.columns)
        if known.size and known.min() < 0 < known.max() and not repeated:
            self.columns.append(label)
            self.roles.append(role)


def _signed(holds: np.ndarray, known: np.ndarray | bool = True) -> np.ndarray:
    return np.where(known, np.where(holds, 1.0, -1.0), np.nan)


def _defined(states: np.ndarray) -> np.ndarray:
    """(n,) whether all columns of `states` (n, c) have values."""
    return _signed((states == VALUE).all(axis=1), ~(states == NOT_RUN).any(axis=1))


def _verdicts(part: Node, features: np.ndarray, states: np.ndarray) -> np.ndarray:
    """(n,) the label of a part of a condition. Where what it reads is undefined only `defined` is known: that this is
    so is a part of its own.
    """
    columns = [c for node in walk(part) if isinstance(node, Columns) for c in node.columns]
    if _of_definedness(part):
        return _defined(states[:, columns])
    found = [truth(part, row) for row in features]
    known = np.array([t is not None for t in found]) & ~(states[:, columns] == NOT_RUN).any(axis=1)
    return _signed(np.array([t is True for t in found]), known)


def _of_definedness(part: Node) -> bool:
    return isinstance(part, Function) and part.name == "defined"
