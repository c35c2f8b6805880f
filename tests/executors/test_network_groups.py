"""A network fit under real MPI that a group of ranks shares: the same evaluations as in one process."""

from __future__ import annotations

import numpy as np
from mpi_jobs import FIT, needs_mpi, run

import neurofit
from neurofit.builtin import fit_file
from neurofit.evaluate.evaluator import make_evaluator

pytestmark = needs_mpi
SHORT = {"duration": "200 ms", "window": "[50 ms, 200 ms]"}


def test_a_group_of_ranks_gives_what_one_process_gives(tmp_path):
    changes = {f"protocols.{name}.{key}": value for name in ("run", "cut") for key, value in SHORT.items()}
    changes |= {"fit.optimizer": "random", "fit.budget": "3", "fit.ranks_per_evaluation": "2"}
    problem = neurofit.load(fit_file("ping"), changes)
    (tmp_path / "problem.yaml").write_text(problem.text)
    assert run(2, *FIT, tmp_path / "problem.yaml", tmp_path / "out", log=tmp_path / "log") == 0
    shared = neurofit.open(tmp_path / "out").raw
    assert [e.status for e in shared] == ["ok"] * 3
    evaluator = make_evaluator(problem)
    for a in shared:
        (b,) = evaluator.evaluate([a.index], a.x[None])
        assert np.array_equal(a.features, b.features, equal_nan=True) and np.isfinite(a.features).any()
