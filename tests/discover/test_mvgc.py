"""MVGC against long regressions, least squares by trial, and known processes."""

import numpy as np
import pytest
from scipy.stats import binom

from synfer import Recording
from synfer.discover import MVGC, ConditionalGranger
from synfer.errors import InputError, NotConvergedWarning, UnitRootWarning


def test_causality_equals_that_of_a_long_regression(process, stable):
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


def test_the_spectrum_of_a_resonance(process):
    """x oscillates at a fifth of the sampling rate and drives y: that is where it drives."""
    coef = np.zeros((2, 2, 2))
    coef[:, 0, 0] = 2 * 0.95 * np.cos(2 * np.pi * 0.2), -(0.95**2)
    coef[0, 1, 0] = 0.5
    x = process(coef, 20_000)
    found = MVGC(lag=2, n_frequencies=501).fit(Recording.from_array(x, 1e-3)).spectral_
    driven = found.sel(target=1, source=0)
    assert float(driven.frequency[int(driven.argmax())]) == pytest.approx(200.0, abs=3.0)
    assert float(found.sel(target=0, source=1).max()) < 0.01 * float(driven.max())


@pytest.mark.parametrize(("regression", "lag"), [("ols", 2), ("lwr", 1)])
def test_trials_are_not_spliced(regression, lag, process, stable):
    """Against each written out trial by trial; a splice would give a first sample its neighbour's last."""
    coef, v = stable(lag, 3, 4)
    trials = process(coef, 400, covariance=v).reshape(10, 40, 3)
    trials[:, 0, 0] += 20.0

    def by_hand(segments):
        X = [np.concatenate([s[t - k] for k in range(1, lag + 1)]) for s in segments for t in range(lag, len(s))]
        Y = np.array([s[t] for s in segments for t in range(lag, len(s))])
        X = np.column_stack([X, np.ones(len(X))])
        B = np.linalg.lstsq(X, Y)[0]
        if regression == "lwr":  # of one lag: their correlation, in units of all samples
            mean = trials.mean(axis=(0, 1))
            X, Y, everything = X[:, :3] - mean, Y - mean, np.concatenate(segments) - mean
            before, now, root = (np.linalg.cholesky(x.T @ x) for x in (X, Y, everything))
            B = (root @ np.linalg.solve(now, Y.T @ X) @ np.linalg.inv(before.T) @ np.linalg.inv(root)).T
        error = Y - X @ B
        return B[: 3 * lag].reshape(lag, 3, 3).transpose(0, 2, 1), error.T @ error / (len(Y) - 1)

    fitted = MVGC(lag=lag, regression=regression).fit(Recording({"x": trials}, 1.0, leading="trial"))
    expected, covariance = by_hand(list(trials))
    np.testing.assert_allclose(fitted.coef_, expected, atol=1e-10)
    np.testing.assert_allclose(fitted.residual_covariance_, covariance, rtol=1e-9, atol=1e-10)
    spliced, _ = by_hand([np.concatenate(trials)])
    assert np.abs(spliced - expected).max() > 0.01


@pytest.mark.parametrize("regression", ["lwr", "ols"])
def test_rejects_at_its_level_where_nothing_is_connected(regression, process):
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


@pytest.mark.parametrize("regression", ["lwr", "ols"])
def test_rejects_at_its_level_of_few_samples(regression):
    """A third of the rows are coefficients: the law of many rows rejected .18 at .05 and .016 at .001."""
    n_series, n = 20, 20
    pvalues = np.concatenate([
        MVGC(lag=5, regression=regression)
        .fit(np.random.default_rng(seed).standard_normal((300, n)))
        .connectome_.pvalue.values[~np.eye(n, dtype=bool)]
        for seed in range(n_series)
    ])  # fmt: skip
    for level in (0.05, 0.001):
        low, high = binom.interval(1 - 1e-4, len(pvalues), level)
        assert low <= (pvalues < level).sum() <= high


def test_orientation_sign_and_delay(process):
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


def test_least_squares_agree_with_conditional_granger(process, stable):
    x = process(*stable(2, 3, 8)[:1], 2000)
    ours, theirs = MVGC(lag=2, regression="ols").fit(x), ConditionalGranger(lag=2).fit(x)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-10)
    np.testing.assert_allclose(ours.predict(x), theirs.predict(x), atol=1e-9)
    assert ours.score(x) == pytest.approx(theirs.score(x), abs=1e-3)


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
    with pytest.raises(InputError, match="overflow"):
        MVGC(lag=1).fit(np.random.default_rng(0).standard_normal((100, 2)) * 1e200)


def test_criteria_are_those_of_conditional_granger(process, stable):
    x = process(*stable(2, 3, 8)[:1], 1000)
    ours, theirs = (m.fit(x).criterion_ for m in (MVGC("bic", 5, regression="ols"), ConditionalGranger("bic", 5)))
    np.testing.assert_allclose(ours[["aic", "bic"]], theirs.loc[1:, ["aic", "bic"]], rtol=1e-12)
    # By the recursion the mean is no coefficient, and every order has its own rows: as near as that lets them be.
    lattice = MVGC("bic", 5).fit(x).criterion_
    np.testing.assert_allclose(lattice["bic"] + 3 * np.log(995) / 995, theirs.loc[1:, "bic"], atol=0.03)


def test_what_the_residual_covariances_are_divided_by(process, stable):
    x = process(*stable(2, 3, 8)[:1], 200)
    ours, theirs = MVGC(lag=2, regression="ols").fit(x), ConditionalGranger(lag=2).fit(x)
    np.testing.assert_allclose(
        ours.residual_covariance_ * 197, theirs.residual_covariance_ * (198 - 7), rtol=1e-9, atol=1e-12
    )
