"""Asks that run ahead of results, and a front that is confirmed: the same run in any order, and after any kill."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import bnh
import numpy as np
import pytest

import neurofit
from neurofit.config.load import load
from neurofit.errors import Stopped
from neurofit.evaluate.cell_evaluator import CellEvaluator
from neurofit.evaluate.finer import confirming, finer
from neurofit.executors import ProcessExecutor, SerialExecutor
from neurofit.executors.settled import Settled
from neurofit.optimize import Optimizer
from neurofit.problem.evaluation import Evaluation
from neurofit.problem.problem import Problem
from neurofit.run import session as session_module
from neurofit.run.fit import search

CELL = """
neurofit: 1
name: ball
model: hh_soma
parameters: {soma.gnabar_hh: [0.08, 0.2], soma.gkbar_hh: [0.02, 0.05]}
protocols:
  steps: {stimuli: [{kind: step, delay: 20 ms, duration: 100 ms}], amps: [100 pA, 150 pA], duration: 130 ms}
objectives:
  peak: {feature: maximum_voltage, protocol: steps, mean: 39.8 mV, std: 1 mV}
  trough: {feature: minimum_voltage, protocol: steps, mean: -75 mV, std: 1 mV}
rules: {fires: spike_count(steps) > 3}
fit: {optimizer: random, budget: 14, batch: 7, workers: 1}
"""


def ahead(folder: Path, lag: int, optimizer: str = "nsga2", **changes: object) -> Problem:
    problem = bnh.problem(folder, optimizer)
    return replace(problem, fit=replace(problem.fit, lag=lag, **changes))


class Watched(Optimizer):
    """Another optimizer, and what it was told before each ask."""

    def __init__(self, inner: Optimizer):
        self.inner, self.told, self.seen = inner, 0, []

    def ask(self, n: int) -> np.ndarray:
        self.seen.append(self.told)
        return self.inner.ask(n)

    def tell(self, evaluations: Sequence[Evaluation]) -> None:
        self.told += 1
        self.inner.tell(evaluations)


@pytest.mark.parametrize("lag", [0, 1, 3])
def test_an_ask_sees_the_batches_up_to_its_lag_and_no_more(tmp_path, monkeypatch, lag):
    made: list[Watched] = []
    real = session_module.make_optimizer

    def watched(name: str, problem: Problem, seed: int) -> Optimizer:
        made.append(Watched(real(name, problem, seed)))
        return made[-1]

    monkeypatch.setattr(session_module, "make_optimizer", watched)
    run = search(ahead(tmp_path, lag), tmp_path / "a", bnh.Inline)
    (one,) = made
    assert one.seen == [max(0, j - lag) for j in range(len(one.seen))]
    assert len(run.raw) == 120 and one.told == len(one.seen)  # and all is told in the end


@pytest.mark.parametrize("optimizer", ["nsga2", "ibea", "random", "joint"])
def test_the_same_run_whatever_the_workers(tmp_path, optimizer):
    size = {"budget": 40, "initial": 20, "batch": 10}
    problem = ahead(tmp_path, 2, optimizer, **size)
    expected = search(problem, tmp_path / "inline", bnh.Inline)
    made = search(problem, tmp_path / "two", lambda p: ProcessExecutor(p, 2, 30.0))
    assert bnh.same(made.raw, expected.raw)
    seen = search(ahead(tmp_path, 0, optimizer, **size), tmp_path / "seen", bnh.Inline)
    assert optimizer == "random" or not bnh.same(seen.raw, expected.raw)


@pytest.mark.parametrize("at", [1, 19, 20, 21, 47, 60, 90, 119, 120])
def test_broken_off_anywhere_it_goes_on_as_if_it_had_not(tmp_path, at):
    problem = ahead(tmp_path, 2)
    expected = search(problem, tmp_path / "whole", bnh.Inline)
    with pytest.raises(RuntimeError):
        search(problem, tmp_path / "cut", bnh.Inline, bnh.power_cut(at))
    resumed = search(problem, tmp_path / "cut", bnh.Inline)
    assert bnh.same(resumed.raw, expected.raw) and resumed.ended == expected.ended


@pytest.mark.parametrize("lag", [0, 1, 2])
def test_nothing_is_lost_where_packs_and_batches_do_not_fit(tmp_path, lag):
    problem = ahead(tmp_path, lag, pack=7)
    expected = search(problem, tmp_path / "a", bnh.Inline)
    made = search(problem, tmp_path / "b", SerialExecutor)
    assert len(made.raw) == 120 and bnh.same(made.raw, expected.raw)
    assert (tmp_path / "b" / "log.txt").read_text().count("feasible, hypervolume") == len(made._contents.asked)


class Signalled(Watched):
    """Another optimizer, in whose thought someone presses Ctrl-C once."""

    seconds = 0.0  # that it thinks on after the signal

    def ask(self, n: int) -> np.ndarray:
        if self.told == 2:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(self.seconds)
        return super().ask(n)


@pytest.mark.parametrize("lag", [0, 1])
@pytest.mark.parametrize("seconds", [0.0, 60.0])
def test_ctrl_c_while_the_optimizer_thinks_ends_it_soon_and_loses_nothing(tmp_path, monkeypatch, lag, seconds):
    monkeypatch.setattr(Signalled, "seconds", seconds)
    problem, real = ahead(tmp_path, lag), session_module.make_optimizer
    expected = search(problem, tmp_path / "whole", bnh.Inline)
    with monkeypatch.context() as patched:
        patched.setattr(session_module, "make_optimizer", lambda *given: Signalled(real(*given)))
        with pytest.raises(Stopped, match=r"stopped by SIGINT after \d+ of 120 .* to go on"):
            began = time.monotonic()
            search(problem, tmp_path / "cut", bnh.Inline)
    assert time.monotonic() - began < 30.0
    kept = len(neurofit.open(tmp_path / "cut").raw)
    assert 20 <= kept < 120  # the two batches that were told, of ten points at least
    assert bnh.same(search(problem, tmp_path / "cut", bnh.Inline).raw, expected.raw)


class InTurn(bnh.Inline):
    """Gives the oldest first."""

    def results(self):
        while self.queue:
            index, x = self.queue.pop(0)
            yield bnh.evaluate(self.problem, index, x)


def test_patience_ends_it_at_the_same_evaluation_and_what_is_under_way_is_kept(tmp_path):
    problem = ahead(tmp_path, 2, "random", budget=2000, patience=100)
    expected = search(problem, tmp_path / "whole", bnh.Inline)
    assert "has not grown" in expected.ended and len(expected.raw) < 2000
    for executor in (bnh.Inline, InTurn):
        for before in (1, 20, 39, 41, 60):
            out = tmp_path / f"{executor.__name__}{before}"
            with pytest.raises(RuntimeError):
                search(problem, out, executor, bnh.power_cut(len(expected.raw) - before))
            resumed = search(problem, out, executor)
            assert bnh.same(resumed.raw, expected.raw) and resumed.ended == expected.ended
    asked = sum(len(b.indexes) for b in resumed._contents.asked)
    assert asked == len(resumed.raw)


def test_others_simulate_while_it_thinks(tmp_path, monkeypatch):
    """The third ask and the last evaluation of the second batch wait for each other: unless both go on together, that
    is never.
    """
    thinking, came = threading.Event(), threading.Event()

    class Noticing(bnh.Inline):
        def results(self):
            self.queue.reverse()  # the last comes first there: now the batches in turn
            for evaluation in super().results():
                if evaluation.index == 39:
                    assert thinking.wait(100.0)
                    came.set()
                self.queue.reverse()
                yield evaluation
                self.queue.reverse()

    real = session_module.make_optimizer

    class Slow(Watched):
        def ask(self, n: int) -> np.ndarray:
            if self.told == 1:
                thinking.set()
                assert came.wait(100.0)
            return super().ask(n)

    monkeypatch.setattr(session_module, "make_optimizer", lambda *given: Slow(real(*given)))
    run = search(ahead(tmp_path, 1, "random"), tmp_path / "a", Noticing)
    assert came.is_set() and len(run.raw) == 120


def test_what_an_ask_raises_in_its_thread_ends_the_run_and_nothing_is_lost(tmp_path, monkeypatch):
    real = session_module.make_optimizer

    class Failing(Watched):
        def ask(self, n: int) -> np.ndarray:
            if len(self.seen) == 3:
                raise ValueError("no more ideas")
            return super().ask(n)

    problem = ahead(tmp_path, 1, "random")
    with monkeypatch.context() as patch, pytest.raises(ValueError, match="no more ideas"):
        patch.setattr(session_module, "make_optimizer", lambda *given: Failing(real(*given)))
        search(problem, tmp_path / "a", bnh.Inline)
    kept = len(neurofit.open(tmp_path / "a").raw)
    assert kept >= 40
    assert bnh.same(search(problem, tmp_path / "a", bnh.Inline).raw, search(problem, tmp_path / "b", bnh.Inline).raw)


@pytest.fixture
def cell(tmp_path) -> Problem:
    (tmp_path / "ball.yaml").write_text(CELL)
    return load(tmp_path / "ball.yaml", {"fit.engine": "neuron"})


def test_every_member_of_the_front_is_confirmed_and_reported_as_confirmed(cell, tmp_path):
    run = search(cell, tmp_path / "a", SerialExecutor)
    front = run.front()
    fine = confirming(cell)
    assert {p.conditions.dt for p in fine.protocols} == {0.025}
    numbers = front.index.tolist()
    truth = {e.index: e for e in CellEvaluator(fine).evaluate(numbers, np.array([run.raw[i].x for i in numbers]))}
    confirmed = run.confirmation
    assert len(front) > 1 and set(numbers) <= set(confirmed.index.tolist())
    reported, changes = (table.loc[numbers, ["feature"]].to_numpy(float) for table in (front, confirmed))
    for row, number in enumerate(numbers):
        assert np.array_equal(reported[row], truth[number].features)
        searched = run._contents.rows[number].evaluation.features
        assert np.array_equal(changes[row], truth[number].features - searched)
        assert 0 < np.abs(changes[row]).max() < 1.0  # mV: the step matters, a little
    assert len(run.raw) == 14 and confirmed.to_numpy()[:, -1].all()
    assert any("Confirmed at half the time step" in line for line in run.remarks)


def test_confirmation_survives_a_kill_and_can_be_left_out(cell, tmp_path, monkeypatch):
    expected = search(cell, tmp_path / "a", SerialExecutor)
    with monkeypatch.context() as patch, pytest.raises(RuntimeError, match="power"):
        patch.setattr(session_module.Session, "_unconfirmed", lambda self: (_ for _ in ()).throw(RuntimeError("power")))
        search(cell, tmp_path / "b", SerialExecutor)
    assert not neurofit.open(tmp_path / "b").ended
    resumed = search(cell, tmp_path / "b", SerialExecutor)
    assert bnh.same(resumed.raw, expected.raw) and resumed.confirmation.equals(expected.confirmation)
    without = search(replace(cell, fit=replace(cell.fit, confirm=False)), tmp_path / "c", SerialExecutor)
    assert not len(without.confirmation) and not without.remarks[1:]


class Coarse(SerialExecutor):
    """What one of the first 30 evaluations has scored at the search's step is not so at half of it."""

    def heard(self, patience: float):
        fine = self._problem.protocols[0].conditions.dt == 0.025
        for e in super().heard(patience):
            yield replace(e, objectives=e.objectives + 5.0) if fine and e is not None and e.index < 30 else e


@pytest.mark.parametrize("lag", [0, 2])
def test_what_is_good_enough_at_the_search_s_step_alone_ends_no_run(cell, tmp_path, monkeypatch, lag):
    cell = replace(cell, fit=replace(cell.fit, budget=56, lag=lag))
    raw = search(replace(cell, fit=replace(cell.fit, confirm=False)), tmp_path / "whole", SerialExecutor).raw
    worst = {e.index: e.objectives.max() for e in raw if e.feasible}
    goal = max(min(v for i, v in worst.items() if i < 14), min(v for i, v in worst.items() if 30 <= i < 45)) + 0.2
    held = {i for i, v in worst.items() if i >= 30 and v <= goal}
    asked = replace(cell, fit=replace(cell.fit, good_enough=goal))

    with monkeypatch.context() as patch:
        patch.setattr(session_module.Session, "_rejected", lambda *given: False)
        believed = search(asked, tmp_path / "believed", Coarse)
    assert "all targets are met" in believed.ended and len(believed.raw) < 30
    run = search(asked, tmp_path / "a", Coarse)
    number = int(run.ended.partition("evaluation ")[2].split()[0])
    assert number in held and number in run.confirmation.index and len(run.raw) < 56
    assert len(run.raw) > len(believed.raw)
    log = (tmp_path / "a" / "log.txt").read_text()
    assert "what is good enough in the search is not" in log
    assert f"the search goes on after {len(believed.raw)} of 56 evaluations" in log and "resumed" not in log
    search(asked, tmp_path / "a", lambda problem: pytest.fail("there is nothing left to simulate"))

    # the same after power cuts where something is to be confirmed; and one that ended before goes on
    real, cuts = session_module.Session._confirmed, iter([True, False, True])
    with monkeypatch.context() as patch:

        def cut(self, *given):
            if next(cuts, False):
                raise RuntimeError("power")
            real(self, *given)

        patch.setattr(session_module.Session, "_confirmed", cut)
        for _ in range(2):
            with pytest.raises(RuntimeError, match="power"):
                search(asked, tmp_path / "b", Coarse)
    for directory in ("b", "believed"):
        again = search(asked, tmp_path / directory, Coarse)
        assert bnh.same(again.raw, run.raw) and again.ended == run.ended, directory


@pytest.mark.parametrize("lag", [1, 2])
def test_what_was_not_told_yet_does_not_end_a_run_whether_it_is_broken_off_or_not(tmp_path, monkeypatch, lag):
    """One of what is good enough holds, in a batch that is under way when the first of them is seen."""
    problem = ahead(tmp_path, lag, "random", batch=10)
    whole = search(problem, tmp_path / "whole", bnh.Inline).raw
    good = sorted((e.objectives.max(), e.index) for e in whole if e.feasible and e.index < 40)
    asked = replace(problem, fit=replace(problem.fit, good_enough=good[len(good) // 2][0]))
    monkeypatch.setattr(session_module, "confirming", lambda problem: replace(problem, name="fine"))

    class Early(bnh.Inline):
        def heard(self, patience: float):
            for e in super().heard(patience):
                yield replace(e, objectives=e.objectives + 50.0) if self.problem.name == "fine" and e.index < 20 else e

    run = search(asked, tmp_path / "a", Early)
    assert (
        "all targets are met" in run.ended
        and "what is good enough in the search is not" in (tmp_path / "a" / "log.txt").read_text()
    )
    assert run._contents.seconds["idle"] == 0.25 * len(run.raw)  # of both searches, but not of what confirms
    with monkeypatch.context() as patch, pytest.raises(RuntimeError, match="power"):
        patch.setattr(session_module.Session, "_confirmed", lambda *given: (_ for _ in ()).throw(RuntimeError("power")))
        search(asked, tmp_path / "b", Early)
    again = search(asked, tmp_path / "b", Early)
    assert bnh.same(again.raw, run.raw) and again.ended == run.ended and again.confirmation.equals(run.confirmation)


def test_a_resumed_run_simulates_as_it_began(cell, tmp_path, monkeypatch):
    """Also what a trial would find otherwise another day: engine, copies, and whether sweeps share their beginnings."""
    auto = replace(cell, fit=replace(cell.fit, engine="auto"))
    seen: list[tuple[str, int | None, bool | None]] = []

    class Seen(SerialExecutor):
        def __init__(self, problem: Problem):
            seen.append((problem.fit.engine, problem.fit.copies, problem.fit.share))
            super().__init__(problem)

    monkeypatch.setattr(session_module, "settled", lambda *_: Settled("neuron", 5, "tried", share=True))
    search(replace(auto, fit=replace(auto.fit, budget=7)), tmp_path / "a", Seen)
    monkeypatch.setattr(session_module, "settled", lambda *_: pytest.fail("it was tried again"))
    run = search(auto, tmp_path / "a", Seen)
    assert len(seen) >= 2 and set(seen) == {("neuron", 5, True)} and run.settled["share"] is True
    search(replace(auto, fit=replace(auto.fit, share=False, budget=20)), tmp_path / "a", Seen)  # asked for now
    assert seen[-1] == ("neuron", 5, False)


class Late(SerialExecutor):
    """Nothing comes back in time at half the search's step."""

    def heard(self, patience: float):
        if self._problem.protocols[0].conditions.dt == 0.025:
            return (self._problem.failed(i, x, "timeout", "too slow") for i, x in self._waiting)
        return super().heard(patience)


def test_what_cannot_be_confirmed_stays_as_it_was(cell, tmp_path):
    run = search(cell, tmp_path / "a", Late)
    without = search(replace(cell, fit=replace(cell.fit, confirm=False)), tmp_path / "b", SerialExecutor)
    assert bnh.same(run.raw, without.raw) and len(run.front()) > 1
    assert "failed there, timeout" in run.remarks[-1]


def test_what_cannot_be_simulated_confirmed_is_not_good_enough(cell, tmp_path):
    run = search(replace(cell, fit=replace(cell.fit, good_enough=50.0)), tmp_path / "a", Late)
    assert len(run.raw) == 14 and run.ended == "the budget of 14 evaluations is spent"


def test_a_run_that_ended_unconfirmed_is_confirmed_when_that_is_asked_for(cell, tmp_path):
    search(replace(cell, fit=replace(cell.fit, confirm=False)), tmp_path / "a", SerialExecutor)
    run = search(cell, tmp_path / "a", SerialExecutor)
    assert len(run.raw) == 14 and set(run.front().index) <= set(run.confirmation.index)
    search(cell, tmp_path / "a", lambda problem: pytest.fail("there is nothing left to simulate"))


def test_the_best_is_so_by_what_is_reported(cell, tmp_path):
    run = search(cell, tmp_path / "a", SerialExecutor)
    sums = {e.index: e.objectives.sum() for e in run.raw if e.feasible}
    assert run.number("best") == min(sums, key=lambda i: sums[i])


def test_a_finer_step_divides_what_is_coarse_and_nothing_else(cell):
    assert {p.conditions.dt for p in finer(cell, 4.0).protocols} == {0.0125}
    own = replace(cell.protocols[0], conditions=replace(cell.protocols[0].conditions, dt=0.02))
    fine = replace(cell, protocols=(own,))
    assert confirming(fine) is fine and {p.conditions.dt for p in finer(fine, 4.0).protocols} == {0.005}
