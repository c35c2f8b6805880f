"""Randomly damaged files: each is still a problem, or one ConfigError with file and line; nothing else comes out."""

from __future__ import annotations

import random
import re
from collections import Counter

from fit_files import BALL, write

from neurofit.config import load
from neurofit.errors import ConfigError

JUNK = [
    "null",
    "[]",
    "{}",
    "-1",
    "0",
    "1e400",
    ".nan",
    "true",
    "'x'",
    "[1,2,3]",
    "{a:b}",
    "&a[*a]",
    "soma(2).v",
    "nope(fi)>3",
    "((((",
    "fi",
    "1e-5",
    "~",
    "2001-01-01",
    "[[1,2]]",
    ":",
    "*x",
    "%",
    "0x1F",
    "soma.g_pas",
    "all",
    "inf",
    "mV",
    "!!python/object:os.system",
    "99999999999999999999999999999999999999",
]
MARKS = "{}[]:,#&*!|>'\"%@`-? \t\n0a.\0é"


def mutant(random_: random.Random) -> str:
    """BALL with one damage: a character, a line lost, doubled, moved or spoilt, or a word replaced."""
    lines = BALL.split("\n")
    i = random_.randrange(len(lines))
    match random_.randrange(7):
        case 0:
            at = random_.randrange(len(BALL))
            return BALL[:at] + random_.choice(MARKS) + BALL[at + 1 :]
        case 1:
            del lines[i]
        case 2:
            lines.insert(i, random_.choice(lines))
        case 3:
            lines[i] = lines[i].rpartition(":")[0] + ": " + random_.choice(JUNK)
        case 4:
            lines[i] = lines[i].replace(":", random_.choice("xZ_s") + ":", 1)
        case 5:
            lines[i] = " " * random_.randrange(4) + lines[i]
        case _:
            words = list(re.finditer(r"[\w.]+(?=[,\]}])|(?<=: )[^,\]}{]+", lines[i]))
            if words:
                word = random_.choice(words)
                lines[i] = lines[i][: word.start()] + random_.choice(JUNK) + lines[i][word.end() :]
    return "\n".join(lines)


def test_mutants_give_a_problem_or_one_clear_error(tmp_path):
    random_ = random.Random(20)
    outcomes: Counter[str] = Counter()
    for _ in range(150):
        text = mutant(random_)
        file = write(tmp_path, text)
        try:
            load(file)
            outcomes["problem"] += 1
        except ConfigError as error:
            outcomes["error"] += 1
            assert error.exit_code == 2 and error.file == str(file) and error.line is not None, text
            assert error.expected and "\n" not in str(error) and len(str(error)) < 1500, str(error)
    assert outcomes["error"] > 75  # most damage is noticed; names, say, may be anything
