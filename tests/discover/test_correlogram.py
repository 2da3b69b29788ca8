"""Correlograms of spikes: against loops and scipy's Poisson law, and on trains whose synapses are known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn.base import clone

from synfer.discover import CrossCorrelogram
from synfer.discover.correlogram import _poisson_z
from synfer.errors import InputError
from synfer.recording import Recording


def _trains(n_samples: int, seed: int, rate: float = 0.02) -> np.ndarray:
    """0 excites 1 two samples later, and inhibits 2 one sample later."""
    rng = np.random.default_rng(seed)
    spikes = rng.random((n_samples, 3)) < rate
    spikes[2:, 1] |= spikes[:-2, 0] & (rng.random(n_samples - 2) < 0.05)
    spikes[1:, 2] &= ~spikes[:-1, 0]
    return spikes.astype(np.uint8)


def test_counts_and_baseline_are_what_loops_give():
    x = np.random.default_rng(0).poisson(0.2, (150, 3)).astype(float)
    found = CrossCorrelogram(min_lag=2, max_lag=4, smoothing=3.0, hollow=0.5).fit(x)
    lags = found.lags_
    assert (lags[0], lags[-1]) == (2 - 9, 4 + 9)
    for place, lag in enumerate(lags):
        for i in range(3):
            for j in range(3):
                expected = sum(x[t, i] * x[t - lag, j] for t in range(150) if 0 <= t - lag < 150)
                assert found.correlogram_[place, i, j] == expected
    offsets = np.arange(-9, 10)
    kernel = np.exp(-(offsets**2) / 18.0) * np.where(offsets == 0, 0.5, 1.0)
    for place in (9, 10, 11):
        expected = np.einsum("m,mij->ij", kernel, found.correlogram_[place - 9 : place + 10]) / kernel.sum()
        np.testing.assert_allclose(found.baseline_[place], expected, rtol=1e-12)
    n, m = (c[9:12].sum(axis=0) for c in (found.correlogram_, found.baseline_))
    weight = found.connectome_.weight.values
    assert weight[1, 0] == pytest.approx((n - m)[1, 0] / x[:, 0].sum())
    tail = stats.poisson.sf(n[1, 0], m[1, 0]) + 0.5 * stats.poisson.pmf(n[1, 0], m[1, 0])
    # n - m by lag, and its variance under Poisson counts with the baseline's means
    share = np.zeros(len(lags))
    share[9:12] = 1.0
    for place in (9, 10, 11):
        share[place - 9 : place + 10] -= kernel / kernel.sum()
    variance = sum(share[k] ** 2 * found.baseline_[k, 1, 0] for k in range(len(lags)))
    z = stats.norm.isf(tail) * np.sqrt(m[1, 0] / variance)
    assert float(found.connectome_.pvalue[1, 0]) == pytest.approx(2 * stats.norm.sf(abs(z)), rel=1e-9)


def test_synapses_show_with_sign_and_delay():
    recording = Recording({"spikes": _trains(200_000, 1)}, dt=1e-3)
    found = CrossCorrelogram().fit(recording).connectome_
    pvalue, weight, delay = found.pvalue.values, found.weight.values, found.delay.values
    assert pvalue[1, 0] < 1e-12
    assert pvalue[2, 0] < 1e-6
    assert weight[1, 0] == pytest.approx(0.05, abs=0.015)
    assert weight[2, 0] == pytest.approx(-0.02, abs=0.006)  # what fires there otherwise
    assert (delay[1, 0], delay[2, 0]) == pytest.approx((2e-3, 1e-3))
    off = ~np.eye(3, dtype=bool)
    off[1, 0] = off[2, 0] = False
    assert (pvalue[off] > 1e-3).all()


def test_a_slow_common_cause_is_no_synapse():
    rng = np.random.default_rng(2)
    t = np.arange(200_000)
    rate = 0.02 * (1.0 + 0.9 * np.sin(2 * np.pi * t / 500.0))
    spikes = (rng.random((len(t), 2)) < rate[:, None]).astype(np.uint8)
    assert (CrossCorrelogram().fit(spikes).connectome_.pvalue.values[~np.eye(2, dtype=bool)] > 0.01).all()


def test_independent_trains_are_rejected_as_often_as_said():
    spikes = (np.random.default_rng(3).random((20_000, 30)) < 0.03).astype(np.uint8)
    pvalue = CrossCorrelogram(smoothing=5.0).fit(spikes).connectome_.pvalue.values[~np.eye(30, dtype=bool)]
    assert 0.025 < (pvalue < 0.05).mean() < 0.075


def test_trials_add_up_and_no_coincidence_crosses_them():
    trials = _trains(3000, 4, rate=0.1).reshape(10, 300, 3)
    whole = CrossCorrelogram().fit(Recording({"s": trials}, dt=1e-3)).correlogram_
    parts = sum(CrossCorrelogram().fit(trial).correlogram_ for trial in trials)
    np.testing.assert_array_equal(whole, parts)


def test_far_tails_stay_apart():
    z = _poisson_z(np.array([1e3, 2e3, 4e3, 1.0, 0.0]), np.array([10.0, 10.0, 10.0, 1e4, 0.0]))
    assert z[0] > 35
    assert (np.diff(z[:3]) > 10).all()
    assert z[3] < -100
    assert np.isfinite(z).all()
    exact = _poisson_z(np.array([30.0]), np.array([10.0]))[0]
    mid = stats.poisson.sf(30, 10.0) + 0.5 * stats.poisson.pmf(30, 10.0)
    assert exact == pytest.approx(stats.norm.isf(mid), rel=1e-9)


def test_the_score_is_what_is_asked_for():
    spikes = _trains(20_000, 5)
    one, two = (CrossCorrelogram(statistic=s).fit(spikes).connectome_ for s in ("z", "transmission"))
    np.testing.assert_array_equal(one.pvalue, two.pvalue)
    np.testing.assert_allclose(two.score, np.abs(one.weight))
    assert clone(CrossCorrelogram(max_lag=5)).get_params()["max_lag"] == 5


def test_a_silent_source_has_done_nothing():
    spikes = _trains(5000, 6)
    spikes[:, 1] = 0
    spikes[-1, 1] = 1  # one spike, at the very end: nothing follows it
    found = CrossCorrelogram().fit(spikes).connectome_
    assert abs(float(found.weight[0, 1])) < 0.1
    assert float(found.pvalue[0, 1]) > 0.5


@pytest.mark.parametrize(
    ("changed", "x", "told"),
    [
        ({"min_lag": 4}, _trains(500, 0), "min_lag must be at most max_lag = 3; got 4"),
        ({}, np.random.default_rng(0).standard_normal((500, 2)), "must hold spike counts.*unit 0"),
        ({"smoothing": 0.0}, _trains(500, 0), "'smoothing'"),
        ({}, _trains(30, 0, 0.5), "at least 34 samples"),
    ],
)
def test_what_is_wrong_is_said(changed, x, told):
    with pytest.raises(InputError, match=told):
        CrossCorrelogram(**changed).fit(x)
    with pytest.raises(InputError, match="at least 34 samples in every trial"):
        CrossCorrelogram().fit(Recording({"s": _trains(60, 0, 0.5).reshape(2, 30, 3)}, dt=1.0))
