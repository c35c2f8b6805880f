"""What must hold for a condition to hold: the simpler ones that it is made of, and that what it reads is defined."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from neurofit.problem.expression.nodes import Binary, Columns, Compare, Function, Index, Logic, Negative, Node, elements


def parts(node: Node) -> Iterator[Node]:
    """Conditions on resolved columns that all hold where the condition `node` does, some more than once; itself where
    it has no parts.
    """
    match node:
        case Logic("and", operands):
            for operand in operands:
                yield from parts(operand)
        case Function("all", (operand,)):
            for element in elements(operand):
                yield from parts(element)
        case Function("defined", (operand,)):
            yield from (_defined(c) for c in _needed(operand))
        case Function(("increasing" | "decreasing") as name, (operand,)):
            yield from (_defined(c) for c in _needed(operand))
            operator = ">" if name == "increasing" else "<"
            for before, after in pairwise(elements(operand)):
                yield Compare((after, before), (operator,))
        case Compare(operands, operators):
            yield from (_defined(c) for operand in operands for c in _needed(operand))
            for operator, left, right in zip(operators, operands[:-1], operands[1:], strict=True):
                yield from elements(Compare((left, right), (operator,)))
        case _:
            yield node


def _defined(column: int) -> Node:
    return Function("defined", (Columns((column,)),))


def _needed(node: Node) -> tuple[int, ...]:
    """The columns that must be defined for a resolved number to be."""
    match node:
        case Columns(columns):
            return columns
        case Index(Columns(columns), index) if -len(columns) <= index < len(columns):
            return (columns[index],)
        case Function("first", (Columns(columns),)):
            return columns[:1]
        case Function("last", (Columns(columns),)):
            return columns[-1:]
        case Function("count", _):
            return ()
        case Function(_, arguments):
            return tuple(c for argument in arguments for c in _needed(argument))
        case Binary(_, left, right):
            return (*_needed(left), *_needed(right))
        case Negative(operand) | Index(operand, _):
            return _needed(operand)
    return ()
