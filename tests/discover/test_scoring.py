"""Scoring of a long design, piece by piece, against the same in one piece and scipy's optimum."""

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.optimize import minimize

from synfer.discover.scoring import climb, information, sandwich, scores_of
from synfer.forecast import LAWS


def setting(law, rows=2500, columns=6, seed=0):
    """A design with columns of unlike sizes, and samples of the law; a tenth of a Gaussian's are cut off."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, columns)) * np.array([1, 10, 0.1, 1, 3, 1])[:columns]
    eta = 0.2 * rng.normal(size=rows)
    truth = eta + x @ (0.3 / np.array([1, 10, 0.1, 1, 3, 1])[:columns])
    edge = np.zeros(rows)
    if law == "gaussian":
        log_scale = rng.normal(scale=0.3, size=rows)
        y = truth + np.exp(log_scale) * rng.normal(size=rows)
        most = np.quantile(y, 0.9)
        edge[y >= most], y = 1.0, np.minimum(y, most)
    else:
        log_scale, y = np.zeros(rows), rng.poisson(np.exp(truth)).astype(float)
        if law == "bernoulli":
            y = (rng.random(rows) < 1 / (1 + np.exp(-truth))).astype(float)
    return [torch.from_numpy(a) for a in (x, eta, log_scale, y, edge)]


@pytest.mark.parametrize("law", sorted(LAWS))
def test_ends_at_the_maximum(law, monkeypatch):
    monkeypatch.setattr("synfer.discover.scoring._OUTLIER", 1e9)  # else it is no maximum of a likelihood
    monkeypatch.setattr("synfer.discover.scoring._STEPS", 30)
    x, eta, log_scale, y, edge = setting(law)
    found = climb(x, LAWS[law], eta, log_scale, y, edge, torch.full((6,), 1e-12, dtype=torch.float64))

    def loss(delta):
        return -float(LAWS[law].log_prob(eta + x @ torch.from_numpy(delta), log_scale, y, edge).sum())

    best = minimize(loss, np.zeros(6), method="Nelder-Mead", options={"maxiter": 20_000, "xatol": 1e-9, "fatol": 1e-9})
    np.testing.assert_allclose(found.delta, best.x, rtol=2e-3, atol=1e-4)


@pytest.mark.parametrize("law", sorted(LAWS))
def test_information_and_covariance_in_one_piece(law):
    x, eta, log_scale, y, edge = setting(law)
    slack = torch.full((6,), 1e-7, dtype=torch.float64)
    found = climb(x, LAWS[law], eta, log_scale, y, edge, slack)
    u, w = scores_of(LAWS[law], eta + x @ found.delta, log_scale, y, edge)
    g = x.T @ (w[:, None] * x)
    torch.testing.assert_close(found.u, u, rtol=1e-8, atol=1e-10)
    torch.testing.assert_close(found.information, g, rtol=1e-5, atol=1e-5 * float(g.diagonal().mean()))
    torch.testing.assert_close(information(x, w), g, rtol=1e-12, atol=1e-9)
    inverse = torch.linalg.inv(found.information)
    leverage = w * torch.einsum("ti,ij,tj->t", x, inverse, x)
    root = (u / (1 - leverage))[:, None] * x
    covariance, degrees, variance = sandwich(x, found)
    torch.testing.assert_close(variance, inverse.diagonal(), rtol=1e-8, atol=1e-12)
    torch.testing.assert_close(covariance, inverse @ (root.T @ root) @ inverse, rtol=1e-8, atol=1e-12)
    # Chi-squares of one degree each, as much of the variance as each row adds.
    added = (x @ inverse).square() * (w / (1 - leverage))[:, None]
    mean, variance = added.sum(0), 2 * added.square().sum(0)
    torch.testing.assert_close(degrees, 2 * mean.square() / variance, rtol=1e-8, atol=1e-8)


def test_a_column_that_few_rows_move_has_few_degrees_of_freedom():
    """Without an effect its t is Student's of so many, not normal: p-values of 600 regressions are uniform."""
    rng = np.random.default_rng(0)
    x = torch.ones(120, 2, dtype=torch.float64)
    x[:, 1] = 0.0
    x[:6, 1] = torch.tensor([1.0, 1.5, 0.7, 1.0, 2.0, 1.2], dtype=torch.float64)
    zero = torch.zeros(120, dtype=torch.float64)
    slack = torch.full((2,), 1e-9, dtype=torch.float64)
    t, degrees = [], []
    for _ in range(600):
        y = torch.from_numpy(rng.normal(size=120))
        found = climb(x, LAWS["gaussian"], zero, zero, y, zero, slack)
        covariance, of, _ = sandwich(x, found)
        t.append(float(found.delta[1] / covariance[1, 1].sqrt()))
        degrees.append(float(of[1]))
    assert 2.0 < np.mean(degrees) < 6.0
    rejected = np.mean(2 * stats.t.sf(np.abs(t), degrees) < 0.05)
    assert 0.01 < rejected < 0.075
    assert np.mean(2 * stats.norm.sf(np.abs(t)) < 0.05) > rejected + 0.02
