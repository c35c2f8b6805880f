"""Where CPU goes: probes around neurofit's functions, each counted without what runs inside another probe."""

from __future__ import annotations

import contextlib
import functools
import importlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import numpy as np

from neurofit.evaluate.evaluator import Evaluator, make_evaluator
from neurofit.problem.evaluation import Evaluation
from neurofit.problem.problem import Problem

REPORT = "NEUROFIT_SPEED_REPORT"  # the environment variable that names the file a worker writes its seconds to
KERNEL = "kernel (psolve)"


class Probe(NamedTuple):
    """A function, "module:attribute" or "module:Class.attribute", and what its CPU counts as."""

    target: str
    share: str


WORKER = (
    Probe("neurofit.simulate.cell:Cell.set", "set parameters"),
    Probe("neurofit.simulate.engine:Simulator._ensure", "build and remove copies"),
    Probe("neurofit.simulate.core:Padding.fill", "build and remove copies"),
    Probe("neurofit.simulate.engine:_fit", "fit stimuli and recordings"),
    Probe("neurofit.simulate.engine:Simulator._start", "initialise"),
    Probe("neurofit.simulate.engine:Simulator._advance", "initialise"),
    Probe("neurofit.simulate.engine:_failure", "check traces"),
    Probe("neurofit.simulate.engine:Simulator._initialise", "initialise"),
    Probe("neurofit.simulate.engine:_Done.outcome", "copy traces"),
    Probe("neurofit.simulate.engine:Simulator._begun", "carry beginnings"),
    Probe("neurofit.simulate.beginning:Pointers.scatter", "carry beginnings"),
    Probe("neurofit.simulate.engine:Simulator._pointers_of", "carry beginnings"),
    Probe("neurofit.evaluate.beginnings:run", "sort jobs"),
    Probe("neurofit.simulate.engine:Simulator.run", "sort jobs"),
    Probe("neurofit.evaluate.features:_dict", "traces as lists for eFEL"),
    Probe("efel:get_feature_values", "eFEL"),
    Probe("neurofit.evaluate.cell_evaluator:extract", "features around eFEL"),
    Probe("neurofit.evaluate.cell_evaluator:finish", "objectives and rules"),
    Probe("neurofit.executors.worker:packed", "messages"),
    Probe("neurofit.executors.worker:send", "messages"),
)
PARENT = (
    Probe("neurofit.executors.processes:ProcessExecutor._attend", "messages"),
    Probe("neurofit.executors.processes:ProcessExecutor.submit", "messages"),
    Probe("neurofit.archive.archive:Archive.append", "journal"),
    Probe("neurofit.archive.archive:Archive.flush", "results.h5"),
    Probe("neurofit.archive.archive:Archive.consolidate", "results.h5"),
    Probe("neurofit.optimize.random:Random.ask", "optimizer"),
    Probe("neurofit.optimize.random:Random.tell", "optimizer"),
    Probe("neurofit.run.progress:Tally.add", "progress"),
    Probe("neurofit.run.progress:Tally.progress", "progress"),
    Probe("neurofit.run.stopping:Course.add", "progress"),
    Probe("neurofit.run.fit:log", "log"),
)


class Clock:
    """CPU seconds of this process (user and system, all its threads) by share; `rest` is what no probe claims."""

    def __init__(self) -> None:
        self._stack = ["rest"]
        self.reset()

    def reset(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.process_time()

    def enter(self, share: str) -> None:
        self._count()
        self._stack.append(share)

    def leave(self) -> None:
        self._count()
        self._stack.pop()

    def stopped(self) -> Mapping[str, float]:
        """The seconds up to now."""
        self._count()
        return dict(self.seconds)

    def _count(self) -> None:
        now = time.process_time()
        share = self._stack[-1]
        self.seconds[share] = self.seconds.get(share, 0.0) + now - self._last
        self._last = now

    def around(self, function: Callable[..., Any], share: str) -> Callable[..., Any]:
        """`function`, counted."""

        @functools.wraps(function)
        def counted(*given: Any, **named: Any) -> Any:
            self.enter(share)
            try:
                return function(*given, **named)
            finally:
                self.leave()

        return counted


@contextlib.contextmanager
def installed(clock: Clock, probes: Sequence[Probe]) -> Iterator[list[str]]:
    """Has the probes in place inside; gives the targets that this neurofit does not have."""
    missing: list[str] = []
    with contextlib.ExitStack() as stack:
        for probe in probes:
            module, _, path = probe.target.partition(":")
            *owners, name = path.split(".")
            try:
                owner: Any = functools.reduce(getattr, owners, importlib.import_module(module))
                function = getattr(owner, name)
            except (ImportError, AttributeError):
                missing.append(probe.target)
                continue
            stack.enter_context(mock.patch.object(owner, name, clock.around(function, probe.share)))
        yield missing


class _Solver:
    """NEURON's ParallelContext with psolve counted."""

    def __init__(self, context: Any, clock: Clock):
        self._context = context
        self.psolve = clock.around(context.psolve, KERNEL)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)


class _Hoc:
    """NEURON's `h` for the engine alone: its ParallelContexts are counted."""

    def __init__(self, h: Any, clock: Clock):
        object.__setattr__(self, "_h", h)
        object.__setattr__(self, "_clock", clock)

    def ParallelContext(self) -> _Solver:
        return _Solver(self._h.ParallelContext(), self._clock)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._h, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._h, name, value)


def probe_kernel(clock: Clock) -> None:
    """Counts psolve: an attribute of a NEURON object, which is out of reach but for who makes the object."""
    engine: Any = importlib.import_module("neurofit.simulate.engine")
    proxy = _Hoc(engine.hoc(), clock)
    engine.hoc = lambda: proxy


class Probed:
    """An evaluator whose process writes its seconds to REPORT after every pack but the first, which sets things up."""

    sequential = collective = False

    def __init__(self, problem: Problem):
        self._clock, self._stack = Clock(), contextlib.ExitStack()  # for as long as the process lives
        self._missing = self._stack.enter_context(installed(self._clock, WORKER))
        probe_kernel(self._clock)
        self._evaluator: Evaluator = make_evaluator(problem)
        self.pack = self._evaluator.pack
        self._first, self._count = True, 0

    def close(self) -> None:
        self._evaluator.close()

    def evaluate(self, indexes: Sequence[int], X: np.ndarray) -> Iterator[Evaluation]:
        yield from self._evaluator.evaluate(indexes, X)
        if self._first:
            self._first = False
            self._clock.reset()
            return
        self._count += len(indexes)
        content = {"candidates": self._count, "seconds": self._clock.stopped(), "missing": self._missing}
        file = Path(os.environ[REPORT])
        file.with_suffix(".new").write_text(json.dumps(content), encoding="utf-8")
        os.replace(file.with_suffix(".new"), file)
