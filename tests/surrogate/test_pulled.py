"""Networks that are pulled to the data: through what was seen, as the networks where nothing is near, and by rows that
were not foretold otherwise than they could have been.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from test_net import MEMBERS, cube, drawn, outputs, training

from neurofit.surrogate import pulled
from neurofit.surrogate.pulled import Pulled

SEEN = cube(96, 1)


@pytest.fixture(scope="module")
def fitted() -> Pulled:
    return pulled.fit(training(SEEN, outputs(SEEN), (False, True)), MEMBERS, 1)


def test_waves_are_met_better_than_by_the_networks_alone_and_new_points_too() -> None:
    """Four outputs that wave along one axis of three: errors of .76 and .86 of the networks' own were seen."""

    def waves(u: np.ndarray) -> np.ndarray:
        return np.stack([np.sin((6 + k) * u[:, 0] + k) * (1 + u[:, 1]) for k in range(4)], axis=1)

    model, new = pulled.fit(training(SEEN, waves(SEEN), (False,) * 4), MEMBERS, 1), cube(400, 2)
    for u, share in ((SEEN, 0.85), (new, 0.92)):
        alone, now = (np.abs(drawn(m, u).mean(0) - waves(u)).mean() for m in (model.networks, model))  # type: ignore
        assert now < share * alone
    length = model.pulls[0].length
    assert length[0] < length[1] / 2 and length[0] < length[2] / 2  # the kernel found the axis


def test_weights_are_those_of_the_kernel_by_hand() -> None:
    """Two members' noise is mirrored, so that their mean solves (K + noise) w = what is missed."""
    generator = torch.Generator().manual_seed(3)
    x = torch.rand((12, 2), dtype=torch.float64, generator=generator)
    unseen = torch.stack([torch.sin(5 * x[:, 0]), x[:, 1] ** 2], dim=1)
    rough = torch.linspace(0, 1, 12, dtype=torch.float64)
    kernel = pulled._most_likely(x, unseen, rough, generator)
    missed = torch.stack([unseen, unseen])
    pull = kernel.pull(torch.tensor([0, 1]), missed, generator)
    z = (x / kernel.length).numpy()
    r = np.sqrt(5.0) * np.linalg.norm(z[:, None] - z[None], axis=-1)
    covariance = (1 + r + r * r / 3) * np.exp(-r) + np.diag(kernel.noise.numpy())
    weights = np.linalg.solve(covariance, unseen.numpy())
    found = pull.weights.mean(0).numpy()
    assert found == pytest.approx(weights, abs=1e-4 * np.abs(weights).max())  # single precision
    at = torch.rand((5, 2), generator=generator)
    r = np.sqrt(5.0) * np.linalg.norm((at / kernel.length.float()).numpy()[:, None] - z[None], axis=-1)
    by_hand = (1 + r + r * r / 3) * np.exp(-r) @ weights
    assert pull.at(at).mean(0).numpy() == pytest.approx(by_hand, abs=2e-3 * np.abs(by_hand).max())
    assert (np.diff(kernel.noise.numpy()) > 0).all()  # rough rows say less


def test_a_signal_is_the_most_likely_one() -> None:
    """Twice the values, twice the signal, and all else the same."""
    generator = torch.Generator().manual_seed(3)
    x = torch.rand((20, 2), dtype=torch.float64, generator=generator)
    values = torch.stack([torch.sin(5 * x[:, 0]), 2 * torch.sin(5 * x[:, 0])], dim=1)
    kernel = pulled._most_likely(x, values, torch.zeros(20).double(), generator)
    assert float(kernel.signal[1] / kernel.signal[0]) == pytest.approx(2.0, rel=1e-6)


def test_what_was_not_seen_pulls_nothing() -> None:
    """An output that is missing at every row but a few in one corner is the networks' own word far from there."""
    y = outputs(SEEN)[:, :1].repeat(2, 1)
    near = (SEEN < 0.35).all(axis=1)
    y[~near, 1] = np.nan
    model = pulled.fit(training(SEEN, y, (False, False)), MEMBERS, 1)
    with torch.no_grad():
        far = torch.full((1, 3), 0.95, dtype=torch.float64)
        moved = (model.of_all(far) - model.networks.of_all(far)).abs()[..., 1]
    kernel = model.pulls[0]
    missing = kernel.weights[:, torch.from_numpy(~near), 1]
    assert near.sum() >= 2 and missing.abs().max() < kernel.weights[..., 1].abs().max()
    assert float(moved.max()) < float(np.nanstd(y[:, 1]))


def test_a_batch_is_foretold_without_it() -> None:
    """What the newest rows came to changes the foretold of none of them beyond what its kernel learned of them."""
    groups = np.array([*range(64), *[64] * 32])
    lesson = training(SEEN, outputs(SEEN)[:, :1], (False,), groups)
    model = pulled.fit(lesson, MEMBERS, 1)
    error = model.held_mean[64:, 0] - lesson.y[64:, 0]
    there = drawn(model, SEEN[64:]).mean(0)[:, 0] - lesson.y[64:, 0]  # type: ignore[arg-type]
    assert np.abs(there).mean() < 0.2 * np.abs(error).mean()  # it was not told by the rows themselves
    z = error / model.held_sd[64:, 0]
    assert 0.3 < np.sqrt((z**2).mean()) < 3.0  # and doubted as much as it was wrong, for a smooth function


def test_each_member_at_its_own_points_is_what_it_is_at_the_same_points(fitted: Pulled) -> None:
    u = torch.from_numpy(cube(7, 3))
    with torch.no_grad():
        same, own = fitted.of_all(u), fitted.of_each(u.expand(MEMBERS, *u.shape))
    assert np.allclose(same.numpy(), own.numpy(), rtol=1e-4, atol=1e-3)


def test_gradients_are_finite_differences(fitted: Pulled) -> None:
    u = torch.from_numpy(cube(3, 4)).repeat(MEMBERS, 1, 1).requires_grad_(True)
    (slope,) = torch.autograd.grad(fitted.of_each(u)[..., 0].sum(), u)
    step = 0.01
    with torch.no_grad():
        for axis in range(3):
            moved = torch.zeros_like(u)
            moved[..., axis] = step
            apart = fitted.of_each(u + moved)[..., 0] - fitted.of_each(u - moved)[..., 0]
            by_hand = apart / (2 * step)
            assert np.allclose(slope[..., axis].numpy(), by_hand.numpy(), rtol=0.05, atol=2.0)  # slopes of about 100


def test_the_same_seed_fits_the_same_and_labels_alone_will_do(fitted: Pulled) -> None:
    lesson = training(SEEN, outputs(SEEN), (False, True))
    again = pulled.fit(lesson, MEMBERS, 1)
    assert np.array_equal(drawn(fitted, SEEN[:5]), drawn(again, SEEN[:5]))  # type: ignore[arg-type]
    alone = replace(lesson, y=lesson.y[:, 1:], binary=np.array([True]), rough=np.zeros((96, 1)))
    model = pulled.fit(alone, MEMBERS, 1)
    assert (np.sign(drawn(model, SEEN).mean(0)) == alone.y).mean() > 0.95  # type: ignore[arg-type]
