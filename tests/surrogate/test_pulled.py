"""Networks that are pulled to the data: through what was seen, as the networks where nothing is near, by what each
output depends on, and by rows that were not foretold otherwise than they could have been.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from test_net import MEMBERS, cube, drawn, outputs, training

from neurofit.surrogate import gp, net, pulled
from neurofit.surrogate.hyper import Hyper, Rows
from neurofit.surrogate.pulled import Pulled

SEEN = cube(96, 1)


@pytest.fixture(scope="module")
def fitted() -> Pulled:
    return pulled.fit(training(SEEN, outputs(SEEN), (False, True)), MEMBERS, 1)


def waves(u: np.ndarray) -> np.ndarray:
    """Four outputs that wave along one axis of three."""
    return np.stack([np.sin((6 + k) * u[:, 0] + k) * (1 + u[:, 1]) for k in range(4)], axis=1)


def test_waves_are_met_better_than_by_the_networks_alone_and_new_points_too() -> None:
    """Errors of a third of the networks' own were seen."""
    lesson = training(SEEN, waves(SEEN), (False,) * 4)
    model, networks, new = pulled.fit(lesson, MEMBERS, 1), net.fit(lesson, MEMBERS, 1), cube(400, 2)
    for u in (SEEN, new):
        alone, now = (np.abs(drawn(m, u).mean(0) - waves(u)).mean() for m in (networks, model))  # type: ignore
        assert now < alone / 2
    length = model.pull.length[:, 0]
    assert (length[:, 0] < length[:, 1:].amin(1) / 2).all()  # the kernels found the axis


def test_few_of_many_axes_are_found() -> None:
    """Twenty outputs, each a line and a wave along three of forty axes: at new points seven tenths of the error of
    processes that are learned each for itself (.57 and less were seen), and a third of the networks' own (.22).
    """
    rng = np.random.default_rng(4)
    axes, straight, bent = rng.permuted(np.tile(np.arange(40), (20, 1)), axis=1)[:, :3], *rng.normal(size=(2, 20, 3))

    def sparse(u: np.ndarray) -> np.ndarray:
        near = u[:, axes] - 0.5
        return (near * straight).sum(-1) + 0.5 * np.sin(3 * (near * bent).sum(-1) + np.arange(20))

    seen, new = rng.random((2, 120, 40))
    lesson = replace(training(seen, sparse(seen), (False,) * 20), strength=np.full(40, -2.0))
    models = [kind.fit(lesson, MEMBERS, 1) for kind in (pulled, gp, net)]
    now, each, alone = (np.abs(drawn(m, new).mean(0) - sparse(new)).mean() for m in models)  # type: ignore[arg-type]
    assert now < 0.7 * each and now < alone / 3


def test_weights_are_those_of_the_kernel_by_hand() -> None:
    """Members' noise is mirrored, so that their mean solves (K + noise) w = K what their mean misses of the rows."""
    lesson = training(SEEN, waves(SEEN), (False,) * 4)
    model = pulled.fit(lesson, MEMBERS, 1)
    at = cube(5, 3)
    with torch.no_grad():
        missed = lesson.y - model.networks.of_all(torch.from_numpy(SEEN)).double().mean(0).numpy()
        carried = model.pull.of_all(torch.from_numpy(at)).mean(0).numpy()
        kept = missed - model.pull.of_all(torch.from_numpy(SEEN)).mean(0).numpy()
    for j in range(4):
        length = model.pull.length[j, 0].numpy()
        x, z = (model.warp.to(points) / length for points in (SEEN, at))
        r = np.sqrt(5.0) * np.linalg.norm(z[:, None] - x[None], axis=-1)
        weights = model.pull.terms[0].weights[j].mean(-1).numpy()
        by_hand = ((1 + r + r * r / 3) * np.exp(-r)) @ weights
        assert carried[:, j] == pytest.approx(by_hand, abs=2e-3 * np.abs(by_hand).max())  # single precision
        # What is not carried is the noise's, and the noise of every row is the same where none is rough.
        noise = (kept[:, j] @ weights) / (weights @ weights)
        assert noise > 0 and kept[:, j] == pytest.approx(noise * weights, abs=0.01 * np.abs(missed[:, j]).max())


def test_networks_count_as_far_as_kernels_do_not_know_better() -> None:
    """Where nothing is missed none counts; of what is half of their word, half, but for the prior's part."""
    points, known = torch.rand((30, 3), dtype=torch.float64), torch.ones((30, 3), dtype=torch.bool)
    rows = Rows(points, points, known, torch.zeros(30, 3))
    generator = torch.Generator().manual_seed(1)
    rest = torch.randn((30, 3), dtype=torch.float64, generator=generator)
    flat = torch.full((3,), -8.0).double()
    hyper = Hyper(torch.zeros(3), torch.zeros((3, 3)).double(), flat, torch.zeros(3).double(), flat)
    for weight in (0.0, 0.5):
        held = replace(rows, centred=weight * rest)
        outputs = pulled._Outputs(held, rest, torch.zeros((2, 30, 3)), torch.zeros((2, 30, 3)))
        share, *_ = pulled._part(outputs, hyper, np.arange(30), generator)
        squares = rest.square().sum(0)
        assert share.numpy() == pytest.approx((weight * squares / (squares + 1)).numpy(), rel=1e-3)


def test_what_was_not_seen_pulls_nothing() -> None:
    """An output that is missing at every row but a few in one corner is the networks' own word far from there."""
    y = outputs(SEEN)[:, :1].repeat(2, 1)
    near = (SEEN < 0.35).all(axis=1)
    y[~near, 1] = np.nan
    model = pulled.fit(training(SEEN, y, (False, False)), MEMBERS, 1)
    with torch.no_grad():
        far = torch.full((1, 3), 0.95, dtype=torch.float64)
        moved = (model.of_all(far) - model.networks.of_all(far)).abs()[..., 1]
    weights = model.pull.terms[0].weights[1].abs()
    assert near.sum() >= 2 and weights[torch.from_numpy(~near)].max() < 1e-3 * weights.max()
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
    values = fitted.of_each(u)
    (slope,) = torch.autograd.grad(values[..., 0].sum(), u)
    same, slopes = fitted.slopes_of_each(u.detach())
    assert torch.equal(same, values) and slopes.shape == (MEMBERS, 3, 2, 3)
    assert np.allclose(slopes[:, :, 0].numpy(), slope.numpy(), rtol=1e-4, atol=1e-3)
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
