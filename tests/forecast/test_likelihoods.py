"""The laws of the next sample against scipy's, and where float32 ends."""

import numpy as np
import pytest
import torch
from scipy import stats

from synfer.forecast import LIKELIHOODS

RAW = torch.linspace(-6.0, 6.0, 13, dtype=torch.float64)
LAWS = {
    "gaussian": lambda y, mean, variance: stats.norm.logpdf(y, mean, np.sqrt(variance)),
    "poisson": lambda y, mean, variance: stats.poisson.logpmf(y, mean),
    "bernoulli": lambda y, mean, variance: stats.bernoulli.logpmf(y, mean),
}


@pytest.mark.parametrize("name", LAWS)
@pytest.mark.parametrize("target", [0.0, 1.0])
def test_log_prob_is_scipy_s(name, target):
    law = LIKELIHOODS[name]
    mean, y, variance = law.mean(RAW), torch.full_like(RAW, target), torch.tensor(0.7, dtype=torch.float64)
    expected = LAWS[name](y.numpy(), mean.numpy(), 0.7)
    np.testing.assert_allclose(law.log_prob(mean, y, variance), expected, rtol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", ["poisson", "bernoulli"])
def test_a_forecast_too_sure_of_itself_costs_much_but_not_everything(name, dtype):
    """sigmoid(20) is 1 in float32, and softplus(-200) is 0: the likelihood of what then happens all the same."""
    law = LIKELIHOODS[name]
    raw = torch.tensor([-1000.0, -200.0, -20.0, 20.0, 50.0, 1000.0], dtype=dtype)
    for target in (0.0, 1.0):
        y = torch.full_like(raw, target)
        found = law.log_prob(law.mean(raw), y, torch.ones((), dtype=dtype))
        assert torch.isfinite(found).all()
        if name == "bernoulli":
            wrong = (raw > 0) != bool(target)
            assert (found[wrong] < -16.0).all() and (found[~wrong] > -1e-6).all()
            near = raw.abs() <= 20
            np.testing.assert_allclose(found[near], -law.loss(raw, y)[near], rtol=0.2, atol=1e-6)
