"""The queue: runs as processes of their own, several at a time, the first seed of everything first."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from benchmarks.optimizers import running
from benchmarks.optimizers.cases import ROOT, Case
from benchmarks.optimizers.configurations import Configuration

_LOOK = 0.5  # s


@dataclass(frozen=True, slots=True)
class Job:
    """A run, and how many evaluations it is to have, initial ones included."""

    case: Case
    configuration: Configuration
    seed: int
    total: int

    @property
    def name(self) -> str:
        return f"{self.case.name}/{self.configuration.label}/{self.seed}"

    @property
    def key(self) -> tuple[str, str, int]:
        return self.case.name, self.configuration.label, self.seed

    def start(self) -> subprocess.Popen[bytes]:
        """A process that does it; what it prints is kept beside the run."""
        command = [sys.executable, "-m", "benchmarks.optimizers", "one", *self.name.split("/"), "--budget"]
        out = running.directory(self.case, self.configuration, self.seed)
        out.parent.mkdir(parents=True, exist_ok=True)
        with open(out.with_name(f"{out.name}.out"), "ab") as file:
            return subprocess.Popen(
                [*command, str(self.total)], cwd=ROOT, env=running.quiet(), stdout=file, stderr=subprocess.STDOUT
            )

    def last_words(self) -> str:
        """The last line that the process printed."""
        out = running.directory(self.case, self.configuration, self.seed)
        lines = out.with_name(f"{out.name}.out").read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return lines[-1] if lines else "no word from it"


def planned(
    cases: Sequence[Case], configurations: Sequence[Configuration], seeds: Sequence[int], budget: int | None
) -> list[Job]:
    """The jobs in order: seed by seed, problem by problem."""
    return [
        Job(case, configuration, seed, budget or configuration.budget(case))
        for seed in seeds
        for case in cases
        for configuration in configurations
        if configuration.suits(case)
    ]


def left(jobs: Sequence[Job], done: Collection[tuple[str, str, int]], tell: bool = True) -> list[Job]:
    """Those that are neither finished nor in `done`; what this neurofit cannot do yet is named and left out."""
    found = []
    lacking = {j.configuration.label: m for j in jobs if (m := j.configuration.missing())}
    for label, why in lacking.items() if tell else ():
        print(f"left out: {label}, which this neurofit does not have ({why})")
    for job in jobs:
        over = job.key in done or running.finished(job.case, job.configuration, job.seed, job.total)
        if not over and job.configuration.label not in lacking:
            found.append(job)
    return found


def work(jobs: Sequence[Job], parallel: int, minutes: float | None) -> bool:
    """Does them, `parallel` at a time; after `minutes` those under way are stopped, to go on another time.

    Says whether all of them ended well.
    """
    waiting, running_now, well = list(jobs), dict[Job, tuple[subprocess.Popen[bytes], float]](), True
    began = time.monotonic()
    try:
        while waiting or running_now:
            late = minutes is not None and time.monotonic() - began > 60 * minutes
            if late:
                waiting.clear()
                _stop(running_now)
            while waiting and len(running_now) < parallel:
                job = waiting.pop(0)
                running_now[job] = (job.start(), time.monotonic())
            for job, (process, since) in list(running_now.items()):
                if process.poll() is not None:
                    del running_now[job]
                    well &= _ended(job, process.returncode, time.monotonic() - since, len(waiting))
            time.sleep(_LOOK)
    finally:
        _stop(running_now)
    return well


def _stop(running_now: dict[Job, tuple[subprocess.Popen[bytes], float]]) -> None:
    for process, _ in running_now.values():
        process.terminate()
    for process, _ in running_now.values():
        process.wait()


def _ended(job: Job, code: int, seconds: float, waiting: int) -> bool:
    word = "done" if code == 0 else f"not done ({job.last_words()})"
    print(f"{job.name}: {word} after {seconds:.0f} s; {waiting} more waiting", flush=True)
    return code == 0
