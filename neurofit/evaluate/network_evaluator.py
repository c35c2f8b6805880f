"""Candidates of a network to evaluations: one simulation a protocol, its spikes, their features, an early stop."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from neurofit.errors import SimulationError
from neurofit.evaluate import spike_features
from neurofit.evaluate.finish import finish
from neurofit.evaluate.order import protocol_order
from neurofit.evaluate.reason import reason_of
from neurofit.problem.evaluation import FALSE, NOT_RUN, UNDEFINED, VALUE, Evaluation
from neurofit.problem.network import NetworkTemplate
from neurofit.problem.problem import Problem
from neurofit.problem.protocol import Protocol
from neurofit.problem.spikes import Spikes
from neurofit.simulate.network import NetworkSimulator
from neurofit.simulate.parallel import Subworld


class NetworkEvaluator:
    """Evaluates candidates one after the other on this rank's share of the network.

    Every rank of a (sub)world makes the same calls, and each has the same evaluations. Where a group of ranks shares
    them, `subworld` is its (`neurofit.executors.sessions`), and errors are for the group to judge.
    """

    sequential = collective = True

    def __init__(self, problem: Problem):
        assert isinstance(problem.model, NetworkTemplate)
        self.problem = problem
        self.simulator = NetworkSimulator(problem.model)
        self.order = [p for p in protocol_order((), problem.protocols) if isinstance(p, Protocol)]
        self._subworld: Subworld | None = None
        self.pack = problem.fit.pack or 1  # a network fills a simulation by itself

    @property
    def subworld(self) -> Subworld | None:
        return self._subworld

    @subworld.setter
    def subworld(self, subworld: Subworld) -> None:
        self._subworld, self.simulator.solve = subworld, subworld.advance

    def close(self) -> None:
        """Removes the network from NEURON."""
        self.simulator.close()

    def values(self, x: np.ndarray) -> dict[str, float]:
        """All parameters by name: the fixed ones and the free ones x (d,)."""
        free = zip(self.problem.space.names, np.asarray(x, float).tolist(), strict=True)
        return dict(self.problem.fixed) | dict(free)

    def evaluate(
        self, indexes: Sequence[int], X: np.ndarray, spikes: dict[str, Spikes] | None = None
    ) -> Iterator[Evaluation]:
        """Yields an evaluation for each row of X (n, d). `spikes` collects those of the last row, by protocol."""
        for index, x in zip(indexes, X, strict=True):
            yield self._one(index, np.asarray(x, float), spikes)

    def _one(self, index: int, x: np.ndarray, kept: dict[str, Spikes] | None) -> Evaluation:
        m = len(self.problem.features)
        features, states = np.full(m, np.nan), np.full(m, NOT_RUN, np.int8)
        values = self.values(x)
        simulate, extract = 0.0, 0.0
        status, reason = "ok", ""
        for protocol in self.order:
            began = time.perf_counter()
            try:
                outcome = self.simulator.run(values, protocol.sweeps[0], protocol.conditions)
            except SimulationError as error:
                if self._subworld is not None:
                    raise
                status, reason = "error", reason_of(error)
                simulate += time.perf_counter() - began
                break
            simulate += outcome.seconds
            if outcome.failure:
                status, reason = "nan", outcome.failure
                break
            if kept is not None:
                kept[protocol.name] = outcome.spikes
            began = time.perf_counter()
            self._read(protocol, outcome.spikes, features, states)
            extract += time.perf_counter() - began
            reason = self._broken(features, states)
            if reason:
                break
        return finish(
            self.problem, index, x, features, states, seconds=(simulate, extract), status=status, reason=reason
        )

    def _read(self, protocol: Protocol, spikes: Spikes, features: np.ndarray, states: np.ndarray) -> None:
        """Fills in the features (m,) and states (m,) that this protocol gives."""
        for j, feature in enumerate(self.problem.features):
            if feature.protocol == protocol.name:
                window = feature.window or protocol.sweeps[0].window
                value = spike_features.compute(feature.name, spikes, feature.recording, feature.other, window)
                features[j] = value if np.isfinite(value) else np.nan
                states[j] = VALUE if np.isfinite(value) else UNDEFINED

    def _broken(self, features: np.ndarray, states: np.ndarray) -> str:
        """Why to stop here, as a sentence: a rule that is broken before everything was run."""
        if not self.problem.fit.early_stop or not (states == NOT_RUN).any():
            return ""
        for rule in self.problem.rules:
            if rule.judge(features, states)[0] == FALSE:
                return f"stopped early: {rule.name} is broken"
        return ""


def simulate_spikes(problem: Problem, x: np.ndarray) -> Mapping[str, Spikes]:
    """The spikes by protocol of one solution x (d,); protocols that fail are left out."""
    evaluator = NetworkEvaluator(replace(problem, fit=replace(problem.fit, early_stop=False)))
    kept: dict[str, Spikes] = {}
    for _ in evaluator.evaluate([0], np.atleast_2d(x), kept):
        pass
    evaluator.close()
    return kept
