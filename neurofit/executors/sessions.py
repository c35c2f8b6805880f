"""What a rank does between a Begin and a Close: feed its isolating child, or take part in its group's simulations."""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol as Interface

import numpy as np

from neurofit.errors import ConfigError, NeurofitError, SimulationError
from neurofit.evaluate.evaluator import Evaluator
from neurofit.evaluate.reason import reason_of
from neurofit.executors import last_words
from neurofit.executors.messages import Begin, Done, Ready, Told, Unable, Up, Work
from neurofit.executors.processes import ProcessExecutor
from neurofit.problem.problem import Problem
from neurofit.simulate.parallel import OverTime, Subworld


class Session(Interface):
    """`number` is the controller's; `busy` while work is under way of which `fileno` (-1: nothing) will tell."""

    number: int

    @property
    def busy(self) -> bool: ...

    def fileno(self) -> int: ...

    def work(self, message: Work) -> Iterator[Up]: ...

    def finished(self) -> Iterator[Up]: ...

    def close(self) -> None: ...


class CollectiveEvaluator(Evaluator, Interface):
    """What a group of ranks feeds: all of them build it and call `evaluate`, with the same arguments.

    It builds its cells over `subworld.rank` of `subworld.size` ranks and advances with `subworld.advance`, which keeps
    the time-out and, on rank 0, the other groups' messages. What it yields counts on the group's first rank.
    """

    subworld: Subworld


class Cells:
    """One isolating child: a crash or a hang in it is one evaluation with a status, and the rank lives on."""

    def __init__(self, begin: Begin, rank: int, route: Callable[[], None]):
        factory, problem = pickle.loads(begin.build)
        self.number, self._rank = begin.session, rank
        self._executor = ProcessExecutor(problem, 1, begin.timeout, factory)
        self._executor.__enter__()
        self._ready, self._open, self._broken = False, 0, False

    @property
    def busy(self) -> bool:
        return self._open > 0

    def fileno(self) -> int:
        return -1 if self._broken else self._executor.fileno()

    def work(self, message: Work) -> Iterator[Up]:
        self._open += len(message.indexes)
        self._executor.submit(message.indexes, message.X)
        return iter(())

    def finished(self) -> Iterator[Up]:
        if self._broken:
            return
        try:
            evaluations = self._executor.finished(0.0)
        except NeurofitError as error:
            self._broken = True
            yield Unable(self.number, self._rank, error)
            return
        if not self._ready and self._executor.pack:
            self._ready = True
            yield Ready(self.number, self._rank, self._executor.pack)
        if evaluations:
            self._open -= len(evaluations)
            yield Done(
                self.number, self._rank, tuple(evaluations), dict(self._executor.seconds), self._executor.restarts
            )

    def close(self) -> None:
        self._executor.__exit__()


class Group:
    """This rank's part in a group: evaluations one at a time, together with the group's other ranks."""

    busy = False

    def __init__(self, begin: Begin, rank: int, route: Callable[[], None]):
        factory, problem = pickle.loads(begin.build)
        assert isinstance(problem, Problem)
        self.number, self._rank, self._problem = begin.session, rank, problem
        self._subworld = Subworld(begin.group, begin.timeout, route)
        self._evaluator: CollectiveEvaluator = factory(problem)
        if not self._evaluator.collective:
            raise ConfigError(
                "$.fit.ranks_per_evaluation", got=begin.group, expected="1: a cell or a function has no parts to share"
            )
        self._evaluator.subworld = self._subworld
        self._ready = False
        # rank 0 may wait for this rank for ever, and is the only one that passes on what it says
        self._words = Path(begin.words) if begin.words and 0 < rank < begin.group else None

    def fileno(self) -> int:
        return -1

    def work(self, message: Work) -> Iterator[Up]:
        for index, x in zip(message.indexes, message.X, strict=True):
            yield self._one(index, x)

    def _one(self, index: int, x: np.ndarray) -> Told:
        began = time.perf_counter()
        self._subworld.begin()
        status, reason, found = "error", "", None
        try:
            for evaluation in self._evaluator.evaluate([index], x[None]):
                if evaluation.index == index:
                    found = evaluation
        except OverTime as error:
            status, reason = "timeout", str(error)
        except SimulationError as error:
            reason = str(error)
        except Exception as error:  # of the model; an exception that left this loop would end the whole job
            reason = reason_of(error)
        else:
            status = "ok"
        seconds = time.perf_counter() - began
        kept = found if self._subworld.rank == 0 and status == "ok" else None
        told = Told(self.number, self._rank, index, kept, status, reason, seconds)
        if status == "error" and self._words is not None:
            last_words.leave(self._words, told)
        return told

    def finished(self) -> Iterator[Up]:
        if not self._ready:
            self._ready = True
            yield Ready(self.number, self._rank, 1)

    def close(self) -> None:
        self._evaluator.close()
