"""What an expression is worth: its number, its truth in Kleene's logic, its signed margin."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from neurofit.problem.expression.nodes import (
    LOGICAL,
    Binary,
    Columns,
    Compare,
    Function,
    Index,
    Logic,
    Name,
    Negative,
    Node,
    Not,
    Number,
    elements,
    elementwise,
    walk,
)

Value = Any  # float or ndarray


def value(node: Node, names: Mapping[str, Value], features: np.ndarray | None) -> Value:
    match node:
        case Number(number):
            return number
        case Name(name):
            return names[name]
        case Columns(columns):
            assert features is not None
            return features[list(columns) if len(columns) > 1 else min(columns)]
        case Negative(operand):
            return -value(operand, names, features)
        case Binary(operator, left, right):
            return _binary(operator, value(left, names, features), value(right, names, features))
        case Index(operand, index):
            vector = np.atleast_1d(value(operand, names, features))
            return vector[index] if -len(vector) <= index < len(vector) else math.nan
        case Function(name, arguments) if name not in LOGICAL:
            return _function(name, [value(a, names, features) for a in arguments])
    raise TypeError(f"{node} has no number")


def _binary(operator: str, a: Value, b: Value) -> Value:
    with np.errstate(all="ignore"):
        match operator:
            case "+":
                return np.add(a, b)
            case "-":
                return np.subtract(a, b)
            case "*":
                return np.multiply(a, b)
            case "/":
                return np.divide(a, b)
            case _:
                return np.power(np.asarray(a, float), b)


def _function(name: str, values: list[Value]) -> Value:
    with np.errstate(all="ignore"):
        match name:
            case "abs" | "exp" | "log" | "sqrt":
                return getattr(np, name)(values[0])
            case "min" | "max" if len(values) > 1:
                pair = np.minimum if name == "min" else np.maximum
                result = values[0]
                for other in values[1:]:
                    result = pair(result, other)
                return result
            case "min" | "max" | "mean" | "sum" | "std":
                return getattr(np, name)(values[0])
            case "first":
                return np.atleast_1d(values[0])[0]
            case "last":
                return np.atleast_1d(values[0])[-1]
            case _:  # count: how many are defined
                return float(np.isfinite(np.atleast_1d(values[0])).sum())


_COMPARE: dict[str, Callable[[Value, Value], Value]] = {
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "==": np.equal,
    "!=": np.not_equal,
}


def truth(node: Node, features: np.ndarray) -> bool | None:
    match node:
        case Compare(operands, operators):
            values = [value(a, {}, features) for a in operands]
            pairs = [_compared(op, a, b) for op, a, b in zip(operators, values[:-1], values[1:], strict=True)]
            return _all(pairs)
        case Logic("and", operands):
            return _all([truth(a, features) for a in operands])
        case Logic(_, operands):
            return _any([truth(a, features) for a in operands])
        case Not(operand):
            inner = truth(operand, features)
            return None if inner is None else not inner
        case Function("defined", (operand,)):
            return bool(np.all(np.isfinite(value(operand, {}, features))))
        case Function(("increasing" | "decreasing") as name, (operand,)):
            steps = np.diff(np.atleast_1d(value(operand, {}, features)))
            return _compared(">" if name == "increasing" else "<", steps, 0.0)
        case Function("all", (operand,)):
            return _all([truth(a, features) for a in elements(operand)])
        case Function("any", (operand,)):
            return _any([truth(a, features) for a in elements(operand)])
    raise TypeError(f"{node} has no truth value")


def true_at(node: Node, features: np.ndarray) -> np.ndarray:
    """(n,) whether a resolved condition is true at each row of features (n, m)."""
    if isinstance(node, Function) and node.name == "defined" and isinstance(node.arguments[0], Columns):
        return np.all(np.isfinite(features[:, list(node.arguments[0].columns)]), axis=1)
    if isinstance(node, Compare) and all(_single(below) for below in walk(node)):
        values = [value(a, {}, features.T) for a in node.operands]  # of all rows at once
        pairs = zip(node.operators, values[:-1], values[1:], strict=True)
        holds = [np.isfinite(a) & np.isfinite(b) & _COMPARE[op](a, b) for op, a, b in pairs]
        return np.broadcast_to(np.logical_and.reduce(holds), len(features))
    return np.array([truth(node, row) is True for row in features], bool)


def _single(node: Node) -> bool:
    """Whether a node reads one column at most, and nothing of it but what it is made of, element by element."""
    return len(node.columns) == 1 if isinstance(node, Columns) else elementwise(node)


def _compared(operator: str, a: Value, b: Value) -> bool | None:
    if not (np.all(np.isfinite(a)) and np.all(np.isfinite(b))):
        return None
    return bool(np.all(_COMPARE[operator](a, b)))


def _all(truths: list[bool | None]) -> bool | None:
    return False if False in truths else None if None in truths else True


def _any(truths: list[bool | None]) -> bool | None:
    return True if True in truths else None if None in truths else False


def margin(node: Node, features: np.ndarray) -> float:
    match node:
        case Compare(operands, operators):
            values = [value(a, {}, features) for a in operands]
            return _least(_distance(op, a, b) for op, a, b in zip(operators, values[:-1], values[1:], strict=True))
        case Logic("and", operands):
            return _least(margin(a, features) for a in operands)
        case Logic(_, operands):
            return -_least(-margin(a, features) for a in operands)
        case Not(operand):
            return -margin(operand, features)
        case Function(("increasing" | "decreasing") as name, (operand,)):
            steps = np.diff(np.atleast_1d(value(operand, {}, features)))
            return _least((steps if name == "increasing" else -steps).tolist())
        case Function("all", (operand,)):
            return _least(margin(a, features) for a in elements(operand))
        case Function("any", (operand,)):
            return -_least(-margin(a, features) for a in elements(operand))
    return math.nan


def _distance(operator: str, a: Value, b: Value) -> float:
    match operator:
        case ">" | ">=":
            gap = np.subtract(a, b)
        case "<" | "<=":
            gap = np.subtract(b, a)
        case "==":
            gap = -np.abs(np.subtract(a, b))
        case _:
            gap = np.abs(np.subtract(a, b))
    return float(np.min(gap))


def _least(margins: Any) -> float:
    every = list(margins)
    return math.nan if not every or any(math.isnan(m) for m in every) else min(every)
