"""Which model stands for the outputs: Gaussian processes or networks, by size and by what it says of held-out rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from neurofit.surrogate import gp, net
from neurofit.surrogate.samples import Samples, Training, newest_batch

COMPARED = 60  # outputs up to which it is worth its price to fit both and compare
OUTPUTS = 300  # outputs beyond which a process each costs more than it can win
_LEAST = -8.0  # log density: one prediction that is wrong beyond all measure does not decide


@dataclass(frozen=True, slots=True)
class Kind:
    """How one kind of model is fitted, to `rows` evaluations at most: of more, the best and a random rest."""

    fit: Callable[[Training, int, int], Samples]
    rows: int


KINDS: Mapping[str, Kind] = MappingProxyType({"gp": Kind(gp.fit, 300), "net": Kind(net.fit, 2000)})


def held_out_score(samples: Samples, training: Training) -> float:
    """The mean log density of held-out values under what was foretold of them, rows by their importance.

    Only of the newest batch, which no model knew, where there is one: of earlier batches networks know a part. Values
    and labels alike, a normal density each; nan where nothing was held out.
    """
    newest = newest_batch(training.groups)
    known = np.isfinite(training.y) & (newest if newest.any() else np.ones_like(newest))[:, None]
    z = (training.y - samples.held_mean) / samples.held_sd
    density = np.maximum(-0.5 * z**2 - np.log(samples.held_sd) - 0.5 * np.log(2 * np.pi), _LEAST)
    weight = np.where(known, np.where(training.far, 0.1, 1.0)[:, None] * training.importance[:, None], 0.0)
    return float((weight * np.where(known, density, 0.0)).sum() / weight.sum()) if weight.sum() > 0 else float("nan")
