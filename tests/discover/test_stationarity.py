"""Drifting means and trials in which a unit stands still: warned of by name, and not where there are none."""

import warnings

import numpy as np
import pytest
from statsmodels.tsa.stattools import kpss as theirs

from synfer.discover import MVGC, ConditionalGranger, PairwiseGranger, PartialCorrelation, TransferEntropy
from synfer.discover.stationarity import WANDERS, kpss
from synfer.errors import ConstantSegmentWarning, NonStationaryWarning, UnitRootWarning
from synfer.recording import Recording


def noise(n=1000, units=3, seed=0):
    return np.random.default_rng(seed).standard_normal((n, units))


@pytest.mark.parametrize("method", [ConditionalGranger, MVGC, PairwiseGranger, TransferEntropy])
def test_a_drift_is_warned_of_with_its_units(method):
    x = noise()
    x[:, 1] += np.linspace(0.0, 2.0, len(x))
    with pytest.warns(NonStationaryWarning, match=r"the mean of unit 1 is not the same throughout X \(KPSS statistic"):
        method(lag=1).fit(x)


def test_a_jump_from_trial_to_trial_is_a_drift_too():
    x = noise(2000).reshape(10, 200, 3)
    x[5:, :, 2] += 1.0
    with pytest.warns(NonStationaryWarning, match="the mean of unit 2"):
        ConditionalGranger(lag=1).fit(Recording({"x": x}, 1e-3, leading="trial"))


@pytest.mark.parametrize("deviations", [2.0, 10.0, 1000.0])
def test_a_jump_is_warned_of_however_large(deviations):
    """Of a large one the series looks slow, and the statistic by itself says nothing."""
    x = noise(400)
    x[200:, 2] += deviations
    with pytest.warns(NonStationaryWarning, match="the mean of unit 2 is not the same"):
        PartialCorrelation().fit(x)
    slow = np.random.default_rng(2).standard_normal((2000, 3))
    for t in range(1, len(slow)):
        slow[t] += 0.9 * slow[t - 1]
    slow[1500:] += 10.0 * slow.std(axis=0)
    assert (kpss([slow]) > WANDERS).all()


def test_short_slow_series_and_lone_spikes_are_not_warned_of():
    """A series of a few memories has jumps by chance too; and one spike, wherever it is, is no change of the mean."""
    x = np.random.default_rng(3).standard_normal((1400, 400))
    for t in range(1, len(x)):
        x[t] += 0.95 * x[t - 1]
    assert (kpss([x[1000:]]) < WANDERS).all()
    assert (kpss([np.eye(100)]) < WANDERS).all()


def test_steady_series_are_not_warned_of():
    """Neither white ones, nor slow ones, nor spikes; and the law of the statistic is Kwiatkowski's."""
    rng = np.random.default_rng(1)
    for memory in (0.0, 0.9, 0.98):
        x = rng.standard_normal((5000, 400))
        for t in range(1, len(x)):
            x[t] += memory * x[t - 1]
        found = kpss([x[500:]])
        assert (found < WANDERS).all()
        assert (0.02 if memory < 0.95 else 0.0) < (found > 0.463).mean() < 0.09, memory  # slow ones: conservative
    assert (kpss([(rng.random((5000, 200)) < 0.01).astype(np.float32)]) < WANDERS).all()


def test_of_white_noise_it_is_statsmodels():
    x = noise(500, 5)
    ours = kpss([x])
    for unit in range(5):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # p-values beyond their table
            assert abs(theirs(x[:, unit], regression="c", nlags=5)[0] / ours[unit] - 1) < 0.15


def test_long_and_short_recordings():
    x = noise(100_001, 2)
    x[:, 0] += np.linspace(0, 0.3, len(x))
    found = kpss([x])
    assert found[0] > WANDERS > found[1]
    assert (kpss([noise(10), noise(5)]) == 0).all()


@pytest.mark.parametrize("method", [ConditionalGranger, MVGC, PairwiseGranger, TransferEntropy])
def test_a_trial_in_which_a_unit_stands_still_is_warned_of(method):
    x = noise(2000).reshape(10, 200, 3)
    x[3, :, 1] = 0.5
    with pytest.warns(ConstantSegmentWarning, match="constant throughout some trial in unit 1"):
        method(lag=1).fit(Recording({"x": x}, 1e-3, leading="trial"))


def test_conditional_granger_too_warns_close_to_a_unit_root():
    x = noise(2000, 2, seed=3)
    for t in range(1, len(x)):
        x[t, 0] += 0.9999 * x[t - 1, 0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NonStationaryWarning)  # it wanders, too
        with pytest.warns(UnitRootWarning, match=r"close to a unit root \(spectral radius 0\.99\d+, 1999 samples\)"):
            ConditionalGranger(lag=1).fit(x)
