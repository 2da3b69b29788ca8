"""CrossCorrelation against a twin that shifts and sums by hand, and against noise in which there is nothing to find."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from synfer.discover import CrossCorrelation, correlation
from synfer.discover.base import Samples
from synfer.discover.shifts import draw_offsets
from synfer.errors import ConstantSegmentWarning, InputError, ResolutionWarning
from synfer.recording import Recording


def as_samples(segments: list[np.ndarray], dt: float | None = None) -> Samples:
    return Samples(segments, dt, np.arange(segments[0].shape[1]), None, [0.0] * len(segments))


def smooth_noise(rng: np.random.Generator, n_samples: int, n_units: int, memory: float = 0.9) -> np.ndarray:
    x = rng.standard_normal((n_samples + 200, n_units))
    for t in range(1, len(x)):
        x[t] += memory * x[t - 1]
    return x[200:]


def standardise(segments: list[np.ndarray]) -> list[np.ndarray]:
    centred = [segment.astype(np.float64) - segment.astype(np.float64).mean(axis=0) for segment in segments]
    return [c / np.concatenate(centred).std(axis=0) for c in centred]


def correlogram(targets: list[np.ndarray], sources: list[np.ndarray], max_lag: int) -> np.ndarray:
    """Sum products sample by sample: (lag, target, source)."""
    n_units = targets[0].shape[1]
    r = np.zeros((max_lag, n_units, n_units))
    for z, y in zip(targets, sources, strict=True):
        for lag in range(1, max_lag + 1):
            for t in range(len(z) - lag):
                r[lag - 1] += np.outer(z[t + lag], y[t])
    return r / sum(len(z) for z in targets)


@pytest.mark.parametrize("lengths", [(71,), (72,), (23, 40, 31)])
@pytest.mark.parametrize("block", [1, 1 << 22])
def test_the_slow_twin_agrees(lengths, block, monkeypatch):
    """Every surrogate made by rolling the sources, its statistic by the same sum as the observed one's."""
    monkeypatch.setattr(correlation, "BLOCK", block)
    max_lag, n_surrogates = 3, 19
    rng = np.random.default_rng(0)
    segments = [smooth_noise(rng, n, 3) + 7 for n in lengths]
    found = CrossCorrelation(max_lag, n_surrogates, random_state=1)._discover(as_samples(segments))

    z = standardise(segments)
    r = correlogram(z, z, max_lag)
    score = np.abs(r).max(axis=0)
    draws = np.random.RandomState(1)
    offsets = draw_offsets(draws, list(lengths), max_lag, n_surrogates)
    reached = np.zeros((3, 3))
    for b in range(n_surrogates):
        rolled = [np.roll(segment, offset[b], axis=0) for segment, offset in zip(z, offsets, strict=True)]
        reached += np.abs(correlogram(z, rolled, max_lag)).max(axis=0) >= score
    off = ~np.eye(3, dtype=bool)
    np.testing.assert_allclose(found.score.to_numpy()[off], score[off], rtol=1e-12)
    best = np.abs(r).argmax(axis=0)
    np.testing.assert_allclose(found.weight.to_numpy()[off], np.take_along_axis(r, best[None], 0)[0][off], rtol=1e-12)
    np.testing.assert_array_equal(found.pvalue.to_numpy()[off], ((1 + reached) / (1 + n_surrogates))[off])
    assert np.isnan(np.diag(found.score)).all()
    assert np.isnan(np.diag(found.pvalue)).all()


def test_surrogates_keep_clear_of_the_true_timing():
    offsets = draw_offsets(np.random.RandomState(0), [50], 5, 34)[0]
    assert sorted(offsets) == list(range(6, 40, 5))  # all that have no lag in common, each once
    for offset in offsets:
        lags = (offset + np.arange(1, 6) + 25) % 50 - 25  # what a lag of 1 .. 5 becomes, as a signed lag
        assert (np.abs(lags) > 5).all()


@pytest.mark.parametrize(("lengths", "wanted", "drawn"), [([20], 200, 7), ([20, 9], 200, 7), ([20, 12], 10, 10)])
def test_no_combination_of_shifts_is_drawn_twice(lengths, wanted, drawn):
    offsets = draw_offsets(np.random.RandomState(0), lengths, 2, wanted)
    assert offsets.shape == (len(lengths), drawn)
    assert len({tuple(shifts) for shifts in offsets.T}) == drawn
    for n, shifts in zip(lengths, offsets, strict=True):
        assert shifts.min() >= 3 and shifts.max() < n - 4


def test_shifts_that_are_few_claim_no_more_than_they_can():
    """Nine shifts, drawn two hundred times, told a chance of one in ten as one in two hundred."""
    with pytest.warns(
        ResolutionWarning, match=r"of which there are only 9: no p-value can be below 0\.1; record for long"
    ):
        found = CrossCorrelation(random_state=0).fit(np.random.default_rng(0).standard_normal((112, 6))).connectome_
    assert found.pvalue.min() == 0.1
    rejected = []
    for seed in range(30):
        x = np.random.default_rng(seed).standard_normal((70, 4))
        p = CrossCorrelation(max_lag=3, random_state=seed).fit(x).connectome_.pvalue.to_numpy()
        rejected.append((p[~np.eye(4, dtype=bool)] <= 0.05).mean())
    assert np.mean(rejected) < 0.1


def test_lead_sign_and_delay():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2000, 3))
    x[4:, 1] += 0.6 * x[:-4, 0]
    x[2:, 2] -= 0.6 * x[:-2, 0]
    found = CrossCorrelation(max_lag=8, random_state=0).fit(Recording({"v": x}, dt=1e-3)).connectome_
    assert float(found.delay[1, 0]) == pytest.approx(4e-3)
    assert float(found.delay[2, 0]) == pytest.approx(2e-3)
    assert float(found.weight[1, 0]) > 0.4
    assert float(found.weight[2, 0]) < -0.4
    assert float(found.pvalue[1, 0]) == float(found.pvalue[2, 0]) == 1 / 201
    # 2 leads 1 by two samples for no other reason than that 0 drives both: pairwise correlation cannot tell.
    assert float(found.pvalue[1, 2]) == 1 / 201
    assert float(found.pvalue[0, 1]) > 0.05


def test_no_product_crosses_a_trial():
    """What ends one trial begins the next: joined they would correlate perfectly at lag 1."""
    rng = np.random.default_rng(0)
    trials = rng.standard_normal((400, 12, 2)) * 0.01
    kick = rng.standard_normal(401)
    trials[:, -1, 0] = kick[1:]
    trials[:, 0, 1] = kick[:-1]
    apart = CrossCorrelation(max_lag=1, n_surrogates=0).fit(Recording({"v": trials}, dt=1e-3)).connectome_
    joined = CrossCorrelation(max_lag=1, n_surrogates=0).fit(trials.reshape(-1, 2)).connectome_
    assert float(joined.score[1, 0]) > 0.9
    assert float(apart.score[1, 0]) < 0.1


@pytest.mark.parametrize("memory", [0.0, 0.95])
def test_false_positives_are_at_their_level(memory):
    """Independent units, each autocorrelated: rejections at .05 near .05, whatever the memory."""
    rejected = []
    for seed in range(30):
        x = smooth_noise(np.random.default_rng(seed), 1000, 5, memory)
        p = CrossCorrelation(max_lag=5, n_surrogates=99, random_state=seed).fit(x).connectome_.pvalue.to_numpy()
        rejected.append((p[~np.eye(5, dtype=bool)] <= 0.05).mean())
    # Pairs share units: the spread over independent recordings is the honest one.
    error = np.std(rejected) / np.sqrt(len(rejected))
    assert abs(np.mean(rejected) - 0.05) < 4 * error
    assert 0.02 < np.mean(rejected) < 0.09


def test_a_table_of_quantiles_would_reject_memory():
    """Why the shifts: the white-noise p-value of the same score rejects independent units with memory nearly always."""
    x = smooth_noise(np.random.default_rng(0), 1000, 5, 0.99)
    found = CrossCorrelation(max_lag=1, n_surrogates=99, random_state=0).fit(x).connectome_
    off = ~np.eye(5, dtype=bool)
    naive = 2 * stats.norm.sf(found.score.to_numpy()[off] * np.sqrt(1000))
    assert (naive < 0.05).mean() > 0.5
    assert (found.pvalue.to_numpy()[off] <= 0.05).mean() < 0.2


def test_the_seed_decides_and_none_differs():
    x = smooth_noise(np.random.default_rng(3), 300, 4)

    def pvalues(seed):
        return CrossCorrelation(n_surrogates=19, random_state=seed).fit(x).connectome_.pvalue.to_numpy()

    np.testing.assert_array_equal(pvalues(5), pvalues(5))
    assert not np.array_equal(pvalues(5), pvalues(6), equal_nan=True)


def test_without_surrogates_there_are_no_pvalues():
    x = smooth_noise(np.random.default_rng(3), 300, 4)
    connectome = CrossCorrelation(n_surrogates=0).fit(x).connectome_
    assert connectome.pvalue is None
    assert connectome.delay is None
    with pytest.raises(InputError):
        connectome.edges(alpha=0.05)


def test_short_and_flat_trials_are_refused():
    x = smooth_noise(np.random.default_rng(3), 320, 2)
    with pytest.raises(InputError, match="at least 32 samples in every trial for max_lag=10, got 20"):
        CrossCorrelation().fit(Recording({"v": x.reshape(16, 20, 2)}, dt=1e-3))
    steps = x.reshape(8, 40, 2).copy()
    steps[:, :, 1] = 0.1 * np.arange(8)[:, None]
    with (
        pytest.raises(InputError, match="constant trials in 1"),
        pytest.warns(ConstantSegmentWarning),
    ):
        CrossCorrelation().fit(Recording({"v": steps}, dt=1e-3))
    with pytest.raises(InputError, match="'max_lag' parameter"):
        CrossCorrelation(max_lag=0).fit(x)


def test_too_few_surrogates_are_warned_of():
    x = np.random.default_rng(0).standard_normal((300, 3))
    with pytest.warns(ResolutionWarning, match=r"n_surrogates = 9: no p-value can be below 0\.1; take 19") as caught:
        found = CrossCorrelation(n_surrogates=9, random_state=0).fit(x).connectome_
    assert caught[0].filename == __file__ and found.pvalue.min() >= 0.1
    CrossCorrelation(n_surrogates=19, random_state=0).fit(x)
