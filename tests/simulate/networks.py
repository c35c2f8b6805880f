"""A small network of squid axons for tests, as a fit file whose parts can be replaced."""

from __future__ import annotations

from pathlib import Path

from neurofit.config import load
from neurofit.problem.problem import Problem

SMALL = """
neurofit: 1
name: small
model:
  kind: network
  populations:
    E: {cell: hh_soma, count: 12, start: [-70 mV, -60 mV]}
    I: {cell: hh_soma, count: 6, parameters: {soma.gl_hh: 4e-4}}
  connections:
    EI: {source: E, target: I, rule: probability, probability: 0.5, synapse: ExpSyn, parameters: {tau: 3 ms, e: 0 mV}, weight: 4 nS, delay: 1 ms}
    IE: {source: I, target: E, rule: in_degree, in_degree: 3, synapse: Exp2Syn, parameters: {tau1: 0.5 ms, tau2: 8 ms, e: -80 mV}, weight: 5 nS, delay: 1.5 ms}
  drives:
    bias: {kind: current, target: E, amp: 100 pA, spread: 10 pA}
    noise: {kind: poisson, target: I, rate: 100 Hz, weight: 2 nS, synapse: ExpSyn, parameters: {tau: 3 ms}}
parameters:
  EI.weight: [0.1 nS, 20 nS]
protocols:
  run: {duration: 150 ms, window: [50 ms, 150 ms]}
objectives:
  rate: {feature: population_rate, population: E, protocol: run, target: [40, 60]}
"""  # noqa: E501


def small(tmp_path: Path, *replaced: tuple[str, str], text: str = SMALL) -> Problem:
    """The problem of `text` with each pair's first text replaced by its second."""
    for old, new in replaced:
        assert old in text, old
        text = text.replace(old, new)
    file = tmp_path / "network.yaml"
    file.write_text(text, encoding="utf-8")
    return load(file)


def values(problem: Problem, **changed: float) -> dict[str, float]:
    """All parameters at the template's values but for `changed` (a dot is written as two underscores)."""
    own = {p.name: float(p.value or 0.0) for p in problem.model.parameters}  # type: ignore[union-attr]
    return own | {name.replace("__", "."): value for name, value in changed.items()}
