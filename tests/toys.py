"""Function models for tests: well-behaved, and failing in every way a model can.

Each takes the parameters x in [0, 1] and y in [-1, 1]; where only some candidates are to fail, x decides. Problems with
known answers, for the search, are in toy_problems.py.
"""

from __future__ import annotations

import ctypes
import math
import os
import signal
import sys
import time


def parabola(p: dict[str, float]) -> dict[str, float]:
    """Two features whose targets conflict along x."""
    return {"a": p["x"] ** 2 + p["y"] ** 2, "b": (p["x"] - 1.0) ** 2 + p["y"] ** 2}


def slow(p: dict[str, float]) -> dict[str, float]:
    """Takes 20 ms."""
    time.sleep(0.02)
    return parabola(p)


def sleeper(p: dict[str, float]) -> dict[str, float]:
    """Takes x seconds."""
    time.sleep(p["x"])
    return parabola(p)


def process(p: dict[str, float]) -> dict[str, float]:
    """The numbers of its process and of its process group, after 10 ms."""
    time.sleep(0.01)
    return {"a": os.getpid(), "b": os.getpgid(0)}


def crash(p: dict[str, float]) -> dict[str, float]:
    """Dies by a segmentation fault."""
    os.kill(os.getpid(), signal.SIGSEGV)
    return {}


def read_null(p: dict[str, float]) -> dict[str, float]:
    """Dies in native code."""
    ctypes.string_at(0)
    return {}


def last_words(p: dict[str, float]) -> dict[str, float]:
    """Speaks on both streams, past Python, and leaves without a clean-up."""
    os.write(1, b"integrating\n")
    os.write(2, b"cvode: step size too small\n\n")
    os._exit(7)


def says_and_exits(p: dict[str, float]) -> dict[str, float]:
    """Leaves as a script does."""
    sys.exit("no licence")


def kills_itself(p: dict[str, float]) -> dict[str, float]:
    """Dies as if by the system's out-of-memory killer, where x < 0.5."""
    if p["x"] < 0.5:
        os.kill(os.getpid(), signal.SIGKILL)
    return parabola(p)


def hangs_up(p: dict[str, float]) -> dict[str, float]:
    """Closes every descriptor it has no name for, where x < 0.5, and lives on."""
    if p["x"] < 0.5:
        os.closerange(3, 256)
        time.sleep(600.0)
    return parabola(p)


def orphans(p: dict[str, float]) -> dict[str, float]:
    """Dies where x < 0.5 while a forked child of it lives on, with all it had open."""
    if p["x"] < 0.5:
        if os.fork() == 0:
            time.sleep(600.0)
            os._exit(0)
        os._exit(9)
    return parabola(p)


def hang(p: dict[str, float]) -> dict[str, float]:
    """Never returns, and does not listen to SIGTERM."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        time.sleep(0.01)


def chatter(p: dict[str, float]) -> dict[str, float]:
    """Writes what could be taken for messages, past Python, and 100 kB of it."""
    for descriptor in (1, 2):
        os.write(descriptor, b"\x08\0\0\0\0\0\0\0" * 12_500)
    print("done")
    return parabola(p)


def mixed(p: dict[str, float]) -> dict[str, float]:
    """By x in [0, 1]: crash (2.3 %), hang (0.2 %), exception, nan (1.25 % each), else the parabola."""
    x = p["x"]
    if x < 0.023:
        return crash(p)
    if x < 0.025:
        return hang(p)
    if x < 0.0375:
        raise ValueError("no such regime")
    if x < 0.05:
        return {"a": math.nan, "b": 1.0}
    return parabola(p)


def answers(p: dict[str, float]) -> object:
    """By y: what a function may wrongly return, or rightly."""
    kind = round(p["y"])
    return [
        {"a": 1.0, "b": 2, "more": 3.0},
        {"a": 1.0},
        {"a": 1.0, "b": None},
        {"a": math.inf, "b": -math.inf},
        {"a": "1.0", "b": 2.0},
        {"a": [1.0, 2.0], "b": 2.0},
        {"a": 10**400, "b": 2.0},
        [1.0, 2.0],
        None,
    ][kind]
