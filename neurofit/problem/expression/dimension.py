"""The unit that an expression's value is in, as far as it is known; what is added or compared must be in one unit."""

from __future__ import annotations

from collections.abc import Callable

from neurofit.problem import units
from neurofit.problem.expression.nodes import (
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
)

# Of a number, "" for a pure one; None where it is not known, as of a number that is written without a unit.
Unit = str | None
_SAME = ("abs", "min", "max", "mean", "sum", "first", "last", "std")  # whose value is in the unit of their arguments


class Unlike(Exception):
    """Two sides of an operator that are not in one unit; its text says which."""


def unit(node: Node, column: Callable[[int], Unit], name: Unit = None) -> Unit:
    """The unit of a resolved `node`, where `column` knows those of feature columns and names are in `name`.

    Raises Unlike where an operator has sides in different units.
    """

    def of(inner: Node) -> Unit:
        return unit(inner, column, name)

    match node:
        case Number():
            return node.unit
        case Name():
            return name
        case Columns(columns):
            found = {column(c) for c in columns}
            return found.pop() if len(found) == 1 else None
        case Negative(operand) | Index(operand, _):
            return of(operand)
        case Binary(operator, left, right):
            return _binary(operator, (left, of(left)), (right, of(right)))
        case Compare(operands, operators):
            known = of(operands[0])
            for operator, operand in zip(operators, operands[1:], strict=True):
                known = _one(operator, known, of(operand))
        case Function(called, arguments):
            inside = [of(argument) for argument in arguments]
            known = inside[0]
            for other in inside[1:]:
                known = _one(called, known, other)
            return known if called in _SAME else "" if called == "count" else None
        case Logic(_, operands):
            for operand in operands:
                of(operand)
        case Not(operand):
            of(operand)
    return None


def _binary(operator: str, left: tuple[Node, Unit], right: tuple[Node, Unit]) -> Unit:
    (_, a), (_, b) = left, right
    if operator in ("+", "-"):
        return _one(operator, a, b)
    if operator in ("*", "/") and _pure(*right):
        return a
    if operator == "*" and _pure(*left):
        return b
    return "" if operator == "/" and a is not None and a == b else None


def _pure(node: Node, found: Unit) -> bool:
    """Whether it is a pure number beside a factor: one that is written without a unit, or has none."""
    return found == "" or (isinstance(node, Number) and found is None)


def _one(operator: str, a: Unit, b: Unit) -> Unit:
    """The unit of both sides."""
    if a is None or b is None or a == b:
        return b if a is None else a
    if not units.compatible(a, b) or units.factor(a, b) != 1.0:
        raise Unlike(f"one unit on both sides of `{operator}`, not {a or 'a pure number'} and {b or 'a pure number'}")
    return a
