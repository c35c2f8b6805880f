"""What every optimizer promises, so that the loop, the archive and a resumed run need to know nothing else of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np

from neurofit.errors import ArchiveError
from neurofit.problem.evaluation import Evaluation

EXHAUSTED = "every point of the space has been proposed"


class Optimizer(ABC):
    """Proposes candidates and learns from what became of them.

    What `ask` returns is a function of the evaluations told (in order of their numbers, a whole batch at once), the
    seed, and the sizes of the asks so far; of nothing else. `ended` says why there is nothing left, "" while there is.
    `note` is what the optimizer has to say about the batch it was told last, a line for the log; "" where there is
    nothing.
    """

    ended: str = ""
    note: str = ""

    @abstractmethod
    def ask(self, n: int) -> np.ndarray:
        """Values (n', d), n' <= n, in the parameters' units; no candidate ever comes twice. None left: n' is 0."""

    @abstractmethod
    def tell(self, evaluations: Sequence[Evaluation]) -> None:
        """Takes up a batch's evaluations, in order of their numbers."""

    def at_once(self, n: int, known: int = 0) -> int:
        """How many candidates an ask for `n` gives at the least while there are any, but of a design, when so many
        evaluations are `known`.
        """
        return n

    def warm(self, evaluations: Sequence[Evaluation]) -> None:  # noqa: B027 - nothing to do is a fair default
        """Takes up what is known before the first ask: evaluations of other runs, whose indexes mean nothing here.

        Called once at most, before anything else. By default nothing is learned.
        """

    def replay(self, x: np.ndarray, evaluations: Sequence[Evaluation]) -> None:
        """Brings back the batch `x` (n, d) of an earlier session, with all of its `evaluations`.

        By default asks again and compares, which restores the state of any random generator. Raises ArchiveError where
        the optimizer now proposes something else.
        """
        self.reask(x)
        self.tell(evaluations)

    def reask(self, x: np.ndarray) -> None:
        """Repeats the ask that gave `x` (n, d). Raises ArchiveError where the optimizer now proposes something else."""
        if not np.array_equal(self.ask(len(x)), x):
            raise ArchiveError(
                "the optimizer now proposes other candidates than those in the archive, so the run cannot go on as the "
                "same run; use the versions of neurofit, numpy and pymoo that `versions` in results.h5 names, or give "
                "another --out directory"
            )


def at_first(points: int, lag: int) -> int:
    """How many of a design's points one ask gives: where asks run ahead by `lag` batches, so few that the first one
    after the design sees some of it.
    """
    return -(-points // (lag + 1))
