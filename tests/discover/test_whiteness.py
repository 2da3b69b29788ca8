"""What residuals still hold: over trials as in one series, near a unit root, and in little memory."""

import pickle
import time
import tracemalloc

import numpy as np
import pytest
from scipy import stats
from scipy.linalg import solve_discrete_lyapunov

from synfer.discover import MVGC
from synfer.discover.autoregression import Autoregression
from synfer.discover.lwr import lwr
from synfer.discover.whiteness import autocovariance, whiteness


def test_diagnostics(process, stable):
    coef, v = stable(2, 3, 11)
    x = process(coef, 5000, covariance=v)
    enough, short = MVGC(lag=2).fit(x).whiteness_, MVGC(lag=1).fit(x).whiteness_
    np.testing.assert_allclose(enough.durbin_watson, 2.0, atol=0.1)
    assert enough.pvalue > 1e-3 > 1e-10 > short.pvalue
    assert 0.95 < enough.consistency <= 1.0 and short.consistency < enough.consistency


@pytest.mark.parametrize("a", [0.9, 0.9999, 1.0 - 1e-6, -0.999])
def test_autocovariance_of_one_unit_s_model(a):
    """Near a unit root too, where the memory is longer than any number of frequencies one would take."""
    found = autocovariance(np.array([[[a]]]), np.array([[1.0]]), 3)
    np.testing.assert_allclose(found[:, 0, 0], a ** np.arange(4) / ((1 - a) * (1 + a)), rtol=1e-9)


@pytest.mark.parametrize(("p", "n"), [(1, 3), (4, 3)])
def test_autocovariance_solves_lyapunov_s_equation(p, n, stable):
    coef, v = stable(p, n, 2, radius=0.99)
    companion, noise = np.eye(n * p, k=-n), np.zeros((n * p, n * p))
    companion[:n], noise[:n, :n] = np.concatenate(coef, axis=1), v
    state = solve_discrete_lyapunov(companion, noise)
    found = autocovariance(coef, v, p + 3)
    assert found.shape == (p + 4, n, n)
    power = np.eye(n * p)
    for lag in range(p + 4):
        np.testing.assert_allclose(found[lag], (power @ state)[:n, :n], rtol=1e-8, atol=1e-9 * np.abs(state).max())
        power = power @ companion


def test_autocovariance_takes_little_memory(stable):
    coef, v = stable(2, 30, 1, radius=0.999)
    tracemalloc.start()
    autocovariance(coef, v, 12)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20 * 60**2 * 8


def test_consistency_is_computed_when_it_is_asked_for(monkeypatch, process, stable):
    coef, v = stable(1, 2, 0)
    fitted = MVGC(lag=1).fit(process(coef, 500, covariance=v))
    assert "consistency" not in vars(fitted.whiteness_)
    again = pickle.loads(pickle.dumps(fitted))
    assert again.whiteness_.consistency == fitted.whiteness_.consistency > 0.5
    monkeypatch.setattr("synfer.discover.whiteness.autocovariance", None)
    assert fitted.whiteness_.consistency > 0.5  # kept


def test_over_short_trials_white_residuals_are_called_white():
    pvalues = []
    for seed in range(60):
        trials = list(np.random.default_rng(seed).standard_normal((60, 20, 2)))
        pvalues.append(whiteness(trials, list(lwr(trials, 1))[1]).pvalue)
    assert stats.kstest(pvalues, "uniform").pvalue > 1e-3


def test_over_short_trials_the_model_makes_the_data_s_correlations(process):
    """Trials of 20 samples in which samples 11 apart are still alike: these have fewer pairs, not less in common."""
    coef, v = 0.95 * np.eye(2)[None], np.eye(2)
    trials = list(process(coef, 40_000).reshape(2000, 20, 2))
    fit = Autoregression(coef, np.zeros(2), v * 37_999, 38_000)
    assert whiteness(trials, fit).consistency > 0.95


def test_where_trials_are_too_short_for_more_lags_there_is_no_test():
    trials = list(np.random.default_rng(0).standard_normal((300, 6, 2)))
    found = whiteness(trials, list(lwr(trials, 3))[3])
    assert np.isnan(found.pvalue) and np.isnan(found.statistic)
    assert np.isfinite(found.durbin_watson).all() and np.isfinite(found.consistency)


def test_an_explosive_model_has_no_correlations():
    x = np.random.default_rng(0).standard_normal((50, 2))
    fit = Autoregression(np.array([[[1.1, 0.0], [0.0, 0.2]]]), np.zeros(2), np.eye(2), 49)
    assert np.isnan(whiteness([x], fit).consistency)


def test_many_units_take_no_longer_than_their_matrix_products():
    """Two seconds where four nested sums over units would take minutes."""
    x = np.random.default_rng(0).standard_normal((500, 200))
    fit = Autoregression(np.empty((0, 200, 200)), np.zeros(200), x.T @ x, 500)
    begin = time.process_time()
    found = whiteness([x], fit)
    assert time.process_time() - begin < 10.0
    assert found.statistic == pytest.approx(10 * 200**2, rel=0.05)
