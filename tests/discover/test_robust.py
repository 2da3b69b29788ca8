"""Robust covariances of a vector autoregression: against statsmodels, and on errors that need them."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm

from synfer.discover import ConditionalGranger, robust
from synfer.errors import InputError
from synfer.recording import Recording


def _series(n_samples: int, n_units: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    coef = 0.25 * rng.standard_normal((2, n_units, n_units))
    x = rng.standard_normal((n_samples, n_units)) * rng.uniform(0.5, 3.0, n_units)
    for t in range(2, n_samples):
        x[t] += coef[0] @ x[t - 1] * 0.8 + 0.5 * coef[1] @ x[t - 2]
    return x


def _statsmodels(segments: list[np.ndarray], p: int, cov_type: str, **kwds) -> np.ndarray:
    n = segments[0].shape[1]
    X = np.concatenate([np.column_stack([np.ones(len(s) - p), *(s[p - k : len(s) - k] for k in range(1, p + 1))])
                        for s in segments])  # fmt: skip
    Y = np.concatenate([s[p:] for s in segments])
    score = np.full((n, n), np.nan)
    for i in range(n):
        fit = sm.OLS(Y[:, i], X).fit(cov_type=cov_type, use_t=True, **kwds)
        for j in range(n):
            if i != j:
                R = np.zeros((p, X.shape[1]))
                R[np.arange(p), 1 + j + n * np.arange(p)] = 1.0
                score[i, j] = fit.f_test(R).fvalue
    return score


@pytest.mark.parametrize("block", [1, 1 << 21])
@pytest.mark.parametrize("lag", [1, 3])
@pytest.mark.parametrize("hac_lag", [0, 4, None])
def test_hac_is_that_of_statsmodels(monkeypatch, block, lag, hac_lag):
    monkeypatch.setattr(robust, "BLOCK", block)
    x = _series(400, 4, 0)
    found = ConditionalGranger(lag=lag, covariance="hac", hac_lag=hac_lag).fit(x).connectome_
    most = robust.newey_west_lag(400 - lag) if hac_lag is None else hac_lag
    expected = _statsmodels([x], lag, "HAC", cov_kwds={"maxlags": most, "use_correction": True})
    np.testing.assert_allclose(found.score, expected, rtol=1e-8)


@pytest.mark.parametrize("block", [1, 1 << 21])
def test_hc3_is_that_of_statsmodels(monkeypatch, block):
    monkeypatch.setattr(robust, "BLOCK", block)
    x = _series(300, 4, 1)
    found = ConditionalGranger(lag=2, covariance="hc3").fit(x).connectome_
    np.testing.assert_allclose(found.score, _statsmodels([x], 2, "HC3"), rtol=1e-8)


def test_trials_add_up_and_no_autocovariance_crosses_them():
    trials = _series(600, 3, 2).reshape(6, 100, 3)
    fits = [
        ConditionalGranger(lag=1, covariance="hac", hac_lag=5).fit(Recording({"v": v}, dt=1e-3))
        for v in (trials, trials[::-1])
    ]
    np.testing.assert_allclose(fits[0].connectome_.score, fits[1].connectome_.score, rtol=1e-9)
    hc3 = ConditionalGranger(lag=1, covariance="hc3").fit(Recording({"v": trials}, dt=1e-3)).connectome_
    np.testing.assert_allclose(hc3.score, _statsmodels(list(trials), 1, "HC3"), rtol=1e-8)


def test_errors_whose_variance_follows_the_source_need_hc3():
    rejected = {"classical": 0, "hc3": 0}
    for seed in range(200):
        rng = np.random.default_rng(seed)
        x = rng.standard_normal((400, 2))
        x[1:, 1] *= 0.2 + np.abs(x[:-1, 0]) ** 2  # how far it goes depends on the source, where to does not
        for covariance in rejected:
            found = ConditionalGranger(lag=1, covariance=covariance).fit(x).connectome_
            rejected[covariance] += float(found.pvalue.sel(target=1, source=0)) < 0.05
    assert rejected["classical"] > 40
    assert rejected["hc3"] < 22  # .05 of 200, and three standard errors


@pytest.mark.parametrize("covariance", ["hc3", "hac"])
def test_spikes_that_never_coincide_are_no_edges(covariance):
    """Of independent spikes .57 had p < .001: without a coincidence the sandwich holds the coefficient for certain."""
    x = (np.random.default_rng(0).random((5000, 10)) < 0.01).astype(float)
    p = ConditionalGranger(lag=1, covariance=covariance).fit(x).connectome_.pvalue.to_numpy()
    assert (p[~np.eye(10, dtype=bool)] < 0.001).mean() < 0.01


def test_a_ridge_has_no_such_law():
    with pytest.raises(InputError, match="covariance must be 'classical' with a ridge, got 'hac'"):
        ConditionalGranger(lag=1, ridge=0.1, covariance="hac").fit(_series(200, 3, 0))
