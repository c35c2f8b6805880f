"""Two words that show whether MPI works here: what `neurofit doctor` runs under mpiexec."""

from __future__ import annotations

import os

from neurofit.executors.world import World
from neurofit.simulate.parallel import Subworld


def main() -> None:
    """Every rank adds 1 over mpi4py's ranks and over ParallelContext's; the first says what came of it, in one line."""
    world = World()
    together = Subworld(world.size, 60.0, lambda: None)
    counted = int(together.context.allreduce(1.0, 1))  # 1: the sum
    if world.rank == 0:
        file = os.environ["MPI_LIB_NRN_PATH"]
        print(
            f"{world.size} ranks in mpi4py, {counted} in NEURON's ParallelContext, {world.library}, {file}", flush=True
        )
