"""The problems: which there are, how many evaluations each is given, and on which scale a run is scored."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from types import MappingProxyType

from neurofit.config.load import load
from neurofit.problem.problem import Problem

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]

# The four objectives that the motoneuron is judged by; each is one of the scale's errors over its std.
_FOUR = """\
resistance: {feature: input_resistance, protocol: rin, target: [540, 598]}
tau: {feature: membrane_time_constant, protocol: rin, target: [16.3, 19.4]}
f_I:
  {feature: mean_frequency, protocol: fi, means: [3.88, 9.09, 11.75, 14.29, 15.96, 16.58, 18.25], std: 1, combine: rms}
amplitude: {feature: AP_amplitude, protocol: fi, target: [60, 80], std: 5, combine: rms}
"""
_MOTONEURON = (("wide", (500.0, 100.0, 14.0, 60.0)), ("tight", (200.0, 20.0, 5.0, 5.0)))


@dataclass(frozen=True, slots=True)
class Case:
    """A problem of the comparison.

    problem           gives it as its file has it, always the same one
    learners, others  evaluations in all, initial ones included: of optimizers that learn a surrogate, and of the rest
    scales            where the score is of errors in the features' units: names, and references of the objectives in
                      their order; the first one is drawn. Empty: the problem's own box
    recovers          whether the targets are a known cell's own features, so that all of them can be met at once
    unseen            the ablations' problems: nobody had tuned anything on them when they were taken up
    gridded           whether so few parameters are free that a grid makes sense
    linear            whether axes over a decade are linear, so that the common start alone is worth much
    """

    name: str
    title: str
    problem: Callable[[], Problem]
    learners: int = 230
    others: int = 2500
    scales: tuple[tuple[str, tuple[float, ...]], ...] = ()
    recovers: bool = False
    unseen: bool = False
    gridded: bool = False
    linear: bool = False


def _file(path: str, overrides: Mapping[str, str] = MappingProxyType({})) -> Callable[[], Problem]:
    return cache(partial(load, ROOT / path, overrides))


def _toy(function: str) -> Callable[[], Problem]:
    """A problem of tests/toy_problems.py, which no package holds."""

    def make() -> Problem:
        tests = str(ROOT / "tests")
        if tests not in sys.path:
            sys.path.append(tests)
        return getattr(importlib.import_module("toy_problems"), function)()

    return cache(make)


# One segment a section: 1.7 CPU s an evaluation in place of 4.2 (at random points, half of which break a rule early).
# At two of those that keep the rules, no score moved by as much as a std.
_COARSE = {"model.morphology.max_segment": "1000 um"}
_BY_ERRORS = {"objectives": _FOUR}

_ALL = (
    Case("hh_soma", "Hodgkin-Huxley soma", _file("models/hh_soma/cell.yaml"), recovers=True, gridded=True),
    Case("rs_narrow", "RS cell, 4 parameters", _file("models/pospischil/cell.yaml"), recovers=True),
    Case("rs_wide", "RS cell, 11 parameters", _file("benchmarks/optimizers/problems/rs_wide.yaml"), 300, 3000),
    Case(
        "motoneuron_linear",
        "motoneuron, linear axes",
        _file("models/motoneuron/linear.yaml", _BY_ERRORS),
        others=2300,
        scales=_MOTONEURON,
        linear=True,
    ),
    Case(
        "motoneuron_log",
        "motoneuron, log axes",
        _file("models/motoneuron/cell.yaml", _BY_ERRORS),
        others=2300,
        scales=_MOTONEURON,
    ),
    Case("islands", "islands, analytic", _toy("islands_problem"), 300, 3000),
    Case("many", "142 parameters, 36 objectives, analytic", _toy("many_problem"), 300),
    Case("pyramidal", "pyramidal cell, 18 parameters", _file("models/pyramidal/cell.yaml", _COARSE), 150, 600),
    # Of the next two no longer quite true: what counts as rough (surrogate/roughness.py) was set with a look at both.
    Case("ib", "IB cell, 5 parameters", _file("models/pospischil/ib.yaml"), unseen=True),
    Case("pinsky_rinzel", "Pinsky-Rinzel cell, 6 parameters", _file("models/pinsky_rinzel/cell.yaml"), unseen=True),
    Case("lts", "LTS cell, 5 parameters", _file("models/pospischil/lts.yaml"), unseen=True),
)
CASES: Mapping[str, Case] = MappingProxyType({case.name: case for case in _ALL})
