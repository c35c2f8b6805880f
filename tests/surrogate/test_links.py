"""How far a label and a margin are trusted, against likelihoods written down on their own."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from neurofit.problem.expression import parse
from neurofit.surrogate.links import Links
from neurofit.surrogate.outputs import Condition

NODE = parse("a > 0.5").resolve(lambda _: (), {"a": 0}).node
BOTH = Condition(rule=0, label=1, formula=NODE, scale=0.2)
LABEL, MARGIN = Condition(rule=1, label=1), Condition(rule=2, label=-1, margin=0)


def _held(known_to: float = 0.01, n: int = 200) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """raw (4, n, 2) whose label is blurred, features (4, n, 1) that are `known_to` a deviation, labels (n, 2)."""
    rng = np.random.default_rng(1)
    a = rng.random(n)
    label = np.clip(4 * (a - 0.5), -1, 1) + 0.3 * rng.standard_normal((4, n))
    raw = torch.from_numpy(np.stack([label, np.zeros((4, n))], -1)).float()
    features = torch.from_numpy(a + known_to * rng.standard_normal((4, n)))[..., None].float()
    # The verdict is the last column, which stands for no condition without a label.
    return (
        raw.flip(-1),
        features,
        torch.from_numpy(np.stack([np.full(n, np.nan), np.where(a > 0.5, 1.0, -1.0)], -1)).float(),
    )


def test_before_anything_is_learned_label_and_margin_say_half_each_or_one_of_them_all() -> None:
    links = Links.unlearned([BOTH, LABEL, MARGIN])
    assert links.weights.tolist() == [[0, 2, 2], [0, 4, 0], [0, 0, 4]]
    raw, features = torch.tensor([[-2.0, 0.5]]), torch.tensor([[0.7]])
    half = (0.5 + np.tanh(1.0)) / 2
    assert links.holds(raw, features)[0].tolist() == pytest.approx([half, 0.5, np.tanh(-2.0)], abs=1e-6)


def test_without_conditions_everything_holds() -> None:
    raw, features, came = _held()
    links = Links.unlearned([]).learned(raw, features, came)
    assert torch.equal(links.holds(raw, features), torch.ones(4, 200, 1))


def test_conditions_that_say_alike_share_what_they_say() -> None:
    """Three that are the same are a third each; one that is the opposite, one that is independent and one without a
    label are whole; where a label is not known it is no evidence.
    """
    first, other = np.repeat([1.0, -1.0], 40), np.tile([1.0, 1.0, -1.0, -1.0], 20)
    half = np.where(np.arange(80) % 2, np.nan, first)
    labels = np.column_stack([first, first, half, -first, other, np.full(80, np.nan)])
    links = Links.unlearned([Condition(rule, label) for rule, label in enumerate((0, 1, 2, 3, 4, -1))])
    assert links.own(labels) == pytest.approx([1 / 3, 1 / 3, 1 / 3, 1, 1, 1], abs=1e-6)


def test_a_condition_that_is_half_said_by_another_is_most_of_it() -> None:
    """Its correlation, by numpy's own, is .577: it is 1 / (1 + .333)."""
    first, second = np.repeat([1.0, -1.0], 50), np.repeat([1.0, -1.0], [75, 25])
    r = np.corrcoef(first, second)[0, 1]
    links = Links.unlearned([Condition(0, 0), Condition(1, 1)])
    assert links.own(np.column_stack([first, second])) == pytest.approx([1 / (1 + r**2)] * 2)
    assert Links.unlearned([]).own(np.zeros((5, 0))) == pytest.approx([1.0])
    formula = Links.unlearned([Condition(0, -1, formula=NODE)])  # of features that are all constant
    assert formula.own(np.zeros((5, 0))) == pytest.approx([1.0])


def test_what_was_learned_is_likelier_than_what_is_near_it() -> None:
    """-log posterior, written down on its own, grows where a weight is moved by a quarter, the constant by 0.3."""
    raw, features, came = _held(known_to=0.1)
    came[0] = -came[0]  # one that is wrong, and surely so
    label, margin = raw[..., 1].double().numpy(), np.tanh((features[..., 0].double().numpy() - 0.5) / 0.2)
    held = came[:, 1].numpy() > 0

    def surprise(w: np.ndarray) -> float:
        p = (1 / (1 + np.exp(-(w[0] + w[1] * label + w[2] * margin)))).mean(axis=0).clip(1e-4, 1 - 1e-4)
        off = np.array([w[0] / 0.5, np.log(w[1] / 2) / 1.0, np.log(w[2] / 2) / 2.0])
        return float(-np.log(np.where(held, p, 1 - p)).sum() + 0.5 * (off**2).sum())

    found = Links.unlearned([BOTH]).learned(raw, features, came).weights[0].double().numpy()
    for j, step in enumerate((0.3, found[1] / 4, found[2] / 4)):
        for moved in (-step, step):
            assert surprise(found + moved * np.eye(3)[j]) > surprise(found)
    assert surprise(np.array([0.0, 2.0, 2.0])) > surprise(found) + 2


def test_a_margin_that_is_known_well_decides_near_the_border_and_one_that_is_not_does_not() -> None:
    raw, features, came = _held()
    sharp = Links.unlearned([BOTH]).learned(raw, features, came)
    noisy = torch.randn(features.shape, generator=torch.Generator().manual_seed(1))
    assert sharp.weights[0, 2] > 8.0 and Links.unlearned([BOTH]).learned(raw, noisy, came).weights[0, 2] < 1.0
    # A quarter of the typical margin inside, where the label says nothing.
    near = torch.tensor([[0.0, 0.0]]), torch.tensor([[0.55]])
    before, after = (float(torch.sigmoid(4 * links.holds(*near))) for links in (Links.unlearned([BOTH]), sharp))
    assert before < 0.65 and after > 0.85


def test_what_is_not_known_teaches_nothing() -> None:
    raw, features, came = _held()
    some = came.clone()
    some[100:] = torch.nan
    half = Links.unlearned([BOTH]).learned(raw[:, :100], features[:, :100], came[:100])
    assert torch.allclose(half.weights, Links.unlearned([BOTH]).learned(raw, features, some).weights, atol=1e-5)
    none = Links.unlearned([MARGIN]).learned(raw, features, came)
    assert none.weights.tolist() == [[0, 0, 4]]
