"""Kernels with something in common: an output's length scales are short where it varies, whether its relevance says so
or its own data do.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import qmc

from neurofit.surrogate import kindred
from neurofit.surrogate.gp import factor_of
from neurofit.surrogate.hyper import Hyper, Rows
from neurofit.surrogate.kindred import most_likely

N, D, OUTPUTS = 30, 12, 6
POINTS = qmc.LatinHypercube(D, rng=np.random.default_rng(1)).random(2 * N)
STRAIGHT = torch.full((D,), -2.0)
VALUES = torch.zeros(OUTPUTS, dtype=torch.bool)


def waves(u: np.ndarray) -> np.ndarray:
    """Output j waves along axis j, and axes 6 to 11 are nothing."""
    return np.sin(5 * u[:, :OUTPUTS]) * (1.0 + np.arange(OUTPUTS))


def rows(points: np.ndarray = POINTS[:N]) -> Rows:
    y = torch.from_numpy(waves(points))
    y = y - y.mean(0)
    return Rows(torch.from_numpy(points), y, torch.ones_like(y, dtype=torch.bool), torch.zeros_like(y))


def learned(relevance: torch.Tensor) -> Hyper:
    return most_likely(rows(), VALUES, relevance, STRAIGHT, torch.Generator().manual_seed(1))


def surprise(at: Hyper) -> float:
    """-log density of other rows, given these, summed over outputs."""
    both, known = rows(POINTS), rows()
    centre = torch.from_numpy(waves(POINTS[:N])).mean(0)
    both = replace(both, centred=torch.from_numpy(waves(POINTS)) - centre)
    total = 0.0
    for sign, part in ((1, both), (-1, known)):
        factor = factor_of(part, at)
        white = torch.linalg.solve_triangular(factor, part.centred.T[..., None], upper=False)
        total += sign * float(0.5 * white.square().sum() + factor.diagonal(dim1=1, dim2=2).log().sum())
    return total


def test_relevance_says_where_an_output_varies() -> None:
    """New values are less surprising by a fifth of a unit each (a third was seen) than where nothing is said, though
    there too their own data say where they vary.
    """
    told, untold = (
        learned(torch.eye(OUTPUTS, D, dtype=torch.float64)),
        learned(torch.ones((OUTPUTS, D), dtype=torch.float64)),
    )
    assert surprise(told) < surprise(untold) - N * OUTPUTS / 5
    for at in (told, untold):
        length = at.log_length
        mine = length.diagonal()
        others = (length.sum(1) - mine) / (D - 1)
        assert (mine < others - 2).all()  # of logs
    # The signals go with the values: output j is 1 + j times as large.
    assert np.allclose(told.log_signal.exp().numpy() / (1 + np.arange(OUTPUTS)), told.log_signal[0].exp(), rtol=0.15)


def test_an_output_departs_from_relevance_that_misleads() -> None:
    """The first output is said to vary along the last axis only."""
    relevance = torch.eye(OUTPUTS, D, dtype=torch.float64)
    relevance[0] = relevance[0].roll(-1)
    length = learned(relevance).log_length
    assert length[0].argmin() == 0 and length[0, -1] > length[0, 0] + 2


def test_inverse_squares_add_up() -> None:
    """By hand: 1/l^2 = 1/2^2 + 3^2 r^0.5."""
    relevance = torch.tensor([[1.0, 0.25, 0.0]])
    growth = torch.tensor([math.log(3.0), math.log(0.5)])
    found = kindred._length(torch.full((3,), math.log(2.0)), growth, (relevance + 1e-12).log())
    assert found.exp()[0].tolist() == pytest.approx([1 / math.sqrt(0.25 + 9), 1 / math.sqrt(0.25 + 4.5), 2.0], rel=1e-3)


def test_labels_keep_closer_to_what_is_common() -> None:
    """Of the same outputs, where they are labels, length scales depart less from each other."""
    ones = torch.ones((OUTPUTS, D), dtype=torch.float64)
    labels = most_likely(rows(), ~VALUES, ones, STRAIGHT, torch.Generator().manual_seed(1))
    assert labels.log_length.std(0).mean() < 0.6 * learned(ones).log_length.std(0).mean()
