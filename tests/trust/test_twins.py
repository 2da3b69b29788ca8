from __future__ import annotations

import numpy as np
import pytest

from synfer.discover import ConditionalGranger, Samples
from synfer.errors import InputError
from synfer.recording import Recording
from synfer.simulate import izhikevich_network, observe, run, var_coefficients, var_network
from synfer.trust.twins import WITHIN, edge_free, level_of, signal_kind


def samples_of(recording: Recording, signal: str | None = None) -> Samples:
    return ConditionalGranger()._read(recording, signal, reset=True)


def lagged_correlations(samples: Samples) -> np.ndarray:
    """Of each unit with each other's sample before."""
    x = np.concatenate(samples.segments).astype(float)
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    r = x[1:].T @ x[:-1] / (len(x) - 1)
    return r[~np.eye(len(r), dtype=bool)]


def together(samples: Samples) -> float:
    """Root mean square of the correlations of counts in 10 ms."""
    counts = samples.segments[0].reshape(-1, 10, samples.n_units).sum(axis=1)
    r = np.corrcoef(counts.T)
    return float(np.sqrt((r[~np.eye(len(r), dtype=bool)] ** 2).mean()))


@pytest.fixture(scope="module")
def spiking() -> Recording:
    return run(izhikevich_network(8, 2, 0.4, seed=3), 10.0, record=("v", "spikes"), seed=3)


def only(recording: Recording, signal: str) -> Recording:
    return Recording({signal: recording[signal]}, recording.dt, unit_ids=recording.unit_ids)


def test_spikes_keep_their_rates_and_nothing_between_units(spiking):
    samples = samples_of(only(spiking, "spikes"))
    twin = edge_free(samples, seed=1)
    assert twin.kind == "spiking" and twin.deviation <= WITHIN
    assert [part.shape for part in twin.samples.segments] == [part.shape for part in samples.segments]
    before, after = (np.concatenate(s.segments).mean(axis=0) for s in (samples, twin.samples))
    assert abs(after.mean() - before.mean()) <= WITHIN * before.mean()
    np.testing.assert_allclose(after, before, rtol=0.25)  # of each unit: 100 spikes of the rarest have 10 % of chance
    assert twin.worst == pytest.approx(np.max(np.abs(after / before - 1)), rel=1e-4)
    chance = 1 / np.sqrt(samples.n_samples / 10)
    assert together(twin.samples) < 1.4 * chance
    assert together(samples) > 1.8 * chance  # the recording's own edges would be seen


def test_voltages_cross_as_often_as_those_they_are_like_and_are_scaled_alike(spiking):
    recording = observe.clip_and_zscore(only(spiking, "v"))
    samples = samples_of(recording)
    twin = edge_free(samples, recording, seed=1)
    before, after = (level_of(s.segments, "voltage") for s in (samples, twin.samples))
    assert abs(after.mean() - before.mean()) <= WITHIN * before.mean()
    # what is measured of a voltage is its spikes
    np.testing.assert_allclose(before, np.asarray(spiking["spikes"]).mean(axis=0), rtol=0.02, atol=2e-4)
    x = np.concatenate(twin.samples.segments)
    np.testing.assert_allclose([x.mean(), x.std()], [0.0, 1.0], atol=0.02)


def test_calcium_is_seen_through_the_same_indicator(spiking):
    recording = observe.calcium(only(spiking, "spikes"), frame_rate=50.0, noise=0.1, seed=2)[2.0:]
    samples = samples_of(recording)
    twin = edge_free(samples, recording, seed=1)
    assert twin.kind == "spiking" and twin.matched == "mean"
    before, after = (np.concatenate(s.segments) for s in (samples, twin.samples))
    assert after.shape == before.shape
    assert abs(after.mean() - before.mean()) <= WITHIN * before.mean()
    noise = [np.diff(x, 2, axis=0).std() for x in (before, after)]
    assert noise[1] == pytest.approx(noise[0], rel=0.2)
    assert not np.array_equal(before, after)


@pytest.mark.parametrize("width", [2e-3, 5e-3])
def test_bins_are_as_wide(spiking, width):
    recording = observe.bin_spikes(only(spiking, "spikes"), width)
    bare = Recording({"spikes": recording["spikes"]}, recording.dt)  # where the provenance is lost, the step says it
    for given in (recording, bare):
        twin = edge_free(samples_of(given), given, seed=1)
        assert twin.kind == "spiking" and twin.deviation <= WITHIN


@pytest.mark.parametrize("noise", [0.0, 1.0])
def test_other_signals_keep_each_units_spectrum_and_spread(noise):
    network = var_network(var_coefficients(5, 2, 0.5, seed=2), dt=0.1)
    recording = run(network, 1000.0, 0.1, record="x", initial_state="stationary", seed=2)
    if noise:  # said in the provenance, and still no reason for neurons
        recording = observe.add_noise(recording, noise, signal="x", relative=True, seed=1)
    samples = samples_of(recording)
    twin = edge_free(samples, recording, seed=1)
    assert twin.kind == "autoregression"
    before, after = samples.segments[0], twin.samples.segments[0]
    np.testing.assert_allclose(after.std(axis=0), before.std(axis=0), rtol=0.1)
    for lag in (1, 2, 3):
        own = [[np.corrcoef(x[lag:, k], x[:-lag, k])[0, 1] for k in range(5)] for x in (before, after)]
        np.testing.assert_allclose(own[1], own[0], atol=0.06)
    assert np.abs(lagged_correlations(twin.samples)).max() < 0.08 < np.abs(lagged_correlations(samples)).max()


def test_trials_stay_trials_and_seeds_decide():
    x = np.random.default_rng(0).standard_normal((3, 200, 4))
    samples = samples_of(Recording({"x": x}, 0.01))
    one, again, other = (edge_free(samples, seed=seed).samples.segments for seed in (1, 1, 2))
    assert [part.shape for part in one] == [(200, 4)] * 3
    np.testing.assert_array_equal(np.stack(one), np.stack(again))
    assert not np.array_equal(np.stack(one), np.stack(other))


def test_kinds_of_signals(spiking):
    assert signal_kind(samples_of(only(spiking, "spikes"))) == "counts"
    assert signal_kind(samples_of(only(spiking, "v"))) == "voltage"
    assert signal_kind(samples_of(Recording({"x": np.random.default_rng(0).random((100, 3))}, 0.1))) is None


class TestRefuses:
    def test_an_observation_of_another_step(self, spiking):
        samples = samples_of(only(spiking, "spikes"))
        with pytest.raises(InputError, match=r"must give the recording's step of 0\.001 s; got 0\.002 s"):
            edge_free(samples, observation=lambda seen: observe.bin_spikes(only(seen, "spikes"), 2e-3))

    def test_an_observation_of_two_signals(self, spiking):
        with pytest.raises(InputError, match="must give a Recording of one signal; got v, spikes"):
            edge_free(samples_of(only(spiking, "spikes")), observation=lambda seen: seen)

    def test_a_rate_that_no_neuron_comes_to(self):
        spikes = np.random.default_rng(0).random((2000, 3)) < 0.9  # 900 a second
        with pytest.raises(InputError, match=r"units without edges come to .* a second, not 9\d\d"):
            edge_free(samples_of(Recording({"spikes": spikes.astype(np.uint8)}, 1e-3)))
