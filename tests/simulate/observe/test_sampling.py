"""Hidden units, decimation and bins."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from synfer.errors import InputError, UnknownNameError
from synfer.recording import Recording
from synfer.simulate import izhikevich_network, observe, run

RECORDING = run(izhikevich_network(8, 2, 0.4, n_networks=3, seed=1), 0.5, record=("v", "spikes"), seed=2)


def of(**signals: np.ndarray) -> Recording:
    return Recording(signals, 1e-3, t0=0.25)


def test_units_that_remain_keep_labels_and_signals() -> None:
    seen = observe.hide_units(RECORDING, [7, 2])
    assert seen.unit_ids.tolist() == [0, 1, 3, 4, 5, 6, 8, 9]
    assert seen.leading_ids.tolist() == [0, 1, 2]
    for name in ("v", "spikes"):
        np.testing.assert_array_equal(seen[name], RECORDING[name][..., [0, 1, 3, 4, 5, 6, 8, 9]])
    assert seen.provenance["observed"] == [{"step": "hide_units", "hidden": [2, 7]}]
    named = Recording({"v": np.arange(6.0).reshape(2, 3)}, 1.0, unit_ids=["a", "b", "c"])
    assert observe.hide_units(named, "b").unit_ids.tolist() == ["a", "c"]
    twice = observe.hide_units(seen, 9)
    assert [step["hidden"] for step in twice.provenance["observed"]] == [[2, 7], [9]]


def test_a_fraction_is_chosen_at_random_by_the_seed() -> None:
    recording = Recording({"v": np.zeros((2, 20))}, 1.0)
    choices = [set(observe.hide_units(recording, fraction=0.3, seed=seed).unit_ids) for seed in range(400)]
    assert all(len(choice) == 14 for choice in choices)
    counts = np.array([sum(unit in choice for choice in choices) for unit in range(20)])
    assert np.all(np.abs(counts - 280) < 5 * np.sqrt(400 * 0.3 * 0.7))
    assert set(observe.hide_units(recording, fraction=0.3, seed=5).unit_ids) == choices[5]
    assert observe.hide_units(recording, fraction=0.0).n_units == 20


@pytest.mark.parametrize(("factor", "offset"), [(1, 0), (3, 0), (7, 6), (500, 0)])
def test_decimation_is_slicing(factor: int, offset: int) -> None:
    recording = run(izhikevich_network(4, 1, 0.4, n_networks=2), 0.5, record=("v", "u"))
    seen = observe.decimate(recording, factor, offset=offset)
    assert seen.dt == pytest.approx(factor * 1e-3)
    assert seen.t0 == pytest.approx(1e-3 + offset * 1e-3)
    for name in ("v", "u"):
        np.testing.assert_array_equal(seen[name], recording[name][:, offset::factor])
        assert np.shares_memory(seen[name], recording[name])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_lies_past_the_new_nyquist_frequency_is_filtered_out(dtype: type) -> None:
    t = np.arange(4000) / 1000
    slow, fast = np.sin(2 * np.pi * 7 * t), np.sin(2 * np.pi * 93 * t)  # at 100 Hz, 93 Hz would show as 7 Hz
    recording = of(v=np.stack([slow, fast, slow + fast - 65, np.full(4000, -65.0)], axis=1).astype(dtype))
    seen = observe.decimate(recording, 10, antialias=True)
    v, inside = seen["v"], slice(20, -20)
    assert v.dtype == dtype
    assert v.shape == (400, 4)
    assert (seen.dt, seen.t0) == (pytest.approx(0.01), 0.25)
    np.testing.assert_allclose(v[inside, 0], slow[::10][inside], atol=0.01)
    assert np.abs(v[inside, 1]).max() < 0.01
    np.testing.assert_allclose(v[inside, 2] + 65, slow[::10][inside], atol=0.02)
    np.testing.assert_allclose(v[:, 3], -65, rtol=1e-5)
    np.testing.assert_allclose(observe.decimate(recording, 10)["v"][:, 1], -slow[::10], atol=1e-4)  # the alias


@pytest.mark.parametrize("width", [1e-3, 2e-3, 7e-3, 0.5])
def test_no_spike_is_lost_in_wider_bins(width: float) -> None:
    seen = observe.bin_spikes(RECORDING, width)
    factor = round(width / 1e-3)
    spikes = RECORDING["spikes"].astype(int)
    assert seen["spikes"].sum() == spikes.sum() > 100
    for k in range(seen.n_samples):
        np.testing.assert_array_equal(seen["spikes"][:, k], spikes[:, k * factor : (k + 1) * factor].sum(1))
    assert (seen.dt, seen.t0) == (width, RECORDING.t0)
    assert seen["spikes"].dtype == np.uint8
    rates = observe.bin_spikes(RECORDING, width, rate=True)
    assert rates.units_of_measure == {"rate": "Hz"}
    covered = np.minimum(factor, 500 - factor * np.arange(seen.n_samples))[:, None] * 1e-3
    np.testing.assert_allclose(rates["rate"] * covered, seen["spikes"], rtol=1e-6)


@settings(max_examples=60, deadline=None)
@given(
    n=st.integers(1, 50), factor=st.integers(1, 60), dt=st.sampled_from([1e-3, 1e-4, 1 / 3, 0.7]),
    most=st.sampled_from([1, 255, 2**31]), seed=st.integers(0, 1000),
)  # fmt: skip
def test_counts_add_up_whatever_the_bins(n: int, factor: int, dt: float, most: int, seed: int) -> None:
    factor = min(factor, n)
    counts = np.random.default_rng(seed).integers(0, most, (n, 3), endpoint=True)
    seen = observe.bin_spikes(Recording({"spikes": counts}, dt), factor * dt)
    assert seen.n_samples == -(-n // factor)
    assert seen["spikes"].dtype.kind == "u"
    np.testing.assert_array_equal(seen["spikes"].sum(0, dtype=np.int64), counts.sum(0))


def test_tensors_and_floats_are_counts_too() -> None:
    counts = np.random.default_rng(0).integers(0, 3, (100, 4))
    plain = observe.bin_spikes(of(spikes=counts), 0.01)
    for other in (counts.astype(np.float32), torch.from_numpy(counts)):
        assert observe.bin_spikes(of(spikes=other), 0.01).identical(plain)
    assert observe.bin_spikes(of(spikes=counts > 0), 0.01)["spikes"].max() > 1


def test_exact_times_stay_with_their_bins() -> None:
    exact = run(izhikevich_network(4, 1, 0.4, n_networks=2), 0.5, record="spikes", spikes="events")
    seen = observe.bin_spikes(exact, 0.02)
    assert seen.spike_times().equals(exact.spike_times())
    late = seen[0.2:]
    np.testing.assert_array_equal(late["spikes"].sum((1, 2)), np.bincount(late.exact_events.leading))


V = of(v=np.zeros((100, 3)))
REFUSED = {
    "no recording": (lambda: observe.hide_units(np.zeros((3, 3)), [0]), "recording must be a Recording; got a ndarray"),
    "neither": (lambda: observe.hide_units(V), "either units"),
    "both": (lambda: observe.hide_units(V, [0], fraction=0.5), "either units"),
    "unknown unit": (lambda: observe.hide_units(V, [3]), "units: 3 not found"),
    "all units": (lambda: observe.hide_units(V, [0, 1, 2]), "at least one of 3 units must be left"),
    "nearly all": (lambda: observe.hide_units(V, fraction=0.9), "at least one of 3 units must be left"),
    "whole": (lambda: observe.hide_units(V, fraction=1.0), r"fraction must lie in \[0, 1\)"),
    "fraction of text": (lambda: observe.hide_units(V, fraction="half"), "fraction must be a finite number"),
    "seed": (lambda: observe.hide_units(V, fraction=0.5, seed=-1), "seed must be"),
    "no factor": (lambda: observe.decimate(V, 0), "factor must be an integer in 1 to 100"),
    "long factor": (lambda: observe.decimate(V, 101), "factor must be an integer in 1 to 100"),
    "offset": (lambda: observe.decimate(V, 5, offset=5), "offset must be an integer in 0 to 4"),
    "flag": (lambda: observe.decimate(V, 5, antialias="fir"), "antialias must be True or False"),
    "offset and filter": (lambda: observe.decimate(V, 5, offset=1, antialias=True), "offset must be 0"),
    "spikes": (lambda: observe.decimate(RECORDING, 5), "would lose spikes: count them by bin_spikes"),
    "counts to filter": (
        lambda: observe.decimate(of(n=np.zeros((9, 2), int)), 2, antialias=True),
        "signal 'n' must be floating-point",
    ),
    "width of part": (lambda: observe.bin_spikes(RECORDING, 1.5e-3), r"whole number of .* 0.001 s, .*got 0.0015"),
    "a bin longer than all": (
        lambda: observe.bin_spikes(RECORDING, 10.0),
        r"width must be at most the recording's 0.5 s, .*got 10",
    ),
    "no width": (lambda: observe.bin_spikes(RECORDING, 0.0), "whole number"),
    "endless width": (lambda: observe.bin_spikes(RECORDING, 1e300), "whole number"),
    "width of text": (lambda: observe.bin_spikes(RECORDING, "10 ms"), "width must be a finite number"),
    "rate of text": (lambda: observe.bin_spikes(RECORDING, 0.01, rate="Hz"), "rate must be True or False"),
    "half a spike": (lambda: observe.bin_spikes(of(spikes=np.full((9, 2), 0.5)), 0.003), "whole numbers .*got 0.5"),
    "less than none": (lambda: observe.bin_spikes(of(spikes=np.full((9, 2), -1)), 0.003), "whole numbers .*got -1"),
    "NaN spikes": (lambda: observe.bin_spikes(of(spikes=np.full((9, 2), np.nan)), 0.003), "whole numbers .*got nan"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_arguments_are_refused_by_name(case: str) -> None:
    make, words = REFUSED[case]
    with pytest.raises(InputError, match=words):
        make()


def test_without_spikes_there_is_nothing_to_count() -> None:
    with pytest.raises(UnknownNameError, match="signal 'spikes' does not exist"):
        observe.bin_spikes(V, 0.01)
