"""JacobianGC: recovery with either norm and network, and what the published network is made of."""

import numpy as np
import pytest

from synfer.discover import JacobianGC
from synfer.forecast import MLPForecaster, ResidualForecaster

QUICK = {"max_epochs": 120, "random_state": 0, "progress": False}


def chain(n_samples=600, seed=0):
    """0 -> 1 (excites, lag 1), 1 -> 2 (inhibits, lag 2, through a sine), 3 alone."""
    rng = np.random.default_rng(seed)
    x = 0.5 * rng.standard_normal((n_samples, 4))
    for t in range(2, n_samples):
        x[t] += 0.4 * x[t - 1]
        x[t, 1] += 0.9 * x[t - 1, 0]
        x[t, 2] -= 1.2 * np.sin(x[t - 2, 1])
    return x


@pytest.mark.parametrize("network", ["tanh", "published"])
@pytest.mark.parametrize("norm", ["l1", "frobenius"])
def test_it_finds_the_chain(norm, network):
    connectome = JacobianGC(lag=2, norm=norm, network=network, penalty=0.01, **QUICK).fit(chain()).connectome_
    strongest = connectome.edges().iloc[:2][["source", "target"]]
    assert set(map(tuple, strongest.to_numpy().tolist())) == {(0, 1), (1, 2)}
    assert connectome.delay is None  # an array says no dt


def test_the_published_network_of_one_layer_is_a_linear_forecast():
    x = chain(200)
    quick = QUICK | {"max_epochs": 30}
    fitted = JacobianGC(network="published", n_layers=1, lag=2, target="value", **quick).fit(x)
    assert isinstance(fitted.forecaster_, ResidualForecaster)
    moved = np.stack([fitted.predict(x + shift)[2:] for shift in (0.0, 1.0, 2.0)])
    np.testing.assert_allclose(moved[1] - moved[0], moved[2] - moved[1], atol=1e-4)
    assert isinstance(JacobianGC(lag=2, **quick).fit(x).forecaster_, MLPForecaster)
