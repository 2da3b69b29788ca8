"""The lattice recursion against least squares and against the process it is given."""

import numpy as np
import pytest

from synfer.discover import MVGC
from synfer.discover.autoregression import criteria, spectral_radius
from synfer.discover.lwr import lwr
from synfer.errors import NotConvergedWarning


def test_lwr_recovers_the_process_and_every_order_has_its_rows(process, stable):
    coef, _ = stable(3, 4, 7)
    v = np.eye(4) + 0.3
    x = process(coef, 100_000, covariance=v)
    fits = list(lwr([x], 5))
    assert [fit.n_rows for fit in fits] == [100_000 - k for k in range(6)]
    least_squares = MVGC(lag=3, regression="ols").fit(x)
    np.testing.assert_allclose(fits[3].coef, least_squares.coef_, atol=5e-4)
    np.testing.assert_allclose(fits[3].coef, coef, atol=0.02)
    np.testing.assert_allclose(fits[3].covariance, v, rtol=0.05, atol=0.05)
    np.testing.assert_allclose(fits[5].coef[3:], 0.0, atol=0.02)
    assert criteria(fits)["bic"].idxmin() == 3


def test_order_1_is_the_correlation_of_neighbours_in_units_of_all_samples(process, stable):
    x = process(*stable(1, 3, 1)[:1], 500)
    x -= x.mean(axis=0)
    now, before, all_of_them = (np.linalg.cholesky(y.T @ y) for y in (x[1:], x[:-1], x))
    reflection = np.linalg.solve(now, x[1:].T @ x[:-1]) @ np.linalg.inv(before.T)
    expected = all_of_them @ reflection @ np.linalg.inv(all_of_them)
    np.testing.assert_allclose(list(lwr([x], 1))[1].coef[0], expected, atol=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_every_order_is_stable_even_of_few_samples_without_a_mean(seed):
    walk = np.random.default_rng(seed).standard_normal((60, 3)).cumsum(axis=0)
    walk[-1] += 30.0  # the recording ends in a jump
    radii = [spectral_radius(fit.coef) for fit in list(lwr([walk], 8))[1:]]
    assert max(radii) < 1.0
    with pytest.warns(NotConvergedWarning):  # of least squares this is not true
        MVGC(lag=8, regression="ols").fit(walk)
