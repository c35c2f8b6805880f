"""Function models for tests: well-behaved, and failing in every way a model can."""

from __future__ import annotations

import ctypes
import math
import os
import signal
import time


def parabola(p: dict[str, float]) -> dict[str, float]:
    """Two features whose targets conflict along x."""
    return {"a": p["x"] ** 2 + p["y"] ** 2, "b": (p["x"] - 1.0) ** 2 + p["y"] ** 2}


def crash(p: dict[str, float]) -> dict[str, float]:
    """Dies by a segmentation fault."""
    os.kill(os.getpid(), signal.SIGSEGV)
    return {}


def read_null(p: dict[str, float]) -> dict[str, float]:
    """Dies in native code."""
    ctypes.string_at(0)
    return {}


def hang(p: dict[str, float]) -> dict[str, float]:
    """Never returns, and does not listen to SIGTERM."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        time.sleep(0.01)


def mixed(p: dict[str, float]) -> dict[str, float]:
    """By x in [0, 1]: crash, hang, exception, nan (1.25 % each), else the parabola."""
    x = p["x"]
    if x < 0.0125:
        return crash(p)
    if x < 0.025:
        return hang(p)
    if x < 0.0375:
        raise ValueError("no such regime")
    if x < 0.05:
        return {"a": math.nan, "b": 1.0}
    return parabola(p)


def slow(p: dict[str, float]) -> dict[str, float]:
    """Takes 20 ms."""
    time.sleep(0.02)
    return parabola(p)
