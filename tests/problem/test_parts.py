"""Parts of a condition against itself: they hold where it does and, where they are all of it, only there."""

from __future__ import annotations

import numpy as np
import pytest

from neurofit.problem.expression import parse
from neurofit.problem.expression.meaning import true_at, truth
from neurofit.problem.expression.nodes import Columns, Node, walk
from neurofit.problem.expression.parts import needed, parts

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
    ("text", "number"),
    [
        ("a > 0 and b > 0", 4),  # two that are defined, and two comparisons
        ("0 < a < b", 4),
        ("v(p) > 0", 6),
        ("v(p) > a", 7),
        ("all(v(p) < w(p))", 9),
        ("increasing(v(p))", 5),
        ("decreasing(abs(v(p)))", 5),
        ("increasing(a)", 1),  # of one value, which holds also where it is undefined
        ("defined(v(p)) and a == 1", 5),
        ("defined(log(a)) and b > 0", 4),
        ("mean(v(p)) > b", 5),
        ("first(v(p)) < last(w(p))", 3),
        ("first(abs(v(p))) > 0", 2),
        ("(v(p) - w(p))[-1] > 0", 3),
        ("last(v(p) - 1) < v(p)[0]", 3),
        ("v(p)[7] > 0", 1),  # there is no such sweep
        ("a / b > 1", 3),
        ("min(v(p), w(p)) > 0", 9),
        ("count(v(p)) >= 2", 1),  # which may be undefined
        ("abs(a - 1) <= 1 and exp(-b) < 2", 4),
        ("a > 0 or b > 0", 1),
        ("a > 2 and (a > 0 or not defined(b))", 3),
        ("all(any(v(p) > 1) and a > 0)", 3),
        ("not increasing(v(p))", 1),
    ],
)
def test_all_parts_hold_where_the_whole_does_and_nowhere_else(text: str, number: int) -> None:
    node = _node(text)
    found = list(dict.fromkeys(parts(node)))
    assert len(found) == number
    features = _samples()
    held = np.array([truth(node, row) is True for row in features])
    together = np.array([all(truth(part, row) is True for part in found) for row in features])
    assert np.array_equal(held, together)
    assert held.any() or "[7]" in text
    for part in found:
        needs = list(needed(part))
        assert not (true_at(part, features) & ~np.isfinite(features[:, needs]).all(axis=1)).any()


@pytest.mark.parametrize(
    "text",
    [
        "a > 0",
        "0 < a < b",
        "a / b > log(a)",
        "min(a, b, 2) != 1",
        "mean(v(p)) > b",
        "v(p)[1] >= a",
        "a > 0 or b > 0",
        "defined(v(p))",
    ],
)
def test_what_is_true_at_all_rows_is_what_is_true_at_each(text: str) -> None:
    features = _samples()
    expected = [truth(_node(text), row) is True for row in features]
    found = true_at(_node(text), features)
    assert found.dtype == bool and found.tolist() == expected and 0 < found.sum() < len(found)


def test_a_part_reads_no_more_than_the_whole() -> None:
    node = _node("increasing(v(p)) and all(v(p) < w(p)) and a < 1")
    read = {c for n in walk(node) if isinstance(n, Columns) for c in n.columns}
    for part in parts(node):
        assert {c for n in walk(part) if isinstance(n, Columns) for c in n.columns} <= read
