"""Writes pyramidal.swc, a morphology of our own that no animal grew: the size and shape of a thick-tufted layer 5 cell.

    python morphology.py

The sizes follow what is known of such cells: a soma of 20 um, an apical trunk of 650 um that tapers, oblique branches
along its first 400 um, a tuft that ends about 1,100 um from the soma, and six basal trees of about 200 um. Lengths and
directions scatter by a fixed seed, so the file is the same wherever it is written. It stands for a class of cells: do
not measure it.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from pathlib import Path

SOMA, AXON, BASAL, APICAL = 1, 2, 3, 4  # SWC's types
STEP = 15.0  # um between points along a branch

Vector = tuple[float, float, float]


@dataclass(slots=True)
class Tree:
    """The points so far, as SWC rows (type, x, y, z, radius [um], parent's row), and where the scatter comes from."""

    scatter: random.Random
    rows: list[tuple[int, float, float, float, float, int]] = field(default_factory=list)

    def point(self, kind: int, at: Vector, radius: float, parent: int) -> int:
        """Adds a point; returns its number, from 1."""
        self.rows.append((kind, *at, radius, parent))
        return len(self.rows)

    def branch(self, kind: int, start: int, direction: Vector, length: float, diams: tuple[float, float]) -> int:
        """Adds an unbranched stretch [um] that wanders a little and tapers; returns its last point."""
        count = max(2, round(length / STEP))
        at, last = self.rows[start - 1][1:4], start
        for i in range(1, count + 1):
            direction = turned(direction, 6.0, self.scatter.uniform(0, 360))
            at = moved(at, direction, length / count)
            diam = diams[0] + (diams[1] - diams[0]) * i / count
            last = self.point(kind, at, diam / 2, last)
        return last

    def heading(self, point: int) -> Vector:
        """The direction in which `point` was reached."""
        row = self.rows[point - 1]
        before = self.rows[row[5] - 1]
        return unit((row[1] - before[1], row[2] - before[2], row[3] - before[3]))

    def fork(
        self, kind: int, start: int, lengths: tuple[float, ...], diams: tuple[float, ...], angle: float, ways: int = 2
    ) -> None:
        """Branches that fork again: one order for each of `lengths` [um]; `diams` [um] at the ends of the orders."""
        if not lengths:
            return
        turn = self.scatter.uniform(0, 360)
        for way in range(ways):
            direction = turned(self.heading(start), angle * self.scatter.uniform(0.8, 1.2), turn + 360 * way / ways)
            end = self.branch(kind, start, direction, lengths[0] * self.scatter.uniform(0.9, 1.1), (diams[0], diams[1]))
            self.fork(kind, end, lengths[1:], diams[1:], angle)


def unit(v: Vector) -> Vector:
    """`v` with length 1."""
    size = math.sqrt(v[0] ** 2 + v[1] ** 2 + v[2] ** 2)
    return (v[0] / size, v[1] / size, v[2] / size)


def cross(v: Vector, w: Vector) -> Vector:
    """The vector product."""
    return (v[1] * w[2] - v[2] * w[1], v[2] * w[0] - v[0] * w[2], v[0] * w[1] - v[1] * w[0])


def moved(at: Vector, direction: Vector, by: float) -> Vector:
    """`at` plus `by` times `direction`."""
    return (at[0] + by * direction[0], at[1] + by * direction[1], at[2] + by * direction[2])


def turned(v: Vector, angle: float, around: float) -> Vector:
    """Unit vector at `angle` [degrees] from `v`, to the side that `around` [degrees] says."""
    helper = (0.0, 0.0, 1.0) if abs(v[2]) < 0.9 else (1.0, 0.0, 0.0)
    a = unit(cross(v, helper))
    b = cross(v, a)
    along, across = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    c, s = math.cos(math.radians(around)), math.sin(math.radians(around))
    return unit(moved(moved((along * v[0], along * v[1], along * v[2]), a, across * c), b, across * s))


def grow() -> Tree:
    """The whole cell; the pia is towards +y."""
    tree = Tree(random.Random(5))
    soma = tree.point(SOMA, (0.0, 0.0, 0.0), 10.0, -1)
    tree.point(SOMA, (0.0, -10.0, 0.0), 10.0, soma)
    tree.point(SOMA, (0.0, 10.0, 0.0), 10.0, soma)
    _axon(tree, soma)
    for i in range(6):
        _basal(tree, soma, 60.0 * i)
    _apical(tree, soma)
    return tree


def _axon(tree: Tree, soma: int) -> None:
    start = tree.point(AXON, (0.0, -10.0, 0.0), 1.5, soma)
    hillock = tree.branch(AXON, start, (0.0, -1.0, 0.0), 30.0, (3.0, 1.5))
    tree.branch(AXON, hillock, (0.0, -1.0, 0.0), 120.0, (1.5, 1.0))


def _basal(tree: Tree, soma: int, around: float) -> None:
    direction = turned((0.0, -1.0, 0.0), 65.0 + tree.scatter.uniform(-15, 15), around + tree.scatter.uniform(-15, 15))
    surface = (10 * direction[0], 10 * direction[1], 10 * direction[2])
    start = tree.point(BASAL, surface, 1.0, soma)
    stem = tree.branch(BASAL, start, direction, 25.0 * tree.scatter.uniform(0.8, 1.2), (2.0, 1.6))
    tree.fork(BASAL, stem, (45.0, 130.0), (1.3, 1.0, 0.6), 30.0)


def _apical(tree: Tree, soma: int) -> None:
    trunk = tree.point(APICAL, (0.0, 10.0, 0.0), 2.5, soma)
    nodes = (40.0, 90.0, 145.0, 205.0, 270.0, 335.0, 400.0, 650.0)  # um from the soma's edge; no obliques at the last
    up: Vector = (0.0, 1.0, 0.0)
    reached, diam = 0.0, 5.0
    for i, node in enumerate(nodes):
        tapered = 5.0 + (2.2 - 5.0) * node / nodes[-1]
        trunk = tree.branch(APICAL, trunk, up, node - reached, (diam, tapered))
        reached, diam = node, tapered
        if node == nodes[-1]:
            break
        side = turned(up, 70.0, 137.5 * i)
        oblique = tree.branch(APICAL, trunk, side, 50.0 * tree.scatter.uniform(0.8, 1.2), (1.4, 1.1))
        tree.fork(APICAL, oblique, (110.0,), (1.0, 0.6), 30.0)
    tree.fork(APICAL, trunk, (130.0, 150.0, 170.0), (1.8, 1.4, 1.1, 0.7), 22.0)


def write(file: Path) -> None:
    """Writes the cell as SWC."""
    lines = ["# A synthetic layer 5 pyramidal cell, written by morphology.py; number type x y z radius [um] parent"]
    for number, (kind, x, y, z, radius, parent) in enumerate(grow().rows, start=1):
        lines.append(f"{number} {kind} {x:.3f} {y:.3f} {z:.3f} {radius:.3f} {parent}")
    file.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    write(Path(__file__).with_name("pyramidal.swc"))
