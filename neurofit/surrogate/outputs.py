"""What the raw outputs of a surrogate stand for: which columns of a table are learned, and how they are read again.

Raw outputs (..., o) are scaled features, then margins of rules that weigh features against each other, then labels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from neurofit.problem.expression.nodes import Node
from neurofit.problem.problem import Problem
from neurofit.surrogate.formulas import margin, relative
from neurofit.surrogate.table import LARGEST, Table, varies

_ROUNDING = 1e-9  # what features in double precision are off by, at most, for a size of 1
_SINGLE = 80.0  # the same as table.LARGEST, in single precision


@dataclass(frozen=True, slots=True)
class Outputs:
    """The distinct, varying columns of a table, which are what is learned, and where each went.

    values    (n, o) what is learned, nan where missing
    binary    (o,) whether an output is a label of +-1
    aimed     (o,) whether 0 is what is sought: a target, or a margin's border
    source    (m,) the output of each feature column, -1 of a constant one; repeated columns share an output
    constant  (m,) the scaled feature itself, of a constant one
    margins   the outputs of margins, by the number of the rule
    labels    the outputs of labels, by their roles (labels.py)
    """

    values: np.ndarray
    binary: np.ndarray
    aimed: np.ndarray
    source: np.ndarray
    constant: np.ndarray
    margins: Mapping[int, int]
    labels: Mapping[tuple[str, int], int]

    @staticmethod
    def of(problem: Problem, data: Table) -> Outputs:
        m = data.t.shape[1]
        source, constant = np.full(m, -1), np.zeros(m)
        columns: list[np.ndarray] = []
        aims = {target.column for objective in problem.objectives for target in objective.targets}
        aimed: list[bool] = []
        for j, column in enumerate(data.t.T):
            seen = column[np.isfinite(column)]
            constant[j] = seen.mean() if seen.size else 0.0
            if not varies(column):
                continue
            same = [i for i, other in enumerate(columns) if np.array_equal(column, other, equal_nan=True)]
            source[j] = same[0] if same else len(columns)
            if not same:
                columns.append(column)
                aimed.append(j in aims or "features" in problem.fit.without)
        margins = {}
        for r, column in _margins(problem, data):
            margins[r] = len(columns)
            columns.append(column)
        first = len(columns)
        columns += list(data.labels.T)
        values = np.column_stack(columns) if columns else np.zeros((len(data.u), 0))
        aimed += [True] * (len(columns) - len(aimed))
        labels = {role: first + q for q, role in enumerate(data.roles)}
        binary = np.arange(len(columns)) >= first
        return Outputs(values, binary, np.array(aimed, bool), source, constant, margins, labels)

    @property
    def count(self) -> int:
        """o; 0 where the table told nothing at all."""
        return self.values.shape[1]

    @property
    def lasting(self) -> int:
        """`count` without parts of conditions, which are learned only as long as hardly any row keeps the whole."""
        return self.count - sum(kind == "part" for kind, _ in self.labels)


def _margins(problem: Problem, data: Table) -> Iterator[tuple[int, np.ndarray]]:
    """Relative margins (n,) to learn, in units of the typical one, by the numbers of their rules.

    Of features that go together, as the first and the last interval do, the difference is known far better than from a
    prediction of each.
    """
    if {"features", "rules"} & set(problem.fit.without):
        return
    features = torch.from_numpy(data.scaling.to_features(data.t))
    for r, rule in enumerate(problem.rules):
        found = relative(rule.expression.node, features) if rule.margin else None
        if found is not None and varies(column := found.numpy()):
            typical = float(np.nanmedian(np.abs(column))) or float(np.nanstd(column))
            yield r, np.arcsinh(column / typical)


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition of feasibility, known by its label, its margin, or both.

    rule     its number; -1 of a condition that is about definedness, the status, or a part of a rule
    label    the label's output, -1 where there is none
    margin   the margin's output, -1 where it is not learned; then it is that of the `formula` over features, if any, in
             units of `scale`, the typical one that is not 0
    """

    rule: int
    label: int
    margin: int = -1
    formula: Node | None = None
    scale: float = 1.0

    @property
    def measured(self) -> bool:
        """Whether a margin is known of it."""
        return self.margin >= 0 or self.formula is not None

    def told(self, raw: Tensor, features: Tensor) -> Tensor:
        """(..., 2) what its label and its margin say by raw outputs (..., o) and the features (..., m) that they stand
        for: about 1 where it holds, -1 where it is broken, 0 of what is not known.
        """
        nothing = torch.zeros(raw.shape[:-1])
        own = raw[..., self.margin] if self.margin >= 0 else self._by_formula(features)
        own = nothing if own is None else torch.nan_to_num(own, nan=0.0)  # the difference of two infinite features
        return torch.stack([raw[..., self.label] if self.label >= 0 else nothing, torch.tanh(own)], -1)

    def _by_formula(self, features: Tensor) -> Tensor | None:
        found = None if self.formula is None else margin(self.formula, features)
        return None if found is None else found / self.scale


def conditions(problem: Problem, data: Table, outputs: Outputs) -> list[Condition]:
    """Every condition of feasibility that anything is known of."""
    labels, found = outputs.labels, []
    features = torch.from_numpy(data.scaling.to_features(data.t))
    if "rules" in problem.fit.without and ("feasible", 0) in labels:
        found.append(Condition(-1, labels["feasible", 0]))
    for r, rule in enumerate(problem.rules if "rules" not in problem.fit.without else ()):
        label = labels.get(("rule", r), -1)
        node, learned, scale = None, -1, 1.0
        if rule.margin and "features" not in problem.fit.without and (label >= 0 or data.hopeless[r]):
            learned = outputs.margins.get(r, -1)
            known = margin(rule.expression.node, features) if learned < 0 else None
            scale = _typical(known, features[:, list(rule.expression.columns)]) if known is not None else 0.0
            node = rule.expression.node if scale else None
        if label >= 0 or learned >= 0 or node is not None:
            found.append(Condition(r, label, learned, node, scale))
    return found + [Condition(-1, output) for (kind, _), output in labels.items() if kind in ("ok", "defined", "part")]


def _typical(margins: Tensor, read: Tensor) -> float:
    """The median size of a rule's `margins` (n,), or of those that are not 0 but for rounding where it is, as those of
    counts often are; `read` (n, c) is what they are made of. 0 where there is none.
    """
    seen = margins[torch.isfinite(margins.float())].abs()
    sizes = read[torch.isfinite(read)].abs()
    above = seen[seen > _ROUNDING * float(sizes.max() if len(sizes) else 0.0)]
    if len(seen) < 3 or not len(above):
        return 0.0
    middle = seen.median()
    return float(middle if middle >= above.min() else above.median())


class Reading:
    """Features of raw outputs, differentiably; all in single precision, as raw outputs are."""

    def __init__(self, data: Table, outputs: Outputs):
        scaling = data.scaling
        self._ends = scaling.low, scaling.high
        self._source = torch.from_numpy(np.maximum(outputs.source, 0))
        self._learned = torch.from_numpy(outputs.source >= 0)
        center, scale, low, high, self._constant = (
            torch.tensor(a, dtype=torch.float32)
            for a in (scaling.center, scaling.scale, scaling.low, scaling.high, outputs.constant)
        )
        # Beyond single precision there is no feature to tell, and what is not finite would spoil all others' gradients.
        beyond = ~(torch.isfinite(scale) & torch.isfinite(center))
        self._scale, self._center = scale.masked_fill(beyond, 0.0), center.masked_fill(beyond, torch.inf)
        self._low, self._high = low.clamp(-_SINGLE, _SINGLE), high.clamp(-_SINGLE, _SINGLE)

    def features(self, raw: Tensor) -> Tensor:
        """(..., m) in their units, of raw outputs (..., o); inf where they are beyond single precision."""
        t = torch.where(self._learned, raw[..., self._source], self._constant)
        t = torch.maximum(torch.minimum(t, self._high), self._low)
        return self._center + self._scale * torch.sinh(t)

    def steepness(self, raw: Tensor) -> Tensor:
        """(..., m) how steeply features rise with the raw outputs (..., o) that they are read from, in units of each
        one's scale for an output's 1, in double precision; of a constant it means nothing.
        """
        t = raw[..., self._source].double()
        low, high = (torch.from_numpy(np.clip(end, -LARGEST, LARGEST)) for end in self._ends)
        return torch.where((t >= low) & (t <= high), torch.cosh(t.clamp(-LARGEST, LARGEST)), 0.0)
