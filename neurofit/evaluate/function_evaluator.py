"""Evaluates a model that is a Python function: parameters in, features out, no NEURON."""

from __future__ import annotations

import inspect
import math
import reprlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from neurofit.errors import ConfigError
from neurofit.evaluate.finish import finish
from neurofit.evaluate.reason import one_line, reason_of
from neurofit.problem.evaluation import UNDEFINED, VALUE, Evaluation
from neurofit.problem.model import FunctionModel
from neurofit.problem.problem import Problem
from neurofit.simulate.user_file import user_module

_PACK = 16  # candidates at a time: a function may take microseconds, a message some fifty of them


class FunctionEvaluator:
    """Calls the function once a candidate, one after the other.

    It is given the parameters by name, and where it has a parameter `seed` besides, an int that is this evaluation's
    own: the model's randomness is then the same in every repeat of the run. Of a model with several `repeats` an
    evaluation has the features' means; one that is undefined once is undefined, and one failure is the candidate's.
    """

    sequential, collective = True, False

    def __init__(self, problem: Problem):
        assert isinstance(problem.model, FunctionModel)
        self.problem = problem
        self.function = load_function(problem.model.file, problem.model.function)
        self._takes_seed = takes_seed(self.function)
        self._repeats = problem.model.repeats
        self.pack = problem.fit.pack or _PACK

    def close(self) -> None:
        """Nothing is kept."""

    def evaluate(self, indexes: Sequence[int], X: np.ndarray) -> Iterator[Evaluation]:
        """Yields each candidate's evaluation; what the function raises is a status of that candidate."""
        for index, x in zip(indexes, X, strict=True):
            yield self._one(index, np.asarray(x, float))

    def _one(self, index: int, x: np.ndarray) -> Evaluation:
        began = time.perf_counter()
        repeats = [()] if self._repeats == 1 else [(r,) for r in range(1, self._repeats + 1)]
        found = []
        for repeat in repeats:
            features = self._features(x, seed_of(self.problem.fit.seed, index, *repeat))
            if isinstance(features, str):
                return self.problem.failed(index, x, "error", features, time.perf_counter() - began)
            found.append(features)
        features, seconds = np.mean(found, axis=0), time.perf_counter() - began
        states = np.where(np.isfinite(features), VALUE, UNDEFINED).astype(np.int8)
        return finish(self.problem, index, x, features, states, seconds=(seconds, 0.0))

    def _features(self, x: np.ndarray, seed: int) -> np.ndarray | str:
        """(m,) what the function gives, nan where that is undefined; why it gives nothing."""
        # The function may change what it is given.
        values = dict(self.problem.fixed) | self.problem.space.given(x)
        try:
            answer = self.function(values, **({"seed": seed} if self._takes_seed else {}))
        except Exception as error:  # whatever the user's function raises is this candidate's result
            return reason_of(error)
        if not isinstance(answer, Mapping):
            return f"the function returned {type(answer).__name__}, not a dict of features"
        features = np.full(len(self.problem.features), math.nan)
        for j, feature in enumerate(self.problem.features):
            value = answer.get(feature.name)
            number = _number(value)
            if number is None:
                return one_line(f"the function returned {reprlib.repr(value)} for {feature.name}, not a number")
            features[j] = number
        features[~np.isfinite(features)] = math.nan
        return features


def takes_seed(function: Callable[..., object]) -> bool:
    """Whether `function` has a parameter named `seed` after its first, which takes the model's parameters."""
    try:
        found = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # some callables made in C tell nothing of themselves
        return False
    return any(p.name == "seed" and p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY) for p in found[1:])


def seed_of(run: int, index: int, *repeat: int) -> int:
    """The seed, below 2**32, of evaluation `index` in a run with seed `run`: the same whatever worker it falls to. One
    more number is that of a repeat.
    """
    return int(np.random.SeedSequence([run, index, *repeat]).generate_state(1)[0])


def _number(value: object) -> float | None:
    """The value as a float, nan for None (no such feature); None for what is not a number, such as text."""
    if value is None:
        return math.nan
    if isinstance(value, str | bytes):
        return None
    try:
        return float(value)  # type: ignore[arg-type]  # numpy's and torch's scalars too
    except (TypeError, ValueError, OverflowError, RuntimeError):
        return None


def load_function(file: Path, name: str) -> Callable[..., object]:
    """The function `name` of a Python file, which may import what lies beside it.

    Raises ConfigError as `user_module` does, and where the function is missing.
    """
    module = user_module(file, "$.model.function")
    function = getattr(module, name, None)
    if not callable(function):
        raise ConfigError("$.model.function", got=name, expected=f"a function that {file.name} defines")
    return function
