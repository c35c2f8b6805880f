"""A made-up run of a motoneuron-like problem, so that pictures can be tested without a simulator."""

from __future__ import annotations

import numpy as np

from neurofit.archive import Header
from neurofit.archive.archive import describe
from neurofit.problem.evaluation import FALSE, NOT_RUN, TRUE, UNKNOWN, VALUE, Evaluation
from neurofit.problem.expression import parse
from neurofit.problem.feature import Feature
from neurofit.problem.model import CellTemplate
from neurofit.problem.objective import Objective, Target
from neurofit.problem.problem import FitSettings, Problem
from neurofit.problem.protocol import Protocol, Recording, Step, Sweep
from neurofit.problem.rule import Rule
from neurofit.problem.space import Parameter, Space

AMPS = (0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08)  # nA
RATES = (3.88, 9.09, 11.75, 14.29, 15.96, 16.58, 18.25)  # Hz


def problem(objectives: int = 4) -> Problem:
    """Two parameters; resistance, f-I, amplitude and threshold against targets; one rule; 1 to 6 `objectives`."""
    sweeps = tuple(Sweep(f"{1000 * a:.0f} pA", (Step(a, 500.0, 1000.0),), 1750.0, (500.0, 1500.0), a) for a in AMPS)
    rin = Sweep("-100 pA", (Step(-0.1, 250.0, 1000.0),), 1500.0, (250.0, 1250.0), -0.1)
    features = (
        Feature("rin.input_resistance", "input_resistance", "MOhm", "rin", 0),
        *(Feature(f"fi[{k}].mean_frequency", "mean_frequency", "Hz", "fi", k) for k in range(len(AMPS))),
        Feature("fi[6].amplitude", "amplitude", "mV", "fi", 6),
        Feature("fi[6].threshold", "threshold", "mV", "fi", 6),
    )
    rates = tuple(Target(1 + k, r, r, 1.0) for k, r in enumerate(RATES))
    every = (
        Objective("f_I", rates),
        Objective("input_resistance", (Target(0, 540.0, 598.0, 29.0),)),
        Objective("amplitude", (Target(8, 60.0, 80.0, 5.0),)),
        Objective("threshold", (Target(9, -37.0, -37.0, 2.0),)),
        Objective("again", (Target(0, 540.0, 560.0, 29.0),)),
        Objective("and_again", (Target(8, 70.0, 80.0, 5.0),)),
    )
    text = "mean_frequency(fi[6]) > mean_frequency(fi[0])"
    rule = parse(text).resolve(lambda call: (1 + (call.sweep or 0),))
    return Problem(
        name="toy_motoneuron",
        model=CellTemplate("toy", None),
        space=Space((Parameter("soma.g_pas", "S/cm2", 1e-5, 1e-2, "log"), Parameter("gc", "mS/cm2", 0.1, 2.0))),
        fixed=(),
        searches=(),
        protocols=(
            Protocol("rin", (rin,), (Recording("soma.v"),)),
            Protocol("fi", sweeps, (Recording("soma.v"),)),
        ),
        features=features,
        objectives=every[:objectives],
        rules=(Rule("rising", text, rule),),
        fit=FitSettings(),
        text="neurofit: 1\nname: toy_motoneuron\n",
    )


def header(of: Problem) -> Header:
    """The header that an archive of the problem has."""
    return describe(of)


def evaluations(of: Problem, n: int, share: float = 0.3, seed: int = 1) -> list[Evaluation]:
    """Evaluations that come closer to the targets as they go; about `share` feasible, a few crashed."""
    rng = np.random.default_rng(seed)
    made = []
    for index in range(n):
        x = of.space.from_unit(rng.random((1, 2)))[0]
        if rng.random() < 0.02:
            made.append(of.failed(index, x, "crash", "the worker died"))
            continue
        wide = 1.6 * np.exp(-index / n * 2) + 0.15
        features = np.empty(10)
        features[0] = 570 + 60 * wide * rng.normal()
        slope = 1 + 0.25 * wide * rng.normal()
        features[1:8] = np.maximum(0, np.array(RATES) * slope + 2 * wide * rng.normal(size=7))
        features[8], features[9] = 70 + 14 * wide * rng.normal(), -37 + 4 * wide * rng.normal()
        fine = rng.random() < share * (0.3 + 1.2 * index / n)
        states = np.full(10, VALUE, np.int8)
        if not fine and rng.random() < 0.6:
            states[1:], features[1:] = NOT_RUN, np.nan
        scores = np.array([o.scores(features) for o in of.objectives])
        verdict = TRUE if fine else (FALSE if states[1] == VALUE else UNKNOWN)
        rules, margins = np.array([verdict], np.int8), np.array([features[7] - features[1]])
        made.append(Evaluation(index, x, features, states, scores, rules, margins, seconds=(0.4, 0.03)))
    return made


def traces(of: Problem) -> dict[tuple[str, int], tuple[np.ndarray, dict[str, np.ndarray]]]:
    """Voltages that look a little like spikes."""
    made = {}
    for protocol in of.protocols:
        for k, sweep in enumerate(protocol.sweeps):
            t = np.arange(0.0, sweep.duration, 0.1)
            amp = float(sweep.amp or 0.0)  # type: ignore[arg-type]
            inside = (t >= sweep.window[0]) & (t < sweep.window[1])
            v = -60 + np.where(inside, 60 * amp, 0.0)
            phase = (t - sweep.window[0]) * RATES[k] / 1000 % 1.0
            v += np.where(inside & (amp > 0), 90 * np.exp(-(((phase - 0.5) * 1000 / RATES[k] / 2) ** 2)), 0.0)
            made[protocol.name, k] = (t, {"soma.v": v})
    return made
