"""Objectives from predicted features, exactly and differentiably, so that a target may change without one new
simulation.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from neurofit.problem.objective import Objective
from neurofit.problem.problem import Problem


@dataclass(frozen=True, slots=True)
class Scores:
    """The problem's objectives as tensors: every target's column, range and std, and where each objective's targets
    stand.
    """

    objectives: tuple[Objective, ...]
    columns: Tensor
    low: Tensor
    high: Tensor
    std: Tensor

    @staticmethod
    def of(problem: Problem, dtype: torch.dtype = torch.float32) -> Scores:
        targets = [t for o in problem.objectives for t in o.targets]
        low, high, std = (torch.tensor([getattr(t, n) for t in targets], dtype=dtype) for n in ("low", "high", "std"))
        return Scores(problem.objectives, torch.tensor([t.column for t in targets], dtype=torch.long), low, high, std)

    def __call__(self, features: Tensor) -> Tensor:
        """Scores (..., k) in std from features (..., m) in their units; `Objective.scores` is the same in numpy."""
        f = features[..., self.columns]
        z = ((self.low - f).clamp_min(0) + (f - self.high).clamp_min(0)) / self.std
        parts, start = [], 0
        for objective in self.objectives:
            mine = z[..., start : start + len(objective.targets)]
            start += len(objective.targets)
            match objective.combine:
                case "mean":
                    score = mine.mean(-1)
                case "rms":
                    score = (mine.square().mean(-1) + 1e-12).sqrt()
                case "max":
                    score = mine.amax(-1)
            parts.append(objective.weight * score)
        return torch.stack(parts, -1) if parts else features.new_zeros((*features.shape[:-1], 0))
