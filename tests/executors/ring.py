"""A small ring of cells over the ranks of a group, which can fail in every way that a group can."""

from __future__ import annotations

import math
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from toy_problem import points, toy

from neurofit.errors import SimulationError
from neurofit.evaluate.finish import finish
from neurofit.executors import GroupExecutor, groups
from neurofit.executors.job import joined
from neurofit.problem.evaluation import VALUE, Evaluation
from neurofit.problem.problem import Problem
from neurofit.simulate.parallel import Subworld
from neurofit.simulate.process import hoc

# Number; ms; ms. Ranks exchange spikes once a delay, and wait for each other's share of the machine each time.
CELLS, DELAY, UNTIL = 8, 5.0, 60.0


class Ring:
    """Spikes that travel round a ring of Hodgkin-Huxley cells: features are their number and the sum of their times."""

    pack, sequential, collective = 1, True, True
    subworld: Subworld | None = None

    def __init__(self, problem: Problem):
        self.problem = problem

    def close(self) -> None:
        pass

    def evaluate(self, indexes: Sequence[int], X: np.ndarray) -> Iterator[Evaluation]:
        for index, x in zip(indexes, X, strict=True):
            spikes = self._spikes(x)
            features = np.array([len(spikes) / 100.0, float(np.sum(np.sort(spikes))) / 1000.0])
            yield finish(self.problem, index, x, features, np.full(2, VALUE, np.int8), seconds=(0.0, 0.0))

    def _spikes(self, x: np.ndarray) -> list[float]:
        h = hoc()
        pc = h.ParallelContext()
        rank, size = int(pc.id()), int(pc.nhost())
        kept = []
        pc.gid_clear()
        for gid in range(rank, CELLS, size):
            soma = h.Section(name=f"soma{gid}")
            soma.L = soma.diam = 20.0
            soma.insert("hh")
            synapse = h.ExpSyn(soma(0.5))
            pc.set_gid2node(gid, rank)
            source = h.NetCon(soma(0.5)._ref_v, None, sec=soma)
            source.threshold = 0.0
            pc.cell(gid, source)
            kept.append((gid, soma, synapse))
        connections = []
        for gid, _, synapse in kept:
            connection = pc.gid_connect((gid - 1) % CELLS, synapse)
            connection.delay, connection.weight[0] = DELAY + x[0], 0.05
            connections.append(connection)
            if gid == 0:
                stimulus = h.IClamp(kept[0][1](0.5))
                stimulus.delay, stimulus.dur, stimulus.amp = 1.0, 2.0, 1.0
                connections.append(stimulus)
        times, gids = h.Vector(), h.Vector()
        pc.spike_record(-1, times, gids)
        h.CVode().active(False)
        h.dt, h.celsius = 0.025, 6.3
        pc.set_maxstep(10)
        h.finitialize(-65.0)
        self._advance(pc, x, rank)
        everybody = pc.py_allgather(list(times)) if size > 1 else [list(times)]
        return [t for one in everybody for t in one]

    def _advance(self, pc, x: np.ndarray, rank: int) -> None:
        if self.subworld is None:
            pc.psolve(UNTIL)
            return
        self.subworld.advance(UNTIL / 2)
        y = x[1]
        if y < -1.0 and rank == 1:
            os.kill(os.getpid(), signal.SIGSEGV)
        if -1.0 <= y < -0.9:
            raise SimulationError("all of them raise")
        if -0.9 <= y < -0.8:
            self._one_raises(rank)
        if -0.8 <= y < -0.7:
            if rank == 1:
                self.subworld._began = -math.inf  # as if it had taken very long on this one alone
            self.subworld.check()
        if -0.7 <= y < -0.6 and rank == 1:
            while True:
                time.sleep(1.0)
        self.subworld.advance(UNTIL)

    def _one_raises(self, rank: int) -> None:
        """On the second group one rank raises, and the first waits for that: else it may have done all before."""
        assert self.subworld is not None
        raised = Path(os.environ["RING_RAISED"])
        if self.subworld.number == 1 and rank == 1:
            raised.touch()
            raise ValueError("one of them raises")
        while self.subworld.number == 0 and not raised.exists():
            time.sleep(0.05)


def candidates(kinds: Sequence[float]) -> np.ndarray:
    """(n, 2) points that do well, but for y where `kinds` gives one."""
    X = points(len(kinds))
    X[:, 1] = [0.5 if np.isnan(y) else y for y in kinds]
    return X


# RANKS TIMEOUT NOTE Y...: evaluates the candidates on groups of ranks; into NOTE's "told". RING_GRACE: seconds that a
# group is given to agree, as those that wait for it burn their cores.
if __name__ == "__main__":
    import ring

    groups._GRACE = float(os.environ.get("RING_GRACE", groups._GRACE))
    kinds = [float(y) for y in sys.argv[4:]]
    executor = GroupExecutor(toy("ring"), joined(), int(sys.argv[1]), float(sys.argv[2]), ring.Ring, Path(sys.argv[3]))  # type: ignore
    with Path(sys.argv[3]).with_name("told").open("w") as told, executor:
        executor.submit(range(len(kinds)), candidates(kinds))
        for e in executor.results():
            print(e.index, e.status, *[v.hex() for v in e.features.tolist()], e.reason, flush=True, file=told)
