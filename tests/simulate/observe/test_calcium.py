"""Calcium fluorescence against its formula."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from synfer.errors import InputError, UnknownNameError
from synfer.recording import Recording
from synfer.simulate import izhikevich_network, observe, run

DT = 1e-3


def raster(spikes: list[tuple[int, int]], n: int = 3000, n_units: int = 2) -> Recording:
    counts = np.zeros((n, n_units), np.uint8)
    for sample, unit in spikes:
        counts[sample, unit] += 1
    return Recording({"spikes": counts}, DT, t0=DT, unit_ids=["a", "b"])


def response(t: np.ndarray, rise: float, decay: float) -> np.ndarray:
    """The response to one spike at 0, of height 1."""
    t = np.asarray(t, float)
    on = t >= 0
    if rise == 0:
        return np.where(on, np.exp(-np.where(on, t, 0) / decay), 0.0)
    fine = np.linspace(0, 10 * decay, 200_001)
    peak = (np.exp(-fine / decay) - np.exp(-fine / rise)).max()
    return np.where(on, np.exp(-np.where(on, t, 0) / decay) - np.exp(-np.where(on, t, 0) / rise), 0.0) / peak


@pytest.mark.parametrize(("rise", "decay"), [(0.05, 0.5), (0.0, 0.2), (0.01, 1.0), (0.9, 1.0)])
def test_a_spike_gives_the_impulse_response(rise: float, decay: float) -> None:
    seen = observe.calcium(raster([(400, 1)]), rise=rise, decay=decay, amplitude=0.3)
    assert (seen.dt, seen.t0, seen.n_samples) == (pytest.approx(DT), DT, 3000)
    assert seen.unit_ids.tolist() == ["a", "b"]
    assert seen["calcium"].dtype == np.float32
    assert np.all(seen["calcium"][:, 0] == 0)
    expected = 0.3 * response((np.arange(3000) - 400) * DT, rise, decay)
    np.testing.assert_allclose(seen["calcium"][:, 1], expected, atol=2e-7)
    if rise <= 0.05:
        assert seen["calcium"].max() == pytest.approx(0.3, rel=1e-4)


@pytest.mark.parametrize("frame_rate", [1000.0, 500.0, 30.0, 29.97, 7.0])
def test_frames_are_exact_wherever_they_fall(frame_rate: float) -> None:
    spikes = [(10, 0), (10, 0), (333, 0), (334, 1), (2999, 1)]
    seen = observe.calcium(raster(spikes), frame_rate=frame_rate)
    t = np.arange(seen.n_samples) / frame_rate
    assert seen.dt == pytest.approx(1 / frame_rate)
    assert 2.999 - 1 / frame_rate < t[-1] < 2.999 + 1e-9
    for unit in (0, 1):
        expected = sum(response(t - sample * DT + 1e-12, 0.05, 0.5) for sample, of in spikes if of == unit)
        np.testing.assert_allclose(seen["calcium"][:, unit], expected, atol=1e-6)


def test_exact_times_are_used_where_they_are_held() -> None:
    times, units = np.array([0.0104, 0.2, 0.33333, 2.9]), np.array([0, 1, 0, 1])
    coarse = Recording.from_spikes(times, units, 0.1, n_units=2, t0=0.0, duration=3.0)
    seen = observe.calcium(coarse, frame_rate=60.0)
    t = np.arange(seen.n_samples) / 60
    for unit in (0, 1):
        expected = sum(response(t - time, 0.05, 0.5) for time in times[units == unit])
        np.testing.assert_allclose(seen["calcium"][:, unit], expected, atol=1e-6)
    networks = izhikevich_network(4, 1, 0.4, n_networks=3)
    fine = observe.calcium(run(networks, 1.0, record="spikes"), frame_rate=20.0)
    rows = run(networks, 1.0, record="spikes", every=50, spikes="events")
    rough = observe.calcium(rows, frame_rate=20.0)
    assert (rows.dt, rough.t0) == (0.05, 0.05)
    # Frames of the one stand at 1, 51, ... ms, of the other at 50, 100, ... ms.
    every_ms = observe.calcium(run(networks, 1.0, record="spikes"))["calcium"]
    np.testing.assert_allclose(rough["calcium"], every_ms[:, 49::50], atol=2e-5)
    np.testing.assert_allclose(fine["calcium"], every_ms[:, ::50], atol=2e-5)


def test_a_saturating_indicator_never_exceeds_its_limit() -> None:
    burst = raster([(k, 0) for k in range(100, 1500, 3)])
    linear = observe.calcium(burst)["calcium"].astype(np.float64)
    seen = observe.calcium(burst, saturation=4.0)["calcium"]
    np.testing.assert_allclose(seen, linear / (1 + linear / 4), rtol=1e-5)
    assert linear.max() > 100
    assert 3.8 < seen.max() < 4.0


def test_noise_of_each_frame_and_network() -> None:
    networks = izhikevich_network(4, 1, 0.4, n_networks=3)
    recording = run(networks, 4.0, record=("v", "spikes"))
    clean = observe.calcium(recording, frame_rate=100.0)
    noisy = observe.calcium(recording, frame_rate=100.0, noise=0.2, seed=5)
    assert clean["calcium"].max() > 1
    noise = (noisy["calcium"] - clean["calcium"]).astype(np.float64)
    assert abs(noise.var() / 0.04 - 1) < 5 * np.sqrt(2 / noise.size)
    assert np.abs(np.corrcoef(noise.transpose(0, 2, 1).reshape(15, -1)) - np.eye(15)).max() < 5 / np.sqrt(400)
    alone = observe.calcium(recording.isel(network=1), frame_rate=100.0, noise=0.2, seed=5)
    assert np.array_equal(alone["calcium"], noisy["calcium"][1])
    assert not np.array_equal(
        observe.calcium(recording, frame_rate=100.0, noise=0.2, seed=6)["calcium"], noisy["calcium"]
    )
    assert noisy.units_of_measure == {"calcium": "dF/F"}
    assert noisy.provenance["observed"][0]["frame_rate"] == 100.0
    assert noisy.leading_ids.tolist() == [0, 1, 2]


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    recording = run(izhikevich_network(4, 1, 0.4, n_networks=2), 1.0, record="spikes")
    whole = observe.calcium(recording)
    monkeypatch.setattr(sys.modules[observe.calcium.__module__], "BLOCK", 1)
    assert observe.calcium(recording).identical(whole)


SPIKES = raster([(3, 0)], n=50)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"rise": 0.5, "decay": 0.5}, "0 <= rise <= 0.99 decay"), ({"rise": -0.1}, "0 <= rise"),
        ({"rise": 0.0, "decay": 0.0}, "0 <= rise"), ({"decay": np.inf}, "decay must be a finite"),
        ({"amplitude": 0.0}, "amplitude must be positive"), ({"noise": -0.1}, "noise must be a standard deviation"),
        ({"saturation": 0.0}, "saturation must be positive"), ({"saturation": "x"}, "saturation must be a finite"),
        ({"frame_rate": 0.0}, "frame_rate must be positive"), ({"frame_rate": np.nan}, "frame_rate must be a finite"),
        ({"frame_rate": 1001.0}, "at most one frame a sample, 1000 Hz; got 1001"), ({"seed": -1}, "seed must be"),
        ({"recording": None}, "recording must be a Recording; got a NoneType"),
        ({"recording": Recording({"spikes": np.full((9, 2), np.nan)}, DT)}, "'spikes' must be finite"),
        ({"recording": Recording({"spikes": np.full((9, 2), -1)}, DT)}, "counts of at least 0"),
    ],
)  # fmt: skip
def test_bad_arguments_are_refused_by_name(arguments: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        observe.calcium(**{"recording": SPIKES, **arguments})


def test_without_spikes_there_is_no_calcium() -> None:
    with pytest.raises(UnknownNameError, match="signal 'spikes' does not exist"):
        observe.calcium(Recording({"v": np.zeros((9, 2))}, DT))
