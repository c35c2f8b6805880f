"""What the YAML parser's errors mean to the one who wrote the file: which line is wrong, and what would be right."""

from __future__ import annotations

import re

from ruamel.yaml.error import MarkedYAMLError

_LONGEST = 60  # characters of a line that an error shows
_PAIR = "`key: value`, with a colon and a space"
_ALIKE = "as many spaces before it as before the other keys of its mapping, here and in the lines above"
_QUOTES = "quotes round a text that begins with"
# What the parser says begins with, whether the line is the one where it began to read (else where it stopped), and what
# would be right.
_KNOWN = (
    ("found unexpected end of stream", True, "a closing quote"),
    ("could not find expected ':'", True, _PAIR),
    ("expected ',' or ']'", True, "a comma between items, and `]` behind the last"),
    ("expected ',' or '}'", True, "a comma between items, and `}` behind the last"),
    ("expected <block end>, but found ']'", False, "no `]` without its `[`"),
    ("expected <block end>, but found '}'", False, "no `}` without its `{`"),
    ("expected <block end>, but found '<scalar>'", False, "nothing behind a closing quote or bracket"),
    ("expected <block end>, but found ", False, _ALIKE),
    (
        "expected the node content, but found '<stream end>'",
        False,
        "what is in the brackets, and the closing one",
    ),
    ("expected the node content", False, "an item between two commas"),
    ("found undefined alias", False, f"{_QUOTES} `*`"),
    ("found character '\\t'", False, "spaces, no tabs, before a key"),
    ("found character '", False, f"{_QUOTES} % @ or `"),
    ("expected a comment or a line break", False, f"{_QUOTES} `>` or `|`"),
    ("expected chomping or indentation", False, f"{_QUOTES} `>` or `|`"),
    ("sequence entries are not allowed", False, "a list in lines of its own, or [a, b]"),
    ("found unknown escape character", False, "single quotes round a text with a backslash"),
)


def meant(error: MarkedYAMLError, text: str) -> tuple[int | None, str, str]:
    """(line counted from 1, what was found there, what would be right) of an error in `text`."""
    problem = (error.problem or "a syntax error").strip().splitlines()[0]
    stopped, began = error.problem_mark or error.context_mark, error.context_mark or error.problem_mark
    if stopped is None or began is None:
        return None, problem, "YAML"
    lines = text.splitlines() or [""]
    if twice := re.match(r'found duplicate key "([^"]*)"', problem):
        return stopped.line + 1, f"{twice[1]} again", "each key once"
    if problem.startswith("mapping values are not allowed"):
        number, expected = _colon(lines, stopped.line, stopped.column)
    else:
        known = next((known for known in _KNOWN if problem.startswith(known[0])), None)
        if known is None:
            return stopped.line + 1, problem, f"YAML: {_PAIR}"
        number, expected = (began if known[1] else stopped).line, known[2]
    number = min(number, len(lines) - 1)  # the end of a file is behind its last line
    shown = lines[number].strip()
    return number + 1, shown[:_LONGEST] + "..." * (len(shown) > _LONGEST), expected


def _colon(lines: list[str], number: int, column: int) -> tuple[int, str]:
    """The line, counted from 0, and what would be right, of a colon that is not expected in line `number`: the second
    one of that line, or the one before has none, which then goes on, or the two are not indented alike.
    """
    if re.search(r":\s", lines[number][:column]):
        return number, "one `: ` in a line; quotes round a text that has one"
    above = next((i for i in range(number - 1, -1, -1) if lines[i].strip() and lines[i].lstrip()[0] != "#"), number)
    return (number, _ALIKE) if re.search(r":(\s|$)", lines[above]) else (above, _PAIR)
