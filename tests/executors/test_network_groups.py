"""A network fit under real MPI that a group of ranks shares: the evaluations of one process, and errors of one rank."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from mpi_jobs import FIT, needs_mpi, run

import neurofit
from neurofit.builtin import fit_file
from neurofit.evaluate.evaluator import make_evaluator
from neurofit.evaluate.finer import confirming
from neurofit.evaluate.network_evaluator import NetworkEvaluator
from neurofit.executors import last_words
from neurofit.executors.messages import Told

pytestmark = needs_mpi
SHORT = {"protocols": "{run: {duration: 120 ms, window: [20 ms, 120 ms]}}", "rules": "{}"}


def test_a_group_of_ranks_gives_what_one_process_gives_at_the_step_of_the_search_and_at_half_of_it(tmp_path):
    """Equal to the last bit: spikes do not depend on the rank that a cell is on."""
    changes = SHORT | {"fit.optimizer": "random", "fit.budget": "3", "fit.ranks_per_evaluation": "2"}
    problem = neurofit.load(fit_file("ping"), changes)
    (tmp_path / "problem.yaml").write_text(problem.text)
    assert run(2, *FIT, tmp_path / "problem.yaml", tmp_path / "out", log=tmp_path / "log") == 0
    shared = neurofit.open(tmp_path / "out")
    assert [e.status for e in shared.searched] == ["ok"] * 3
    confirmed = [e for e in shared.raw if e.index in shared.confirmation.index]
    assert confirmed
    for at_a_step, evaluations in ((problem, shared.searched), (confirming(problem), confirmed)):
        evaluator = NetworkEvaluator(at_a_step)
        for a in evaluations:
            (b,) = evaluator.evaluate([a.index], a.x[None])
            assert np.array_equal(a.features, b.features, equal_nan=True) and np.isfinite(a.features).any()
        evaluator.close()


BRITTLE = """
NEURON { SUFFIX brittle NONSPECIFIC_CURRENT i RANGE g, fault }
UNITS { (S) = (siemens) (mV) = (millivolt) (mA) = (milliamp) }
PARAMETER { g = 1e-4 (S/cm2) fault = 1 (1) }
ASSIGNED { v (mV) i (mA/cm2) }
BREAKPOINT {
VERBATIM
    if (fault < 0.5 && t > 20.0) { hoc_execerror("the brittle channel broke", "after 20 ms"); }
ENDVERBATIM
    i = g * (v + 60)
}
"""
# Cells are dealt out by number, so that X is on the second of two ranks.
NETWORK = """
neurofit: 1
model:
  kind: network
  mechanisms_dir: mechanisms
  populations:
    E: {cell: hh_soma, count: 1}
    X:
      cell: {morphology: {sections: {soma: {L: 20 um, diam: 20 um}}}, mechanisms: {soma: [brittle]}, mechanisms_dir: mechanisms}
      parameters: {soma.fault_brittle: 1}
      count: 1
  connections: {EX: {source: E, target: X, synapse: ExpSyn, weight: 1 nS, delay: 1 ms}}
  drives: {bias: {kind: current, target: E, amp: 100 pA}}
parameters: {X.soma.fault_brittle: [0, 1]}
protocols: {run: {duration: 150 ms, window: [50 ms, 150 ms]}}
objectives: {rate: {feature: population_rate, population: E, protocol: run, target: [40, 60]}}
fit: {optimizer: grid, points_per_axis: 3, budget: 3, batch: 3, timeout: 6000, ranks_per_evaluation: 2, confirm: false}
"""  # noqa: E501


def test_what_neuron_raises_on_one_rank_is_one_error_with_its_words_and_the_same_command_goes_on(tmp_path):
    """Rank 0 waits inside psolve for the rank that raised, and burns its core. Other ranks are given 1 s here to say
    the same; the time-out of 6000 s would take longer than a job may.
    """
    (tmp_path / "mechanisms").mkdir()
    (tmp_path / "mechanisms" / "brittle.mod").write_text(BRITTLE)
    (tmp_path / "net.yaml").write_text(NETWORK)
    impatient = [*FIT[:2], f"from neurofit.executors import groups; groups._GRACE = 1.0\n{FIT[2]}"]
    command = (2, *impatient, tmp_path / "net.yaml", tmp_path / "out")
    make_evaluator(neurofit.load(tmp_path / "net.yaml"))  # compiles the mechanism
    assert run(*command, log=tmp_path / "log") == 1
    assert "run the same command again" in (tmp_path / "log").read_text()
    assert not list((tmp_path / "out").glob("last_words*"))
    first = {e.index: e for e in neurofit.open(tmp_path / "out").raw}
    broken = next(e for e in first.values() if e.x[0] == 0.0)
    assert broken.status == "error" and "the brittle channel broke after 20 ms" in broken.reason
    assert run(*command, log=tmp_path / "log") == 0
    assert sorted(e.status for e in neurofit.open(tmp_path / "out").raw) == ["error", "ok", "ok"]


def test_words_are_of_one_session_and_one_candidate_and_what_is_no_word_is_passed_over(tmp_path: Path):
    told = Told(2, 3, 7, None, "error", "it broke", 1.5)
    last_words.leave(tmp_path, told)
    last_words.leave(tmp_path / "nowhere", told)  # a disk that this rank does not have: no exception
    (tmp_path / "last_words.4.json").write_text('{"session": 2, "ra')
    (tmp_path / "last_words.5.part").write_text("{")  # its rank was killed before it had its name
    assert last_words.found(tmp_path, 2, 7) == [told]
    assert last_words.found(tmp_path, 1, 7) == last_words.found(tmp_path, 2, 8) == []
    last_words.clear(tmp_path)
    assert list(tmp_path.iterdir()) == []
