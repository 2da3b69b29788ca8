"""Noise of the instrument: its variance, its independence, its seed."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from synfer.errors import InputError, UnknownNameError
from synfer.recording import Recording
from synfer.simulate import izhikevich_network, observe, run, var_network

NETWORKS = izhikevich_network(4, 1, 0.4, n_networks=4)
RECORDING = run(NETWORKS, 2.0, record=("v", "u"))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_noise_is_white_and_as_strong_as_asked(dtype: str) -> None:
    recording = Recording({"x": np.full((4, 5000, 6), 3.0, dtype)}, 1e-3, leading="network")
    noisy = observe.add_noise(recording, 0.7, seed=2)
    assert noisy["x"].dtype == dtype
    noise = noisy["x"].astype(np.float64) - 3
    assert scipy.stats.kstest(noise.ravel() / 0.7, "norm").pvalue > 1e-3
    n = noise.size
    assert abs(noise.var() / 0.49 - 1) < 5 * np.sqrt(2 / n)
    flat = noise.transpose(0, 2, 1).reshape(24, 5000)
    assert np.abs(np.corrcoef(np.concatenate([flat, flat[:, ::-1]])) - np.eye(48)).max() < 5 / np.sqrt(5000)
    lagged = (noise[:, 1:] * noise[:, :-1]).mean() / 0.49
    assert abs(lagged) < 5 / np.sqrt(n)


def test_relative_noise_counts_in_the_signals_own_spread() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(0, [0.1, 10.0, 0.0], (20_000, 3))
    noisy = observe.add_noise(Recording({"x": x}, 1e-3), 0.5, relative=True)
    np.testing.assert_allclose((noisy["x"] - x).std(0), 0.5 * x.std(0), rtol=0.03)


def test_seeds_and_networks_key_the_noise_however_the_batch_is_cut() -> None:
    whole = observe.add_noise(RECORDING, 1.0, signal="v", seed=3)
    assert whole.signal_names == ["v"]
    assert whole.units_of_measure == {"v": "mV"}
    assert np.array_equal(observe.add_noise(RECORDING, 1.0, signal="v", seed=3)["v"], whole["v"])
    assert not np.array_equal(observe.add_noise(RECORDING, 1.0, signal="v", seed=4)["v"], whole["v"])
    noise = whole["v"] - RECORDING["v"]
    assert len({network.tobytes() for network in noise}) == 4
    for part in (RECORDING.isel(network=2), run(NETWORKS.isel(network=2), 2.0, record=("v", "u"))):
        assert np.array_equal(observe.add_noise(part, 1.0, signal="v", seed=3)["v"], whole["v"][2])
    some = observe.add_noise(RECORDING.isel(network=[3, 1]), 1.0, signal="v", seed=3)
    assert np.array_equal(some["v"], whole["v"][[3, 1]])


def test_arrays_in_any_order_of_memory_are_taken() -> None:
    x = np.random.default_rng(0).normal(size=(3, 50)).T
    noisy = observe.add_noise(Recording({"x": x}, 1e-3), 0.1, seed=1)
    same = observe.add_noise(Recording({"x": np.ascontiguousarray(x)}, 1e-3), 0.1, seed=1)
    assert noisy.identical(same)
    assert np.any(noisy["x"] != x)
    assert np.array_equal(observe.add_noise(Recording({"x": x}, 1e-3), 0.0)["x"], x)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"std": -1.0, "signal": "v"}, InputError, "std must be a standard deviation"),
        ({"std": np.nan, "signal": "v"}, InputError, "std must be a finite"),
        ({"std": 1.0}, InputError, "signal must name one of v, u"),
        ({"std": 1.0, "signal": "w"}, UnknownNameError, "'w' does not exist"),
        ({"std": 1.0, "signal": "v", "relative": 1}, InputError, "relative must be True or False"),
        ({"std": 1.0, "signal": "v", "seed": 1.5}, InputError, "seed must be"),
    ],
)
def test_bad_arguments_are_refused_by_name(arguments: dict, error: type, words: str) -> None:
    with pytest.raises(error, match=words):
        observe.add_noise(RECORDING, **arguments)


def test_counts_take_no_noise() -> None:
    with pytest.raises(InputError, match="'spikes' must be float32 or float64; got uint8"):
        observe.add_noise(run(NETWORKS, 0.1, record="spikes"), 0.1)


def test_noise_tells_nothing_of_the_first_state_drawn_under_the_same_seed() -> None:
    networks = var_network(np.tile(np.diag([0.9, 0.8]), (2000, 1, 1, 1)))
    recording = run(networks, 2e-3, initial_state="stationary", dtype="float64")
    noise = observe.add_noise(recording, 1.0)["x"] - recording["x"]
    both = np.concatenate([noise[:, 0], recording["x"][:, 0]], axis=1)
    assert np.abs(np.corrcoef(both.T)[:2, 2:]).max() < 5 / np.sqrt(2000)
