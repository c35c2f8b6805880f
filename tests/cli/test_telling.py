"""What a fit is introduced with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import bnh
import pytest

from neurofit.cli.telling import introduction
from neurofit.problem.problem import Problem
from neurofit.run.fit import search
from neurofit.run.stages import Step


@pytest.fixture(scope="module")
def step(tmp_path_factory: pytest.TempPathFactory) -> Step:
    """A fit of 20 evaluations, which is over."""
    folder = tmp_path_factory.mktemp("told")
    problem = bnh.problem(folder, "random", budget=20, batch=10)
    search(problem, folder / "out", bnh.Inline)
    return Step("", problem, folder / "out")


def with_budget(problem: Problem, budget: int) -> Problem:
    return replace(problem, fit=replace(problem.fit, budget=budget))


@pytest.mark.parametrize(
    ("budget", "said"),
    [
        (7, ["20 evaluations are there already; a budget of 7 is for all of them: one above 20 goes on"]),
        (20, []),
        (30, []),
    ],
)
def test_a_budget_below_what_is_there_is_told_with_what_it_means(step: Step, budget: int, said: list[str]) -> None:
    wanted = replace(step, problem=with_budget(step.problem, budget))
    head, *rest = introduction(wanted).splitlines()
    assert rest == said and f"{budget} evaluations with random" in head


def test_nothing_is_told_of_a_directory_that_is_new(step: Step, tmp_path: Path) -> None:
    assert len(introduction(replace(step, directory=tmp_path / "new")).splitlines()) == 1
