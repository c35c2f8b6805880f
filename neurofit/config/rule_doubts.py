"""Doubts of rules: what can never hold, as features are, and trends over currents in another order."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from neurofit.config.doubts import can_be, known
from neurofit.problem import catalogue
from neurofit.problem.expression.nodes import (
    Binary,
    Columns,
    Compare,
    Function,
    Index,
    Logic,
    Negative,
    Node,
    Number,
    columns_of,
    walk,
)
from neurofit.problem.feature import Feature
from neurofit.problem.protocol import Protocol
from neurofit.problem.rule import Rule

Range = tuple[float, float]
_ANY: Range = (-math.inf, math.inf)


def vain(rules: Sequence[Rule], features: Sequence[Feature]) -> Iterator[str]:
    """A warning for each rule that has a comparison which holds for no neuron."""
    for rule in rules:
        for node in _needed(rule.expression.node):
            if isinstance(node, Compare) and _never(node, features):
                said = [words for words in dict.fromkeys(known(features[c]) for c in columns_of(node)) if words]
                why = f", as {' and '.join(said)}" if said else ""
                yield f"rule {rule.name}: `{rule.text}` can never hold{why}"
                break


def _needed(node: Node) -> Iterator[Node]:
    """The conditions that must all hold for `node` to hold, as far as they are joined by `and`."""
    for part in node.operands if isinstance(node, Logic) and node.operator == "and" else (node,):
        yield from _needed(part) if isinstance(part, Logic) and part.operator == "and" else (part,)


def _never(node: Compare, features: Sequence[Feature]) -> bool:
    """Whether two of a chain's operands are never as it says: two neighbours, or in a < x < b also a and b."""
    ranges = [_range(operand, features) for operand in node.operands]
    for i, operator in enumerate(node.operators):
        if _apart(operator, ranges[i], ranges[i + 1]):
            return True
        for j in range(i + 1, len(node.operators)):
            if operator[0] not in "<>" or node.operators[j][0] != operator[0]:
                break
            if _apart(min(operator, node.operators[j]), ranges[i], ranges[j + 1]):  # "<" comes before "<="
                return True
    return False


def _apart(operator: str, a: Range, b: Range) -> bool:
    """Whether no number of the range `a` is as `operator` says beside one of `b`."""
    match operator:
        case "<":
            return a[0] >= b[1]
        case "<=":
            return a[0] > b[1]
        case ">":
            return b[0] >= a[1]
        case ">=":
            return b[0] > a[1]
        case "==":
            return a[0] > b[1] or b[0] > a[1]
    return False


def _range(node: Node, features: Sequence[Feature]) -> Range:
    """What the value of a resolved number can be, as far as that is known."""
    match node:
        case Number(value):
            return value, value
        case Columns(columns):
            ranges = [can_be(features[c]) for c in columns]
            return min(low for low, _ in ranges), max(high for _, high in ranges)
        case Negative(operand):
            low, high = _range(operand, features)
            return -high, -low
        case Index(operand, _) | Function("first" | "last" | "mean", (operand,)):
            return _range(operand, features)
        case Function("min" | "max" as name, arguments):
            outer = min if name == "min" else max
            ranges = [_range(argument, features) for argument in arguments]
            return outer(low for low, _ in ranges), outer(high for _, high in ranges)
        case Function("abs", (operand,)):
            low, high = _range(operand, features)
            return 0.0 if low <= 0 <= high else min(abs(low), abs(high)), max(abs(low), abs(high))
        case Function("count" | "std" | "exp" | "sqrt"):
            return 0.0, math.inf
        case Binary("+" | "-" as operator, left, right):
            (a, b), (c, d) = _range(left, features), _range(right, features)
            return (a + c, b + d) if operator == "+" else (a - d, b - c)
    return _ANY


def order(protocols: Sequence[Protocol], rules: Sequence[Rule], features: Sequence[Feature]) -> Iterator[str]:
    """A warning for each trend over sweeps whose currents come in an order that hardly fits it.

    Steps down may well be listed by their size, so that either order will do. What is counted grows with the current,
    and so must be listed from low to high to increase; of a time, a falling order may be meant.
    """
    named = {protocol.name: protocol for protocol in protocols}
    for rule in rules:
        for node in walk(rule.expression.node):
            if not isinstance(node, Function) or node.name not in ("increasing", "decreasing"):
                continue
            read = next((n.columns for n in walk(node) if isinstance(n, Columns) and len(n.columns) > 1), ())
            chosen = [features[c] for c in read]
            amps = [named[f.protocol].sweeps[f.sweep].amp for f in chosen if f.sweep is not None]
            values = [amp for amp in amps if isinstance(amp, float)]
            counted = all(f.name in catalogue.SPIKE_COUNTS or f.unit == "Hz" for f in chosen)
            if len(values) < len(read) or not read or _fits(values, falling=node.name == "decreasing" or not counted):
                continue
            listed = ", ".join(f"{1000 * value:g}" for value in values)
            yield (
                f"rule {rule.name}: {node.name}() takes the sweeps of {chosen[0].protocol} in the order of its "
                f"currents, {listed} pA; list them from low to high, with what belongs to each"
            )


def _fits(values: Sequence[float], falling: bool) -> bool:
    """Whether currents rise, or their sizes do; or, where that may be, fall."""
    ways = (list(values), [abs(value) for value in values])
    return any(way == sorted(way) or (falling and way == sorted(way, reverse=True)) for way in ways)
