"""Writes the three morphologies of cells/, which both sides read: one compartment, two, and a tree of 141 segments.

python -m benchmarks.speed.morphology
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

HERE = Path(__file__).parent / "cells"
SOMA, BASAL = 1, 3  # SWC's types
TREES, ORDERS, BRANCH = 4, 3, 100.0  # trees on the soma, orders of branching in each, um of every branch
THICK = 2.0  # um: a tree's first branch; its daughters keep diam^(3/2) (Rall 1959, Exp Neurol 1:491-527)

Point = tuple[int, float, float, float, int]  # type, x, y [um], radius [um], parent's number


def soma(length: float, diam: float) -> list[Point]:
    """A cylinder on the x axis, its middle at 0 [um]; three points in a chain, as two would be too few for a soma."""
    radius = diam / 2
    return [
        (SOMA, -length / 2, 0.0, radius, -1),
        (SOMA, 0.0, 0.0, radius, 1),
        (SOMA, length / 2, 0.0, radius, 2),
    ]


def tree_points() -> list[Point]:
    """29 sections: a soma, and four trees that fork twice; 5 segments in each branch with 40 um for the longest."""
    points = soma(20.0, 20.0)
    for tree in range(TREES):
        # (number of the point it starts at, angle, order); the second point is the soma's middle
        waiting = [(2, 2 * math.pi * tree / TREES + 0.4, 0)]
        while waiting:
            start, angle, order = waiting.pop(0)
            diam = THICK * 2 ** (-2 / 3 * order)
            x, y = points[start - 1][1:3] if order else (10.0 * math.cos(angle), 10.0 * math.sin(angle))
            steps = 5
            # what starts at the soma needs a first point of its own: its length must not count from the soma's middle
            last = start
            for i in range(1 if order else 0, steps + 1):
                along = BRANCH * i / steps
                points.append((BASAL, x + along * math.cos(angle), y + along * math.sin(angle), diam / 2, last))
                last = len(points)
            if order + 1 < ORDERS:
                waiting += [(last, angle + side * 0.5 / (order + 1), order + 1) for side in (-1, 1)]
    return points


def two_points() -> list[Point]:
    """Soma (12 um) and dendrite (108 um) of one diameter, one section each."""
    start = (BASAL, 6.0, 0.0, 2.5, 3)
    return [*soma(12.0, 5.0), start, (BASAL, 60.0, 0.0, 2.5, 4), (BASAL, 114.0, 0.0, 2.5, 5)]


def swc(points: list[Point]) -> str:
    """The points as an SWC file, on the plane z = 0."""
    rows = [f"{i} {kind} {x:.4f} {y:.4f} 0 {r:.6f} {parent}" for i, (kind, x, y, r, parent) in enumerate(points, 1)]
    return "\n".join(["# written by benchmarks/speed/morphology.py", *rows, ""])


def texts() -> Mapping[str, str]:
    """The content of each file by name."""
    return {"one.swc": swc(soma(20.0, 20.0)), "two.swc": swc(two_points()), "tree.swc": swc(tree_points())}


if __name__ == "__main__":
    for name, text in texts().items():
        (HERE / name).write_text(text, encoding="utf-8")
