"""Executors: equal results whoever evaluates, in order of completion, with work shared so that nobody waits."""

from __future__ import annotations

import os
import time

import numpy as np
import pytest
from toy_problem import all_idle, along_x, children, evaluated, points, same, toy

from neurofit.executors import ProcessExecutor, SerialExecutor


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_processes_give_what_this_process_gives(workers):
    X = points(50)
    here = evaluated(SerialExecutor(toy("parabola", pack=7)), X)
    there = evaluated(ProcessExecutor(toy("parabola", pack=5), workers, 60.0), X)
    assert len(there) == 50 and all(same(a, b) for a, b in zip(here, there, strict=True))


def test_objectives_and_rules_are_those_of_the_closed_form():
    X = points(20)
    x, y = X.T
    for k, row in enumerate(evaluated(SerialExecutor(toy("parabola")), X)):
        # The same operations in double precision on both sides: equal to the last bits.
        assert np.allclose(row.objectives, [x[k] ** 2 + y[k] ** 2, (x[k] - 1) ** 2 + y[k] ** 2], rtol=1e-14, atol=0)
        assert bool(row.rules[0]) == (row.features[0] < 1.5)
        assert row.margins[0] == pytest.approx(1.5 - row.features[0], rel=1e-14)
        assert row.feasible == bool(row.rules[0])


def test_results_come_in_order_of_completion_and_as_they_are_finished(tmp_path):
    told, function = tmp_path / "told", tmp_path / "waits.py"
    function.write_text(
        "import time\nfrom pathlib import Path\ndef waits(p):\n"
        f"    while p['x'] > 0.5 and not Path({str(told)!r}).exists(): time.sleep(0.01)\n"
        "    return {'a': 0, 'b': 0}\n"
    )
    with ProcessExecutor(toy("waits", pack=1, file=function), 2, 200.0) as executor:
        all_idle(executor)
        executor.submit([0, 1, 2], along_x(0.6, 0.0, 0.0))
        order = []
        for evaluation in executor.results():
            order.append(evaluation.index)
            if evaluation.index == 2:
                told.touch()  # what the first one waits for
    assert order == [1, 2, 0]


def test_candidates_may_be_added_while_results_are_read():
    X = points(30)
    with ProcessExecutor(toy("slow"), 2, 60.0) as executor:
        executor.submit(range(10), X[:10])
        seen = []
        for evaluation in executor.results():
            seen.append(evaluation.index)
            if len(seen) in (5, 10):
                executor.submit(range(len(seen) * 2, len(seen) * 2 + 10), X[:10])
        assert sorted(seen) == list(range(30))


def test_reading_may_be_broken_off_and_taken_up_again():
    X = points(12)
    with ProcessExecutor(toy("slow", pack=4), 2, 60.0) as executor:
        executor.submit(range(12), X)
        first = next(iter(executor.results()))
        rest = list(executor.results())
        assert sorted(e.index for e in [first, *rest]) == list(range(12))
        assert list(executor.results()) == []


def test_what_is_less_than_full_packs_is_shared_evenly():
    with ProcessExecutor(toy("process", pack=50), 3, 60.0) as executor:
        for n, shares in ((9, [3, 3, 3]), (4, [1, 1, 2]), (3, [1, 1, 1]), (2, [1, 1])):
            all_idle(executor)
            rows = submitted(executor, n)
            assert sorted(np.unique([e.features[0] for e in rows], return_counts=True)[1]) == shares


def submitted(executor, n):
    executor.submit(range(n), points(n))
    return list(executor.results())


def test_workers_stay_and_are_groups_of_their_own():
    with ProcessExecutor(toy("process", pack=2), 2, 60.0) as executor:
        all_idle(executor)  # else one may do all before the other is ready
        rows = [e for _ in range(3) for e in submitted(executor, 12)]
        assert set(children()) == {int(e.features[0]) for e in rows} and len(children()) == 2
        assert all(e.features[1] == e.features[0] for e in rows) and os.getpgid(0) not in children()
        assert executor.restarts == 0
    assert children() == []


def test_every_second_of_a_worker_is_accounted_for():
    before = time.perf_counter()
    with ProcessExecutor(toy("slow"), 2, 60.0) as executor:
        started = time.perf_counter()
        all_idle(executor)
        submitted(executor, 20)
        time.sleep(0.3)  # as an optimizer does: the workers are idle, though they may not have been heard to say so
        submitted(executor, 2)
        between = time.perf_counter() - started
        seconds = executor.seconds
        wall = time.perf_counter() - before
    # Workers are started one after the other, between two looks at the clock; 1 ms for rounding.
    assert 2 * between - 1e-3 <= sum(seconds.values()) <= 2 * wall + 1e-3
    # A candidate sleeps for 20 ms; what is booked as idle or start is not booked as busy, by the sum.
    assert seconds["busy"] >= 22 * 0.02 and seconds["idle"] >= 2 * 0.3 and seconds["start"] > 0.0
    assert sum(executor.seconds.values()) >= sum(seconds.values())  # kept when the workers are gone


def test_a_wrong_call_queues_nothing():
    with ProcessExecutor(toy("parabola"), 1, 60.0) as executor:
        with pytest.raises(ValueError):
            executor.submit([0, 1, 2], points(2))
        assert list(executor.results()) == []
