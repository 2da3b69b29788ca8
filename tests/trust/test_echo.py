from __future__ import annotations

import numpy as np
import pytest

from synfer.connectome import Connectome
from synfer.discover import ConditionalGranger
from synfer.discover.autoregression import spectral_radius
from synfer.simulate import run, var_coefficients, var_network
from synfer.trust.echo import echo_of
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
