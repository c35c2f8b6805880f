"""Margins of predicted features are the rules' own: numpy's evaluation of the same expression, with usable slopes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from neurofit.problem.expression import Expression, parse
from neurofit.surrogate.formulas import margin, relative

# Columns: f(fi) is 0 to 2, v(p) is 3; the plain names a, b are 3 and 4.
COLUMNS = {"fi": (0, 1, 2), "p": (3,)}
EQUAL = 0.5  # what `==` gains, and `!=` loses, against numpy's margin

RULES = [
    "a < 1.5",
    "a <= b",
    "a > 2 mV",
    "0.5 < a < 2.5",
    "b > a >= v(p) - 1",
    "f(fi) > 1.5",
    "a > 1 and b < 2",
    "a > 1 or b < 2",
    "a > 1 and (b < 2 or f(fi)[1] > 1) and b > 0.3",
    "not a > 1",
    "not (a > 1 and b < 2)",
    "abs(a - b) < 1",
    "abs(v(p) - 1.2 mV) * 2 <= b",
    "a ** 2 < b",
    "a ** 0.5 + b ** 3 > 4",
    "2 ** a > b",
    "-a + b - 2 * a / b > -1",
    "f(fi)[-1] / f(fi)[0] >= 2",
    "increasing(f(fi))",
    "decreasing(f(fi)) or a > 1",
    "all(f(fi) > 1)",
    "any(f(fi) > 2.5)",
    "any(1 < f(fi) and f(fi) < a)",
    "not any(f(fi) > mean(f(fi)) + 1)",
    "max(f(fi)) - min(f(fi)) > 1",
    "max(a, b) < 2 * min(a, b, v(p) + 1)",
    "mean(f(fi)) + sum(f(fi)) > 5",
    "std(f(fi)) < 1",
    "last(f(fi)) > first(f(fi))",
    "exp(a) > 3 and log(b) < 0.2 and sqrt(a) > 1",
    "count(f(fi)) > 2.5",
]


def resolved(text: str) -> Expression:
    return parse(text).resolve(lambda call: COLUMNS[str(call.protocol)], {"a": 3, "b": 4})


def features(shape: tuple[int, ...] = (300,)) -> np.ndarray:
    """Positive, as the roots and powers ask for."""
    return np.random.default_rng(1).uniform(0.1, 3.0, (*shape, 5))


def told(text: str, f: np.ndarray | Tensor) -> Tensor:
    found = margin(resolved(text).node, torch.as_tensor(f))
    assert found is not None
    return found


@pytest.mark.parametrize("text", RULES)
def test_margins_are_numpys_and_have_the_truths_sign(text: str) -> None:
    """To 1e-12: the same operations in the same precision."""
    f = features()
    expression, found = resolved(text), told(text, f).numpy()
    assert found.shape == (300,)
    assert np.allclose(found, [expression.margin(row) for row in f], rtol=1e-12, atol=1e-12)
    assert (found > 0).tolist() == [expression.truth(row) for row in f]


@pytest.mark.parametrize("text", RULES)
def test_slopes_are_finite_and_those_of_differences(text: str) -> None:
    f = torch.tensor(features((40,)), requires_grad=True)
    (slope,) = torch.autograd.grad(told(text, f).sum() + 0 * f.sum(), f)
    assert torch.isfinite(slope).all()
    step = 1e-6
    for j in range(5):
        moved = step * torch.eye(5, dtype=torch.float64)[j]
        central = (told(text, f + moved) - told(text, f - moved)) / (2 * step)
        # 1e-6 is the step's own error; no random point is within a step of a kink.
        assert torch.allclose(slope[:, j], central, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("text", RULES)
@pytest.mark.parametrize("at", [0.0, -2.0, 1.0, 1e4])
def test_slopes_are_finite_in_single_precision_where_a_formula_is_not(text: str, at: float) -> None:
    """Equal features, zeros, and roots and logarithms of what is negative: a prediction may be anything."""
    f = torch.full((1, 5), at, requires_grad=True)
    found = told(text, f)
    (slope,) = torch.autograd.grad(found.sum() + 0 * f.sum(), f)
    assert torch.isfinite(slope).all() and not torch.isnan(found).any()


@pytest.mark.parametrize("text", ["(a - 2) ** 2 < 0.5", "(a - b) ** 3 < 1"])
def test_whole_powers_of_what_is_negative_are_numpys(text: str) -> None:
    """Voltages are negative, and so are differences."""
    f = features()
    assert np.allclose(told(text, f).numpy(), [resolved(text).margin(row) for row in f], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("text", "shift"), [("a == 2", EQUAL), ("a != 2", -EQUAL)])
def test_equality_of_counts_holds_within_half_a_count(text: str, shift: float) -> None:
    f = features()
    f[:, 3] = np.round(f[:, 3])
    expression, found = resolved(text), told(text, f).numpy()
    assert np.allclose(found, [expression.margin(row) + shift for row in f], rtol=0, atol=1e-12)
    assert (found > 0).tolist() == [expression.truth(row) for row in f]


def test_a_batch_of_members_keeps_its_axes() -> None:
    f = features((4, 7))
    for text in RULES:
        assert torch.equal(told(text, f), told(text, f.reshape(28, 5)).reshape(4, 7))


def test_what_is_no_inequality_has_no_margin() -> None:
    """`defined` is learned apart: it drops out of an `and`, and leaves an `or` without a margin."""
    f = torch.as_tensor(features())
    assert margin(resolved("defined(v(p))").node, f) is None
    assert margin(resolved("not defined(v(p))").node, f) is None
    assert margin(resolved("a > 1 or defined(v(p))").node, f) is None
    assert torch.equal(told("a > 1 and defined(v(p))", f), told("a > 1", f))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a > 1.5 * b", lambda a, b, f: (a - 1.5 * b) / (a + 1.5 * b)),
        ("b < a - 1", lambda a, b, f: (a - 1 - b) / (a + 1 + b)),
        ("abs(a - b) < 1", lambda a, b, f: (1 - abs(a - b)) / (a + b + 1)),
        ("a / b >= 2", lambda a, b, f: (a / b - 2) / (a / b + 2)),
        ("-a > -b", lambda a, b, f: (b - a) / (a + b)),
        ("f(fi)[0] < f(fi)[-1]", lambda a, b, f: (f[2] - f[0]) / (f[2] + f[0])),
        ("f(fi) > a", lambda a, b, f: min((f - a) / (f + a))),
        ("increasing(f(fi))", lambda a, b, f: min(np.diff(f) / (f[1:] + f[:-1]))),
        ("decreasing(f(fi))", lambda a, b, f: min(-np.diff(f) / (f[1:] + f[:-1]))),
        ("a > b and a < f(fi)[0]", lambda a, b, f: min((a - b) / (a + b), (f[0] - a) / (f[0] + a))),
    ],
)
def test_features_weighed_against_each_other_have_a_relative_margin(text: str, expected) -> None:
    """By hand, to 1e-12: the same numbers, in another order of operations. Its sign is the plain margin's."""
    f = features()
    found = relative(resolved(text).node, torch.as_tensor(f))
    assert found is not None
    assert np.allclose(found.numpy(), [expected(row[3], row[4], row[:3]) for row in f], rtol=1e-12, atol=1e-12)
    assert torch.equal(found > 0, told(text, f) > 0)


@pytest.mark.parametrize(
    "text", ["a > 1", "a + b > 1", "0.5 < a < 2", "f(fi) > 1", "a == b", "a > b or a > 1", "a > b and a > 1"]
)
def test_features_held_against_numbers_have_no_relative_margin(text: str) -> None:
    """Their plain margin is a feature's own, or a sum's, which the features' predictions give well."""
    assert relative(resolved(text).node, torch.as_tensor(features())) is None
