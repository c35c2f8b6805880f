"""Doubts of rules: what can never hold, as features are, and trends over currents in another order."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from neurofit.config.doubts import can_be, range_of
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
    Not,
    Number,
    children,
    columns_of,
    walk,
)
from neurofit.problem.feature import Feature
from neurofit.problem.protocol import Protocol, VoltageClamp
from neurofit.problem.rule import Rule

Range = tuple[float, float]
_ANY: Range = (-math.inf, math.inf)


def vain(protocols: Sequence[Protocol], rules: Sequence[Rule], features: Sequence[Feature]) -> Iterator[str]:
    """A warning for each rule that has a comparison which holds for no neuron."""
    clamped = {
        p.name for p in protocols if any(isinstance(s, VoltageClamp) for sweep in p.sweeps for s in sweep.stimuli)
    }
    ranges = [_ANY if feature.protocol in clamped else can_be(feature) for feature in features]
    for rule in rules:
        for node in _needed(rule.expression.node):
            if not isinstance(node, Compare) or not _never(node, ranges):
                continue
            ever = not _never(node, [_ANY] * len(ranges))  # the features' ranges are what is in its way
            said = [words for words in dict.fromkeys(range_of(features[c]) for c in columns_of(node)) if words]
            yield f"rule {rule.name}: `{rule.text}` can never hold" + (f", as {' and '.join(said)}" if ever else "")
            break


def _needed(node: Node) -> Iterator[Node]:
    """The conditions that must all hold for `node` to hold, as far as they are joined by `and`."""
    if isinstance(node, Logic) and node.operator == "and":
        for operand in node.operands:
            yield from _needed(operand)
    else:
        yield node


def _never(node: Compare, ranges: Sequence[Range]) -> bool:
    """Whether two of a chain's operands are never as it says, where columns are within `ranges`: two neighbours, or in
    a < x < b also a and b.
    """
    found = [_range(operand, ranges) for operand in node.operands]
    for i, operator in enumerate(node.operators):
        if _apart(operator, found[i], found[i + 1]):
            return True
        for j in range(i + 1, len(node.operators)):
            if operator[0] not in "<>" or node.operators[j][0] != operator[0]:
                break
            if _apart(min(node.operators[i : j + 1]), found[i], found[j + 1]):  # "<" comes before "<="
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


def _range(node: Node, within: Sequence[Range]) -> Range:
    """What the value of a resolved number can be, as far as that is known, where columns are `within` ranges."""
    match node:
        case Number(value):
            return value, value
        case Columns(columns):
            return min(within[c][0] for c in columns), max(within[c][1] for c in columns)
        case Negative(operand):
            low, high = _range(operand, within)
            return -high, -low
        case Index(operand, _) | Function("first" | "last" | "mean", (operand,)):
            return _range(operand, within)
        case Function("min" | "max" as name, arguments):
            outer = min if name == "min" else max
            ranges = [_range(argument, within) for argument in arguments]
            return outer(low for low, _ in ranges), outer(high for _, high in ranges)
        case Function("abs", (operand,)):
            low, high = _range(operand, within)
            return 0.0 if low <= 0 <= high else min(abs(low), abs(high)), max(abs(low), abs(high))
        case Function("count" | "std" | "exp" | "sqrt"):
            return 0.0, math.inf
        case Binary("+" | "-" as operator, left, right):
            (a, b), (c, d) = _range(left, within), _range(right, within)
            return (a + c, b + d) if operator == "+" else (a - d, b - c)
    return _ANY


def order(protocols: Sequence[Protocol], rules: Sequence[Rule], features: Sequence[Feature]) -> Iterator[str]:
    """A warning for each trend over sweeps whose currents come in an order that hardly fits it.

    Steps down may well be listed by their size, so that either order will do. What is counted grows with the current,
    and so must be listed from low to high to increase; of a time, a falling order may be meant.
    """
    named = {protocol.name: protocol for protocol in protocols}
    for rule in rules:
        for node in _asserted(rule.expression.node):
            if not isinstance(node, Function) or node.name not in ("increasing", "decreasing"):
                continue
            read = next((n.columns for n in walk(node) if isinstance(n, Columns) and len(n.columns) > 1), ())
            chosen = [features[c] for c in read]
            amps = [named[f.protocol].sweeps[f.sweep].amp for f in chosen if f.sweep is not None]
            values = [amp for amp in amps if isinstance(amp, float)]
            counted = all(f.name in catalogue.SPIKE_COUNTS or f.unit == "Hz" for f in chosen)
            counted &= _along(node.arguments[0])
            if len(values) < len(read) or not read or _fits(values, falling=node.name == "decreasing" or not counted):
                continue
            listed = ", ".join(f"{1000 * value:g}" for value in values)
            yield (
                f"rule {rule.name}: {node.name}() takes the sweeps of {chosen[0].protocol} in the order of its "
                f"currents, {listed} pA; list them from low to high, with what belongs to each"
            )


def _asserted(node: Node) -> Iterator[Node]:
    """The node and all below it that no `not` turns about."""
    if not isinstance(node, Not):
        yield node
        for child in children(node):
            yield from _asserted(child)


def _along(node: Node) -> bool:
    """Whether a value grows with the columns that it reads, as far as its form says."""
    match node:
        case Columns():
            return True
        case Binary("*", Number(factor), inner) | Binary("*" | "/", inner, Number(factor)):
            return factor > 0 and _along(inner)
        case Binary("+" | "-", inner, Number()) | Binary("+", Number(), inner):
            return _along(inner)
    return False


def _fits(values: Sequence[float], falling: bool) -> bool:
    """Whether currents rise, or their sizes do; or, where that may be, fall."""
    ways = (list(values), [abs(value) for value in values])
    return any(way == sorted(way) or (falling and way == sorted(way, reverse=True)) for way in ways)
