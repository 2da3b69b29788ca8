"""Bootstrap intervals: against the least-squares law, and how blocks are drawn."""

from __future__ import annotations

import numpy as np
import pytest

from synfer.connectome import Connectome
from synfer.discover import ConditionalGranger, CrossCorrelation
from synfer.discover.base import BaseDiscoverer, Samples
from synfer.discover.significance import BlockBootstrap
from synfer.discover.significance.bootstrap import resampled
from synfer.errors import InputError
from synfer.recording import Recording


@pytest.fixture
def x() -> np.ndarray:
    x = np.random.default_rng(0).standard_normal((1500, 3))
    x[1:, 1] -= 0.4 * x[:-1, 0]
    return x


def test_draws_spread_as_least_squares_says(x):
    boot = BlockBootstrap(ConditionalGranger(lag=1), 300, random_state=0).fit(x)
    # With independent regressors of variance 1 a coefficient has variance s^2 / rows; weights are standardised.
    size = x.std(axis=0)
    expected = 1.0 / np.sqrt(len(x)) / size[:, None]
    spread = boot.draws_.std(axis=0, ddof=1)
    off = ~np.eye(3, dtype=bool)
    np.testing.assert_allclose(spread[off], expected.repeat(3, axis=1)[off], rtol=0.25)
    found = boot.connectome_
    width = (found.interval_high - found.interval_low).values[off]
    np.testing.assert_allclose(width, 2 * 1.96 * spread[off], rtol=0.2)
    assert float(found.interval_high[1, 0]) < 0
    assert float(found.interval_low[2, 0]) < 0 < float(found.interval_high[2, 0])


def test_intervals_hold_the_truth_as_often_as_they_say():
    rng = np.random.default_rng(1)
    held = []
    for _ in range(25):
        x = rng.standard_normal((400, 2))
        x[1:, 1] += 0.5 * x[:-1, 0]
        # weight: coefficient times the ratio of standard deviations
        truth = 0.5 / np.sqrt(1.25)
        found = BlockBootstrap(ConditionalGranger(lag=1), 60, level=0.9, random_state=0).fit(x).connectome_
        held.append(float(found.interval_low[1, 0]) <= truth <= float(found.interval_high[1, 0]))
    assert 0.7 <= np.mean(held) <= 1.0


def test_a_criterion_chooses_the_order_once(x):
    """Blocks that come twice look like a long memory: chosen anew, intervals were three times as wide."""
    x = x[:300]
    chosen, told = (BlockBootstrap(ConditionalGranger(lag), 30, random_state=0).fit(x) for lag in ("bic", 1))
    assert chosen.estimator_.lag_ == 1 and chosen.estimator.lag == "bic"
    np.testing.assert_array_equal(chosen.draws_, told.draws_)


def test_blocks_are_views_of_the_samples_as_long_in_all():
    segments = [np.random.default_rng(k).standard_normal((100 + 40 * k, 2)) for k in range(3)]
    samples = Samples(segments, 0.01, np.arange(2), None, [0.0, 5.0, 9.0], True)
    drawn = resampled(samples, 7, 30)
    assert len(drawn.segments) == 14  # 420 samples
    for block, t0 in zip(drawn.segments, drawn.t0s, strict=True):
        (k,) = (k for k in range(3) if np.shares_memory(segments[k], block))
        first = round((t0 - samples.t0s[k]) / 0.01)
        np.testing.assert_array_equal(block, segments[k][first : first + 30])


def test_without_weights_the_score_has_intervals(x):
    trials = Recording({"v": x.reshape(5, 300, 3)}, dt=1e-3)
    boot = BlockBootstrap(CrossCorrelation(max_lag=2), 20, length=100, random_state=0).fit(trials)
    assert boot.length_ == 100
    assert boot.connectome_.interval_low.dims == ("target", "source")


class Shifted(BaseDiscoverer):
    """What blocks do to its weights is beyond all spread."""

    def _discover(self, samples: Samples) -> Connectome:
        weight = sum(segment[1:].T @ segment[:-1] for segment in samples.segments) / samples.n_samples
        return self._connectome(samples, np.abs(weight), weight=weight + 0.1 * len(samples.segments))


def test_an_interval_beside_a_shifted_weight_stands_as_it_is(x):
    boot = BlockBootstrap(Shifted(), 20, random_state=0).fit(x)
    found = boot.connectome_
    assert bool(((found.weight < found.interval_low) | (found.weight > found.interval_high)).any())
    low, high = np.quantile(boot.draws_, [0.025, 0.975], axis=0)
    np.testing.assert_allclose(found.interval_low, 2 * found.weight - high)
    np.testing.assert_allclose(found.interval_high, 2 * found.weight - low)


def test_the_default_length_is_no_longer_than_a_trial(x):
    boot = BlockBootstrap(ConditionalGranger(lag=1), 4, random_state=0).fit(
        Recording({"v": x.reshape(50, 30, 3)}, dt=1.0)
    )
    assert boot.length_ == 30


def test_what_is_wrong_is_said(x):
    with pytest.raises(InputError, match="length must be at most the 1500 samples of the shortest segment; got 2000"):
        BlockBootstrap(ConditionalGranger(lag=1), length=2000).fit(x)
    with pytest.raises(InputError, match="'level'"):
        BlockBootstrap(ConditionalGranger(lag=1), level=1.0).fit(x)
    with pytest.raises(InputError, match="fits to resampled samples failed"):
        BlockBootstrap(ConditionalGranger(lag=12), 5, length=10, random_state=0).fit(x)
