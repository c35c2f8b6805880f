"""Which model stands for the outputs: processes or pulled networks, by size and by how precisely they foretell."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from neurofit.surrogate import gp, pulled
from neurofit.surrogate.samples import LEADERS, Samples, Training, newest_batch

COMPARED = 60  # outputs up to which it is worth its price to fit both and compare; more are learned together
_FINE = 1e-3  # on the scale that outputs are learned on: of a target's std a two-hundredth


@dataclass(frozen=True, slots=True)
class Kind:
    """How one kind of model is fitted, to `rows` evaluations at most, or `many_rows` of more outputs than are worth
    comparing: of more, the best and a random rest.

    `fit` takes what is to be learned, how many members there are to be, and a seed. `members` are as many as pay: draws
    of processes cost next to nothing, networks are trained each by itself.
    """

    fit: Callable[[Training, int, int], Samples]
    members: int
    rows: int
    many_rows: int

    def most(self, outputs: int) -> int:
        """Evaluations that it is fitted to at most."""
        return self.rows if outputs <= COMPARED else self.many_rows


KINDS: Mapping[str, Kind] = MappingProxyType(
    {"gp": Kind(gp.fit, 64, 300, 300), "net": Kind(pulled.fit, LEADERS, 300, 200)}
)


def precision(samples: Samples, training: Training) -> float:
    """How precisely held-out values were foretold: minus the mean logarithm of their errors.

    A search lives off the typical error close to what is sought, which a mean square or a density, ruled by a few cells
    in another regime, does not tell. Only of rows that are not far, and of the newest batches (`newest_batch`), where
    there are any: of earlier ones networks know a part. Of labels where there is no value; nan where nothing was
    held out. Errors below _FINE count alike.
    """
    newest = newest_batch(training.groups)
    rows = ~training.far & (newest if newest.any() else True)
    columns = ~training.binary if (~training.binary).any() else training.binary
    error = np.abs(training.y - samples.held_mean)[np.ix_(rows, columns)]
    error = error[np.isfinite(error)]
    return -float(np.log(error + _FINE).mean()) if error.size else float("nan")
