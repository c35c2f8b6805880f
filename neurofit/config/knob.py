"""A parameter as both files together say it: free or fixed, what it ranges between, and what comes of that."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from neurofit.config.limits import Limits
from neurofit.problem.expression import Expression
from neurofit.problem.model import ModelParameter
from neurofit.problem.space import Parameter


@dataclass(frozen=True, slots=True)
class Knob:
    """A parameter and what the problem does with it: free on `free`'s bounds or choices, or fixed at `model.value`.

    `limits` are of a network's numbers, `path` is where its value, bounds or choices are written.
    """

    model: ModelParameter
    free: Parameter | None
    warning: str = ""
    limits: Limits | None = None
    path: str = ""

    @property
    def extent(self) -> tuple[float, ...]:
        """The values that it ranges between, or has one of; none where its value is not known."""
        if self.free is not None:
            return self.free.choices or (self.free.low, self.free.high)
        return () if self.model.value is None else (self.model.value,)

    @property
    def middle(self) -> float:
        """A value to try others with: the parameter's own, or the middle of its bounds or choices."""
        own, free = self.model.value, self.free
        if free is None or (own is not None and free.low <= own <= free.high):
            return own or 0.0
        if free.choices:
            return free.choices[len(free.choices) // 2]
        return (free.low + free.high) // 2 if free.kind == "integer" else (free.low + free.high) / 2

    def outcomes(
        self, sets: Expression, values: Iterable[float], midst: Mapping[str, float]
    ) -> Iterator[tuple[float, str]]:
        """What it `sets` at each of its `values`, where the others are at `midst`, and in words which value that is."""
        for value in values:
            result = float(sets.value({**midst, self.model.name: value, "value": value}))
            yield result, f" where {self.model.name} is {value:g}"
