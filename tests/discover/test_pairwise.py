"""Pairwise Granger causality against statsmodels, and what it gets wrong by design."""

import warnings

import numpy as np
import pytest
from scipy.stats import binom
from statsmodels.tsa.stattools import grangercausalitytests

from synfer import Recording
from synfer.discover import ConditionalGranger, PairwiseGranger, pairwise
from synfer.errors import InputError


def chain(n_samples, seed=0):
    """0 -> 1 -> 2, each one sample later."""
    x = np.random.default_rng(seed).standard_normal((n_samples, 3))
    for t in range(1, n_samples):
        x[t, 1] += 0.7 * x[t - 1, 0]
        x[t, 2] += -0.7 * x[t - 1, 1]
    return x


@pytest.mark.parametrize("lag", [1, 3])
def test_equals_statsmodels(lag):
    x = chain(400)
    connectome = PairwiseGranger(lag=lag).fit(x).connectome_
    for i in range(3):
        for j in range(3):
            if i != j:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    f, p, _, _ = grangercausalitytests(x[:, [i, j]], [lag])[lag][0]["ssr_ftest"]
                assert float(connectome.score.values[i, j]) == pytest.approx(f, rel=1e-8)
                assert float(connectome.pvalue.values[i, j]) == pytest.approx(p, rel=1e-8, abs=1e-300)


def test_rejects_at_its_level():
    n_series = 300
    rejected = 0
    for seed in range(n_series):
        x = np.random.default_rng(seed).standard_normal((200, 3))
        rejected += int((PairwiseGranger(lag=2).fit(x).connectome_.pvalue.values < 0.05).sum())  # NaN is not below
    low, high = binom.interval(1 - 1e-4, n_series * 6, 0.05)
    assert low < rejected < high


def test_orientation_sign_delay_and_the_edge_that_is_not_there():
    recording = Recording.from_array(chain(3000), 1e-3)
    connectome = PairwiseGranger(lag=3).fit(recording).connectome_
    assert connectome.pvalue.sel(target=1, source=0) < 1e-10 < 1e-3 < connectome.pvalue.sel(target=0, source=1)
    assert connectome.weight.sel(target=1, source=0) > 0 > connectome.weight.sel(target=2, source=1)
    assert float(connectome.delay.sel(target=2, source=1)) == pytest.approx(1e-3)
    # Two steps along the chain: here, and not where 1 is given.
    assert connectome.pvalue.sel(target=2, source=0) < 1e-10
    assert ConditionalGranger(lag=3).fit(recording).connectome_.pvalue.sel(target=2, source=0) > 1e-3


def test_no_lag_crosses_a_splice():
    x = chain(400).reshape(2, 200, 3)
    whole = PairwiseGranger(lag=2).fit(Recording({"x": x}, 1.0, leading="trial")).connectome_
    y = np.concatenate([trial[2:, 1] for trial in x])
    own = np.column_stack([np.ones(396), *(np.concatenate([t[2 - k : -k, 1] for t in x]) for k in (1, 2))])
    both = np.column_stack([own, *(np.concatenate([t[2 - k : -k, 0] for t in x]) for k in (1, 2))])
    alone, together = (float(np.linalg.lstsq(z, y)[1][0]) for z in (own, both))
    expected = (alone - together) / 2 / (together / (396 - 5))
    assert float(whole.score.sel(target=1, source=0)) == pytest.approx(expected, rel=1e-9)


def test_too_few_samples():
    with pytest.raises(InputError, match="samples"):
        PairwiseGranger(lag=5).fit(np.random.default_rng(0).standard_normal((12, 2)))


@pytest.mark.parametrize("lag", [0, 1])
def test_two_units_that_follow_from_one_another_are_refused_also_where_rows_are_few(lag):
    """Fewer than all units have columns, so that of all together nothing can be told."""
    x = np.random.default_rng(0).standard_normal((40, 12))
    assert np.isfinite(PairwiseGranger().fit(x).connectome_.pvalue.values[0, 1])
    x[lag:, 7] = 1.0 - 2.0 * x[: len(x) - lag, 3]
    told = r"must not be collinear: unit [37] \(.*\) follows from the units [37] "
    with pytest.raises(InputError, match=told if lag else "but for scale and offset in units 3, 7"):
        PairwiseGranger().fit(x)


@pytest.mark.parametrize("n_samples", [40, 400])
def test_one_triangle_serves_both_directions_of_a_pair(n_samples, monkeypatch):
    made = []
    monkeypatch.setattr(pairwise, "_triangle", lambda columns: made.append(1) or np.linalg.qr(columns, mode="r"))
    PairwiseGranger().fit(np.random.default_rng(0).standard_normal((n_samples, 12)))
    assert len(made) == 12 * 11 // 2 + 12
