"""The network ensemble: known functions are learned, what was held out is foretold by those who never saw it, and its
spread covers its errors.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import qmc

from neurofit.surrogate import net
from neurofit.surrogate.net import Networks
from neurofit.surrogate.samples import Training

MEMBERS = 8
STRAIGHT = np.full(3, -2.0)


def cube(n: int, seed: int) -> np.ndarray:
    return qmc.LatinHypercube(3, rng=np.random.default_rng(seed)).random(n)


def smooth(u: np.ndarray) -> np.ndarray:
    return np.sin(4 * u[:, 0]) + u[:, 1] ** 2 * np.exp(-u[:, 2])


def half_space(u: np.ndarray) -> np.ndarray:
    return np.where(u[:, 0] + 0.5 * u[:, 1] > 0.7, 1.0, -1.0)


def training(u: np.ndarray, y: np.ndarray, binary: tuple[bool, ...], groups: np.ndarray | None = None) -> Training:
    n = len(u)
    groups = np.arange(n) if groups is None else groups
    return Training(u, y, np.array(binary), np.zeros(n, bool), np.zeros(y.shape), groups, np.ones(n), STRAIGHT)


def outputs(u: np.ndarray) -> np.ndarray:
    return np.stack([100 + 30 * smooth(u), half_space(u)], axis=1)


@pytest.fixture(scope="module")
def fitted() -> Networks:
    u = cube(128, 1)
    return net.fit(training(u, outputs(u), (False, True)), MEMBERS, 1)


def drawn(model: Networks, u: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return model.of_all(torch.from_numpy(u)).numpy()


def test_a_smooth_function_is_known_where_it_was_not_seen(fitted: Networks) -> None:
    """Within a tenth of its standard deviation, after 128 points in three dimensions."""
    held_out = cube(256, 2)
    error = drawn(fitted, held_out)[..., 0].mean(0) - outputs(held_out)[:, 0]
    assert np.sqrt((error**2).mean()) < 0.1 * outputs(held_out)[:, 0].std()


def test_a_labels_sign_is_right_but_for_a_strip_along_the_border(fitted: Networks) -> None:
    held_out = cube(256, 2)
    right = np.sign(drawn(fitted, held_out)[..., 1].mean(0)) == half_space(held_out)
    assert right.mean() > 0.94
    assert right[np.abs(held_out[:, 0] + 0.5 * held_out[:, 1] - 0.7) > 0.2].all()


def test_each_member_at_its_own_points_is_what_it_is_at_the_same_points(fitted: Networks) -> None:
    u = torch.from_numpy(cube(32, 3)).float()
    each = fitted.of_each(u.expand(MEMBERS, 32, 3))
    assert torch.allclose(each, fitted.of_all(u), atol=1e-4)


def test_gradients_are_finite_differences(fitted: Networks) -> None:
    """Central differences of 0.01 in single precision: to 2 % of the steepest slope."""
    u = torch.from_numpy(cube(16, 4)).float().requires_grad_(True)
    (slope,) = torch.autograd.grad(fitted.of_all(u)[..., 0].sum(), u)
    with torch.no_grad():
        for j in range(3):
            step = 0.01 * torch.eye(3)[j]
            difference = (fitted.of_all(u + step) - fitted.of_all(u - step))[..., 0].sum(0) / 0.02
            assert torch.allclose(difference, slope[:, j], atol=0.02 * float(slope.abs().max()))


def test_the_spread_covers_noise_and_error() -> None:
    """Noise of a fifth of the function's scale on 96 points: two sd of the held-out errors hold 90 to 100 % of them."""
    u = cube(96, 5)
    y = smooth(u) + 0.2 * np.random.default_rng(1).standard_normal(len(u))
    model = net.fit(training(u, y[:, None], (False,)), MEMBERS, 1)
    z = (y - model.held_mean[:, 0]) / model.held_sd[:, 0]
    assert 0.9 < (np.abs(z) < 2).mean() <= 1.0
    assert 0.8 < np.sqrt((z**2).mean()) < 1.2  # it was scaled to be 1
    # Members differ as much as new values are off: a spread without the offsets is far too narrow.
    new = cube(64, 6)
    off = smooth(new) + 0.2 * np.random.default_rng(2).standard_normal(len(new)) - drawn(model, new)[..., 0].mean(0)
    ratio = np.sqrt((off**2).mean()) / np.sqrt((drawn(model, new)[..., 0].var(0, ddof=1)).mean())
    assert 0.4 < ratio < 2.5  # eight offsets are eight draws of one number: their own sd is uncertain by a quarter


def test_the_newest_batch_is_foretold_without_it() -> None:
    """A batch whose values are nothing like the function: who saw it would not be surprised."""
    u = cube(80, 7)
    y = smooth(u)
    y[60:] += 10.0
    groups = np.array([*range(60), *[60] * 20])
    model = net.fit(training(u, y[:, None], (False,), groups), MEMBERS, 1)
    assert np.abs(model.held_mean[60:, 0] - (y[60:] - 10.0)).mean() < 1.5
    assert (y[60:] - model.held_mean[60:, 0]).min() > 6


def test_where_an_entry_is_missing_held_out_deviations_are_those_of_samples_there() -> None:
    """A third of the cube without values: the deviation of samples at new points of it, to a factor of 1.5 (another
    third of the points, eight members), where that among the known is less than half of it.
    """
    u, new = cube(96, 9), cube(96, 10)
    without, there = (points[:, 0] < 0.33 for points in (u, new))
    y = np.where(without, np.nan, smooth(u))
    model = net.fit(training(u, np.stack([y, half_space(u)], axis=1), (False, True)), MEMBERS, 1)
    sd, among = drawn(model, new)[..., 0].std(0, ddof=1)[there], model.held_sd[~without, 0]
    ratio = np.sqrt((model.held_sd[without, 0] ** 2).mean() / (sd**2).mean())
    assert 1 / 1.5 < ratio < 1.5
    assert np.sqrt((among**2).mean() / (sd**2).mean()) < 0.5


def test_rows_are_held_out_from_two_members_each() -> None:
    newest = np.arange(40) >= 30
    held = net._held_out(40, newest, MEMBERS, 1)
    assert held.shape == (MEMBERS + 2, 40)
    assert (held[:MEMBERS, :30].sum(axis=0) == 2).all()
    assert not held[:MEMBERS, 30:].any() and held[MEMBERS:, 30:].all() and not held[MEMBERS:, :30].any()
    assert net._held_out(40, np.zeros(40, bool), MEMBERS, 1).shape == (MEMBERS, 40)


def test_the_same_seed_trains_the_same(fitted: Networks) -> None:
    u = cube(128, 1)
    again = net.fit(training(u, outputs(u), (False, True)), MEMBERS, 1)
    where = cube(16, 8)
    assert np.array_equal(drawn(again, where), drawn(fitted, where))


def test_missing_entries_and_few_rows_are_learned_from() -> None:
    u = cube(8, 9)[:5]
    y = np.column_stack([smooth(u), np.full(5, np.nan)])
    y[0, 0] = np.nan
    model = net.fit(training(u, y, (False, False)), MEMBERS, 1)
    assert np.isfinite(drawn(model, cube(16, 2))).all()
    assert np.isfinite(model.held_mean).all() and np.isfinite(model.held_sd).all()
