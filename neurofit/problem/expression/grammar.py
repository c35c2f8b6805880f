"""The grammar of expressions: our own tokens and precedence climbing, so that a file can run no code."""

from __future__ import annotations

import difflib
import re
from typing import Any

from neurofit.errors import ConfigError
from neurofit.problem import units
from neurofit.problem.expression.nodes import (
    COMPARISONS,
    LOGICAL,
    NUMERIC,
    WINDOWS,
    Binary,
    Compare,
    FeatureCall,
    Function,
    Index,
    Logic,
    Name,
    Negative,
    Node,
    Not,
    Number,
    is_logical,
)

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
# What other languages write, and what it is here.
_OTHERS = {
    "&": "`and`",
    "|": "`or`, or abs(),",
    "!": "`not` or `!=`",
    "^": "`**` for a power,",
    "≤": "`<=`",
    "≥": "`>=`",
    "≠": "`!=`",
}
_DEEPEST, _LONGEST = 60, 150  # nested brackets, operators: more than anyone writes, fewer than Python's stack


def read(text: str, path: str = "$") -> Node:
    """Parses an expression; ConfigError with the column, what was found there and what was expected."""
    if not isinstance(text, str):
        raise ConfigError(path, got=text, expected="an expression as text, such as 'mean_frequency(fi) > 5'")
    parser = _Parser(text, path)
    node = parser.expression(0)
    parser.end()
    return node


class _Parser:
    """Precedence climbing (Pratt 1973) over one text."""

    def __init__(self, text: str, path: str):
        self.text, self.path, self.position, self.depth, self.operators = text, path, 0, 0, 0
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
            raise self.error(_OTHERS.get(self.token, "a number, a name or an operator"))
        self.kind = str(match.lastgroup)
        self.token = match[self.kind]
        self.position = match.end()

    def take(self, token: str) -> None:
        if self.is_symbol(token):
            self.advance()
        else:
            raise self.error(f"'{token}'")

    def close(self, opened: int, hint: str = "") -> None:
        """Takes the ')' of the '(' that stands at `opened`."""
        if not self.is_symbol(")"):
            raise self.error(f"a ')' to close the '(' of column {opened + 1}{hint},")
        self.advance()

    def is_symbol(self, *tokens: str) -> bool:
        return self.kind == "symbol" and self.token in tokens

    def end(self) -> None:
        if self.is_symbol("="):
            turned = self.text[self.position : self.position + 1]
            raise self.error(f"`{turned}=`" if turned in ("<", ">") else "`==`, which compares,")
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
        self.operators += 1
        if self.operators > _LONGEST:
            raise self.error(f"at most {_LONGEST} operators")
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
        if operator in COMPARISONS:
            operands, operators = [self.number(left)], []
            while self.kind == "symbol" and self.token in COMPARISONS:
                operators.append(self.token)
                self.advance()
                operands.append(self.number(self.expression(power)))
            return Compare(tuple(operands), tuple(operators))
        self.advance()
        at = self.at
        right = self.expression(power - 1 if operator == "**" else power)
        if operator == "/" and isinstance(right, Number) and right.value == 0.0:
            raise ConfigError(self.path, got=self.text, expected=f"a divisor other than 0 at column {at + 1}")
        return Binary(operator, self.number(left), self.number(right))

    def truth(self, node: Node, at: int) -> Node:
        if not is_logical(node):
            raise ConfigError(
                self.path,
                got=self.text,
                expected=f"a comparison (such as a > 3) beside 'and', 'or', 'not', at column {at + 1}",
            )
        return node

    def number(self, node: Node) -> Node:
        if is_logical(node):
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
            if isinstance(node, Index):
                raise self.error("one index")
            self.advance()
            node = Index(self.number(node), self.whole())
            self.take("]")
        return node

    def atom(self) -> Node:
        if self.is_symbol("("):
            opened = self.at
            self.advance()
            inner = self.expression(0)
            self.close(opened)
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
            return Number(units.scaled(value, unit[1], base) if base else value, base)
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
        return self.feature(name, opened)

    def function(self, name: str, opened: int) -> Node:
        arguments = []
        while not self.is_symbol(")"):
            argument = self.expression(0)
            if not self.is_symbol(")", ","):
                self.close(opened)
            arguments.append(argument if name in ("all", "any") else self.number(argument))
            if self.is_symbol(","):
                self.advance()
        if len(arguments) != 1 and not (name in ("min", "max") and arguments):
            raise ConfigError(
                self.path,
                got=self.text,
                expected=f"one argument for {name}, not {len(arguments)}, at column {opened + 1}",
            )
        if name in ("all", "any") and not is_logical(arguments[0]):
            raise self.error(f"a comparison inside {name}()")
        self.close(opened)
        return Function(name, tuple(arguments))

    def feature(self, name: str, opened: int) -> Node:
        meant = _similar(name)
        protocol, sweep = self.word(f"a protocol's name, as in {name}(fi){meant}"), None
        if self.is_symbol("["):
            self.advance()
            sweep = self.whole()
            self.take("]")
        options: list[tuple[str, Any]] = []
        while self.is_symbol(","):
            self.advance()
            options.append(self.option())
        self.close(opened, meant)
        return FeatureCall(name, protocol, sweep, tuple(options))

    def option(self) -> tuple[str, Any]:
        word = self.word(f"one of {', '.join(WINDOWS)}, a population, or recording=, other=, window=, reduce=")
        if not self.is_symbol("="):
            return ("window" if word in WINDOWS else "population"), word
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
    close = difflib.get_close_matches(name, (*NUMERIC, *LOGICAL), 1, 0.7)  # spike_count is not near count
    return f" (or did you mean the function {close[0]}?)" if close else ""
