from __future__ import annotations

import numpy as np
import pytest

from synfer.discover.autoregression import spectral_radius
from synfer.errors import InputError
from synfer.simulate import run, var_network
from synfer.trust.own import own_histories


def test_recovers_coefficients_and_order_of_each_unit():
    a = np.zeros((2, 2, 2))
    a[0, 0, 0], a[1, 0, 0], a[0, 1, 1] = 0.5, -0.3, 0.8
    x = np.asarray(run(var_network(a, noise=[1.0, 2.0], bias=[1.0, 0.0]), 20.0, record="x", seed=1)["x"])
    first, second = own_histories([x])
    np.testing.assert_allclose(first.coef, [0.5, -0.3], atol=0.02)
    np.testing.assert_allclose(second.coef, [0.8], atol=0.02)
    np.testing.assert_allclose([first.intercept, first.deviation, second.deviation], [1.0, 1.0, 2.0], rtol=0.05)


def test_the_response_to_a_shock_is_what_the_recursion_makes_of_it():
    rng = np.random.default_rng(0)
    x = np.cumsum(rng.standard_normal((500, 1)), axis=0) * 0.01 + rng.standard_normal((500, 1))
    (unit,) = own_histories([x])
    shock = rng.standard_normal(40)
    slow = np.zeros(40)
    for t in range(40):
        slow[t] = shock[t] + sum(c * slow[t - k - 1] for k, c in enumerate(unit.coef) if t - k - 1 >= 0)
    np.testing.assert_allclose(unit.respond(shock), slow, atol=1e-12)


def test_a_random_walk_is_made_stable_and_keeps_its_mean():
    x = np.cumsum(np.random.default_rng(1).standard_normal((3000, 1)), axis=0) + 50.0
    (unit,) = own_histories([x])
    assert spectral_radius(unit.coef[:, None, None]) < 1
    assert unit.intercept / (1 - unit.coef.sum()) == pytest.approx(x.mean())


def test_too_short_is_refused():
    with pytest.raises(InputError, match=r"at least 10 samples; got 9: record for longer"):
        own_histories([np.zeros((9, 2))])
