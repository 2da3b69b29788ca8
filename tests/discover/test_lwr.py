"""The lattice recursion against least squares and against the process it is given."""

import numpy as np

from synfer.discover import MVGC
from synfer.discover.autoregression import criteria
from synfer.discover.lwr import lwr


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


def test_lwr_at_order_1_is_least_squares(process, stable):
    x = process(*stable(1, 3, 1)[:1], 500)
    x -= x.mean(axis=0)
    fit = list(lwr([x], 1))[1]
    expected = np.linalg.lstsq(x[:-1], x[1:])[0].T
    np.testing.assert_allclose(fit.coef[0], expected, atol=1e-12)
