"""What the YAML parser's errors mean to the one who wrote the file: which line is wrong, and what would be right."""

from __future__ import annotations

import re

from ruamel.yaml.error import MarkedYAMLError

_LONGEST = 60  # characters of a line that an error shows
_PAIR = "`key: value`, with a colon and a space"
_ALIKE = "as many spaces before it as before the other keys of its mapping, here and in the lines above"
_QUOTES = "quotes round a text that begins with"
_BRACKETS = "a comma between items, or quotes round a text with [ ] or { }"
_UNOPENED = {"]": "no `]` without its `[`", "}": "no `}` without its `{`"}
_OPENING = {"]": "[", "}": "{"}
# What the parser says begins with one of these, and what would be right in the line where it began to read.
_WHERE_IT_BEGAN = {
    "found unexpected end of stream": "a closing quote",
    "could not find expected ':'": _PAIR,
}
# And in the line where it stopped.
_WHERE_IT_STOPPED = {
    "expected <block end>, but found ']'": _UNOPENED["]"],
    "expected <block end>, but found '}'": _UNOPENED["}"],
    "expected <block end>, but found ','": "no comma behind it, or brackets round what it parts",
    "expected <block end>, but found '<scalar>'": "nothing behind a closing quote (or one above lacks it)",
    "expected <block end>, but found ": _ALIKE,
    "expected the node content, but found ']'": _UNOPENED["]"],
    "expected the node content, but found '}'": _UNOPENED["}"],
    "expected the node content, but found '<stream end>'": "what is in the brackets, and the closing one",
    "expected the node content": "an item between two commas",
    "expected '<document start>'": "one mapping from the first line on, whose keys have no spaces before them",
    "but found another document": "one document in a file, without `---` or `...` behind its first line",
    "found undefined alias": f"{_QUOTES} `*`",
    "expected alphabetic or numeric character": f"{_QUOTES} `&` or `*`",
    "found character '\\t'": "spaces in place of the tab",
    "found character '": f"{_QUOTES} % @ or `",
    "expected a comment or a line break": f"{_QUOTES} `>` or `|`",
    "expected chomping or indentation": f"{_QUOTES} `>` or `|`",
    "sequence entries are not allowed": "a list in lines of its own, or [a, b]",
    "found unknown escape character": "single quotes round a text with a backslash",
}


def meant(error: MarkedYAMLError, text: str) -> tuple[int | None, str, str]:
    """(line counted from 1, what was found there, what would be right) of an error in `text`."""
    problem = (error.problem or "a syntax error").strip().splitlines()[0]
    stopped, began = error.problem_mark or error.context_mark, error.context_mark or error.problem_mark
    if stopped is None or began is None:
        return None, problem, "YAML"
    if twice := re.match(r'found duplicate key "([^"]*)"', problem):
        return stopped.line + 1, f"{twice[1]} again", "each key once"
    lines = text.splitlines() or [""]
    if problem.startswith("mapping values are not allowed"):
        number, expected = _colon(lines, stopped.line, stopped.column)
    elif bracket := re.match(r"expected ',' or '([]}])', but got '(.*?)'", problem):
        number, expected = _item(text, bracket[1], bracket[2], began.line, stopped.line)
    elif found := _of(problem, _WHERE_IT_BEGAN):
        number, expected = began.line, found
    elif found := _of(problem, _WHERE_IT_STOPPED):
        number, expected = stopped.line, found
    else:
        return stopped.line + 1, problem, f"YAML: {_PAIR}"
    number = min(number, len(lines) - 1)  # the end of a file is behind its last line
    shown = lines[number].strip() or "nothing but spaces or tabs"
    return number + 1, shown[:_LONGEST] + "..." * (len(shown) > _LONGEST), expected


def _of(problem: str, known: dict[str, str]) -> str:
    return next((expected for start, expected in known.items() if problem.startswith(start)), "")


def _item(text: str, closing: str, got: str, began: int, stopped: int) -> tuple[int, str]:
    """The line, counted from 0, and what would be right, where an item in brackets is neither followed by a comma nor
    by the bracket `closing`: that of the first bracket where it is never closed.
    """
    if got in ("[", "{"):
        return stopped, _BRACKETS
    if text.count(_OPENING[closing]) > text.count(closing):
        return began, f"a comma between items, and `{closing}` behind the last"
    above = ", here or behind the line above" if stopped > began else ""
    return stopped, f"a comma between items{above}, and `{closing}` behind the last"


def _colon(lines: list[str], number: int, column: int) -> tuple[int, str]:
    """The line, counted from 0, and what would be right, of a colon that is not expected in line `number`: the second
    one of that line, or the one before has none, which then goes on, or the two are not indented alike.
    """
    if re.search(r":\s", lines[number][:column]):
        return number, "one `: ` in a line; quotes round a text that has one"
    above = next((i for i in range(number - 1, -1, -1) if lines[i].strip() and lines[i].lstrip()[0] != "#"), number)
    if not re.search(r":(\s|$)", lines[above]):
        return above, _PAIR
    return number, f"{_ALIKE}; or nothing behind the key that it belongs to"
