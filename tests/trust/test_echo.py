from __future__ import annotations

import numpy as np
import pytest

from synfer.connectome import Connectome
from synfer.discover import ConditionalGranger
from synfer.discover.autoregression import spectral_radius
from synfer.simulate import run, var_coefficients, var_network
from synfer.trust.echo import echo_of, highest_pairs
from synfer.trust.own import own_histories


@pytest.fixture(scope="module")
def known():
    a = var_coefficients(8, 2, 0.3, radius=0.7, seed=4)
    network = var_network(a)
    samples = ConditionalGranger()._read(run(network, 30.0, record="x", seed=4), reset=True)
    share = float((network.connectome.score.values[~np.eye(8, dtype=bool)] > 0).mean())
    return a, network.connectome, samples, share


def test_wired_as_the_truth_it_has_the_truths_coefficients(known):
    a, truth, samples, share = known
    echo = echo_of(samples, truth, own_histories(samples.segments), share)
    np.testing.assert_array_equal(echo.wired, (truth.score.values > 0) & ~np.eye(8, dtype=bool))
    np.testing.assert_allclose(echo.coefficients[:2], a, atol=0.03)
    np.testing.assert_allclose(echo.coefficients[2:], 0.0, atol=0.03)
    np.testing.assert_allclose(echo.residuals.std(axis=0), 1.0, atol=0.03)


def test_what_is_simulated_has_the_recordings_covariance_and_the_seeds_own_noise(known):
    _, truth, samples, share = known
    echo = echo_of(samples, truth, own_histories(samples.segments), share)
    one, again, other = (echo.simulated(samples, seed).segments[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert one.shape == samples.segments[0].shape and not np.array_equal(one, other)
    before, after = np.cov(samples.segments[0].T), np.cov(one.T)
    np.testing.assert_allclose(after, before, atol=0.06 * before.max())


@pytest.mark.filterwarnings("ignore::synfer.errors.NonStationaryWarning")
def test_edges_are_a_share_of_the_pairs_within_bounds_and_the_whole_is_stable():
    rng = np.random.default_rng(0)
    x = np.cumsum(rng.standard_normal((400, 6)), axis=0)
    samples = ConditionalGranger()._read(x, reset=True)
    found = Connectome(rng.random((6, 6)))
    own = own_histories(samples.segments)
    for share, edges in ((0.0, 1), (0.5, 15), (1.0, 24)):
        echo = echo_of(samples, found, own, share)
        assert echo.wired.sum() == edges and spectral_radius(echo.coefficients) < 1
        assert np.isfinite(echo.simulated(samples, 0).segments[0]).all()


def test_pairs_that_score_nothing_are_not_wired_and_ties_do_not_add_edges():
    score = np.zeros((8, 8))
    score[1, 2] = score[5, 0] = 1.0
    np.testing.assert_array_equal(highest_pairs(score, 6), score > 0)
    assert not highest_pairs(np.zeros((8, 8)), 6).any()
    tied = highest_pairs(np.ones((8, 8)), 6)
    assert tied.sum() == 6 and not tied.diagonal().any() and tied.any(axis=1).sum() > 2
    distinct = np.random.default_rng(0).random((8, 8))
    np.fill_diagonal(distinct, 2.0)
    lowest = np.sort(distinct[~np.eye(8, dtype=bool)])[-6]
    np.testing.assert_array_equal(highest_pairs(distinct, 6), (distinct >= lowest) & ~np.eye(8, dtype=bool))


def test_an_echo_of_scores_that_are_mostly_zero_has_their_edges_alone(known):
    _, _, samples, _ = known
    score = np.zeros((8, 8))
    score[1, 2] = score[5, 0] = 1.0
    echo = echo_of(samples, Connectome(score, unit_ids=samples.unit_ids), own_histories(samples.segments), 0.1)
    np.testing.assert_array_equal(echo.wired, score > 0)
