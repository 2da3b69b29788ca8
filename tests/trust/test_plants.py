from __future__ import annotations

import numpy as np
import pytest

from synfer.discover import ConditionalGranger, Samples
from synfer.errors import InputError
from synfer.trust.own import own_histories
from synfer.trust.plants import choose, plant, quiet_pairs


def samples_of(x: np.ndarray) -> Samples:
    return ConditionalGranger()._read(x, reset=True)


@pytest.fixture
def noise() -> np.ndarray:
    x = np.random.default_rng(0).standard_normal((20000, 3)) * [1.0, 2.0, 5.0] + [0.0, 1.0, 3.0]
    for t in range(1, len(x)):
        x[t] += 0.6 * x[t - 1] * [0, 1, 0]
    return x


@pytest.mark.parametrize("delay", [1, 3])
def test_a_planted_coefficient_is_found_by_regression(noise, delay):
    samples = samples_of(noise)
    own = own_histories(samples.segments)
    planted = plant(samples, own, np.array([1]), np.array([2]), 0.2, delay=delay)
    y = planted.samples.segments[0]
    past = np.stack([np.ones(len(y) - 3), y[2:-1, 1], y[3 - delay : len(y) - delay, 2]], axis=1)
    coefficient = np.linalg.lstsq(past, y[3:, 1], rcond=None)[0][2]
    # .2 of the shocks' deviation (2) for each deviation of the source (5)
    assert coefficient == pytest.approx(0.2 * 2.0 / 5.0, abs=4 * 2.0 / 5.0 / np.sqrt(len(y)))
    np.testing.assert_array_equal(y[:, [0, 2]], noise[:, [0, 2]])
    np.testing.assert_array_equal(samples.segments[0], noise)  # what was given is left as it is


def test_no_strength_is_no_change(noise):
    samples = samples_of(noise)
    planted = plant(samples, own_histories(samples.segments), np.array([0, 1]), np.array([2, 0]), 0.0)
    np.testing.assert_allclose(planted.samples.segments[0], noise, atol=1e-12)


def test_a_spike_makes_another_with_that_chance():
    spikes = (np.random.default_rng(0).random((50000, 2)) < 0.02).astype(np.float64)
    samples = samples_of(spikes)
    planted = plant(samples, own_histories(samples.segments), np.array([0]), np.array([1]), 0.3, seed=4)
    after = planted.samples.segments[0]
    more = after[:, 0] - spikes[:, 0]
    free = (spikes[:-1, 1] > 0) & (spikes[1:, 0] == 0)
    share = more[1:][free].mean()
    assert share == pytest.approx(0.3, abs=4 * np.sqrt(0.21 / free.sum()))
    assert set(np.unique(after)) == {0.0, 1.0} and not more[1:][spikes[:-1, 1] == 0].any()


def test_quiet_pairs_are_low_both_ways_and_each_unit_is_once_a_target():
    score = np.random.default_rng(1).random((10, 10))
    np.fill_diagonal(score, np.nan)
    quiet = quiet_pairs(score)
    middle = np.nanmedian(score)
    assert not quiet.diagonal().any() and np.array_equal(quiet, quiet.T)
    assert (score[quiet] <= middle).all() and quiet.any()
    target, source = choose(quiet, np.random.default_rng(0))
    assert len(target) == len(set(target)) <= 5 and quiet[target, source].all()
    for seed in range(20):
        target, source = choose(quiet, np.random.default_rng(seed))
        assert len(target) and not set(target) & set(source)


def test_refuses_what_cannot_be_planted(noise):
    samples = samples_of(noise)
    own = own_histories(samples.segments)
    with pytest.raises(InputError, match="each unit once, and never its own source"):
        plant(samples, own, np.array([0]), np.array([0]), 0.1)
    with pytest.raises(InputError, match="delay must be at least 1 sample and strength at least 0; got 0 and"):
        plant(samples, own, np.array([0]), np.array([1]), 0.1, delay=0)
    counted = samples_of((np.random.default_rng(0).random((500, 2)) < 0.2).astype(float))
    with pytest.raises(InputError, match=r"must be a probability where units are counted; got 1\.5"):
        plant(counted, own, np.array([0]), np.array([1]), 1.5)
