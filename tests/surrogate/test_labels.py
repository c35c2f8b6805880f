"""Labels: what is rare is learned by its parts too, what is frequent as a whole, and nothing twice."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from toy_problems import counts_problem, evaluated

from neurofit.problem.evaluation import NOT_RUN, Evaluation
from neurofit.problem.problem import Problem
from neurofit.surrogate.table import Table, table

SEVERAL = "n0 > 0 and n1 > 0 and n2 > 0"


def rows(problem: Problem, feasible: int = 0, n: int = 60) -> list[Evaluation]:
    """Random evaluations, the last `feasible` of which are near the middle that meets all."""
    u = np.random.default_rng(2).random((n, 6))
    middle = np.array([0.3, 0.6, 0.4, 0.7, 0.35, 0.55])
    u[n - feasible :] = middle + 0.02 * (u[n - feasible :] - 0.5)
    return evaluated(problem, problem.space.from_unit(u))


def labelled(data: Table, kind: str) -> list[np.ndarray]:
    return [data.labels[:, q] for q, role in enumerate(data.roles) if role[0] == kind]


def test_parts_are_learned_of_what_hardly_any_row_keeps() -> None:
    """Nothing fires thrice: no label of the rule or the score has two sides, those of the counts do."""
    problem = counts_problem(SEVERAL)
    done = rows(problem)
    assert not any(e.feasible for e in done)
    data = table(problem, done)
    fires = np.array([e.features[::2] > 0 for e in done])
    assert fires.any(axis=0).all()
    assert not labelled(data, "rule") and not labelled(data, "defined") and not labelled(data, "feasible")
    # A latency is defined where there are spikes: these labels repeat each other.
    found = {tuple(label) for label in labelled(data, "part")}
    assert found == {tuple(np.where(column, 1.0, -1.0)) for column in fires.T}


def test_what_enough_rows_keep_is_learned_as_a_whole() -> None:
    data = table(counts_problem(SEVERAL), rows(counts_problem(SEVERAL), feasible=12))
    assert len(labelled(data, "rule")) == 1 and not labelled(data, "part")


def test_of_what_was_not_run_no_part_is_known() -> None:
    problem = counts_problem(SEVERAL)
    done = rows(problem)
    states = done[5].states.copy()
    states[:2] = NOT_RUN  # of the first stimulus
    done[5] = replace(done[5], states=states, features=np.where(states == NOT_RUN, np.nan, done[5].features))
    unknown = sum(np.isnan(label[5]) for label in labelled(table(problem, done), "part"))
    assert unknown == 1


@pytest.mark.parametrize("part", ["rules", "definedness"])
def test_what_is_left_out_has_no_parts(part: str) -> None:
    """The rule's parts are about counts, and the score's about latencies, which are defined where there are counts."""
    problem = counts_problem("n0 > 1 and n1 > 1 and n2 > 1")
    problem = replace(problem, fit=replace(problem.fit, without=(part,)))
    done = rows(problem)
    limit = 0 if part == "rules" else 1
    expected = {tuple(np.where(e, 1.0, -1.0)) for e in np.array([e.features[::2] > limit for e in done]).T}
    assert {tuple(label) for label in labelled(table(problem, done), "part")} == expected


def test_the_rarest_parts_are_learned_and_no_more_than_a_few() -> None:
    """Of 42 comparisons the 24 that fewest rows keep."""
    problem = counts_problem(" and ".join(f"latency{i} < {40 + k}" for i in range(3) for k in range(14)))
    told = rows(problem)
    for i, e in enumerate(told):
        features = np.linspace(39.0, 55.0, 60)[np.random.default_rng(i).permutation(60)[:6]]
        features[1::2] = np.where(np.arange(3) == i % 3, features[1::2], 99.0)  # so that the whole never holds
        told[i] = replace(e, features=features, states=np.zeros(6, np.int8), rules=np.zeros(1, np.int8))
    latencies = np.array([e.features[1::2] for e in told])
    every = sorted(
        {tuple(np.where(latencies[:, i] < 40 + k, 1.0, -1.0)) for i in range(3) for k in range(14)}, key=_held
    )
    held = [_held(label) for label in labelled(table(problem, told), "part")]
    assert len(every) > 24 and held == [_held(label) for label in every if _held(label)][:24]


def _held(label) -> int:
    return int((np.asarray(label) > 0).sum())


def test_what_is_not_known_of_a_part_is_what_it_needs() -> None:
    """Of `n0 / n1 > 1` that there is no quotient is no less a verdict than that it is small; and of a choice between
    two latencies neither is needed.
    """
    problem = counts_problem("n2 > 3 and n0 / n1 > 1 and (latency0 < 25 or latency1 < 25)")
    done = rows(problem, n=400)
    data = table(problem, done)
    ratio = np.array([e.features[2] > 0 and e.features[0] / e.features[2] > 1 for e in done])
    either = np.array([bool((e.features[[1, 3]] < 25).any()) for e in done])
    found = [tuple(label) for label in labelled(data, "part")]
    assert tuple(np.where(ratio, 1.0, -1.0)) in found and tuple(np.where(either, 1.0, -1.0)) in found
    # But not of one whose stimulus was not given.
    states = np.where(np.arange(6) < 2, NOT_RUN, done[7].states).astype(np.int8)
    done[7] = replace(done[7], states=states, features=np.where(states == NOT_RUN, np.nan, done[7].features))
    again = labelled(table(problem, done), "part")
    assert any(np.isnan(label[7]) and np.isfinite(np.delete(label, 7)).all() for label in again)


def test_a_condition_is_rare_up_to_two_rows() -> None:
    for feasible, rare in ((2, True), (3, False)):
        data = table(counts_problem(SEVERAL), rows(counts_problem(SEVERAL), feasible))
        assert bool(labelled(data, "part")) == rare and len(labelled(data, "rule")) == 1
