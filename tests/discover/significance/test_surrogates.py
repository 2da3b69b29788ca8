"""Surrogates keep what they say they keep, and refuse what they do not fit."""

from __future__ import annotations

import numpy as np
import pytest

from synfer.discover import significance
from synfer.discover.base import Samples
from synfer.discover.significance import (
    IAAFT,
    SURROGATES,
    BlockShuffle,
    CircularShift,
    SpikeJitter,
    TrialShuffle,
)
from synfer.discover.significance.surrogates import as_surrogate
from synfer.errors import InputError, UnknownNameError


def _samples(*segments: np.ndarray) -> Samples:
    n = segments[0].shape[1]
    return Samples(list(segments), 1e-3, np.arange(n), None, [0.0] * len(segments), len(segments) > 1)


def _continuous(n_trials: int = 1, length: int = 500, dtype=np.float64) -> Samples:
    rng = np.random.default_rng(1)
    return _samples(*(rng.standard_normal((length, 3)).cumsum(axis=0).astype(dtype) for _ in range(n_trials)))


def _spikes(length: int = 400) -> Samples:
    return _samples((np.random.default_rng(2).random((length, 3)) < 0.2).astype(np.float32))


def _rng(seed: int = 0) -> np.random.RandomState:
    return np.random.RandomState(seed)


@pytest.mark.parametrize("name", SURROGATES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_each_keeps_shapes_dtypes_values_and_the_input_itself(name, dtype):
    samples = _spikes() if name == "spike_jitter" else _continuous(5, dtype=dtype)
    before = [segment.copy() for segment in samples.segments]
    kind = as_surrogate(name)
    kind.check(samples)
    drawn = kind.draw(samples, _rng(), units=[1])
    for old, new, kept in zip(samples.segments, drawn.segments, before, strict=True):
        np.testing.assert_array_equal(old, kept)
        assert new.shape == old.shape
        assert new.dtype == old.dtype
        np.testing.assert_array_equal(new[:, [0, 2]], old[:, [0, 2]])
    both = zip(samples.segments, drawn.segments, strict=True)
    assert any(not np.array_equal(new[:, 1], old[:, 1]) for old, new in both)
    values = [np.sort(np.concatenate([s[:, 1] for s in of.segments])) for of in (samples, drawn)]
    np.testing.assert_array_equal(*values)  # each kind gives a unit's own values back, in another order


@pytest.mark.parametrize("name", SURROGATES)
def test_each_draws_the_same_from_the_same_state_and_units_apart(name):
    samples = _spikes() if name == "spike_jitter" else _continuous(5)
    kind = as_surrogate(name)
    one, two, other = (kind.draw(samples, _rng(seed)) for seed in (3, 3, 4))
    for a, b in zip(one.segments, two.segments, strict=True):
        np.testing.assert_array_equal(a, b)
    assert any(not np.array_equal(a, c) for a, c in zip(one.segments, other.segments, strict=True))
    same = _samples(*(np.repeat(s[:, :1], 3, axis=1) for s in samples.segments))  # three copies of one unit
    drawn = kind.draw(same, _rng(0))
    stacked = np.concatenate(drawn.segments)
    assert not np.array_equal(stacked[:, 0], stacked[:, 1])  # each unit by itself


def test_a_shift_is_a_rotation_by_at_least_the_least_shift():
    samples = _continuous(2)
    for seed in range(20):
        drawn = CircularShift(min_shift=100).draw(samples, _rng(seed))
        for old, new in zip(samples.segments, drawn.segments, strict=True):
            for unit in range(3):
                (shift,) = (k for k in range(500) if np.array_equal(np.roll(old[:, unit], k), new[:, unit]))
                assert 100 <= shift <= 400


@pytest.mark.parametrize(("k", "apart"), [(3, 25), (30, 16)])
def test_no_two_units_are_shifted_alike(k, apart):
    samples = _samples(np.arange(500.0)[:, None] * np.ones(k))
    for seed in range(20):
        first = CircularShift(apart=True).draw(samples, _rng(seed)).segments[0][0]
        shifts = np.sort(np.append(-first % 500, [0, 500]))  # around the segment: both ends are no shift
        assert np.diff(shifts).min() >= apart


def test_shuffled_blocks_are_whole():
    x = np.arange(130.0)[:, None] * np.ones(2)
    drawn = BlockShuffle(length=25).draw(_samples(x), _rng()).segments[0]
    for unit in range(2):
        starts = np.flatnonzero(np.diff(drawn[:, unit], prepend=-5.0) != 1.0)
        assert {int(v) for v in drawn[starts, unit]} <= {0, 25, 50, 75, 100, 125}


def test_trials_are_paired_anew():
    samples = _continuous(6)
    drawn = TrialShuffle().draw(samples, _rng())
    for unit in range(3):
        found = [
            next(k for k, old in enumerate(samples.segments) if np.array_equal(old[:, unit], new[:, unit]))
            for new in drawn.segments
        ]
        assert sorted(found) == list(range(6))


def test_iaaft_keeps_the_spectrum_and_takes_correlations_away():
    rng = np.random.default_rng(5)
    x = np.zeros((4096, 2))
    noise = rng.standard_normal(x.shape)
    for t in range(1, len(x)):
        x[t, 0] = 0.9 * x[t - 1, 0] + noise[t, 0]
        x[t, 1] = 0.5 * x[t - 1, 1] + x[t - 1, 0] + noise[t, 1]
    drawn = IAAFT().draw(_samples(x), _rng()).segments[0]
    for unit in range(2):
        old, new = (np.abs(np.fft.rfft(s[:, unit] - x[:, unit].mean())) for s in (x, drawn))
        assert np.linalg.norm(new - old) < 0.02 * np.linalg.norm(old)
    assert np.corrcoef(x[:-1, 0], x[1:, 1])[0, 1] > 0.6
    assert abs(np.corrcoef(drawn[:-1, 0], drawn[1:, 1])[0, 1]) < 0.3


def test_jitter_moves_no_spike_out_of_its_window():
    samples = _spikes(4000)
    old = samples.segments[0]
    drawn = SpikeJitter(width=10).draw(samples, _rng()).segments[0]
    for unit in range(3):
        moved = np.abs(np.flatnonzero(drawn[:, unit]) - np.flatnonzero(old[:, unit]))
        assert moved.max() < 10  # the k-th spike stays in the window of the k-th spike
        assert moved.mean() > 2


@pytest.mark.parametrize(
    ("kind", "samples", "told"),
    [
        (CircularShift(min_shift=245), _continuous(), r"min_shift must leave at least 20 shifts.*500 samples; got 245"),
        (BlockShuffle(length=101), _continuous(), r"length must be at most a fifth.*got 101"),
        (TrialShuffle(), _continuous(3), r"at least 4 trials.*got 3"),
        (IAAFT(), _spikes(), "continuous signal.*got counts or spikes in unit 0"),
        (SpikeJitter(), _continuous(), "spikes or counts.*got a continuous signal in unit 0"),
        (SpikeJitter(width=1), _spikes(), "width must be 2 samples to a fifth.*got 1"),
        (SpikeJitter(width=200), _spikes(), "width must be 2 samples to a fifth.*got 200"),
    ],
)
def test_what_does_not_fit_is_refused(kind, samples, told):
    with pytest.raises(InputError, match=told):
        kind.check(samples)


@pytest.mark.parametrize("value", [0, -1, 1.5, True, None, "10"])
def test_parameters_are_whole_numbers(value):
    with pytest.raises(InputError, match="length must be a whole number of at least 1"):
        BlockShuffle(length=value)


def test_each_says_what_it_preserves():
    for kind in SURROGATES.values():
        assert kind.preserves
        assert kind.destroys
        assert kind.__name__ in significance.__all__


def test_names_are_looked_up():
    assert as_surrogate("iaaft") == IAAFT()
    with pytest.raises(UnknownNameError, match="circular_shift"):
        as_surrogate("circular_shfit")
    with pytest.raises(InputError, match="surrogate must be a name of"):
        as_surrogate(3)


def test_windows_of_jitter_begin_anywhere():
    """Were their places fixed, a spike beside a border could never cross it."""
    x = np.zeros((200, 2))
    x[25] = 1.0
    samples = Samples([x], 1e-3, np.arange(2), None, [0.0])
    rng = np.random.RandomState(0)
    places = [int(np.argmax(SpikeJitter(20).draw(samples, rng).segments[0][:, 0])) for _ in range(400)]
    assert 6 <= min(places) < 12 and 38 < max(places) <= 44
