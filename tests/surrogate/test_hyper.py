"""The slopes that fit the processes' hyperparameters are those of the posterior density, written down on its own."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal, qmc

from neurofit.surrogate import hyper
from neurofit.surrogate.hyper import Hyper, Rows, most_likely, some
from neurofit.surrogate.warp import Warp

N, D = 12, 3
POINTS = qmc.Sobol(D, rng=np.random.default_rng(1)).random(16)[:N]
Y = np.column_stack([np.sin(3 * POINTS[:, 0]), np.sign(POINTS[:, 1] - 0.5)])
KNOWN = np.ones((N, 2), bool)
KNOWN[[1, 7], 0] = False
ROUGH = (np.arange(2 * N).reshape(N, 2) % 4) / 2.0
BINARY = torch.tensor([False, True])


def made(rng: np.random.Generator) -> Hyper:
    """Double precision, so that differences are exact enough to judge slopes."""
    drawn = [rng.normal(size=size) * 0.3 for size in (D, (2, D), 2, 2, 2)]
    drawn[3] = drawn[3] - 1.0
    return Hyper(*(torch.from_numpy(part) for part in drawn))


MIDDLE = made(np.random.default_rng(1))


def rows() -> Rows:
    centred = torch.from_numpy(np.where(KNOWN, Y, 0.0))
    return Rows(torch.from_numpy(POINTS), centred, torch.from_numpy(KNOWN), torch.from_numpy(ROUGH))


def surprise(at: Hyper) -> float:
    """-log posterior density, a constant aside; entries that are not known are left out rather than drowned."""
    x, total = Warp(at.strength.numpy()).to(POINTS), 0.0
    for o in range(2):
        length, own = at.log_length[o].exp().numpy(), KNOWN[:, o]
        r = np.linalg.norm((x[own, None] - x[own]) / length, axis=-1) * math.sqrt(5)
        signal2 = math.exp(2 * float(at.log_signal[o]))
        covariance = signal2 * ((1 + r + r * r / 3) * np.exp(-r) + hyper._JITTER * np.eye(len(r)))
        noise = math.exp(2 * float(at.log_noise[o])) + math.exp(2 * float(at.log_rough[o])) * ROUGH[own, o]
        total -= multivariate_normal.logpdf(Y[own, o], np.zeros(len(r)), covariance + np.diag(noise))
        total += float(((at.log_length[o] - MIDDLE.log_length[o]) ** 2).sum()) / 6
        for name in ("log_signal", "log_noise", "log_rough"):
            total += 0.5 * float(getattr(at, name)[o] - getattr(MIDDLE, name)[o]) ** 2
    return total + 0.5 * float(((at.strength - MIDDLE.strength) / hyper._STRENGTH_SD).square().sum())


@pytest.mark.parametrize("name", ["log_length", "log_signal", "log_noise", "log_rough", "strength"])
def test_slopes_are_those_of_the_posterior_density(name: str) -> None:
    """To 1e-5, central differences over 1e-4 in double precision."""
    at = made(np.random.default_rng(2))
    names = ["log_length", "log_signal", "log_noise", "log_rough", "strength"]
    slope = dict(zip(names, hyper._slopes(rows(), at, MIDDLE), strict=True))[name]
    part = getattr(at, name)
    for index in np.ndindex(tuple(part.shape)):
        found = []
        for step in (1e-4, -1e-4):
            kept = float(part[index])
            part[index] = kept + step
            found.append(surprise(at))
            part[index] = kept
        assert float(slope[index]) == pytest.approx((found[0] - found[1]) / 2e-4, abs=1e-5, rel=1e-5)


def test_the_newest_rows_and_as_many_others_are_learned_from() -> None:
    chosen = some(300, 110, torch.Generator().manual_seed(1)).tolist()
    assert len(set(chosen)) == 110 and set(range(245, 300)) <= set(chosen)
    assert np.mean([c for c in chosen if c < 245]) == pytest.approx(122, abs=40)  # four standard errors
    assert some(110, 110, torch.Generator()).tolist() == list(range(110))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_few_rows_left_open_is_learned_from_more(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """All of 200 rows are likelier after the last steps than before them: measured, by 21 to 28 nats."""
    points = qmc.Sobol(D, rng=np.random.default_rng(seed)).random(256)[:200]
    y = np.sin(6 * points[:, 0]) * np.exp(points[:, 1]) + 0.1 * np.cos(20 * points[:, 2])
    every = torch.ones((200, 1), dtype=torch.bool)
    rows = Rows(torch.from_numpy(points), torch.from_numpy(y - y.mean())[:, None], every, torch.zeros((200, 1)))

    def surprise(last: int) -> float:
        monkeypatch.setattr(hyper, "_MORE_STEPS", last)
        generator = torch.Generator().manual_seed(seed)
        at = most_likely(rows, torch.tensor([False]), torch.full((D,), -2.0), generator)
        x = Warp(at.strength.numpy()).to(points) / at.log_length[0].exp().numpy()
        r = np.linalg.norm(x[:, None] - x, axis=-1) * math.sqrt(5)
        kernel = math.exp(2 * float(at.log_signal[0])) * (1 + r + r * r / 3) * np.exp(-r)
        noise = (math.exp(2 * float(at.log_noise[0])) + 1e-8) * np.eye(200)
        return -float(multivariate_normal.logpdf(y - y.mean(), np.zeros(200), kernel + noise))

    before, after = surprise(0), surprise(6)
    assert after < before - 10


def test_an_axis_that_does_nothing_gets_a_long_scale() -> None:
    """Ten times that of the one that does all, at least: 100 points of a sine of it."""
    points = qmc.Sobol(2, rng=np.random.default_rng(3)).random(128)[:100]
    y = torch.from_numpy(np.sin(6 * points[:, :1]))
    given = Rows(torch.from_numpy(points), y - y.mean(), torch.ones((100, 1), dtype=torch.bool), torch.zeros((100, 1)))
    found = most_likely(given, torch.tensor([False]), torch.full((2,), -2.0), torch.Generator().manual_seed(1))
    length = found.log_length.exp()[0]
    assert length[1] > 10 * length[0]


def test_where_nothing_is_known_the_prior_is_what_is_likely() -> None:
    """To 0.1 in logs, after 30 steps; an output of nothing has a deviation of 0.001, as low as is allowed for."""
    points = torch.from_numpy(POINTS)
    nothing = Rows(points, torch.zeros((N, 2)).double(), torch.zeros((N, 2), dtype=torch.bool), torch.from_numpy(ROUGH))
    found = most_likely(nothing, BINARY, torch.tensor([-2.0, 0.0, 3.0]), torch.Generator().manual_seed(1))
    assert np.allclose(found.log_length, math.sqrt(2) + 0.5 * math.log(D), atol=0.1)
    assert np.allclose(found.log_signal, math.log(1e-3), atol=0.1)
    assert np.allclose(found.log_rough, math.log(1e-3) - 1.0, atol=0.1)
    assert np.allclose(found.strength, [-2.0, 0.0, 3.0], atol=0.1)


def test_a_label_begins_with_more_noise_than_a_value() -> None:
    """Of the same few entries, which say little of it."""
    y = torch.from_numpy(np.sign(POINTS[:6, :1] - 0.5)).expand(6, 2)
    few = Rows(torch.from_numpy(POINTS[:6]), y, torch.ones((6, 2), dtype=torch.bool), torch.zeros((6, 2)).double())
    found = most_likely(few, BINARY, torch.full((D,), -2.0), torch.Generator().manual_seed(1))
    assert found.log_noise[1] > found.log_noise[0] + 0.5
