"""MVGC against the Riccati equation of the whole system, long regressions, and known processes."""

import numpy as np
import pytest
from scipy.linalg import solve_discrete_are
from scipy.stats import binom

from synfer import Recording
from synfer.discover import MVGC, ConditionalGranger, state_space
from synfer.discover.lwr import lwr
from synfer.discover.order import criteria
from synfer.discover.whiteness import autocovariance
from synfer.errors import FitDivergedError, InputError, NotConvergedWarning, UnitRootWarning


def process(coef, n_samples, seed=0, covariance=None):
    """Samples (time, unit) of a vector autoregression."""
    p, n, _ = coef.shape
    rng = np.random.default_rng(seed)
    noise = rng.multivariate_normal(np.zeros(n), np.eye(n) if covariance is None else covariance, n_samples + 500)
    x = np.zeros((n_samples + 500, n))
    for t in range(p, len(x)):
        x[t] = noise[t] + sum(a @ x[t - k] for k, a in enumerate(coef, start=1))
    return x[500:]


def stable(p, n, seed, radius=0.9):
    """Random coefficients (lag, target, source) of a process with that spectral radius, and a covariance."""
    rng = np.random.default_rng(seed)
    coef = rng.normal(size=(p, n, n)) * rng.random((p, n, n)).round()
    companion = np.eye(n * p, k=-n)
    companion[:n] = np.concatenate(coef, axis=1)
    found = np.abs(np.linalg.eigvals(companion)).max()
    coef *= (radius / found) ** np.arange(1, p + 1)[:, None, None]
    root = rng.normal(size=(n, n)) / np.sqrt(n) + np.eye(n)
    return coef, root @ root.T


@pytest.mark.parametrize(("p", "n", "seed"), [(1, 2, 0), (1, 5, 1), (3, 4, 2), (6, 3, 3)])
def test_causality_equals_that_of_the_whole_system_s_riccati_equation(p, n, seed):
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


def test_causality_equals_that_of_a_long_regression():
    coef, v = stable(2, 3, 5, radius=0.8)
    x = process(coef, 200_000, covariance=v)
    score = MVGC(lag=2).fit(x).connectome_.score.values
    long = 25
    lags = np.hstack([np.ones((len(x) - long, 1)), *(x[long - k : -k] for k in range(1, long + 1))])
    column = np.tile(np.arange(3), long)
    for j in range(3):
        r = np.flatnonzero(np.arange(3) != j)
        kept = np.concatenate([[True], column != j])
        reduced = np.linalg.lstsq(lags[:, kept], x[long:, r])[1]
        full = np.linalg.lstsq(lags, x[long:, r])[1]
        np.testing.assert_allclose(score[r, j], np.log(reduced / full), atol=5e-4, rtol=0.01)


@pytest.mark.parametrize(("p", "n", "seed"), [(1, 2, 0), (2, 4, 1), (5, 3, 2)])
def test_the_spectrum_s_mean_is_the_causality(p, n, seed):
    coef, v = stable(p, n, seed)
    coef *= 0.3 + 0.7 * np.eye(n)  # each unit is stable by itself: Geweke's condition
    reduced = state_space.reduce(coef, v)
    frequencies = np.arange(4096) / 4096
    found = state_space.spectral(coef, v, reduced, frequencies)
    np.testing.assert_allclose(found.mean(axis=0), state_space.pairwise_conditional(reduced, v), atol=1e-10)
    assert np.nanmin(found) > -1e-12


def test_the_spectrum_of_a_resonance():
    """x oscillates at a fifth of the sampling rate and drives y: that is where it drives."""
    coef = np.zeros((2, 2, 2))
    coef[:, 0, 0] = 2 * 0.95 * np.cos(2 * np.pi * 0.2), -(0.95**2)
    coef[0, 1, 0] = 0.5
    x = process(coef, 20_000)
    found = MVGC(lag=2, n_frequencies=501).fit(Recording.from_array(x, 1e-3)).spectral_
    driven = found.sel(target=1, source=0)
    assert float(driven.frequency[int(driven.argmax())]) == pytest.approx(200.0, abs=3.0)
    assert float(found.sel(target=0, source=1).max()) < 0.01 * float(driven.max())


def test_without_causality_the_reduced_model_is_the_full_one():
    coef = np.zeros((1, 3, 3))
    coef[0] = np.diag([0.9, 0.5, 0.1])
    v = np.array([[1.0, 0.3, 0.1], [0.3, 1.0, -0.2], [0.1, -0.2, 1.0]])
    f = state_space.pairwise_conditional(state_space.reduce(coef, v), v)
    np.testing.assert_allclose(f[~np.eye(3, dtype=bool)], 0.0, atol=1e-12)


def test_lwr_recovers_the_process_and_every_order_has_its_rows():
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
    assert min(range(1, 6), key=lambda k: criteria(fits[k])["bic"]) == 3


def test_lwr_at_order_1_is_least_squares():
    x = process(*stable(1, 3, 1)[:1], 500)
    x -= x.mean(axis=0)
    fit = list(lwr([x], 1))[1]
    expected = np.linalg.lstsq(x[:-1], x[1:])[0].T
    np.testing.assert_allclose(fit.coef[0], expected, atol=1e-12)


def test_trials_are_not_spliced():
    """Two trials whose ends do not meet: as each alone, and not as one series."""
    coef, v = stable(2, 3, 4)
    x = process(coef, 4000, covariance=v)
    x[2000:] += 50.0 * np.eye(3)[0] * np.linspace(1, 0, 2000)[:, None] ** 50
    trials = np.stack([x[:2000], x[2000:]])
    whole = MVGC(lag=2).fit(Recording({"x": trials}, 1.0, leading="trial"))
    assert whole.coef_.shape == (2, 3, 3)
    both = list(lwr([trials[0], trials[1]], 2))[2]
    np.testing.assert_array_equal(whole.coef_, both.coef)
    assert both.n_rows == 2 * 1998


@pytest.mark.parametrize("regression", ["lwr", "ols"])
def test_rejects_at_its_level_where_nothing_is_connected(regression):
    n_series, n = 150, 4
    coef = np.zeros((2, n, n))
    coef[0] = np.diag([0.0, 0.3, 0.6, 0.9])
    coef[1] = np.diag([0.2, 0.0, -0.3, -0.2])
    covariance = 0.3 + 0.7 * np.eye(n)  # noise in common: no causality
    pvalues = []
    for seed in range(n_series):
        fitted = MVGC(lag=2, regression=regression).fit(process(coef, 600, seed, covariance))
        pvalues.append(fitted.connectome_.pvalue.values[~np.eye(n, dtype=bool)])
    rejected = int((np.concatenate(pvalues) < 0.05).sum())
    # Series are independent, the tests within one nearly so: half as many again as binomial would allow.
    low, high = binom.interval(1 - 1e-4, n_series * n * (n - 1), 0.05)
    centre = 0.05 * n_series * n * (n - 1)
    assert centre - 1.5 * (centre - low) < rejected < centre + 1.5 * (high - centre)


def test_null_moments_are_those_of_the_statistic():
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


def test_orientation_sign_and_delay():
    coef = np.zeros((3, 3, 3))
    coef[0, 0, 0] = 0.5
    coef[2, 1, 0] = -0.6  # 0 drives 1, three samples later, negatively
    coef[0, 2, 1] = 0.7
    connectome = MVGC(lag=3).fit(Recording.from_array(process(coef, 5000), 1e-3)).connectome_
    assert connectome.pvalue.sel(target=1, source=0) < 1e-10 < 1e-3 < connectome.pvalue.sel(target=0, source=1)
    assert connectome.weight.sel(target=1, source=0) < 0 < connectome.weight.sel(target=2, source=1)
    assert float(connectome.delay.sel(target=1, source=0)) == pytest.approx(3e-3)
    # A chain: what reaches 2 from 0 goes through 1.
    assert connectome.score.sel(target=2, source=0) < 0.01 * connectome.score.sel(target=2, source=1)


@pytest.mark.parametrize("lag", ["aic", "aicc", "bic", "hq", "cv"])
def test_every_criterion_finds_the_order(lag):
    coef = np.zeros((3, 2, 2))
    coef[0, 0, 0], coef[2, 1, 1], coef[2, 1, 0] = 0.4, 0.5, 0.4
    fitted = MVGC(lag=lag, max_lag=6).fit(process(coef, 4000, seed=1))
    assert fitted.lag_ in ((3,) if lag in ("bic", "hq") else (3, 4, 5, 6))
    assert list(fitted.criterion_.index) == [1, 2, 3, 4, 5, 6]
    assert fitted.criterion_[lag].idxmin() == fitted.lag_


def test_aicc_passes_over_orders_that_it_cannot_correct():
    x = np.random.default_rng(0).standard_normal((300, 12))
    fitted = MVGC(lag="aicc", max_lag=3).fit(x)
    assert fitted.criterion_["aicc"].isna().tolist() == [False, False, True] or fitted.criterion_["aicc"].isna().any()
    assert fitted.lag_ == 1


def test_least_squares_agree_with_conditional_granger():
    x = process(*stable(2, 3, 8)[:1], 2000)
    ours, theirs = MVGC(lag=2, regression="ols").fit(x), ConditionalGranger(lag=2).fit(x)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-10)
    np.testing.assert_allclose(ours.predict(x), theirs.predict(x), atol=1e-9)
    assert ours.score(x) == pytest.approx(theirs.score(x), abs=1e-3)


def test_diagnostics():
    coef, v = stable(2, 3, 11)
    x = process(coef, 5000, covariance=v)
    enough, short = MVGC(lag=2).fit(x).whiteness_, MVGC(lag=1).fit(x).whiteness_
    np.testing.assert_allclose(enough.durbin_watson, 2.0, atol=0.1)
    assert enough.pvalue > 1e-3 > 1e-10 > short.pvalue
    assert 0.95 < enough.consistency <= 1.0 and short.consistency < enough.consistency


def test_autocovariance_of_the_model():
    coef = np.array([[[0.9]]])
    found = autocovariance(coef, np.array([[1.0]]), 3, 0.9)
    np.testing.assert_allclose(found[:, 0, 0], 0.9 ** np.arange(4) / (1 - 0.81), rtol=1e-8)


def test_units_that_follow_from_others_are_refused():
    x = np.random.default_rng(0).standard_normal((300, 3))
    with pytest.raises(InputError, match="must not be collinear"):
        MVGC(lag=1).fit(np.column_stack([x, x @ [1.0, 2.0, 3.0]]))


def test_a_unit_root_is_warned_of():
    walk = np.random.default_rng(1).standard_normal((2000, 2)).cumsum(axis=0)
    with pytest.warns((UnitRootWarning, NotConvergedWarning), match="spectral radius"):
        MVGC(lag=1).fit(walk)


def test_an_explosion_is_no_connectome_of_a_converged_fit():
    x = np.random.default_rng(0).standard_normal((60, 2)) * 1e-3
    x[:, 0] += 1.3 ** np.arange(60) * 1e-3
    with pytest.warns(NotConvergedWarning, match="p-values are withheld"):
        fitted = MVGC(lag=1, regression="ols").fit(x)
    assert fitted.connectome_.pvalue is None and not fitted.connectome_.converged


def test_too_few_samples():
    with pytest.raises(InputError, match="samples"):
        MVGC(lag=5).fit(np.random.default_rng(0).standard_normal((20, 4)))


def test_overflow():
    with pytest.raises(FitDivergedError, match="overflow"):
        MVGC(lag=1).fit(np.random.default_rng(0).standard_normal((100, 2)) * 1e200)
