"""The state-space form against the Riccati equation of the whole system, and the statistic's null law."""

import tracemalloc

import numpy as np
import pytest
from scipy import stats
from scipy.linalg import solve_discrete_are

from synfer.discover import state_space
from synfer.discover.lwr import lwr


@pytest.mark.parametrize(("p", "n", "seed"), [(1, 2, 0), (1, 5, 1), (3, 4, 2), (6, 3, 3)])
def test_causality_equals_that_of_the_whole_system_s_riccati_equation(p, n, seed, stable):
    coef, v = stable(p, n, seed)
    ours = state_space.pairwise_conditional(state_space.reduce(coef, v), v)
    companion = np.eye(n * p, k=-n)
    companion[:n] = np.concatenate(coef, axis=1)
    gain = np.eye(n * p)[:, :n]
    for j in range(n):
        r = [i for i in range(n) if i != j]
        seen, noise, cross = companion[r], v[np.ix_(r, r)], gain @ v[:, r]
        state = solve_discrete_are(companion.T, seen.T, gain @ v @ gain.T, noise, s=cross)
        expected = np.log(np.diag(seen @ state @ seen.T + noise)) - np.log(np.diag(v)[r])
        np.testing.assert_allclose(ours[r, j], expected, rtol=1e-8, atol=1e-12)
    assert np.isnan(np.diag(ours)).all()


@pytest.mark.parametrize(("p", "n", "seed"), [(1, 2, 0), (2, 4, 1), (5, 3, 2)])
def test_the_spectrum_s_mean_is_the_causality(p, n, seed, stable):
    coef, v = stable(p, n, seed)
    coef *= 0.3 + 0.7 * np.eye(n)  # each unit is stable by itself: Geweke's condition
    reduced = state_space.reduce(coef, v)
    frequencies = np.arange(4096) / 4096
    found = state_space.spectral(coef, v, reduced, frequencies)
    np.testing.assert_allclose(found.mean(axis=0), state_space.pairwise_conditional(reduced, v), atol=1e-10)
    assert np.nanmin(found) > -1e-12


def test_without_causality_the_reduced_model_is_the_full_one():
    coef = np.zeros((1, 3, 3))
    coef[0] = np.diag([0.9, 0.5, 0.1])
    v = np.array([[1.0, 0.3, 0.1], [0.3, 1.0, -0.2], [0.1, -0.2, 1.0]])
    f = state_space.pairwise_conditional(state_space.reduce(coef, v), v)
    np.testing.assert_allclose(f[~np.eye(3, dtype=bool)], 0.0, atol=1e-12)


def test_null_moments_are_those_of_the_statistic(process):
    coef = np.zeros((2, 2, 2))
    coef[0] = [[0.9, 0.0], [0.0, 0.6]]
    n_samples = 2000
    found, mean, variance = [], [], []
    for seed in range(300):
        x = process(coef, n_samples, seed)
        fit = list(lwr([x], 2))[2]
        reduced = state_space.reduce(fit.coef, fit.covariance)
        found.append(fit.n_rows * state_space.pairwise_conditional(reduced, fit.covariance)[1, 0])
        lags = np.hstack([x[1:-1], x[:-2]])
        precision = np.linalg.inv(np.cov(lags.T))
        blocks = np.stack([precision[j::2, j::2] for j in range(2)])
        m, s = state_space.null_moments(fit.coef, fit.covariance, blocks)
        mean.append(m[1, 0])
        variance.append(s[1, 0])
    assert np.mean(found) == pytest.approx(np.mean(mean), rel=0.2)
    assert np.var(found) == pytest.approx(np.mean(variance), rel=0.4)
    assert np.mean(mean) < 2.0  # the lags' number: chi-square would be too wide


def hidden(coef, v, j, zero=None):
    """Source j as the state behind the others: gain (lag, unit - 1) and covariance of its filter, by scipy.

    ``zero`` is a unit that j does not drive.
    """
    p, n, _ = coef.shape
    r = np.delete(np.arange(n), j)
    a = np.eye(p, k=-1)
    a[0] = coef[:, j, j]
    c = coef[:, r, j].T.copy()
    if zero is not None:
        c[r == zero] = 0.0
    first = np.eye(p)[:, :1]
    cross, noise = first * v[j, r], v[np.ix_(r, r)]
    state = solve_discrete_are(a.T, c.T, v[j, j] * first @ first.T, noise, s=cross)
    innovations = c @ state @ c.T + noise
    return (a @ state @ c.T + cross) @ np.linalg.inv(innovations), state, innovations


@pytest.mark.parametrize(("p", "n", "seed"), [(1, 2, 0), (1, 5, 1), (3, 4, 2)])
def test_downdates_of_one_inverse_equal_a_solution_for_each_source(p, n, seed, stable):
    coef, v = stable(p, n, seed)
    reduced = state_space.reduce(coef, v)
    precision = np.random.default_rng(seed).standard_normal((n, p, p))
    precision = precision @ precision.transpose(0, 2, 1)
    mean, variance = state_space.null_moments(coef, v, precision)
    assert np.isnan(np.diag(mean)).all() and np.isnan(np.diag(variance)).all()
    for j in range(n):
        r = np.delete(np.arange(n), j)
        gain, state, innovations = hidden(coef, v, j)
        np.testing.assert_allclose(reduced.gain[j][:, r], gain, atol=1e-9)
        np.testing.assert_allclose(reduced.state_covariance[j], state, atol=1e-9)
        np.testing.assert_allclose(reduced.variance[j][r], np.diag(innovations), rtol=1e-9)
        for i in r:
            weighted = hidden(coef, v, j, zero=i)[1] @ precision[j]
            np.testing.assert_allclose(mean[i, j], np.trace(weighted), rtol=1e-8)
            np.testing.assert_allclose(variance[i, j], 2 * np.trace(weighted @ weighted), rtol=1e-8)


def test_no_matrix_of_units_by_units_is_made_for_each_source(stable):
    p, n = 2, 100
    coef, v = stable(p, n, 0)
    precision = np.tile(np.eye(p), (n, 1, 1))
    tracemalloc.start()
    state_space.reduce(coef, v)
    state_space.null_moments(coef, v, precision)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < n**3 * 8 / 2  # half of one array (source, unit, unit)


def test_the_null_law_is_f_of_equal_weights_and_gamma_of_many_rows():
    f = np.array([0.0, 0.01, 0.05, 0.2])
    # Five weights of 1: b' P b / V is five times the F statistic of regression.
    np.testing.assert_allclose(
        state_space.null_pvalue(f, np.full(4, 5.0), np.full(4, 10.0), 60.0), stats.f.sf(60.0 * np.expm1(f) / 5.0, 5, 60)
    )
    mean, variance, rows = np.full(4, 1.9), np.full(4, 2.65), 1e7
    many = state_space.null_pvalue(f * 100.0 / rows, mean, variance, rows)
    np.testing.assert_allclose(many, stats.gamma.sf(100.0 * f, mean**2 / variance, scale=variance / mean), rtol=1e-4)
    assert np.isnan(state_space.null_pvalue(np.array([np.nan]), mean[:1], variance[:1], 60.0)).all()
