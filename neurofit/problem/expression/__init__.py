"""The language of rules, amplitudes and distributions: our own grammar over features and names, never run as code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurofit.errors import ConfigError
from neurofit.problem.expression import dimension, meaning
from neurofit.problem.expression.grammar import read
from neurofit.problem.expression.nodes import (
    LOGICAL,
    NUMERIC,
    WINDOWS,
    Columns,
    FeatureCall,
    Name,
    Node,
    columns_of,
    is_logical,
    transform,
    walk,
)

__all__ = ["LOGICAL", "NUMERIC", "WINDOWS", "Expression", "FeatureCall", "parse"]
Value = Any  # float or ndarray


@dataclass(frozen=True, slots=True)
class Expression:
    """A parsed expression; equal text gives an equal expression."""

    text: str
    node: Node

    @property
    def names(self) -> frozenset[str]:
        """Free names: value, distance, parameters, searches."""
        return frozenset(n.name for n in walk(self.node) if isinstance(n, Name))

    @property
    def calls(self) -> tuple[FeatureCall, ...]:
        """Features that are not resolved to columns yet."""
        return tuple(n for n in walk(self.node) if isinstance(n, FeatureCall))

    @property
    def columns(self) -> tuple[int, ...]:
        """The feature columns it reads, ascending."""
        return columns_of(self.node)

    @property
    def logical(self) -> bool:
        """Whether it has a truth value rather than a number."""
        return is_logical(self.node)

    def resolve(
        self, call: Callable[[FeatureCall], tuple[int, ...]], scalars: Mapping[str, int] | None = None
    ) -> Expression:
        """The same with feature calls, and names found in `scalars`, replaced by columns."""
        known = scalars or {}

        def replaced(node: Node) -> Node:
            if isinstance(node, FeatureCall):
                return Columns(call(node))
            if isinstance(node, Name) and node.name in known:
                return Columns((known[node.name],))
            return node

        return Expression(self.text, transform(self.node, replaced))

    def unit(self, path: str, column: Callable[[int], str | None], name: str | None = None) -> str | None:
        """The unit of its value, None where that is not known, from those of the columns and of the names that it
        reads. Raises ConfigError at `path` where it adds or compares what is in different units.
        """
        try:
            return dimension.unit(self.node, column, name)
        except dimension.Unlike as error:
            raise ConfigError(path, got=self.text, expected=str(error)) from None

    def value(self, names: Mapping[str, Value]) -> Value:
        """Its number, or array where a name stands for one."""
        return meaning.value(self.node, names, None)

    def truth(self, features: np.ndarray) -> bool | None:
        """True, False, or None where an undefined feature leaves it open (Kleene's logic)."""
        return meaning.truth(self.node, features)

    def margin(self, features: np.ndarray) -> float:
        """By how much it holds (positive) or fails (negative); nan where the form gives no margin."""
        return meaning.margin(self.node, features)


def parse(text: str, path: str = "$") -> Expression:
    """Parses an expression; ConfigError at `path` with the column, what was found there and what was expected."""
    node = read(text, path)
    return Expression(text.strip(), node)
