"""What must hold for a condition to hold: the simpler ones that it is made of, and that what it reads is defined."""

from __future__ import annotations

from collections.abc import Iterator

from neurofit.problem.expression.nodes import (
    LOGICAL,
    Binary,
    Columns,
    Compare,
    Function,
    Index,
    Logic,
    Negative,
    Node,
    elements,
)


def parts(node: Node) -> Iterator[Node]:
    """Conditions on resolved columns that together are the condition `node`, some more than once; itself where its form
    has no parts.
    """
    match node:
        case Logic("and", operands):
            for operand in operands:
                yield from parts(operand)
        case Function("all", (operand,)):
            for element in elements(operand):
                yield from parts(element)
        case Function("defined", (operand,)):
            yield from (_defined(c) for c in needed(operand))
            if not isinstance(operand, Columns):
                yield node
        case Function(("increasing" | "decreasing") as name, (operand,)) if len(each := elements(operand)) > 1:
            operator = "<" if name == "increasing" else ">"
            yield from parts(Compare(each, (operator,) * (len(each) - 1)))
        case Compare(operands, operators):
            yield from (_defined(c) for c in needed(node))
            for operator, left, right in zip(operators, operands[:-1], operands[1:], strict=True):
                yield from elements(Compare((left, right), (operator,)))
        case _:
            yield node


def _defined(column: int) -> Node:
    return Function("defined", (Columns((column,)),))


def needed(node: Node) -> tuple[int, ...]:
    """The columns without which a resolved number has no value, or a comparison does not hold; of another condition,
    none.
    """
    match node:
        case Columns(columns):
            return columns
        case Index(operand, index):
            each = elements(operand)
            return needed(each[index]) if -len(each) <= index < len(each) else ()
        case Function("first", (operand,)):
            return needed(elements(operand)[0])
        case Function("last", (operand,)):
            return needed(elements(operand)[-1])
        case Function(name, arguments) if name != "count" and name not in LOGICAL:
            return tuple(c for argument in arguments for c in needed(argument))
        case Compare(operands, _):
            return tuple(c for operand in operands for c in needed(operand))
        case Binary(_, left, right):
            return (*needed(left), *needed(right))
        case Negative(operand):
            return needed(operand)
    return ()
