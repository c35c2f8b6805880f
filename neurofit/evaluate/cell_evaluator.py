"""Candidates to evaluations: protocols from cheap to dear, their features, and no more simulation for a candidate that
broke a rule.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from neurofit.evaluate import beginnings
from neurofit.evaluate.features import SweepResult, extract
from neurofit.evaluate.finish import finish
from neurofit.evaluate.order import protocol_order
from neurofit.evaluate.search import Found, Subject, hold, number, rheobase
from neurofit.problem.evaluation import FALSE, NOT_RUN, UNDEFINED, VALUE, Evaluation
from neurofit.problem.feature import Feature
from neurofit.problem.model import CellTemplate
from neurofit.problem.problem import Problem
from neurofit.problem.protocol import SOMA, HoldingSearch, Location, Protocol, Search, Stimulus, Sweep
from neurofit.simulate.engine import Job, Outcome, Simulator

_TRACES = 128  # that features are read of at a time: as lists they take much memory


def simulate_traces(problem: Problem, x: np.ndarray) -> dict[tuple[str, int], tuple[np.ndarray, dict[str, np.ndarray]]]:
    """(times [ms], traces by recording) by (protocol, sweep) of one solution x (d,); protocols whose searches found
    nothing are left out.
    """
    fit = replace(problem.fit, early_stop=False, engine="neuron", share=False)
    evaluator = CellEvaluator(replace(problem, fit=fit))
    kept: dict[tuple[str, int], tuple[np.ndarray, dict[str, np.ndarray]]] = {}
    for _ in evaluator.evaluate([0], np.atleast_2d(x), kept):
        pass
    evaluator.close()
    return kept


@dataclass(slots=True)
class _Candidate:
    """What is known of a candidate so far."""

    row: int
    index: int
    x: np.ndarray
    values: dict[str, float]
    features: np.ndarray
    states: np.ndarray
    results: dict[str, float] = field(default_factory=dict)
    status: str = "ok"
    reason: str = ""
    simulate: float = 0.0
    extract: float = 0.0

    def fail(self, status: str, reason: str) -> None:
        self.status, self.reason = status, reason


class CellEvaluator:
    """Evaluates packs of candidates on this process's NEURON."""

    sequential = collective = False

    def __init__(self, problem: Problem):
        assert isinstance(problem.model, CellTemplate)
        self.problem = problem
        middle = problem.space.from_unit(np.full((1, len(problem.space)), 0.5))[0]
        # Before `settled` has chosen, NEURON itself is meant.
        engine = "coreneuron" if problem.fit.engine == "coreneuron" else "neuron"
        self.simulator = Simulator(problem.model, self.values(middle), engine, problem.fit.copies)
        self.order = protocol_order(problem.searches, problem.protocols)
        sweeps = max((len(p.sweeps) for p in problem.protocols), default=1)
        # Before a trial has found that it gives the same, sweeps share nothing.
        self.share = problem.fit.share is True
        # Beginnings alone are to fill a simulation too, about.
        several = max(1, sweeps // 2) if self.share else 1
        self.pack = problem.fit.pack or max(1, self.simulator.copies() // sweeps) * several

    def close(self) -> None:
        """Removes the copies of the cell from NEURON."""
        self.simulator.close()

    def values(self, x: np.ndarray) -> dict[str, float]:
        """All parameters by name: the fixed ones and the free ones x (d,)."""
        return dict(self.problem.fixed) | dict(
            zip(self.problem.space.names, np.asarray(x, float).tolist(), strict=True)
        )

    def evaluate(
        self,
        indexes: Sequence[int],
        X: np.ndarray,
        traces: dict[tuple[str, int], tuple[np.ndarray, dict[str, np.ndarray]]] | None = None,
    ) -> Iterator[Evaluation]:
        """Yields an evaluation for each row of X (n, d), in order of completion. `traces` collects the traces of the
        last row.
        """
        m = len(self.problem.features)
        running = [
            _Candidate(row, index, x, self.values(x), np.full(m, np.nan), np.full(m, NOT_RUN, np.int8))
            for row, (index, x) in enumerate(zip(indexes, X, strict=True))
        ]
        for step in self.order:
            if isinstance(step, Protocol):
                self._run_protocol(step, running, traces)
            else:
                self._run_search(step, running)
            going_on = []
            for candidate in running:
                if candidate.status == "ok" and not self._broke_a_rule(candidate):
                    going_on.append(candidate)
                else:
                    yield self._finish(candidate)
            running = going_on
            if not running:
                return
        for candidate in running:
            yield self._finish(candidate)

    def _run_search(self, search: Search, candidates: Sequence[_Candidate]) -> None:
        subjects = [Subject(c.row, c.values, c.results) for c in candidates]
        ready = [i for i, c in enumerate(candidates) if all(math.isfinite(c.results[n]) for n in search.needs)]
        found: dict[int, Found] = {}
        if ready:
            chosen = [subjects[i] for i in ready]
            results = (
                hold(self.simulator, search, chosen)
                if isinstance(search, HoldingSearch)
                else rheobase(self.simulator, search, chosen, holding_place(search, self.problem.searches), self.share)
            )
            found = dict(zip(ready, results, strict=True))
        columns = [j for j, f in enumerate(self.problem.features) if f.protocol == search.name]
        for i, candidate in enumerate(candidates):
            one = found.get(i, Found(math.nan, "", 0.0))
            candidate.simulate += one.seconds
            if one.failure:
                candidate.fail("nan", one.failure)
                continue
            candidate.results[search.name] = one.value
            candidate.features[columns] = one.value
            candidate.states[columns] = VALUE if math.isfinite(one.value) else UNDEFINED

    def _run_protocol(
        self,
        protocol: Protocol,
        candidates: Sequence[_Candidate],
        traces: dict[tuple[str, int], tuple[np.ndarray, dict[str, np.ndarray]]] | None,
    ) -> None:
        able = [c for c in candidates if all(math.isfinite(c.results[n]) for n in protocol.needs)]
        place = holding_place(protocol, self.problem.searches)
        jobs, keys = [], []
        for candidate in able:
            holding = number(protocol.holding, candidate.results)
            for k, sweep in enumerate(protocol.sweeps):
                jobs.append(
                    Job(candidate.row, candidate.values, protocol, concrete(sweep, candidate.results), holding, place)
                )
                keys.append((candidate, k))
        outcomes = beginnings.run(self.simulator, jobs, self.share)
        results: dict[tuple[int, str, int], SweepResult] = {}
        for (candidate, k), job, outcome in zip(keys, jobs, outcomes, strict=True):
            candidate.simulate += outcome.seconds
            if outcome.failure:
                candidate.fail("nan", outcome.failure)
                continue
            results[candidate.row, protocol.name, k] = result(job, outcome)
            if traces is not None:
                traces[protocol.name, k] = (outcome.t, dict(outcome.traces))
        self._read_features(protocol, candidates, results)

    def _read_features(
        self, protocol: Protocol, candidates: Sequence[_Candidate], results: Mapping[tuple[int, str, int], SweepResult]
    ) -> None:
        began = time.perf_counter()
        columns = [j for j, f in enumerate(self.problem.features) if f.protocol == protocol.name]
        fine = [c for c in candidates if c.status == "ok"]
        if columns and fine:
            features = [self.problem.features[j] for j in columns]
            size = max(1, _TRACES // len(protocol.sweeps))
            for start in range(0, len(fine), size):
                _read(fine[start : start + size], columns, features, results)
        share = (time.perf_counter() - began) / max(1, len(candidates))
        for candidate in candidates:
            candidate.extract += share

    def _broke_a_rule(self, candidate: _Candidate) -> bool:
        if not self.problem.fit.early_stop:
            return False
        for rule in self.problem.rules:
            verdict, _ = rule.judge(candidate.features, candidate.states)
            if verdict == FALSE:
                if (candidate.states == NOT_RUN).any():
                    candidate.reason = f"stopped early: {rule.name} is broken"
                return True
        return False

    def _finish(self, candidate: _Candidate) -> Evaluation:
        return finish(
            self.problem,
            candidate.index,
            candidate.x,
            candidate.features,
            candidate.states,
            seconds=(candidate.simulate, candidate.extract),
            status=candidate.status,
            reason=candidate.reason,
        )


def _read(
    candidates: Sequence[_Candidate],
    columns: Sequence[int],
    features: Sequence[Feature],
    results: Mapping[tuple[int, str, int], SweepResult],
) -> None:
    """Reads the features in these columns off the candidates' results."""
    # Rows of others, and of candidates that were not able to run, have no results here, and stay nan.
    rows = {c.row for c in candidates}
    values = extract({key: r for key, r in results.items() if key[0] in rows}, features, 1 + max(rows))
    for candidate in candidates:
        mine = values[candidate.row]
        candidate.features[columns] = mine
        candidate.states[columns] = np.where(np.isfinite(mine), VALUE, UNDEFINED)


def holding_place(user: Protocol | Search, searches: Sequence[Search]) -> Location:
    """Where a holding current goes in: where the holding search it comes from found it, else the soma."""
    return next((s.at for s in searches if isinstance(s, HoldingSearch) and s.name in user.needs), SOMA)


def concrete(sweep: Sweep, results: Mapping[str, float]) -> Sweep:
    """The sweep with numbers for amplitudes."""
    return replace(
        sweep,
        stimuli=tuple(_filled(s, results) for s in sweep.stimuli),
        amp=None if sweep.amp is None else number(sweep.amp, results),
    )


def _filled(stimulus: Stimulus, results: Mapping[str, float]) -> Stimulus:
    named = {n: getattr(stimulus, n) for n in ("amp", "amp_end", "mean") if hasattr(stimulus, n)}
    return replace(stimulus, **{n: number(a, results) for n, a in named.items()}) if named else stimulus


def result(job: Job, outcome: Outcome) -> SweepResult:
    amp = job.sweep.amp
    return SweepResult(
        window=job.sweep.window,
        duration=job.sweep.duration,
        amp=math.nan if amp is None else float(amp),  # type: ignore[arg-type]  # concrete by now
        holding=job.holding,
        t=outcome.t,
        traces=outcome.traces,
        stimuli=job.sweep.stimuli,
    )
