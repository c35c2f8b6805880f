"""What is no YAML is told with the line that is wrong, and what would be right."""

from __future__ import annotations

from pathlib import Path

import pytest

from neurofit.config.document import parse
from neurofit.errors import ConfigError

TEXT = """\
neurofit: 1
parameters:
  a: [0.05, 0.5]
  b: 1
rules:
  silent: f(rest) == 0
  # a comment
  fires: f(steps) > 4
fit: {budget: 200, batch: 25,
      seed: 1}
"""


@pytest.mark.parametrize(
    ("old", "new", "line", "expected"),
    [
        ("0.5]", "0.5", 3, "a comma between items, and `]` behind the last"),
        ("0.5]", "0.5],", 3, "no comma behind it"),
        ("f(rest) == 0", "]", 6, "no `]` without its `[`"),
        ("b: 1", "b:\t1", 4, "spaces in place of the tab"),
        ("f(rest) == 0", "{a: f(x)[0] > 0}", 6, "quotes round a text with [ ]"),
        ("batch: 25,", "batch: 25", 10, "a comma between items, here or behind the line above"),
        ("rules:", "rules: none", 6, "nothing behind the key that it belongs to"),
        ("  # a comment", "---", 7, "one document in a file"),
        ("neurofit: 1", " neurofit: 1", 2, "no spaces before them"),
        ("f(rest) == 0", "& f", 6, "quotes round a text that begins with `&` or `*`"),
        ("0.5]", "0.5]]", 3, "no `]` without its `[`"),
        ("[0.05", '"[0.05', 3, "a closing quote"),
        ("a: [0.05, 0.5]", "a [0.05, 0.5]", 3, "`key: value`, with a colon and a space"),
        ("a: [0.05, 0.5]", "a:[0.05, 0.5]", 3, "`key: value`, with a colon and a space"),
        ("  b: 1", "   b: 1", 4, "as many spaces before it"),
        ("  b: 1", " b: 1", 4, "as many spaces before it"),
        ("  b: 1", "\tb: 1", 4, "spaces in place of the tab"),
        ("b: 1", "b: c: 1", 4, "one `: ` in a line; quotes round a text that has one"),
        ("rules:", "rules", 5, "`key: value`, with a colon and a space"),
        ("f(rest) == 0", "*f", 6, "quotes round a text that begins with `*`"),
        ("f(rest) == 0", "!(f) 0", 6, "quotes round a text that begins with `!`"),
        ("f(rest) == 0", "> 0", 6, "quotes round a text that begins with `>` or `|`"),
        ("f(rest) == 0", "%f", 6, "quotes round a text that begins with % @ or `"),
        ("f(rest) == 0", "'f' == 0", 6, "nothing behind a closing quote"),
        ("f(rest) == 0", '"\\q"', 6, "single quotes round a text with a backslash"),
        ("f(rest) == 0", "- f", 6, "a list in lines of its own, or [a, b]"),
        ("  fires", "   fires", 8, "as many spaces before it"),
        ("200, batch", "200 batch", 9, "a comma between items, and `}` behind the last"),
        ("200,", "200,,", 9, "an item between two commas"),
        ("seed: 1}", "seed: 1", 9, "a comma between items, and `}` behind the last"),
        ("seed: 1}", "seed: 1}}", 10, "no `}` without its `{`"),
        ("  b: 1", "  a: 1", 4, "each key once"),
    ],
)
def test_what_is_no_yaml(old: str, new: str, line: int, expected: str) -> None:
    assert TEXT.count(old) == 1
    with pytest.raises(ConfigError) as caught:
        parse(TEXT.replace(old, new), Path("t.yaml"))
    error = caught.value
    assert error.line == line and expected in error.expected, str(error)
    if "tag" not in str(error.got) and "again" not in str(error.got):
        assert error.got == TEXT.replace(old, new).splitlines()[line - 1].strip()
