"""The Gaussian processes: known functions are learned, samples have the exact posterior, and what was foretold is what
brute force foretells.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.special import gamma, kv
from scipy.stats import qmc

from neurofit.surrogate import gp, heldout
from neurofit.surrogate.gp import GaussianProcesses
from neurofit.surrogate.hyper import Hyper, Rows
from neurofit.surrogate.samples import Training
from neurofit.surrogate.warp import Warp, curve

MEMBERS = 6
STRAIGHT = np.full(2, -2.0)


def cube(n: int, seed: int) -> np.ndarray:
    return qmc.Sobol(2, rng=np.random.default_rng(seed)).random(n)


def smooth(u: np.ndarray) -> np.ndarray:
    return np.sin(4 * u[:, 0]) + u[:, 1] ** 2 * np.exp(-u[:, 0])


def half_space(u: np.ndarray) -> np.ndarray:
    return np.where(u[:, 0] + 0.5 * u[:, 1] > 0.7, 1.0, -1.0)


def fitted(
    u: np.ndarray, y: np.ndarray, binary: tuple[bool, ...], seed: int = 1, rough: np.ndarray | None = None
) -> GaussianProcesses:
    n = len(u)
    rough = np.zeros(y.shape) if rough is None else rough
    training = Training(u, y, np.array(binary), np.zeros(n, bool), rough, np.arange(n), np.full(n, 0.2), STRAIGHT)
    return gp.fit(training, MEMBERS, seed)


def predicted(model: GaussianProcesses, u: np.ndarray) -> np.ndarray:
    """Means over members (p, o)."""
    return model.of_all(torch.from_numpy(u)).mean(0).numpy()


@pytest.fixture(scope="module")
def both() -> tuple[np.ndarray, np.ndarray, GaussianProcesses]:
    """64 points, the smooth function and the half-space's label, and their model."""
    u = cube(64, 1)
    y = np.stack([smooth(u), half_space(u)], axis=1)
    return u, y, fitted(u, y, (False, True))


def test_a_smooth_function_is_known_where_it_was_not_seen(both) -> None:
    """Within a twentieth of its standard deviation, after 64 points in two dimensions."""
    held_out = cube(256, 2)
    error = predicted(both[2], held_out)[:, 0] - smooth(held_out)
    assert np.sqrt((error**2).mean()) < 0.05 * smooth(held_out).std()


def test_what_is_rough_does_not_spoil_what_is_not() -> None:
    """Three quarters of the cube are smooth, the rest jumps up and waves. With that said to be rough, errors in the
    smooth part, away from the jump, are less than a tenth of what they are without (a ninetieth when this was written).
    """
    u, at = cube(64, 1), cube(256, 2)
    wild = u[:, 0] > 0.75
    y = np.where(wild, 4 + 3 * np.sin(40 * u[:, 1]), 0.3 * smooth(u))[:, None]
    calm = at[at[:, 0] < 0.6]
    rms = []
    for rough in (None, wild[:, None].astype(float)):
        error = predicted(fitted(u, y, (False,), rough=rough), calm)[:, 0] - 0.3 * smooth(calm)
        rms.append(np.sqrt((error**2).mean()))
    assert rms[1] < 0.1 * rms[0]


def test_a_labels_sign_is_right_but_for_a_strip_along_the_border(both) -> None:
    """96 % of the cube: a Sobol grid of 64 points leaves gaps of an eighth, and the border is about 1.1 long."""
    held_out = cube(256, 2)
    right = np.sign(predicted(both[2], held_out)[:, 1]) == half_space(held_out)
    assert right.mean() > 0.96
    assert right[np.abs(held_out[:, 0] + 0.5 * held_out[:, 1] - 0.7) > 0.15].all()


def test_the_loo_deviations_fit_the_noise_there_is() -> None:
    """Noise of a fifth of the function, whose own standardized errors are of one, to 30 % (64 of them, which share what
    they are wrong by: 10 % is the least that their sd can be).
    """
    u = cube(64, 3)
    y = smooth(u) + 0.2 * np.random.default_rng(1).standard_normal(64)
    model = fitted(u, y[:, None], (False,))
    z = (smooth(u) - model.held_mean[:, 0]) / model.held_sd[:, 0]
    assert 0.7 < np.sqrt((z**2).mean()) < 1.3


def test_the_same_seed_draws_the_same_samples(both) -> None:
    u, y, model = both
    where = torch.from_numpy(cube(16, 4))
    assert torch.equal(fitted(u, y, (False, True)).of_all(where), model.of_all(where))
    assert not torch.equal(fitted(u, y, (False, True), seed=2).of_all(where), model.of_all(where))


def test_each_members_own_points_are_predicted_as_all_of_them_are(both) -> None:
    """To twice what single precision leaves of a sum of the weights, which are thousands where noise is small."""
    model = both[2]
    u = torch.from_numpy(np.stack([cube(8, 10 + s) for s in range(MEMBERS)]))
    every = torch.stack([model.of_all(own)[s] for s, own in enumerate(u)])
    each = model.of_each(u)
    assert each.shape == (MEMBERS, 8, 2)
    rounding = torch.finfo(torch.float32).eps * model.drawn.terms[0].weights.abs().sum(1).amax(1)  # (o,)
    assert ((each - every).abs() < 2 * rounding).all()
    assert (rounding < 0.02).all()  # else this would tell nothing


def test_slopes_are_those_of_differences(both) -> None:
    """To 2 %: single precision leaves a central difference over 0.01 an error of a few thousandths."""
    model, u = both[2], torch.from_numpy(0.05 + 0.9 * cube(16, 5)).requires_grad_(True)
    (slope,) = torch.autograd.grad(model.of_all(u)[..., 0].sum(), u)
    for j in range(2):
        step = 0.005 * torch.eye(2, dtype=torch.float64)[j]
        central = (model.of_all(u + step) - model.of_all(u - step))[..., 0].sum(0) / 0.01
        assert torch.allclose(slope[:, j], central.to(slope.dtype), rtol=0.02, atol=0.02 * float(slope.abs().max()))


def test_slopes_at_each_members_own_points_are_those_at_all_of_them(both) -> None:
    """To 1e-3 of the largest: written out in one, by automatic differentiation in the other, both in single precision.

    Ten outputs are more than are computed at a time. Of all outputs at once they are the same, to rounding.
    """
    u, y, _ = both
    model = fitted(u, np.tile(y, 5), (False, True) * 5)
    weights = torch.linspace(-1, 2, 10)
    at = torch.from_numpy(cube(MEMBERS * 4, 5).reshape(MEMBERS, 4, 2)).requires_grad_(True)
    values = model.of_each(at)
    (own,) = torch.autograd.grad((values * weights).sum(), at)
    same, slopes = model.slopes_of_each(at.detach())
    assert torch.equal(same, values)
    assert torch.allclose(
        (slopes * weights[:, None]).sum(2).double(), own, rtol=1e-4, atol=1e-5 * float(own.abs().max())
    )
    for s in range(MEMBERS):
        alone = at[s].detach().clone().requires_grad_(True)
        (slope,) = torch.autograd.grad((model.of_all(alone)[s] * weights).sum(), alone)
        assert torch.allclose(own[s], slope, atol=1e-3 * float(slope.abs().max()), rtol=0)


def test_missing_values_are_ignored(both) -> None:
    """A third of one output is gone: it is still known, to a tenth of its sd, and the label is as good as before."""
    u, y, _ = both
    y = y.copy()
    y[::3, 0] = math.nan
    held_out = cube(256, 2)
    mean = predicted(fitted(u, y, (False, True)), held_out)
    assert np.sqrt(((mean[:, 0] - smooth(held_out)) ** 2).mean()) < 0.1 * smooth(held_out).std()
    assert (np.sign(mean[:, 1]) == half_space(held_out)).mean() > 0.96


def test_a_missing_value_draws_nothing_to_it(both) -> None:
    """A noise of a thousand sd drowns it, whose own draws count nothing: its weights are some predictions over the
    noise's variance, 1e-6 of them. The mean that outputs are learned around is that of the known ones.
    """
    u, y, _ = both
    y = y.copy()
    y[::3, 0] = math.nan
    model = fitted(u, y, (False, True))
    weights = model.drawn.terms[0].weights[0].abs()
    missing = torch.from_numpy(np.isnan(y[:, 0]))
    assert weights[missing].max() < 1e-4 < 0.1 < weights[~missing].mean()
    assert model.mean.tolist() == pytest.approx([np.nanmean(y[:, 0]), y[:, 1].mean()], rel=1e-6)


def test_the_deviations_of_values_alone_are_corrected(both, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a label a deviation is no distance."""
    made = []
    for factor in (1.0, 3.0):
        monkeypatch.setattr(gp, "inflation", lambda *given, factor=factor: np.full(2, factor))
        made.append(fitted(both[0], both[1], (False, True)))
    right, corrected = made
    assert np.allclose(corrected.held_sd, right.held_sd * [3.0, 1.0], rtol=1e-12)
    prior, wider = (model.drawn.terms[1].weights for model in made)
    assert torch.allclose(wider[0], 3 * prior[0]) and torch.equal(wider[1], prior[1])


def test_an_output_without_one_value_stays_finite(both) -> None:
    u, y, _ = both
    model = fitted(u, np.stack([np.full(len(u), math.nan), y[:, 1]], axis=1), (False, True))
    assert np.isfinite(predicted(model, cube(16, 2))).all()
    assert np.isfinite(model.held_mean).all() and np.isfinite(model.held_sd).all()


# Brute force: two outputs, 14 rows, hyperparameters given, and the kernel from its definition by Bessel functions.

ROWS = 14
HYPER = Hyper(
    strength=torch.tensor([1.0, -1.0], dtype=torch.float64),
    log_length=torch.log(torch.tensor([[0.4, 0.8], [1.0, 0.3]], dtype=torch.float64)),
    log_signal=torch.log(torch.tensor([1.0, 0.7], dtype=torch.float64)),
    log_noise=torch.log(torch.tensor([0.1, 0.2], dtype=torch.float64)),
    log_rough=torch.log(torch.tensor([0.3, 0.1], dtype=torch.float64)),
)
ROUGH = (np.arange(2 * ROWS).reshape(ROWS, 2) % 5) / 4.0
POINTS = cube(16, 6)[:ROWS]
VALUES = np.stack([smooth(POINTS) - 0.8, half_space(POINTS)], axis=1)


def covariance(output: int, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Matern covariance (Rasmussen & Williams 2006, eq. 4.14) at nu = 5/2, on the warped axes."""
    nu, length = 2.5, HYPER.log_length[output].exp().numpy()
    x, z = (Warp(HYPER.strength.numpy()).to(part) / length for part in (a, b))
    r = math.sqrt(2 * nu) * np.maximum(np.linalg.norm(x[:, None] - z[None], axis=-1), 1e-6)
    return math.exp(2 * float(HYPER.log_signal[output])) * 2 ** (1 - nu) / gamma(nu) * r**nu * kv(nu, r)


def noise(output: int) -> np.ndarray:
    """Variances (ROWS,) of the rows; what keeps the factor stable is 1e-6 of the signal's."""
    jitter = 1e-6 * math.exp(2 * float(HYPER.log_signal[output]))
    rough = math.exp(2 * float(HYPER.log_rough[output])) * ROUGH[:, output]
    return math.exp(2 * float(HYPER.log_noise[output])) + rough + jitter


def posterior(output: int, rows: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means and covariances of the function at `at`, given `rows` alone."""
    known = covariance(output, POINTS[rows], POINTS[rows]) + np.diag(noise(output)[rows])
    cross, own = covariance(output, at, POINTS[rows]), covariance(output, at, at)
    mean = cross @ np.linalg.solve(known, VALUES[rows, output])
    return mean, own - cross @ np.linalg.solve(known, cross.T)


RIGHT = np.ones(2)  # no deviation is corrected


def conditioned(
    groups: np.ndarray, known: np.ndarray | None = None, members: int = 1, wrong: np.ndarray = RIGHT
) -> tuple[GaussianProcesses, np.ndarray, np.ndarray, np.ndarray]:
    """The model; means of what was to be expected of each row, its deviations, and the function's, (ROWS, 2) each."""
    entries = torch.from_numpy(np.ones((ROWS, 2), bool) if known is None else known)
    centred = torch.where(entries, torch.from_numpy(VALUES), 0.0)
    warped, rough = curve(torch.from_numpy(POINTS), HYPER.strength), torch.from_numpy(ROUGH)
    data = Rows(warped, centred, entries, rough)
    factor = gp.factor_of(data, HYPER)
    found = heldout.foretold(factor, centred.T[..., None], HYPER.variance(entries, rough), groups)
    mean, sd, own = found[0][..., 0].T, *(part.sqrt().T for part in found[1:])
    drawn = gp._sampled(data, HYPER, factor, torch.from_numpy(wrong), members, torch.Generator().manual_seed(1))
    warp = Warp(HYPER.strength.numpy())
    model = GaussianProcesses(members, warp, drawn, torch.zeros(2), torch.zeros(2), mean.numpy(), own.numpy())
    return model, mean.numpy(), sd.numpy(), own.numpy()


def foretold(output: int, row: int, given: np.ndarray) -> tuple[float, float]:
    """Mean and deviation of one row's value, noise included, given the rows `given`."""
    mean, variance = posterior(output, given, POINTS[[row]])
    return float(mean[0]), math.sqrt(float(variance[0, 0]) + noise(output)[row])


def test_a_row_of_its_own_is_foretold_by_all_others() -> None:
    _, mean, sd, _ = conditioned(np.arange(ROWS))
    for output in range(2):
        for row in range(ROWS):
            others = np.delete(np.arange(ROWS), row)
            assert (mean[row, output], sd[row, output]) == pytest.approx(foretold(output, row, others), abs=1e-6)


def test_a_batch_is_foretold_by_the_rows_before_it_alone() -> None:
    """Six rows of their own, then batches of five and of three: no row of a batch tells of another."""
    groups = np.array([0, 1, 2, 3, 4, 5] + [6] * 5 + [7] * 3)
    _, mean, sd, _ = conditioned(groups)
    for output in range(2):
        for row in range(ROWS):
            given = np.arange({6: 6, 7: 11}[groups[row]]) if row >= 6 else np.delete(np.arange(ROWS), row)
            assert (mean[row, output], sd[row, output]) == pytest.approx(foretold(output, row, given), abs=1e-6)


def test_a_missing_entry_tells_nothing() -> None:
    """Known rows are foretold as if the missing were not there, to 1e-5: a noise of a thousand sd is not infinite."""
    known = np.ones((ROWS, 2), bool)
    known[[2, 5, 9], 0] = False
    _, mean, sd, _ = conditioned(np.arange(ROWS), known)
    for output in range(2):
        for row in np.flatnonzero(known[:, output]).tolist():
            others = np.setdiff1d(np.flatnonzero(known[:, output]), [row])
            assert (mean[row, output], sd[row, output]) == pytest.approx(foretold(output, row, others), abs=1e-5)


def test_the_functions_own_deviation_has_no_noise_in_it_even_where_an_entry_is_missing() -> None:
    """To 1e-5. Of a row without an entry there would else be nothing that it could have been foretold to be."""
    known = np.ones((ROWS, 2), bool)
    known[[2, 5, 9, 12], 0] = False
    groups = np.array([0, 1, 2, 3, 4, 5] + [6] * 5 + [7] * 3)
    *_, own = conditioned(groups, known)
    for output in range(2):
        for row in range(ROWS):
            before = np.arange({6: 6, 7: 11}[groups[row]]) if row >= 6 else np.delete(np.arange(ROWS), row)
            given = np.intersect1d(before, np.flatnonzero(known[:, output]))
            _, variance = posterior(output, given, POINTS[[row]])
            assert own[row, output] == pytest.approx(math.sqrt(float(variance[0, 0])), abs=1e-5)


def test_samples_have_the_exact_posterior() -> None:
    """4000 members: means to five standard errors; deviations to 15 %, as 384 waves stand in for the prior."""
    members = 4000
    model, *_ = conditioned(np.arange(ROWS), members=members)
    at = cube(32, 7)
    drawn = model.of_all(torch.from_numpy(at)).numpy()
    for output in range(2):
        mean, variance = posterior(output, np.arange(ROWS), at)
        sd = np.sqrt(np.diag(variance))
        found = drawn[..., output]
        assert (np.abs(found.mean(0) - mean) < 5 * found.std(0) / math.sqrt(members) + 1e-4).all()
        assert np.allclose(found.std(0), sd, rtol=0.15, atol=0.02)


def test_a_corrected_deviation_changes_no_mean() -> None:
    """2000 members with deviations made 2 and 3 times as large: means to five standard errors, ratios to 15 %."""
    members = 2000
    wrong = np.array([2.0, 3.0])
    at = cube(32, 7)
    plain, wide = (
        conditioned(np.arange(ROWS), members=members, wrong=w)[0].of_all(torch.from_numpy(at)).numpy()
        for w in (RIGHT, wrong)
    )
    assert (np.abs(wide.mean(0) - plain.mean(0)) < 5 * wide.std(0) * math.sqrt(2 / members) + 1e-4).all()
    assert np.allclose(wide.std(0) / plain.std(0), wrong, rtol=0.15)
