"""Parts of a condition against itself: they hold where it does and, where they are all of it, only there."""

from __future__ import annotations

import numpy as np
import pytest

from neurofit.problem.expression import parse
from neurofit.problem.expression.meaning import truth
from neurofit.problem.expression.nodes import Columns, Node, walk
from neurofit.problem.expression.parts import parts

_COLUMNS = {"a": (0,), "b": (1,), "v": (2, 3, 4), "w": (5, 6, 7)}  # a, b: one number; v, w: of three sweeps


def _node(text: str) -> Node:
    return parse(text).resolve(lambda call: _COLUMNS[call.name], {"a": 0, "b": 1}).node


def _samples() -> np.ndarray:
    """(4000, 8) small whole numbers, a tenth of them undefined: all verdicts are frequent, and so are ties."""
    rng = np.random.default_rng(1)
    features = rng.integers(-1, 4, (4000, 8)).astype(float)
    features[rng.random(features.shape) < 0.1] = np.nan
    return features


@pytest.mark.parametrize(
    ("text", "number", "whole"),
    [
        ("a > 0 and b > 0", 4, True),  # two that are defined, and two comparisons
        ("0 < a < b", 4, True),
        ("v(p) > 0", 6, True),
        ("all(v(p) < w(p))", 9, True),
        ("increasing(v(p))", 5, True),
        ("decreasing(abs(v(p)))", 5, True),
        ("defined(v(p)) and a == 1", 5, True),
        ("mean(v(p)) > b", 5, True),
        ("first(v(p)) < last(w(p))", 3, True),
        ("count(v(p)) >= 2", 1, True),  # which may be undefined
        ("abs(a - 1) <= 1 and exp(-b) < 2", 4, True),
        ("a > 0 or b > 0", 1, True),
        ("a > 2 and (a > 0 or not defined(b))", 3, True),
        ("not increasing(v(p))", 1, True),
    ],
)
def test_all_parts_hold_where_the_whole_does(text: str, number: int, whole: bool) -> None:
    node = _node(text)
    found = list(dict.fromkeys(parts(node)))
    assert len(found) == number
    features = _samples()
    held = np.array([truth(node, row) is True for row in features])
    together = np.array([all(truth(part, row) is True for part in found) for row in features])
    assert 0 < held.sum() < len(held)
    assert np.array_equal(held, together) if whole else not (held & ~together).any()


def test_a_part_reads_no_more_than_the_whole() -> None:
    node = _node("increasing(v(p)) and all(v(p) < w(p)) and a < 1")
    read = {c for n in walk(node) if isinstance(n, Columns) for c in n.columns}
    for part in parts(node):
        assert {c for n in walk(part) if isinstance(n, Columns) for c in n.columns} <= read
