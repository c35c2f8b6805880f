"""Rule margins as differentiable functions of predicted features: the expressions' own trees, walked with torch."""

from __future__ import annotations

import torch
from torch import Tensor

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
    elements,
)

# Half of a count: `n == 0` then has a margin of 0.5 where it holds, as much as it lacks at one spike too many.
_EQUAL = 0.5
_TINY = 1e-9  # a size below which nothing is divided by
_POSITIVE = 1e-12  # the least that a logarithm or a root is taken of
_LARGEST = 50.0  # exponent of e: beyond it single precision, and any use, ends


def margin(node: Node, features: Tensor) -> Tensor | None:
    """The signed margin (...,) of a resolved expression at features (..., m) in their units; None where the form gives
    none.
    """
    match node:
        case Compare(operands, operators):
            values = [value(a, features) for a in operands]
            pairs = zip(operators, values[:-1], values[1:], strict=True)
            return _least([_distance(op, a, b).amin(-1) for op, a, b in pairs])
        case Logic("and", operands):
            return _least([margin(a, features) for a in operands])
        case Logic(_, operands):
            return _most([margin(a, features) for a in operands])
        case Not(operand):
            inner = margin(operand, features)
            return None if inner is None else -inner
        case Function(("increasing" | "decreasing") as name, (operand,)):
            steps = torch.diff(value(operand, features), dim=-1)
            return (steps if name == "increasing" else -steps).amin(-1)
        case Function("all", (operand,)):
            return _least([margin(a, features) for a in elements(operand)])
        case Function("any", (operand,)):
            return _most([margin(a, features) for a in elements(operand)])
    return None


def relative(node: Node, features: Tensor) -> Tensor | None:
    """The margin (...,) of an expression that weighs features against each other, in units of their size: 1 at most.

    The plain margin of `a > 1.5 b` comes nearest to zero where both are small, which is no way to a larger ratio. None
    where features are held against numbers only, and of forms other than chains of < and >, trends, and all of such.
    """
    match node:
        case Compare(operands, operators):
            parts = []
            for op, left, right in zip(operators, operands[:-1], operands[1:], strict=True):
                if op not in ("<", "<=", ">", ">=") or len(_signs(left, 1) | _signs(right, -1)) < 2:
                    return None
                size = (_size(left, features) + _size(right, features)).clamp_min(_TINY)
                parts.append((_distance(op, value(left, features), value(right, features)) / size).amin(-1))
            return _least(parts)
        case Function(("increasing" | "decreasing") as name, (operand,)):
            steps, size = torch.diff(value(operand, features), dim=-1), _size(operand, features)
            steps = steps / (size[..., 1:] + size[..., :-1]).clamp_min(_TINY)
            return (steps if name == "increasing" else -steps).amin(-1)
        case Logic("and", operands):
            parts = [relative(a, features) for a in operands]
            return None if any(part is None for part in parts) else _least(parts)
    return None


def _signs(node: Node, sign: int) -> set[int]:
    """The signs with which features enter a sum, `sign` being that of the whole; both where one is held against
    another.
    """
    match node:
        case Columns():
            return {sign}
        case Negative(operand):
            return _signs(operand, -sign)
        case Binary(operator, left, right):
            return _signs(left, sign) | _signs(right, -sign if operator in ("-", "/") else sign)
        case Index(operand):
            return _signs(operand, sign)
        case Function(_, arguments):
            return set().union(*(_signs(a, sign) for a in arguments))
    return set()


def _size(node: Node, features: Tensor) -> Tensor:
    """(..., v) what a resolved expression would be at most if no term took from another."""
    match node:
        case Negative(operand) | Function("abs", (operand,)):
            return _size(operand, features)
        case Binary("+" | "-", left, right):
            return _size(left, features) + _size(right, features)
        case Binary("*", left, right):
            return _size(left, features) * _size(right, features)
    return value(node, features).abs()


def value(node: Node, features: Tensor) -> Tensor:
    """The numbers (..., v) of a resolved expression, v = 1 for a scalar."""
    match node:
        case Number(number):
            return torch.full((*features.shape[:-1], 1), number, dtype=features.dtype)
        case Columns(columns):
            return features[..., list(columns)]
        case Negative(operand):
            return -value(operand, features)
        case Binary("**", left, Number(exponent)) if exponent >= 0 and exponent == int(exponent):
            return value(left, features) ** int(exponent)  # of what is negative too
        case Binary(operator, left, right):
            return _binary(operator, value(left, features), value(right, features))
        case Index(operand, index):
            return value(operand, features)[..., [index]]
        case Function(name, arguments):
            return _function(name, [value(a, features) for a in arguments])
    raise TypeError(f"{node} is not a resolved number")


def _least(parts: list[Tensor | None]) -> Tensor | None:
    """Of conditions that must all hold: the least of the margins that are known."""
    known = [p for p in parts if p is not None]
    return torch.stack(known).amin(0) if known else None


def _most(parts: list[Tensor | None]) -> Tensor | None:
    """Of conditions of which one must hold: the greatest, where all margins are known."""
    known = [p for p in parts if p is not None]
    return torch.stack(known).amax(0) if len(known) == len(parts) else None


def _distance(operator: str, a: Tensor, b: Tensor) -> Tensor:
    """The margin (..., v) of one comparison, number by number."""
    match operator:
        case ">" | ">=":
            return a - b
        case "<" | "<=":
            return b - a
        case "==":
            return _EQUAL - (a - b).abs()
        case _:
            return (a - b).abs() - _EQUAL


def _binary(operator: str, a: Tensor, b: Tensor) -> Tensor:
    match operator:
        case "+":
            return a + b
        case "-":
            return a - b
        case "*":
            return a * b
        case "/":
            # A divisor near zero is a prediction's accident; it must not send the gradient to infinity.
            return a / torch.where(b.abs() < _TINY, torch.full_like(b, _TINY), b)
        case _:
            return (b * a.clamp_min(_POSITIVE).log()).clamp_max(_LARGEST).exp()


def _function(name: str, values: list[Tensor]) -> Tensor:
    first = values[0]
    match name:
        case "abs":
            return first.abs()
        case "exp":
            return first.clamp_max(_LARGEST).exp()
        case "log":
            return first.clamp_min(_POSITIVE).log()
        case "sqrt":
            return first.clamp_min(_POSITIVE).sqrt()
        case "min" | "max" if len(values) > 1:
            stacked = torch.stack(torch.broadcast_tensors(*values))
            return stacked.amin(0) if name == "min" else stacked.amax(0)
        case "min":
            return first.amin(-1, keepdim=True)
        case "max":
            return first.amax(-1, keepdim=True)
        case "mean":
            return first.mean(-1, keepdim=True)
        case "sum":
            return first.sum(-1, keepdim=True)
        case "std":
            return first.std(-1, unbiased=False, keepdim=True)
        case "first":
            return first[..., :1]
        case "last":
            return first[..., -1:]
        case _:  # count: a prediction has a value for every column
            return torch.full_like(first[..., :1], float(first.shape[-1]))
