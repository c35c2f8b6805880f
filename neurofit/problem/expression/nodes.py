"""The tree of an expression, as plain data, and ways through it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

# Functions on values; anything else that is called is a feature.
NUMERIC = ("abs", "min", "max", "mean", "sum", "first", "last", "exp", "log", "sqrt", "count", "std")
LOGICAL = ("increasing", "decreasing", "defined", "all", "any")
WINDOWS = ("before", "during", "after")
COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")


@dataclass(frozen=True, slots=True)
class Number:
    """`unit` is the one that it was written with, as neurofit has it, in which `value` is; None where it has none."""

    value: float
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class Name:
    name: str


@dataclass(frozen=True, slots=True)
class Columns:
    """Feature columns: a vector over sweeps, or a scalar where there is one."""

    columns: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class FeatureCall:
    """A feature as written: name(protocol[sweep], before, recording=dend.v, window=[500, 700]); `options` are (key,
    value) pairs. A bare word that is no window is a population: population_lag(run, E, I).
    """

    name: str
    protocol: str | None
    sweep: int | None = None
    options: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Negative:
    operand: Node


@dataclass(frozen=True, slots=True)
class Binary:
    operator: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Compare:
    """A chain: operands[0] operators[0] operands[1] operators[1] ..."""

    operands: tuple[Node, ...]
    operators: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Logic:
    operator: str  # "and" or "or"
    operands: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Not:
    operand: Node


@dataclass(frozen=True, slots=True)
class Function:
    name: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Index:
    operand: Node
    index: int


Node = Number | Name | Columns | FeatureCall | Negative | Binary | Compare | Logic | Not | Function | Index


def walk(node: Node) -> Iterator[Node]:
    """The node and all below it."""
    yield node
    for child in children(node):
        yield from walk(child)


def columns_of(node: Node) -> tuple[int, ...]:
    """The feature columns that a node and all below it read, ascending."""
    return tuple(sorted({c for below in walk(node) if isinstance(below, Columns) for c in below.columns}))


def transform(node: Node, change: Callable[[Node], Node], enters: Callable[[Node], bool] = lambda _: True) -> Node:
    """The tree with `change` applied from the leaves up; what `enters` says no to is left as it is."""
    if not enters(node):
        return node

    def inside(child: Node) -> Node:
        return transform(child, change, enters)

    match node:
        case Negative(a):
            node = Negative(inside(a))
        case Binary(op, a, b):
            node = Binary(op, inside(a), inside(b))
        case Compare(operands, ops):
            node = Compare(tuple(inside(a) for a in operands), ops)
        case Logic(op, operands):
            node = Logic(op, tuple(inside(a) for a in operands))
        case Not(a):
            node = Not(inside(a))
        case Function(name, arguments):
            node = Function(name, tuple(inside(a) for a in arguments))
        case Index(a, i):
            node = Index(inside(a), i)
    return change(node)


def elements(node: Node) -> tuple[Node, ...]:
    """What a resolved `node` says of one sweep after the other; itself alone where it says one thing of all.

    Vectors of different lengths are an IndexError where the shorter one ends, as they are no comparison either.
    """

    def at(i: int) -> Callable[[Node], Node]:
        return lambda n: Columns((n.columns[i],)) if isinstance(n, Columns) and len(n.columns) > 1 else n

    return tuple(transform(node, at(i), elementwise) for i in range(width(node)))


def width(node: Node) -> int:
    """How many values a resolved node has."""
    if isinstance(node, Columns):
        return len(node.columns)
    return max((width(a) for a in children(node)), default=1) if elementwise(node) else 1


def elementwise(node: Node) -> bool:
    """Whether a node made of vectors is a vector, rather than one value of them all."""
    if isinstance(node, Function):
        several = node.name in ("min", "max") and len(node.arguments) > 1
        return several or node.name in ("abs", "exp", "log", "sqrt", "defined")
    return not isinstance(node, Index)


def children(node: Node) -> tuple[Node, ...]:
    """The nodes right below it."""
    match node:
        case Negative(a) | Not(a) | Index(a, _):
            return (a,)
        case Binary(_, a, b):
            return (a, b)
        case Compare(operands, _) | Logic(_, operands):
            return operands
        case Function(_, arguments):
            return arguments
    return ()


def is_logical(node: Node) -> bool:
    return isinstance(node, Compare | Logic | Not) or (isinstance(node, Function) and node.name in LOGICAL)
