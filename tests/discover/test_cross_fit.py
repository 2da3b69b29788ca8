"""Tests on samples that responses were not learnt from: pooling, when it is done, and what it is for."""

import warnings

import numpy as np
import pytest
from scipy import stats

import synfer as sf
from synfer.discover import Synformer
from synfer.discover.cross_fit import plain, pooled
from synfer.discover.refit import Refit
from synfer.errors import InputError, ResolutionWarning
from synfer.forecast import SynformerForecaster

SMALL = {"n_init": 1, "window": 2, "value_window": 1, "time_constants": (5.0,), "progress": False, "random_state": 0}


def estimate(x, y, gain=0.5):
    """Least squares of a target on two columns of one source, with HC3 and Satterthwaite, as a refit of two units."""
    inverse = np.linalg.inv(x.T @ x)
    along = x @ inverse
    theta = along.T @ y
    leverage = (along * x).sum(1)
    free, cov, variance = np.zeros((2, 2, 2)), np.full((2, 2, 2, 2), np.nan), np.ones((2, 2))
    free[0, 1] = theta
    cov[0, 1] = along.T @ (((y - x @ theta) / (1 - leverage))[:, None] ** 2 * along)
    added = along**2 / (1 - leverage)[:, None]
    variance[0, 1] = np.diag(inverse).mean()
    freedom = np.full((2, 2), (added.sum(0) ** 2 / (added**2).sum(0)).min())
    return Refit(free.copy(), free, cov, np.full((2, 2, 2), gain), freedom, variance)


def test_two_parts_are_weighed_by_what_the_law_has_them_be_uncertain_by():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 2)) @ np.array([[1.0, 0.6], [0.0, 0.5]])
    y = x @ [0.4, -0.3] + rng.normal(size=300)
    first, second = estimate(x[:100], y[:100]), estimate(x[100:], y[100:])
    both = pooled(first, second)
    w = 1 / first.variance[0, 1], 1 / second.variance[0, 1]
    share = w[0] / sum(w), w[1] / sum(w)
    np.testing.assert_allclose(both.free[0, 1], share[0] * first.free[0, 1] + share[1] * second.free[0, 1])
    expected = share[0] ** 2 * first.cov[0, 1] + share[1] ** 2 * second.cov[0, 1]
    np.testing.assert_allclose(both.cov[0, 1], expected)
    assert both.variance[0, 1] == pytest.approx(1 / sum(w))
    size = [share[k] ** 2 * np.trace(one.cov[0, 1]) for k, one in enumerate((first, second))]
    welch = sum(size) ** 2 / (size[0] ** 2 / first.freedom[0, 1] + size[1] ** 2 / second.freedom[0, 1])
    assert both.freedom[0, 1] == pytest.approx(welch)
    np.testing.assert_array_equal(both.theta, both.free)
    assert np.isnan(both.cov[1]).all() and (both.freedom[1] == 0).all()


@pytest.mark.parametrize("events", [4, 8])
def test_few_rows_a_half_give_the_level_and_no_more(events):
    """2,000 pairs without an edge, whose column few rows of each half move: p-values of both halves together."""
    rng = np.random.default_rng(events)
    pvalues = []
    for _ in range(2000):
        parts = []
        for _ in range(2):
            x = np.zeros((60, 2))
            x[:events, 0] = rng.uniform(0.5, 1.5, events)
            x[events : 2 * events, 1] = 1.0
            parts.append(estimate(x, rng.normal(size=60)))
        both = pooled(*parts)
        t = both.free[0, 1, 0] / np.sqrt(both.cov[0, 1, 0, 0])
        pvalues.append(2 * stats.t.sf(abs(t), both.freedom[0, 1]))
    assert 0.01 < np.mean(np.array(pvalues) < 0.05) < 0.065
    assert np.mean(np.array(pvalues) < 0.001) < 0.004


def test_a_reversed_drive_is_turned_and_a_pair_that_one_half_knows_is_of_that_half():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(200, 2))
    y = x @ [0.4, -0.3] + rng.normal(size=200)
    first, second = estimate(x[:100], y[:100]), estimate(-x[100:], y[100:], gain=-0.5)
    straight = pooled(first, estimate(x[100:], y[100:]))
    for name in ("free", "cov", "freedom"):
        np.testing.assert_allclose(getattr(pooled(first, second), name), getattr(straight, name))
    second.cov[0, 1] = np.nan
    alone = pooled(first, second)
    for name in ("free", "cov", "freedom"):
        np.testing.assert_allclose(getattr(alone, name)[0, 1], getattr(first, name)[0, 1])
    first.cov[0, 1] = np.nan
    assert np.isnan(pooled(first, second).cov[0, 1]).all()


def test_a_column_that_was_left_out_stays_out():
    """One lag a pair: the other's variance is 0, its effect too."""
    refits = []
    for seed in range(2):
        each = estimate(np.random.default_rng(seed).normal(size=(50, 2)), np.zeros(50))
        each.free[0, 1] = each.theta[0, 1] = [0.5, 0.0]
        each.cov[0, 1], each.variance[0, 1] = np.diag([0.04, 0.0]), 1.0
        refits.append(each)
    both = pooled(*refits)
    np.testing.assert_allclose(both.free[0, 1], [0.5, 0.0])
    np.testing.assert_allclose(both.cov[0, 1], np.diag([0.02, 0.0]))


def test_penalised_estimates_are_averaged():
    rng = np.random.default_rng(2)
    parts = [estimate(rng.normal(size=(60, 2)), rng.normal(size=60)) for _ in range(2)]
    for part in parts:
        part.theta *= 0.5
        part.variance[:] = 2.0
    np.testing.assert_allclose(pooled(*parts).theta, 0.5 * (parts[0].theta + parts[1].theta))


def test_edges_are_plain_where_chi_squares_exceed_what_parameters_could_add():
    forecaster = SynformerForecaster(3, 4, hidden=8, value_window=1, seeds=(0, 1))
    each = sum(p.numel() for p in forecaster.parameters()) / 2 - 9
    columns = np.ones((3, 3))
    chi_square = np.full((3, 3), np.nan)
    chi_square[0, 1:] = 1.0 + each / 2 - 0.1
    assert not plain(chi_square, columns, forecaster)
    chi_square[0, 1:] += 0.2
    assert plain(chi_square, columns, forecaster)


def _edge_free(seed):
    """Four units with a threshold of their own and spread that depends on their state: much to be learnt from noise."""
    rng = np.random.default_rng(seed)
    x = np.zeros((700, 4))
    for t in range(1, len(x)):
        spread = 0.2 + 0.1 * np.abs(x[t - 1])
        x[t] = np.where(x[t - 1] > 1.0, -1.0, 0.9 * x[t - 1] + 0.1) + spread * rng.normal(size=4)
    return x


def test_without_edges_tests_hold_and_those_of_the_same_samples_do_not():
    """Pairs of four edge-free recordings: z of N(0, 1), of which the same samples give one that is too wide."""
    off = ~np.eye(4, dtype=bool)
    rejected = {}
    for cross in (True, False):
        found = [
            Synformer(**SMALL, hidden=48, n_steps=1500, cross_fit=cross).fit(_edge_free(seed)) for seed in range(4)
        ]
        assert all(one.cross_fitted_ is cross for one in found)
        rejected[cross] = np.mean([one.connectome_.pvalue.values[off] < 0.05 for one in found])
    assert rejected[True] <= 0.125  # 48 pairs: P(more than 6 of them) = .006
    assert rejected[False] > 0.2


def test_auto_crosses_where_nothing_is_plain_and_not_where_edges_are():
    x = _edge_free(0)
    alone = Synformer(**SMALL, hidden=4, n_steps=200).fit(x)
    assert alone.cross_fitted_
    for t in range(1, len(x)):
        x[t, 1] += 2.0 * x[t - 1, 0]
    driven = Synformer(**SMALL, hidden=4, n_steps=200).fit(x)
    assert not driven.cross_fitted_
    # Of a larger response the samples are too few to say whether edges or noise made the statistics.
    assert Synformer(**SMALL, hidden=16, n_steps=20).fit(x).cross_fitted_
    plainly = Synformer(**SMALL, hidden=4, n_steps=200, cross_fit=False).fit(x)
    np.testing.assert_array_equal(driven.connectome_.pvalue, plainly.connectome_.pvalue)
    crossed = Synformer(**SMALL, hidden=4, n_steps=200, cross_fit=True).fit(x)
    np.testing.assert_array_equal(crossed.connectome_.score, plainly.connectome_.score)
    found = crossed.connectome_
    assert found.pvalue.values[1, 0] < 1e-10
    assert found.interval_low.values[1, 0] < found.weight.values[1, 0] < found.interval_high.values[1, 0]


def test_without_enough_samples_for_halves_nothing_is_tested():
    x = np.random.default_rng(0).normal(size=(40, 3))
    with pytest.warns(ResolutionWarning, match="40 samples are too few for 3 units, max_lag=1 and hidden=16"):
        found = Synformer(**SMALL, hidden=16, n_steps=20).fit(x).connectome_
    off = ~np.eye(3, dtype=bool)
    assert np.isnan(found.pvalue.values[off]).all() and np.isnan(found.interval_low.values[off]).all()
    assert np.isfinite(found.score.values[off]).all() and np.isfinite(found.weight.values[off]).all()


@pytest.mark.parametrize("n_samples", [300, 1000])
def test_p_values_of_short_recordings_hold_or_are_not_given(n_samples):
    """Defaults, where training takes most of the noise: .95 to 1.0 of the pairs were below .05 once."""
    x = np.random.default_rng(n_samples).normal(size=(n_samples, 4))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResolutionWarning)
        found = Synformer(1, random_state=0, progress=False).fit(x)
    pvalue = found.connectome_.pvalue.values[~np.eye(4, dtype=bool)]
    assert found.cross_fitted_ if n_samples == 1000 else found.cross_fitted_ or np.isnan(pvalue).all()
    assert (pvalue < 0.05).mean() < 0.25  # 12 pairs: P = .02


def test_counts_are_crossed_where_events_are_few():
    x = (np.random.default_rng(0).random((2000, 4)) < 0.03).astype(float)
    found = Synformer(1, likelihood="bernoulli", n_steps="auto", random_state=0, progress=False).fit(x)
    assert found.cross_fitted_
    assert (found.connectome_.pvalue.values[~np.eye(4, dtype=bool)] < 0.05).mean() < 0.25
    few = {**SMALL, "likelihood": "bernoulli", "hidden": 2}
    assert not Synformer(n_steps="auto", **few).fit(x).cross_fitted_
    assert Synformer(n_steps=2400, **few).fit(x).cross_fitted_  # narrow, and what is learnt is seen 77 times


@pytest.mark.parametrize("one_lag", [True, False])
def test_lags_are_kept(one_lag):
    """Chosen by all samples, the same in both halves."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(800, 3))
    x[2:, 1] += 0.8 * x[:-2, 0]
    fitted = Synformer(**SMALL, hidden=8, n_steps=200, max_lag=3, one_lag=one_lag, cross_fit=True).fit(
        sf.Recording({"x": x}, dt=0.001)
    )
    found = fitted.connectome_
    assert found.delay.values[1, 0] == pytest.approx(0.002) and found.pvalue.values[1, 0] < 1e-10
    assert ((fitted.attention_ != 0).sum(0)[~np.eye(3, dtype=bool)] == (1 if one_lag else 3)).all()
    np.testing.assert_allclose(fitted.attention_.sum(0)[1, 0], found.weight.values[1, 0])


def test_products_are_refused_and_left_alone_by_auto():
    x = np.random.default_rng(0).normal(size=(700, 3))
    with pytest.raises(InputError, match=r"cross_fit must be False or 'auto' with products, got n_products=1\."):
        Synformer(**SMALL, n_products=1, cross_fit=True).fit(x)
    assert not Synformer(**SMALL, hidden=4, n_steps=50, n_products=1).fit(x).cross_fitted_


def test_a_unit_that_is_missing_from_a_half_is_not_crossed():
    x = np.random.default_rng(0).normal(size=(1000, 3))
    few = x.copy()
    few[110:, 2] = np.nan  # ten rows of it in the other half
    fitted = Synformer(**SMALL, hidden=4, n_steps=50).fit(few)
    pvalue = fitted.connectome_.pvalue.values
    assert fitted.cross_fitted_ and np.isfinite(pvalue[[0, 1], [1, 0]]).all() and np.isnan(pvalue[2]).all()
    x[60:, 2] = np.nan
    fitted = Synformer(**SMALL, hidden=4, n_steps=50).fit(x)  # so many samples that their noise was not learnt
    assert not fitted.cross_fitted_ and np.isfinite(fitted.connectome_.pvalue.values[2, :2]).all()
    with pytest.warns(ResolutionWarning, match="no pair has a p-value"):
        assert not Synformer(**SMALL, hidden=32, n_steps=20).fit(x).cross_fitted_
    with pytest.raises(InputError, match="cross_fit must be False or 'auto' where a unit has no sample in one half"):
        Synformer(**SMALL, hidden=4, n_steps=50, cross_fit=True).fit(x)


def test_signs_that_are_learnt_are_those_of_all_samples():
    x = np.random.default_rng(0).normal(size=(800, 6))
    fitted = Synformer(**SMALL, hidden=4, n_steps=50, dale="learn", cross_fit=True).fit(x)
    weight = fitted.connectome_.weight.values
    assert not ((np.nanmax(weight, 0) > 1e-9) & (np.nanmin(weight, 0) < -1e-9)).any()


def test_counts_and_short_recordings_are_left_alone_by_auto():
    rng = np.random.default_rng(0)
    counts = (rng.random((800, 3)) < 0.1).astype(float)
    assert not Synformer(**SMALL, hidden=4, n_steps=50, likelihood="bernoulli").fit(counts).cross_fitted_
    crossed = Synformer(**SMALL, hidden=4, n_steps=50, likelihood="bernoulli", cross_fit=True).fit(counts)
    assert crossed.cross_fitted_ and np.isfinite(crossed.connectome_.pvalue.values[0, 1:]).all()
    x = rng.normal(size=(400, 3))
    assert Synformer(**SMALL, hidden=4, n_steps=50).fit(x).cross_fitted_
    with pytest.warns(ResolutionWarning, match="no pair has a p-value"):
        assert not Synformer(**SMALL, hidden=128, n_steps=50).fit(x).cross_fitted_
