"""Partial correlation and differential covariance against regressions, a scan of known systems, and scikit-learn."""

import time

import numpy as np
import pytest
from scipy.stats import binom
from sklearn.covariance import OAS

from synfer import Recording
from synfer.discover import DifferentialCovariance, PartialCorrelation
from synfer.discover.covariance import _lagged_products
from synfer.errors import InputError, OrientationWarning


def autoregressive(n_samples, n_units, a, seed):
    noise = np.random.default_rng(seed).standard_normal((n_samples, n_units))
    for t in range(1, n_samples):
        noise[t] += a * noise[t - 1]
    return noise


def test_partial_correlation_is_that_of_the_residuals():
    x = np.random.default_rng(0).standard_normal((300, 5)) @ np.random.default_rng(1).standard_normal((5, 5)) + 3.0
    found = PartialCorrelation().fit(x)
    for i, j in ((0, 1), (2, 4), (3, 0)):
        others = np.column_stack([np.ones(300), np.delete(x, [i, j], axis=1)])
        left = x[:, [i, j]] - others @ np.linalg.lstsq(others, x[:, [i, j]])[0]
        expected = np.corrcoef(left.T)[0, 1]
        assert float(found.connectome_.weight.values[i, j]) == pytest.approx(expected, abs=1e-12)
        assert float(found.connectome_.weight.values[j, i]) == pytest.approx(expected, abs=1e-12)
    np.testing.assert_allclose(found.precision_, np.linalg.inv(np.cov(x.T, bias=True)), rtol=1e-8)


@pytest.mark.parametrize("a", [0.0, 0.9])
def test_partial_correlation_rejects_at_its_level_in_slow_signals_too(a):
    n_series, n = 300, 4
    pairs = np.triu_indices(n, 1)
    rejected = sum(
        int((PartialCorrelation().fit(autoregressive(1000, n, a, seed)).connectome_.pvalue.values[pairs] < 0.05).sum())
        for seed in range(n_series)
    )
    tests = n_series * len(pairs[0])
    low, high = binom.interval(1 - 1e-4, tests, 0.05)
    # Bartlett's variance is itself estimated: too many, as the docstring says, where signals are slow.
    assert low < rejected < (high if a == 0.0 else 0.09 * tests)


def test_partial_correlation_rejects_at_its_level_where_samples_are_few():
    """Each unit that is given takes a degree of freedom: of 110 samples, 100 units leave 10."""
    found = [PartialCorrelation().fit(np.random.default_rng(k).standard_normal((110, 100))) for k in range(10)]
    p = np.stack([one.connectome_.pvalue.values[np.triu_indices(100, 1)] for one in found])
    assert 0.03 < (p < 0.05).mean() < 0.07
    assert (p < 0.001).mean() < 0.003


def test_lagged_products_are_the_sums_that_they_stand_for():
    rng = np.random.default_rng(0)
    series = [rng.standard_normal((n, 3)) for n in (50, 7, 31)]
    slow = [sum((x[lag:] * x[: len(x) - lag]).sum(axis=0) for x in series if len(x) > lag) for lag in range(20)]
    np.testing.assert_allclose(_lagged_products(series, 20), slow, atol=1e-12)


def test_many_lags_of_a_long_recording_cost_seconds():
    spikes = (np.random.default_rng(0).random((500_000, 4)) < 0.01).astype(np.float32)  # sqrt(n) lags: once minutes
    begin = time.process_time()
    PartialCorrelation().fit(spikes)
    assert time.process_time() - begin < 5.0


def test_partial_correlation_finds_the_links_of_a_chain_and_their_signs():
    rng = np.random.default_rng(0)
    a = rng.standard_normal(3000)
    b = a + 0.5 * rng.standard_normal(3000)
    c = -b + 0.5 * rng.standard_normal(3000)
    connectome = PartialCorrelation().fit(np.column_stack([a, b, c])).connectome_
    assert connectome.weight.sel(target=1, source=0) > 0 > connectome.weight.sel(target=2, source=1)
    assert connectome.pvalue.sel(target=2, source=0) > 1e-3 > connectome.pvalue.sel(target=1, source=0)


def test_shrinkage_is_scikit_learn_s_and_takes_more_units_than_samples():
    x = np.random.default_rng(0).standard_normal((30, 50))
    with pytest.warns(OrientationWarning):
        found = PartialCorrelation(shrinkage="oas").fit(x)
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    expected = OAS(assume_centered=True).fit(z).precision_
    root = np.sqrt(np.diag(expected))
    off = ~np.eye(50, dtype=bool)
    np.testing.assert_allclose(found.connectome_.weight.values[off], (-expected / np.outer(root, root))[off])
    assert found.connectome_.pvalue is None


@pytest.mark.parametrize("estimator", [PartialCorrelation(), DifferentialCovariance()])
def test_collinear_units_are_named(estimator):
    x = np.random.default_rng(0).standard_normal((200, 3))
    with pytest.raises(InputError, match="must not be collinear: units"):
        estimator.fit(np.column_stack([x, x[:, 0] + x[:, 1]]))


def linear_system(n_samples=200_000, dt=0.01, seed=0):
    """dx = A x dt + dW, Euler-Maruyama."""
    a = np.array([[-1.0, 0.0, 0.0], [0.8, -1.0, 0.0], [0.0, -0.6, -1.0]])
    noise = np.sqrt(dt) * np.random.default_rng(seed).standard_normal((n_samples, 3))
    x = np.zeros((n_samples, 3))
    for t in range(1, n_samples):
        x[t] = x[t - 1] + dt * a @ x[t - 1] + noise[t]
    return x, a


def test_differential_covariance_of_a_linear_system():
    """Central differences of a stationary process give (A C - C A') / 2 C^-1, which is what DDC estimates."""
    x, a = linear_system()
    found = DifferentialCovariance().fit(Recording.from_array(x, 0.01)).connectome_.weight.values
    c = np.cov(x.T)
    expected = (a @ c - c @ a.T) / 2 @ np.linalg.inv(c)
    scale = np.sqrt(np.diag(c))
    off = ~np.eye(3, dtype=bool)
    np.testing.assert_allclose(found[off], (expected * scale / scale[:, None])[off], atol=0.1)
    assert found[1, 0] > 0 > found[2, 1] and abs(found[1, 0]) > 0.2


def test_differential_covariance_is_a_regression():
    x = np.random.default_rng(3).standard_normal((500, 4))
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    for nonlinearity, f in (("linear", z), ("relu", np.maximum(z, 0.0))):
        found = DifferentialCovariance(nonlinearity).fit(x).connectome_.weight.values
        expected = np.linalg.lstsq(f[1:-1], (z[2:] - z[:-2]) / 2.0)[0].T
        off = ~np.eye(4, dtype=bool)
        np.testing.assert_allclose(found[off], expected[off], atol=1e-10)


def test_differences_never_cross_a_splice():
    x = np.random.default_rng(3).standard_normal((2, 100, 3))
    x[1] += 100.0  # a step that would swamp everything
    x -= x.mean(axis=1, keepdims=True)
    trials = Recording({"x": x}, 1.0, leading="trial")
    whole = DifferentialCovariance().fit(trials).connectome_.weight.values
    z = x / x.reshape(-1, 3).std(axis=0)
    towards = sum((z[k, 2:] - z[k, :-2]).T @ z[k, 1:-1] / 2 for k in range(2))
    among = sum(z[k, 1:-1].T @ z[k, 1:-1] for k in range(2))
    off = ~np.eye(3, dtype=bool)
    np.testing.assert_allclose(whole[off], (towards @ np.linalg.inv(among))[off], atol=1e-10)
    with pytest.raises(InputError, match="at least 3 samples"):
        DifferentialCovariance(ridge=1.0).fit(
            Recording({"x": x[:, :2] + np.arange(2)[:, None, None]}, 1.0, leading="trial")
        )
