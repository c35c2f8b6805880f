"""How many ranks a fit can use: a model of the controller in simulated time, and real runs that it is held against.

    python benchmarks/scale.py            what the model says of 10 to 10,000 ranks
    python benchmarks/scale.py check      real runs on 1, 2 and 4 ranks against the model
    python benchmarks/scale.py busy       how busy 2 and 4 real ranks are while work waits, candidates varying tenfold
    python benchmarks/scale.py measure    the costs below, on this machine

The controller is one server: it gives a pack, takes a pack's results, archives each, and between batches it trains and
proposes while all ranks wait. A rank that is free waits for the controller, a batch for its last pack. Efficiency is
the share of the ranks' time that is simulation. Lost time is booked under what the rank waits for.

The check must not depend on cores that are not there: its candidates sleep, for times drawn as the model draws them, so
that four ranks on two cores are as fast as on four. What is real in it are messages, polling, isolation and archive.
"""

from __future__ import annotations

import heapq
import io
import json
import math
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve()
sys.path.insert(0, str(HERE.parent.parent))  # `measure` reads the archives of benchmarks.optimizers
RANKS = (10, 100, 1000, 10_000)


@dataclass(frozen=True, slots=True)
class Costs:
    """Seconds of the controller, and of messages: `measure` says where they come from."""

    pack: float = 130e-6  # CPU to give a pack and to take its results
    evaluation: float = 100e-6  # CPU to archive an evaluation, to count it and to show it
    latency: float = 0.8e-3  # from the controller to a rank's child, and back: mostly until the rank looks
    join: float = 3.0  # from mpiexec to the first evaluation: Python, MPI, NEURON, the mechanisms


@dataclass(frozen=True, slots=True)
class Work:
    """What is fitted: `mean` [s] and coefficient of variation `spread` of one evaluation, and how many make a pack.

    `ranks` share one evaluation. Proposing a batch of b after n evaluations takes `train` + `propose` x b [s].
    """

    name: str
    mean: float
    spread: float
    pack: int
    ranks: int
    train: float
    propose: float
    batch: int  # 0: one pack for every worker
    batches: int = 12


@dataclass(frozen=True, slots=True)
class Result:
    """`wall` [s]; `busy` and what is `lost`, as shares of all ranks' time."""

    wall: float
    busy: float
    lost: dict[str, float]

    @property
    def bottleneck(self) -> str:
        return max(self.lost, key=lambda name: self.lost[name])


def durations(rng: np.random.Generator, mean: float, spread: float, n: int) -> np.ndarray:
    """(n,) lognormal times [s]."""
    sigma = math.sqrt(math.log1p(spread**2))
    return rng.lognormal(math.log(mean) - sigma**2 / 2, sigma, n)


def simulated(work: Work, costs: Costs, ranks: int, rng: np.random.Generator) -> Result:
    """A whole fit on so many ranks, in simulated time."""
    workers = max(1, ranks // work.ranks)
    batch = work.batch or workers * work.pack
    now = costs.join
    busy = 0.0
    lost = {"start": costs.join * workers, "training": 0.0, "controller": 0.0, "messages": 0.0, "last pack": 0.0}
    lost["no work"] = 0.0
    for _ in range(work.batches):
        asking = work.train + work.propose * batch
        lost["training"] += asking * workers
        begin = now + asking
        times = durations(rng, work.mean, work.spread, batch)
        now, worked = _batch(work, costs, workers, begin, times, lost)
        busy += float(times.sum())
        lost["no work"] += (workers - worked) * (now - begin)
    total = now * workers
    return Result(now, busy / total, {name: seconds / total for name, seconds in lost.items()})


def _batch(
    work: Work, costs: Costs, workers: int, begin: float, times: np.ndarray, lost: dict[str, float]
) -> tuple[float, int]:
    """When a batch that begins at `begin` is over, and how many workers had a part in it; adds to `lost` [s]."""
    waiting = list(times)
    free_at = begin  # the controller
    finishing: list[tuple[float, int, int]] = []  # (when, worker, candidates)
    last: dict[int, float] = {}  # by worker, when its last pack was done

    def give(worker: int, sharing: int, since: float) -> None:
        nonlocal free_at
        count = min(work.pack, math.ceil(len(waiting) / sharing))
        free_at += costs.pack / 2
        started = free_at + costs.latency
        lost["controller"] += free_at - since
        lost["messages"] += costs.latency
        heapq.heappush(finishing, (started + sum(waiting.pop() for _ in range(count)), worker, count))

    for worker in range(workers):
        if waiting:
            give(worker, workers - worker, begin)
    while finishing:
        done, worker, count = heapq.heappop(finishing)
        arrived = done + costs.latency
        free_at = max(free_at, arrived) + costs.pack / 2 + costs.evaluation * count
        last[worker] = arrived
        lost["messages"] += costs.latency
        if waiting:
            give(worker, workers, arrived)
            del last[worker]
    lost["last pack"] += sum(free_at - when for when in last.values())
    return free_at, len(last)


# The motoneuron by `measure`: s an evaluation in packs of 8. Training took 5.6, 7.2 and 6.5 CPU s after 250, 500 and
# 1,000 evaluations, for 50 candidates as for 200: more than that is not measured. The network's times are assumed.
MOTONEURON = Work("motoneuron", 0.41, 0.23, 8, 1, 6.0, 0.0, 0)
NETWORK = Work("network of 3 minutes", 180.0, 0.3, 1, 1, 6.0, 0.0, 0)
CASES = (
    ("motoneuron, batch of 50", replace(MOTONEURON, batch=50)),
    ("motoneuron, a pack for each rank", MOTONEURON),
    ("motoneuron, four packs for each rank", replace(MOTONEURON, batch=-4)),
    ("network, batch of 50", replace(NETWORK, batch=50)),
    ("network, one for each rank", NETWORK),
    ("network, four for each group of 10 ranks", replace(NETWORK, mean=18.0, ranks=10, batch=-4)),
)


def table(costs: Costs) -> str:
    """What the model says, in Markdown."""
    lines = [f"| fit | {' | '.join(f'{ranks:,} ranks' for ranks in RANKS)} |", "|---" * (len(RANKS) + 1) + "|"]
    for name, work in CASES:
        cells = []
        for ranks in RANKS:
            workers = max(1, ranks // work.ranks)
            asked = replace(work, batch=-work.batch * workers * work.pack) if work.batch < 0 else work
            result = simulated(asked, costs, ranks, np.random.default_rng(1))
            cells.append(
                f"{100 * result.busy:.0f} % ({result.bottleneck} {100 * result.lost[result.bottleneck]:.0f} %)"
            )
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


# The real runs: candidates that sleep.
_SLEEPS = """
import math, time
def sleeps(p):
    time.sleep({mean} * math.exp({sigma} * p["z"] - {sigma} ** 2 / 2))
    return {{"a": p["z"]}}
"""
_FIT = """
neurofit: 1
model: {{kind: function, function: sleeps.py:sleeps}}
parameters: {{z: [-2, 2]}}
objectives: {{a: {{feature: a, mean: 0, std: 1}}}}
fit: {{optimizer: random, budget: {budget}, batch: {batch}, seed: 1, workers: 1, pack: {pack}, timeout: 60}}
"""
_ONE = "import sys; sys.path[:0] = sys.argv[1:2]; import scale; scale.one(*sys.argv[2:])"


def one(file: str, out: str) -> None:
    """Runs a fit, in a job, and prints what it took from the first batch on, with the controller's CPU seconds."""
    import neurofit

    marks: list[tuple[float, float, int]] = []

    def mark(progress: Any) -> None:
        marks.append((time.perf_counter(), time.process_time(), progress.evaluations))

    run = neurofit.fit(file, out, progress=mark)
    (wall0, cpu0, n0), (wall1, cpu1, n1) = marks[0], marks[-1]
    slept = [e.seconds[0] for e in run.raw]
    print(json.dumps({"wall": wall1 - wall0, "cpu": cpu1 - cpu0, "evaluations": n1 - n0, "slept": slept}), flush=True)


def real(ranks: int, mean: float, spread: float, pack: int, batch: int, budget: int) -> dict[str, Any]:
    """What `one` prints, of a fit whose candidates sleep."""
    with tempfile.TemporaryDirectory() as folder:
        sigma = math.sqrt(math.log1p(spread**2))
        (Path(folder) / "sleeps.py").write_text(_SLEEPS.format(mean=mean, sigma=sigma))
        (Path(folder) / "fit.yaml").write_text(_FIT.format(budget=budget, batch=batch, pack=pack))
        launcher = Path(sys.executable).parent / "mpiexec"
        started = [str(launcher), "-n", str(ranks)] if ranks > 1 else []
        command = [*started, sys.executable, "-c", _ONE, str(HERE.parent), f"{folder}/fit.yaml", f"{folder}/out"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return json.loads(done.stdout.strip().splitlines()[-1])


def check(costs: Costs, jobs: tuple[int, ...] = (1, 2, 4)) -> list[tuple[int, float, float]]:
    """(ranks, efficiency by the model, efficiency of the real run), from the first result of a run to its last."""
    mean, spread, pack, batch, batches = 0.05, 0.5, 2, 40, 4
    found = []
    for ranks in jobs:
        told = real(ranks, mean, spread, pack, batch, batch * batches)
        slept = np.array(told["slept"])
        work = Work("sleeps", float(slept.mean()), float(slept.std() / slept.mean()), pack, 1, 0, 0, batch, batches)
        model = simulated(work, replace(costs, join=0.0), ranks, np.random.default_rng(1))
        # the clock runs from the first result: the rest is what is compared
        measured = slept.mean() * told["evaluations"] / (told["wall"] * ranks)
        found.append((ranks, model.busy, float(measured)))
    return found


def busy(jobs: tuple[int, ...] = (2, 4)) -> list[tuple[int, float, float]]:
    """(ranks, how many times the dearest candidate costs the cheapest, busy share) of jobs with one long queue.

    From the first result to the last of 120 candidates a rank, of 0.4 s and a coefficient of variation of 0.8, one a
    pack: what ranks wait for at the end, when nothing is left to give, is in the share.
    """
    found = []
    for ranks in jobs:
        told = real(ranks, 0.4, 0.8, 1, 120 * ranks, 120 * ranks)
        slept = np.array(told["slept"])
        share = slept.mean() * told["evaluations"] / (told["wall"] * ranks)
        found.append((ranks, float(slept.max() / slept.min()), float(share)))
    return found


def measured_costs() -> dict[str, float]:
    """The controller's CPU seconds a pack and an evaluation, from runs whose candidates take no time."""
    small, large = (real(2, 1e-6, 0.1, pack, 1500, 3000) for pack in (1, 16))
    a, b = (told["cpu"] / told["evaluations"] for told in (small, large))
    pack = (a - b) / (1 - 1 / 16)
    return {"pack": pack, "evaluation": b - pack / 16, "evaluations a second": small["evaluations"] / small["wall"]}


def training_costs() -> dict[str, float]:
    """CPU seconds of the joint search on the motoneuron, after 200 evaluations (of the archived NSGA-II run).

    Also what an evaluation cost in that run, in packs: "mean" [s] and its coefficient of variation.
    """
    from benchmarks.optimizers import packing
    from benchmarks.optimizers.cases import CASES
    from neurofit.optimize import make_optimizer

    file = HERE.parent / "optimizers" / "archives" / "motoneuron_log-nsga2-1.tar.xz"
    problem = CASES["motoneuron_log"].problem()
    arrays = np.load(io.BytesIO(packing._parts(file)["evaluations.npz"]))  # the run's rows; its start is not needed
    rows = packing._evaluations(arrays, {}, problem, file)
    seconds = np.array([sum(e.seconds) for e in rows])
    asking, proposed = {}, {}
    for batch in (50, 400):
        optimizer = make_optimizer("joint", problem, 1)
        optimizer.warm(rows[:200])
        optimizer.tell(rows[200:250])
        began = time.process_time()
        proposed[batch] = len(optimizer.ask(batch))
        asking[batch] = time.process_time() - began
    each = (asking[400] - asking[50]) / (proposed[400] - proposed[50])
    found = {"mean": float(seconds.mean()), "spread": float(seconds.std() / seconds.mean())}
    return found | {"train": asking[50] - proposed[50] * max(0.0, each), "propose": max(0.0, each)}


def main(command: str = "table") -> None:
    costs = Costs()
    if command == "measure":
        for name, value in (measured_costs() | training_costs()).items():
            print(f"{name}: {value:.3g}")
    elif command == "busy":
        for ranks, uneven, share in busy():
            print(f"{ranks} ranks: {100 * share:.1f} % busy, candidates vary {uneven:.0f}-fold")
    elif command == "check":
        for ranks, model, measured in check(costs):
            print(f"{ranks} ranks: {100 * model:.1f} % by the model, {100 * measured:.1f} % in a real run")
    else:
        print(table(costs))


if __name__ == "__main__":
    main(*sys.argv[1:])
