"""Stability selection: halves that complement each other, edges that come again, and the bound."""

from __future__ import annotations

import numpy as np
import pytest

from synfer.connectome import Connectome
from synfer.discover import ConditionalGranger
from synfer.discover.base import BaseDiscoverer, Samples
from synfer.discover.significance import StabilitySelection
from synfer.discover.significance.folds import folds, stretches, taken
from synfer.discover.significance.stability import half_of
from synfer.errors import InputError


class Constant(BaseDiscoverer):
    """The same score for every pair."""

    def _discover(self, samples: Samples) -> Connectome:
        return self._connectome(samples, np.ones((samples.n_units, samples.n_units)))


def _samples(*lengths: int) -> Samples:
    segments = [np.random.default_rng(k).standard_normal((length, 2)) for k, length in enumerate(lengths)]
    return Samples(segments, 0.5, np.arange(2), None, [10.0 * k for k in range(len(lengths))], len(lengths) > 1)


@pytest.mark.parametrize("lengths", [(103,), (60, 45), (20,) * 12])
def test_halves_of_a_pair_share_nothing_and_miss_nothing(lengths):
    samples = _samples(*lengths)
    groups = stretches(samples, 10, "n_blocks")
    rows = np.concatenate(samples.segments)
    for seed in (4, 18):
        halves = [np.concatenate(half_of(samples, seed + k, groups).segments) for k in (0, 1)]
        both = np.concatenate(halves)
        assert len(both) == len(rows)
        np.testing.assert_array_equal(np.sort(both[:, 0]), np.sort(rows[:, 0]))


def test_stretches_that_follow_each_other_are_one():
    samples = _samples(40, 40)
    drawn = taken(samples, [(0, 10, 20), (1, 0, 10), (0, 0, 10), (0, 30, 40)])
    assert [len(segment) for segment in drawn.segments] == [20, 10, 10]
    assert drawn.t0s == [0.0, 15.0, 10.0]


def test_folds_learn_on_what_they_do_not_test():
    samples = _samples(50)
    tested = []
    for learnt, held_out in folds(samples, 5, "n_folds"):
        assert sum(map(len, learnt.segments)) == 40
        tested.append(np.concatenate(held_out.segments))
        assert not np.isin(tested[-1], np.concatenate(learnt.segments)).any()
    np.testing.assert_array_equal(np.concatenate(tested), samples.segments[0])


def test_edges_that_are_there_are_stable_and_few_others():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2000, 6))
    for t in range(1, 2000):
        x[t, 1] += 0.4 * x[t - 1, 0]
        x[t, 2] -= 0.4 * x[t - 1, 1]
    test = StabilitySelection(ConditionalGranger(lag=1), n_pairs=10, random_state=0).fit(x)
    assert test.selected_[1, 0]
    assert test.selected_[2, 1]
    assert test.selected_.sum() <= 3
    assert test.n_edges_ == int(np.sqrt(0.5 * 30))
    assert test.expected_false_ == pytest.approx(test.n_edges_**2 / (0.5 * 30))
    found = test.connectome_
    assert float(found.score[2, 1]) == 1.0
    assert float(found.weight[2, 1]) < 0
    assert found.pvalue is None
    assert 0.0 < test.split_agreement_ <= 1.0


def test_where_all_scores_are_equal_nothing_is_selected():
    test = StabilitySelection(Constant(), n_pairs=3, random_state=0).fit(np.random.default_rng(0).random((90, 3)))
    assert not test.selected_.any()
    assert np.nanmax(test.connectome_.score) == 0.0


def test_what_is_wrong_is_said():
    x = np.random.default_rng(0).random((90, 3))
    with pytest.raises(InputError, match="n_edges must be at most the 6 pairs of 3 units; got 7"):
        StabilitySelection(Constant(), n_edges=7).fit(x)
    with pytest.raises(InputError, match="n_blocks must be at most half the 90 samples of a segment; got 60"):
        StabilitySelection(Constant(), n_blocks=60).fit(x)
    with pytest.raises(InputError, match="'threshold'"):
        StabilitySelection(Constant(), threshold=0.5).fit(x)


@pytest.mark.parametrize("n_units", [2, 3, 4, 6, 10])
def test_by_default_one_false_edge_is_expected_at_most(n_units):
    x = np.random.default_rng(0).standard_normal((200, n_units))
    fitted = StabilitySelection(ConditionalGranger(lag=1), n_pairs=1, random_state=0).fit(x)
    m = n_units * (n_units - 1)
    assert fitted.expected_false_ == pytest.approx(fitted.n_edges_**2 / (0.5 * m))
    assert fitted.expected_false_ <= 1.0 < (fitted.n_edges_ + 1) ** 2 / (0.5 * m)


class Little(Constant):
    """A score for one pair of all, another one in each half: of the rest nothing is known."""

    def _discover(self, samples: Samples) -> Connectome:
        score = np.zeros((samples.n_units, samples.n_units))
        score[1 + len(samples.segments) % 2, 0] = 1.0
        return self._connectome(samples, score)


def test_halves_that_know_nothing_do_not_agree():
    x = np.random.default_rng(0).standard_normal((400, 12))
    assert np.isnan(StabilitySelection(Constant(), n_pairs=2).fit(x).split_agreement_)
    assert StabilitySelection(Little(), n_pairs=4, random_state=0).fit(x).split_agreement_ < 0.9
