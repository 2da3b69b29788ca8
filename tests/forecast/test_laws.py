"""The laws of the next sample against scipy, and their derivatives against automatic ones."""

import numpy as np
import pytest
import torch
from scipy import stats

from synfer.errors import InputError
from synfer.forecast import LAWS

SAMPLES = {"gaussian": [-1.3, 0.2, 2.0], "poisson": [0.0, 1.0, 4.0], "bernoulli": [0.0, 1.0, 1.0]}


def numbers(name):
    rng = np.random.default_rng(0)
    eta, log_scale = (torch.tensor(rng.normal(size=(8, 3))) for _ in range(2))
    y = torch.tensor(SAMPLES[name], dtype=torch.float64).expand(8, 3)
    edge = torch.zeros(8, 3, dtype=torch.float64)
    if name == "gaussian":
        edge[:, 0], edge[:4, 1] = 1.0, -1.0
    return eta.requires_grad_(True), log_scale, y, edge


def scipy_log_prob(name, eta, log_scale, y, edge):
    if name == "poisson":
        return stats.poisson.logpmf(y, np.exp(eta))
    if name == "bernoulli":
        return stats.bernoulli.logpmf(y, 1.0 / (1.0 + np.exp(-eta)))
    law = stats.norm(eta, np.exp(log_scale))
    return np.where(edge == 0, law.logpdf(y), np.where(edge > 0, law.logsf(y), law.logcdf(y)))


@pytest.mark.parametrize("name", LAWS)
def test_log_probability_is_scipy_s(name):
    eta, log_scale, y, edge = numbers(name)
    expected = scipy_log_prob(name, *(part.detach().numpy() for part in (eta, log_scale, y, edge)))
    found = LAWS[name].log_prob(eta, log_scale, y, edge).detach()
    np.testing.assert_allclose(found, expected, rtol=1e-9)


@pytest.mark.parametrize("name", LAWS)
def test_score_and_information_are_the_derivatives(name):
    eta, log_scale, y, edge = numbers(name)
    score, information = LAWS[name].derivatives(eta.detach(), log_scale, y, edge)
    (first,) = torch.autograd.grad(LAWS[name].log_prob(eta, log_scale, y, edge).sum(), eta)
    np.testing.assert_allclose(score, first, rtol=1e-9)
    shifted = [LAWS[name].derivatives(eta.detach() + step, log_scale, y, edge)[0] for step in (1e-5, -1e-5)]
    np.testing.assert_allclose(information, (shifted[1] - shifted[0]) / 2e-5, rtol=1e-5, atol=1e-7)


def test_far_from_an_edge_nothing_overflows():
    law = LAWS["gaussian"]
    eta, edge = torch.tensor([-60.0, 60.0]), torch.tensor([1.0, 1.0])
    score, information = law.derivatives(eta, torch.zeros(2), torch.zeros(2), edge)
    assert torch.isfinite(score).all() and torch.isfinite(information).all() and (information >= 0).all()
    assert score[0] == pytest.approx(60.0, rel=1e-2) and score[1] == pytest.approx(0.0, abs=1e-6)


# q, then phi(q)/Phi(q) = m and m (m + q), by mpmath with 60 digits.
BEYOND = np.array(
    [
        [-1000000.0, 1000000.000001, 0.999999999999],
        [-1000.0, 1000.000999998, 0.999999000006],
        [-300.0, 300.0033332592634, 0.999988889629561],
        [-100.0, 100.00999800099926, 0.9999000599500517],
        [-50.0, 50.019984031905636, 0.999600956813196],
        [-20.0, 20.04975306852785, 0.9975367383849478],
        [-15.5, 15.563989900265256, 0.9959381614474258],
        [-14.5, 14.568324559578466, 0.9953743593293534],
        [-8.0, 8.121368112236112, 0.9856751165566591],
        [-3.0, 3.2830986549304364, 0.9294408132147319],
        [0.0, 0.7978845608028654, 0.6366197723675814],
        [2.0, 0.055247862678989956, 0.11354805168857644],
    ]
)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-4), (torch.float64, 2e-8)])
def test_far_on_the_wrong_side_of_an_edge_no_digits_are_lost(dtype, tolerance):
    eta = torch.tensor(BEYOND[:, 0], dtype=dtype)
    none = torch.zeros_like(eta)
    score, information = LAWS["gaussian"].derivatives(eta, none, none, none + 1.0)
    np.testing.assert_allclose(score, BEYOND[:, 1], rtol=tolerance)
    np.testing.assert_allclose(information, BEYOND[:, 2], rtol=tolerance)
    mirrored, same = LAWS["gaussian"].derivatives(-eta, none, none, none - 1.0)
    assert torch.equal(mirrored, -score) and torch.equal(same, information)


@pytest.mark.parametrize(("name", "wrong"), [("poisson", 0.5), ("poisson", -1.0), ("bernoulli", 2.0)])
def test_samples_that_a_law_cannot_have_made_are_refused(name, wrong):
    LAWS[name].check(torch.tensor([0.0, 1.0, torch.nan]))
    with pytest.raises(InputError, match=f"likelihood='{name}'"):
        LAWS[name].check(torch.tensor([0.0, wrong]))
