"""NEURON's ParallelContext for a group of ranks: subworlds, and a simulation that all its ranks end together."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from neurofit.errors import SimulationError
from neurofit.simulate.process import hoc

_STRETCH = 10.0  # ms of simulated time between two looks at the clock and at messages


class OverTime(SimulationError):
    """All ranks of a group have agreed that a simulation is over its time."""


class Subworld:
    """This rank in its group: `rank` of `size`, and the `number` of the group.

    MPI must be up, by mpi4py, before NEURON is imported, which this does. Building it is collective over all ranks of
    the job. `timeout` [s] is for what comes between `begin` and the end of an evaluation; `route` is called now and
    then inside `advance`.
    """

    def __init__(self, size: int, timeout: float, route: Callable[[], None]):
        with _without_greeting():
            pc = hoc().ParallelContext()
        world_rank, world_size = int(pc.id_world()), int(pc.nhost_world())
        if world_size % size or world_size == 1:
            raise RuntimeError(f"NEURON sees {world_size} ranks: none to make groups of {size} of")
        pc.subworlds(size)
        pc.mpiabort_on_error(0)  # else an error in a mechanism ends the job, where it could be an evaluation
        self.context: Any = pc
        self.rank, self.size, self.number = int(pc.id()), int(pc.nhost()), world_rank // size
        self._timeout, self._route, self._began = timeout, route, time.monotonic()

    def begin(self) -> None:
        """An evaluation begins: its time runs from here."""
        self._began = time.monotonic()

    def advance(self, until: float) -> None:
        """`psolve` to `until` [ms] in stretches; stretches do not change the result of a fixed step, bitwise.

        Raises OverTime on all ranks of the group at once where one of them is over the time-out. Collective.
        """
        h = hoc()
        reached = float(h.t)
        while reached < until:
            reached = min(until, reached + _STRETCH)
            if h.t < reached:  # a step may have ended a hair beyond; psolve refuses to go back
                self.context.psolve(reached)
            self._route()
            self.check()

    def check(self) -> None:
        """Raises OverTime on all ranks where one is over time. Collective; for long work between simulations."""
        over = time.monotonic() - self._began > self._timeout
        if self.context.allreduce(float(over), 2) > 0.0:  # 2: the maximum
            raise OverTime(f"not finished after {self._timeout:g} s")


@contextlib.contextmanager
def _without_greeting() -> Iterator[None]:
    """NEURON, in a job, prints its number of ranks when it is imported, past Python: nothing for a run's output."""
    sys.stdout.flush()
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)
