"""The language of rules, amplitudes and distributions: our own grammar over features and names, parsed and never run
as code.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurofit.errors import ConfigError
from neurofit.problem import units

# Functions on values; anything else that is called is a feature.
NUMERIC = ("abs", "min", "max", "mean", "sum", "first", "last", "exp", "log", "sqrt", "count", "std")
LOGICAL = ("increasing", "decreasing", "defined", "all", "any")
WINDOWS = ("before", "during", "after")
Value = Any  # float or ndarray


@dataclass(frozen=True, slots=True)
class Number:
    value: float


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
    value) pairs.
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
        return tuple(sorted({c for n in walk(self.node) if isinstance(n, Columns) for c in n.columns}))

    @property
    def logical(self) -> bool:
        """Whether it has a truth value rather than a number."""
        return _is_logical(self.node)

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

    def value(self, names: Mapping[str, Value]) -> Value:
        """Its number, or array where a name stands for one."""
        return _value(self.node, names, None)

    def truth(self, features: np.ndarray) -> bool | None:
        """True, False, or None where an undefined feature leaves it open (Kleene's logic)."""
        return _truth(self.node, features)

    def margin(self, features: np.ndarray) -> float:
        """By how much it holds (positive) or fails (negative); nan where the form gives no margin."""
        return _margin(self.node, features)


def walk(node: Node) -> Iterator[Node]:
    """The node and all below it."""
    yield node
    for child in _children(node):
        yield from walk(child)


def transform(node: Node, change: Callable[[Node], Node]) -> Node:
    """The tree with `change` applied from the leaves up."""
    match node:
        case Negative(a):
            node = Negative(transform(a, change))
        case Binary(op, a, b):
            node = Binary(op, transform(a, change), transform(b, change))
        case Compare(operands, ops):
            node = Compare(tuple(transform(a, change) for a in operands), ops)
        case Logic(op, operands):
            node = Logic(op, tuple(transform(a, change) for a in operands))
        case Not(a):
            node = Not(transform(a, change))
        case Function(name, arguments):
            node = Function(name, tuple(transform(a, change) for a in arguments))
        case Index(a, i):
            node = Index(transform(a, change), i)
    return change(node)


def _children(node: Node) -> tuple[Node, ...]:
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


def _is_logical(node: Node) -> bool:
    return isinstance(node, Compare | Logic | Not) or (isinstance(node, Function) and node.name in LOGICAL)


# ---- numbers


def _value(node: Node, names: Mapping[str, Value], features: np.ndarray | None) -> Value:
    match node:
        case Number(value):
            return value
        case Name(name):
            return names[name]
        case Columns(columns):
            assert features is not None
            return features[list(columns) if len(columns) > 1 else min(columns)]
        case Negative(operand):
            return -_value(operand, names, features)
        case Binary(operator, left, right):
            return _binary(operator, _value(left, names, features), _value(right, names, features))
        case Index(operand, index):
            vector = np.atleast_1d(_value(operand, names, features))
            return vector[index] if -len(vector) <= index < len(vector) else math.nan
        case Function(name, arguments) if name not in LOGICAL:
            return _function(name, [_value(a, names, features) for a in arguments])
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


# ---- truth and margins

_COMPARE: dict[str, Callable[[Value, Value], Value]] = {
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "==": np.equal,
    "!=": np.not_equal,
}


def _truth(node: Node, features: np.ndarray) -> bool | None:
    match node:
        case Compare(operands, operators):
            values = [_value(a, {}, features) for a in operands]
            pairs = [_compared(op, a, b) for op, a, b in zip(operators, values[:-1], values[1:], strict=True)]
            return _all(pairs)
        case Logic("and", operands):
            return _all([_truth(a, features) for a in operands])
        case Logic(_, operands):
            return _any([_truth(a, features) for a in operands])
        case Not(operand):
            inner = _truth(operand, features)
            return None if inner is None else not inner
        case Function("defined", (operand,)):
            return bool(np.all(np.isfinite(_value(operand, {}, features))))
        case Function(("increasing" | "decreasing") as name, (operand,)):
            steps = np.diff(np.atleast_1d(_value(operand, {}, features)))
            return _compared(">" if name == "increasing" else "<", steps, 0.0)
        case Function("all" | "any", (operand,)):
            return _truth(operand, features)
    raise TypeError(f"{node} has no truth value")


def _compared(operator: str, a: Value, b: Value) -> bool | None:
    if not (np.all(np.isfinite(a)) and np.all(np.isfinite(b))):
        return None
    return bool(np.all(_COMPARE[operator](a, b)))


def _all(truths: list[bool | None]) -> bool | None:
    return False if False in truths else None if None in truths else True


def _any(truths: list[bool | None]) -> bool | None:
    return True if True in truths else None if None in truths else False


def _margin(node: Node, features: np.ndarray) -> float:
    match node:
        case Compare(operands, operators):
            values = [_value(a, {}, features) for a in operands]
            return _least(_distance(op, a, b) for op, a, b in zip(operators, values[:-1], values[1:], strict=True))
        case Logic("and", operands):
            return _least(_margin(a, features) for a in operands)
        case Logic(_, operands):
            return -_least(-_margin(a, features) for a in operands)
        case Not(operand):
            return -_margin(operand, features)
        case Function(("increasing" | "decreasing") as name, (operand,)):
            steps = np.diff(np.atleast_1d(_value(operand, {}, features)))
            return _least((steps if name == "increasing" else -steps).tolist())
        case Function("all" | "any", (operand,)):
            return _margin(operand, features)
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


# ---- the grammar

_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)"
    r"|\{(?P<braced>[A-Za-z_][\w.]*)\}"
    r"|(?P<word>[A-Za-z_][\w.]*)"
    r"|(?P<symbol>\*\*|<=|>=|==|!=|[-+*/<>()\[\],%=]))"
)
_UNITS = sorted(units.UNIT_WORDS, key=len, reverse=True)
_UNIT = re.compile(r"\s*(" + "|".join(re.escape(u) for u in _UNITS) + r")(?![\w(])")
_POWER = {
    "or": 1,
    "and": 2,
    "<": 4,
    "<=": 4,
    ">": 4,
    ">=": 4,
    "==": 4,
    "!=": 4,
    "+": 5,
    "-": 5,
    "*": 6,
    "/": 6,
    "**": 8,
}
_DEEPEST = 60  # nested brackets: more than anyone writes, fewer than Python's stack


def parse(text: str, path: str = "$") -> Expression:
    """Parses an expression; ConfigError with the column, what was found there and what was expected."""
    if not isinstance(text, str):
        raise ConfigError(path, got=text, expected="an expression as text, such as 'mean_frequency(fi) > 5'")
    parser = _Parser(text, path)
    node = parser.expression(0)
    parser.end()
    return Expression(text.strip(), node)


class _Parser:
    """Precedence climbing (Pratt 1973) over one text."""

    def __init__(self, text: str, path: str):
        self.text, self.path, self.position, self.depth = text, path, 0, 0
        self.kind, self.token, self.at = "", "", 0
        self.advance()

    def error(self, expected: str) -> ConfigError:
        found = f"{self.token!r}" if self.kind else "the end"
        return ConfigError(
            self.path, got=self.text, expected=f"{expected} at column {self.at + 1}, where {found} stands"
        )

    def advance(self) -> None:
        rest = self.text[self.position :]
        self.at = self.position + len(rest) - len(rest.lstrip())
        if not rest.strip():
            self.kind, self.token = "", ""
            return
        match = _TOKEN.match(self.text, self.position)
        if match is None:
            self.kind, self.token = "unknown", self.text[self.at]
            raise self.error("a number, a name or an operator")
        self.kind = str(match.lastgroup)
        self.token = match[self.kind]
        self.position = match.end()

    def take(self, token: str) -> None:
        if self.kind == "symbol" and self.token == token:
            self.advance()
        else:
            raise self.error(f"'{token}'")

    def is_symbol(self, *tokens: str) -> bool:
        return self.kind == "symbol" and self.token in tokens

    def end(self) -> None:
        if self.kind:
            raise self.error("an operator or the end")

    def expression(self, power: int) -> Node:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise self.error(f"at most {_DEEPEST} nested brackets")
        left = self.prefix()
        while self.kind in ("symbol", "word") and power < _POWER.get(self.token, 0):
            left = self.infix(left)
        self.depth -= 1
        return left

    def infix(self, left: Node) -> Node:
        operator = self.token
        power = _POWER[operator]
        start = self.at
        if operator in ("and", "or"):
            operands = [self.truth(left, start)]
            while self.kind == "word" and self.token == operator:
                self.advance()
                start = self.at
                operands.append(self.truth(self.expression(power), start))
            return Logic(operator, tuple(operands))
        if operator in _COMPARE:
            operands, operators = [self.number(left)], []
            while self.kind == "symbol" and self.token in _COMPARE:
                operators.append(self.token)
                self.advance()
                operands.append(self.number(self.expression(power)))
            return Compare(tuple(operands), tuple(operators))
        self.advance()
        right = self.expression(power - 1 if operator == "**" else power)
        return Binary(operator, self.number(left), self.number(right))

    def truth(self, node: Node, at: int) -> Node:
        if not _is_logical(node):
            raise ConfigError(
                self.path,
                got=self.text,
                expected=f"a comparison (such as a > 3) beside 'and', 'or', 'not', at column {at + 1}",
            )
        return node

    def number(self, node: Node) -> Node:
        if _is_logical(node):
            raise self.error("a number, not a comparison, on each side of the operator before")
        return node

    def prefix(self) -> Node:
        if self.is_symbol("-", "+"):
            sign = self.token
            self.advance()
            operand = self.number(self.expression(7))
            return Negative(operand) if sign == "-" else operand
        if self.kind == "word" and self.token == "not":
            self.advance()
            at = self.at
            return Not(self.truth(self.expression(3), at))
        node = self.atom()
        while self.is_symbol("["):
            self.advance()
            node = Index(self.number(node), self.whole())
            self.take("]")
        return node

    def atom(self) -> Node:
        if self.is_symbol("("):
            self.advance()
            inner = self.expression(0)
            self.take(")")
            return inner
        if self.kind == "number":
            return self.quantity()
        if self.kind == "braced":
            name = self.token
            self.advance()
            return Name(name)
        if self.kind == "word" and self.token not in ("and", "or", "not"):
            word = self.token.removeprefix("math.")
            self.advance()
            return self.call(word) if self.is_symbol("(") else Name(word)
        raise self.error("a number, a name, a feature or '('")

    def quantity(self) -> Node:
        """A number, with its unit if one follows: converted to neurofit's unit of that kind."""
        value = float(self.token)
        unit = _UNIT.match(self.text, self.position)
        if unit is not None:
            base = units.base_unit(unit[1])
            self.position = unit.end()
            self.advance()
            return Number(units.scaled(value, unit[1], base) if base else value)
        self.advance()
        if self.is_symbol("%"):
            self.advance()
            share = Number(value / 100.0)
            return share if self.kind not in ("word", "braced") else Binary("*", share, self.atom())
        return Number(value)

    def whole(self) -> int:
        sign = 1
        if self.is_symbol("-"):
            sign = -1
            self.advance()
        if self.kind != "number" or not self.token.isdigit():
            raise self.error("a whole number")
        value = sign * int(self.token)
        self.advance()
        return value

    def call(self, name: str) -> Node:
        opened = self.at
        self.advance()
        if name in NUMERIC or name in LOGICAL:
            return self.function(name, opened)
        return self.feature(name)

    def function(self, name: str, opened: int) -> Node:
        arguments = []
        while not self.is_symbol(")"):
            argument = self.expression(0)
            arguments.append(argument if name in ("all", "any") else self.number(argument))
            if not self.is_symbol(")"):
                self.take(",")
        if len(arguments) != 1 and not (name in ("min", "max") and arguments):
            raise ConfigError(
                self.path,
                got=self.text,
                expected=f"one argument for {name}, not {len(arguments)}, at column {opened + 1}",
            )
        if name in ("all", "any") and not _is_logical(arguments[0]):
            raise self.error(f"a comparison inside {name}()")
        self.take(")")
        return Function(name, tuple(arguments))

    def feature(self, name: str) -> Node:
        protocol, sweep = self.word(f"a protocol's name, as in {name}(fi){_similar(name)}"), None
        if self.is_symbol("["):
            self.advance()
            sweep = self.whole()
            self.take("]")
        options: list[tuple[str, Any]] = []
        while self.is_symbol(","):
            self.advance()
            options.append(self.option())
        self.take(")")
        return FeatureCall(name, protocol, sweep, tuple(options))

    def option(self) -> tuple[str, Any]:
        word = self.word(f"one of {', '.join(WINDOWS)}, or recording=, other=, window=, reduce=")
        if not self.is_symbol("="):
            if word not in WINDOWS:
                raise ConfigError(
                    self.path,
                    got=self.text,
                    expected=f"one of {', '.join(WINDOWS)} (or recording={word}) instead of {word!r}",
                )
            return "window", word
        self.advance()
        if word == "window":
            return word, self.window()
        if word not in ("recording", "other", "reduce"):
            raise self.error("recording=, other=, window= or reduce= before the value")
        return word, self.word("a name")

    def window(self) -> Any:
        if self.kind == "word":
            return self.word("a window")
        close = "]" if self.is_symbol("[") else ")"
        self.take("[" if close == "]" else "(")
        start = self.expression(0)
        self.take(",")
        end = self.expression(0)
        self.take(close)
        if not (isinstance(start, Number) and isinstance(end, Number)):
            raise self.error("two times [ms], as in window=[500, 700],")
        return (start.value, end.value)

    def word(self, expected: str) -> str:
        if self.kind != "word":
            raise self.error(expected)
        word = self.token
        self.advance()
        return word


def _similar(name: str) -> str:
    close = difflib.get_close_matches(name, (*NUMERIC, *LOGICAL), 1)
    return f" (or did you mean the function {close[0]}?)" if close else ""
