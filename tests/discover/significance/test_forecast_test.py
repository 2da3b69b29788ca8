"""Forecast tests: against statsmodels, on chains and without edges."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm

from synfer.discover import ConditionalGranger, CrossCorrelation
from synfer.discover.significance import ForecastTest
from synfer.discover.significance.forecast_test import _statistic
from synfer.errors import InputError
from synfer.recording import Recording


def test_the_statistic_is_that_of_a_regression_on_a_constant():
    rng = np.random.default_rng(0)
    f = np.cumsum(rng.standard_normal((300, 3)), axis=0) * 0.1 + rng.standard_normal((300, 3))
    for lag in (0, 3, 11):
        fits = [sm.OLS(x, np.ones(300)).fit(cov_type="HAC", cov_kwds={"maxlags": lag}) for x in f.T]
        np.testing.assert_allclose(_statistic(f, lag), [fit.tvalues[0] for fit in fits], rtol=1e-8)
    assert (_statistic(np.zeros((50, 2)), None) == 0.0).all()


def _chain(n_samples: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n_samples, 3))
    for t in range(1, n_samples):
        x[t, 1] += 0.7 * x[t - 1, 0]
        x[t, 2] += 0.7 * x[t - 1, 1]
    return x


@pytest.mark.parametrize("ablation", ["drop", "shuffle"])
def test_a_chain_has_its_two_links(ablation):
    test = ForecastTest(ConditionalGranger(lag=2), ablation, random_state=0).fit(_chain(2000, 0))
    pvalue, links = test.connectome_.pvalue.values, np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], dtype=bool)
    assert (pvalue[links] < 1e-6).all()
    assert (pvalue[~links & ~np.eye(3, dtype=bool)] > 1e-3).all()
    # What the input explains is .49 of 1; a false input adds as much again.
    assert test.gain_[1, 0] == pytest.approx(0.49 if ablation == "drop" else 0.98, abs=0.1)
    assert np.isnan(np.diag(test.gain_)).all()


def test_dropping_is_what_a_loop_of_fits_gives():
    x = _chain(400, 1)
    test = ForecastTest(ConditionalGranger(lag=1), n_folds=2, max_lag=0).fit(x)
    parts = []
    for learnt, held_out in ((x[200:], x[:200]), (x[:200], x[200:])):
        full = ConditionalGranger(lag=1).fit(learnt).predict(held_out)
        reduced = ConditionalGranger(lag=1).fit(learnt[:, 1:]).predict(held_out[:, 1:])
        e, r = (held_out[1:, 2] - full[1:, 2]), (held_out[1:, 2] - reduced[1:, 1])
        parts.append(r**2 - e**2 + (reduced[1:, 1] - full[1:, 2]) ** 2)
    f = np.concatenate(parts)
    z = f.mean() / (f.std() / np.sqrt(len(f)))
    assert float(test.connectome_.score[2, 0]) == pytest.approx(max(z, 0.0), rel=1e-9)


def test_without_edges_few_are_found():
    rng = np.random.default_rng(3)
    found = []
    for _ in range(15):
        x = rng.standard_normal((600, 4))
        for t in range(1, 600):
            x[t] += 0.5 * x[t - 1]
        pvalue = ForecastTest(ConditionalGranger(lag=1), n_folds=3).fit(x).connectome_.pvalue.values
        found += list(pvalue[~np.eye(4, dtype=bool)])
    assert 0.01 < np.mean(np.asarray(found) < 0.05) < 0.10


def test_trials_are_folds_and_no_forecast_crosses_them():
    x = _chain(1000, 2).reshape(10, 100, 3)
    test = ForecastTest(ConditionalGranger(lag=2), n_folds=5).fit(Recording({"v": x}, dt=1e-3))
    assert float(test.connectome_.pvalue[1, 0]) < 1e-4


@pytest.mark.parametrize(
    ("changed", "x", "told"),
    [
        ({"estimator": CrossCorrelation()}, _chain(100, 0), "estimator must have predict; CrossCorrelation"),
        ({}, _chain(100, 0)[:, :2], "at least 3 units for ablation='drop', got 2"),
        ({"ablation": "silence"}, _chain(100, 0), "'ablation'"),
        ({"n_folds": 60}, _chain(100, 0), "n_folds must be at most half the 100 samples"),
        ({"ablation": "shuffle", "n_folds": 10}, _chain(100, 0), "min_shift must leave at least 20 shifts"),
    ],
)
def test_what_is_wrong_is_said(changed, x, told):
    with pytest.raises(InputError, match=told):
        ForecastTest(**{"estimator": ConditionalGranger(lag=1), **changed}).fit(x)
