"""Clipping and z-scoring."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from synfer.errors import InputError, UnknownNameError
from synfer.recording import Recording
from synfer.simulate import izhikevich_network, observe, run


def test_each_unit_of_each_network_is_clipped_and_normalised() -> None:
    recording = run(izhikevich_network(4, 1, 0.4, n_networks=3), 2.0, record=("u", "v"))
    before = recording["v"].copy()
    seen = observe.clip_and_zscore(recording)
    assert np.array_equal(recording["v"], before), "the input is left as it was"
    assert seen.signal_names == ["v"]
    assert seen["v"].dtype == np.float32
    assert (seen.dims, seen.t0, seen.dt) == (recording.dims, recording.t0, recording.dt)
    assert seen.leading_ids.tolist() == [0, 1, 2]
    assert seen.units_of_measure == {"v": "z"}
    clipped = np.minimum(before.astype(np.float64), 30)
    expected = (clipped - clipped.mean(1, keepdims=True)) / clipped.std(1, keepdims=True)
    np.testing.assert_allclose(seen["v"], expected, atol=1e-5)
    one = observe.clip_and_zscore(recording.isel(network=2))
    assert np.array_equal(one["v"], seen["v"][2])


def test_ceiling_signal_and_tensors() -> None:
    x = np.random.default_rng(0).normal(size=(500, 2))
    recording = Recording({"calcium": torch.from_numpy(x)}, 0.1)
    seen = observe.clip_and_zscore(recording, ceiling=0.5, signal="calcium")["calcium"]
    clipped = np.minimum(x, 0.5)
    np.testing.assert_allclose(seen, (clipped - clipped.mean(0)) / clipped.std(0), atol=1e-12)


def test_what_is_made_of_a_recording_is_from_the_same_file(tmp_path: Path) -> None:
    about = {"v": np.random.default_rng(0).normal(size=(500, 2)), "spikes": np.eye(500, 2, dtype=np.uint8)}
    Recording(about, 1e-3).save(tmp_path / "r.nc")
    recording = Recording.load(tmp_path / "r.nc")
    for seen in (
        observe.clip_and_zscore(recording),
        observe.decimate(Recording.load(tmp_path / "r.nc", signals=["v"]), 2),
        observe.bin_spikes(recording, 0.01),
        observe.add_noise(recording, 10.0, signal="v", seed=0),
        observe.hide_units(recording, [0]),
    ):
        assert seen.read_from == "r.nc"


@pytest.mark.parametrize("spoilt", [31.0, np.nan, -np.inf])
def test_units_that_cannot_be_normalised_are_named(spoilt: float) -> None:
    x = np.random.default_rng(0).normal(size=(50, 3))
    x[:, 1] = spoilt
    with pytest.raises(InputError, match=r"\['b'\]"):
        observe.clip_and_zscore(Recording({"v": x}, 1e-3, unit_ids=["a", "b", "c"]))


def test_other_signals_are_refused() -> None:
    recording = Recording({"spikes": np.eye(3, dtype=np.uint8)}, 1e-3)
    with pytest.raises(UnknownNameError, match="'v'"):
        observe.clip_and_zscore(recording)
    with pytest.raises(InputError, match="floating-point"):
        observe.clip_and_zscore(recording, signal="spikes")
