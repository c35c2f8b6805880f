"""Evaluations that a group of ranks shares, a network's: the controller's side of `ranks_per_evaluation`.

A rank simulates itself here, in a subworld of ParallelContext, since MPI leads to ranks and not to their children. So a
crash of one ends the job, with all that has finished on disk. In the next job what was under way goes first and alone;
what is under way when that one dies too is a "crash". What does not end a rank ends as an evaluation at once:

    all ranks raise, or agree to be over time   the group goes on with the next
    one raises, while others wait for it        "error" with its words; the others never return, so the group is lost
    all hang                                    "timeout"; the group is lost

The job goes on with the groups that are left, and where none is left, or the one with rank 0 is lost, it ends.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from neurofit.errors import ConfigError, NeurofitError, Stopped
from neurofit.evaluate.evaluator import Evaluator, make_evaluator
from neurofit.executors import last_words
from neurofit.executors.job import Job
from neurofit.executors.messages import Begin, Close, Ready, Told, Unable, Up, Work
from neurofit.executors.queue import Candidate, Queue
from neurofit.executors.under_way import UnderWay
from neurofit.executors.wire import pickled
from neurofit.problem.problem import Problem

_PATIENCE = 0.5  # s in one wait for messages
_DEATHS = 2  # jobs that have died of a candidate, before it is one that kills: one may have been the machine's
_GRACE = 5.0  # s that ranks of a group may differ in noticing that an evaluation is over, or over time


@dataclass(slots=True)
class _Group:
    """Some ranks, the candidate they are at, and what they have said of it; `since`, `deadline` [s, perf_counter]."""

    ranks: range
    built: set[int] = field(default_factory=set)
    lost: bool = False
    candidate: Candidate | None = None
    told: dict[int, Told] = field(default_factory=dict)
    since: float = 0.0
    deadline: float = math.inf
    seconds: dict[str, float] = field(default_factory=lambda: {"busy": 0.0, "idle": 0.0, "start": 0.0})

    @property
    def state(self) -> str:
        return "start" if len(self.built) < len(self.ranks) else "idle" if self.candidate is None else "busy"

    def turn(self) -> None:
        """Books the time of the present state, which is about to change."""
        now = time.perf_counter()
        self.seconds[self.state] += now - self.since
        self.since = now


class GroupExecutor(Queue):
    """The interface of ProcessExecutor, with groups of `ranks` ranks of `job` as its workers, a candidate each.

    `factory` builds a `CollectiveEvaluator` on every rank. `timeout` [s] is of one evaluation, and asked for inside
    simulations; a group that has not ended one half again as late, and some seconds, hangs. `note` is a file that tells
    the next job what was under way, should this one die. Raises ConfigError where `ranks` do not divide the job, or the
    evaluator knows no parts, NeurofitError where no group is left.
    """

    def __init__(
        self,
        problem: Problem,
        job: Job,
        ranks: int,
        timeout: float,
        factory: Callable[[Problem], Evaluator] = make_evaluator,
        note: Path | None = None,
    ):
        if job.size % ranks:
            raise ConfigError(
                "$.fit.ranks_per_evaluation",
                got=ranks,
                expected=f"a divisor of this job's {job.size} ranks (mpiexec -n {job.size // ranks * ranks or ranks})",
            )
        super().__init__()
        self._problem, self._job, self._timeout = problem, job, timeout
        self._build, self._ranks, self._session = pickled((factory, problem)), ranks, 0
        self._groups = [_Group(range(first, first + ranks)) for first in range(0, job.size, ranks)]
        self.workers, self.restarts = len(self._groups), 0
        self._suspects: deque[Candidate] = deque()  # each to be evaluated while nothing else is
        self._under_way = UnderWay(note)
        self._words = None if note is None else note.parent.resolve()
        self._looked = 0.0  # [s, perf_counter] for words that nobody could pass on
        self._alone = False  # a suspect is under way

    def __enter__(self) -> GroupExecutor:
        self._job.ready()
        self._job.sessions += 1
        self._session = self._job.sessions
        now = time.perf_counter()
        for group in self._groups:
            group.since = now
        if self._words is not None:
            last_words.clear(self._words)
        words = "" if self._words is None else str(self._words)
        begin = Begin(self._session, self._build, self._timeout, self._ranks, words)
        self._job.say(range(self._job.size), begin)
        return self

    def __exit__(
        self, kind: type[BaseException] | None = None, error: BaseException | None = None, trace: object = None
    ) -> None:
        self._waiting.clear()
        self._suspects.clear()
        # some launchers, when they lose a rank, send SIGTERM before they kill: then this may be a job that dies
        dying = self._job.lost or (isinstance(error, Stopped) and "SIGTERM" in str(error))
        if not dying:
            self._under_way.close()
        # ranks in the middle of something collective hear nothing: such a job can only be ended
        if any(group.lost or group.candidate is not None for group in self._groups) or error is not None:
            self._job.abort = True
            self._job.code = getattr(error, "exit_code", 1) if error is not None else 0
        elif not self._job.lost:
            self._job.say(range(self._job.size), Close(self._session))

    @property
    def seconds(self) -> Mapping[str, float]:
        """Seconds that groups were "busy", "idle" and at their "start", summed."""
        now = time.perf_counter()
        total = {"busy": 0.0, "idle": 0.0, "start": 0.0}
        for group in self._groups:
            for state, seconds in group.seconds.items():
                total[state] += seconds
            if not group.lost:
                total[group.state] += now - group.since
        return total

    def _queue(self, candidates: Sequence[Candidate]) -> None:
        for index, x in candidates:
            deaths = self._under_way.deaths((index, x))
            if deaths >= _DEATHS:
                reason = f"{deaths} jobs died while it was under way, alone in the last of them"
                self._under_way.end((index, x))
                self._results.append(self._problem.failed(index, x, "crash", reason))
            else:
                (self._suspects if deaths else self._waiting).append((index, x))
        self._feed()

    def _unfinished(self) -> bool:
        return bool(self._suspects) or self._busy()

    def _attend(self, patience: float) -> None:
        """Raises NeurofitError where nobody is left to attend to."""
        for message in self._job.hear(min(patience, _PATIENCE)):
            self._heard(message)
        self._look_for_words()
        self._look_at_the_clock()
        self._feed()
        if not self._results and (self._groups[0].lost or all(group.lost for group in self._groups)):
            raise NeurofitError(
                "a group of ranks never returns that the job cannot do without; every finished evaluation is on disk, "
                "this one too: run the same command again to go on"
            )

    def _feed(self) -> None:
        """A candidate for every group that has nothing to do, suspects one at a time before all others.

        Without rank 0 no group can be told anything.
        """
        if self._groups[0].lost or self._alone:
            return
        idle = [group for group in self._groups if group.state == "idle" and not group.lost]
        if self._suspects:
            if idle and not self._busy():
                self._alone = True
                self._give(idle[0], self._suspects.popleft())
            return
        for group in idle[: len(self._waiting)]:
            self._give(group, self._waiting.popleft())

    def _give(self, group: _Group, candidate: Candidate) -> None:
        group.turn()
        group.candidate, group.told = candidate, {}
        group.deadline = time.perf_counter() + 1.5 * self._timeout + _GRACE
        self._under_way.begin(candidate)
        index, x = candidate
        self._job.say(group.ranks, Work(self._session, (index,), x[None]))

    def _busy(self) -> bool:
        return any(group.candidate is not None for group in self._groups)

    def _heard(self, message: Up) -> None:
        if isinstance(message, Ready | Told | Unable) and message.session == self._session:
            group = self._groups[message.rank // self._ranks]
            if isinstance(message, Unable):
                raise message.error
            if isinstance(message, Ready):
                group.turn()
                group.built.add(message.rank)
            elif group.candidate is not None and group.candidate[0] == message.index:
                group.told[message.rank] = message
                if message.status != "ok" and len(group.told) < len(group.ranks):
                    # the others say the same in a moment, or wait for this one and say nothing any more
                    group.deadline = min(group.deadline, time.perf_counter() + _GRACE)
                if len(group.told) == len(group.ranks):
                    self._over(group)

    def _over(self, group: _Group) -> None:
        """All ranks have said what became of their candidate, or will say nothing any more."""
        assert group.candidate is not None
        (index, x), told = group.candidate, group.told
        group.turn()
        group.candidate, group.deadline = None, math.inf
        failed = next((told[rank] for rank in sorted(told) if told[rank].status != "ok"), None)
        first = told.get(group.ranks[0])
        if failed is not None:
            result = self._problem.failed(index, x, failed.status, failed.reason, failed.seconds)
        elif first is None or len(told) < len(group.ranks):
            reason = f"not finished after {self._timeout:g} s, and still not after {_GRACE:g} s and half as long again"
            result = self._problem.failed(index, x, "timeout", reason, self._timeout)
        elif first.evaluation is None:
            result = self._problem.failed(index, x, "error", "the evaluator gave no result for it", first.seconds)
        else:
            result = first.evaluation
        self._results.append(result)
        self._under_way.end((index, x))
        self._alone = False
        if self._words is not None and group is self._groups[0] and failed is not None:
            last_words.clear(self._words)

    def _look_for_words(self) -> None:
        """Hears those of rank 0's group that rank 0 waits for, and so passes on nothing of."""
        group, now = self._groups[0], time.perf_counter()
        if self._words is None or group.candidate is None or now < self._looked + _PATIENCE:
            return
        self._looked = now
        for told in last_words.found(self._words, self._session, group.candidate[0]):
            if told.rank not in group.told:
                self._heard(told)
                if group.candidate is None:
                    return

    def _look_at_the_clock(self) -> None:
        """Gives up groups that are over time; others than rank 0's are late only by what rank 0 has passed on."""
        now = time.perf_counter()
        for group in self._groups:
            if group.deadline < (now if group is self._groups[0] else self._job.pulse):
                group.lost = True
                self._job.lost |= group is self._groups[0]
                self._over(group)
