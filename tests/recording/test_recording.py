import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from synfer.errors import InputError, ShapeError, UnknownNameError
from synfer.recording import Recording


@pytest.fixture
def batch():
    """Three networks of four units, 100 samples from 0.5 s on, every value its own."""
    v = np.arange(3 * 100 * 4, dtype=np.float32).reshape(3, 100, 4)
    spikes = (v % 7 == 0).astype(np.uint8)
    return Recording(
        {"v": v, "spikes": spikes},
        1e-3,
        unit_ids=["a", "b", "c", "d"],
        leading="network",
        leading_ids=[10, 11, 12],
        t0=0.5,
        units_of_measure={"v": "mV"},
        provenance={"seed": 3},
    )


def test_arrays_are_held_as_they_are_made():
    array = np.asfortranarray(np.ones((5, 2), np.float16))
    tensor = torch.ones(5, 2, dtype=torch.uint8)
    recording = Recording({"v": array, "spikes": tensor}, 1e-3)
    assert recording["v"] is array
    assert recording["spikes"] is tensor


def test_attributes(batch):
    assert batch.dims == ("network", "time", "unit")
    assert (batch.shape, batch.n_samples, batch.n_units) == ((3, 100, 4), 100, 4)
    assert batch.signal_names == ["v", "spikes"]
    assert "v" in batch
    assert "u" not in batch
    assert batch.duration == pytest.approx(0.1)
    np.testing.assert_allclose(batch.times, 0.5 + 1e-3 * np.arange(100), rtol=1e-15)
    assert batch.leading_ids.tolist() == [10, 11, 12]
    plain = Recording.from_array(np.ones((5, 2)), 0.1)
    assert (plain.dims, plain.leading, plain.leading_ids, plain.t0) == (("time", "unit"), None, None, 0.0)
    assert plain.signal_names == ["signal"]
    assert plain.unit_ids.tolist() == [0, 1]
    assert Recording.from_array(np.ones((2, 5, 2)), 0.1).leading == "trial"


def test_isel_slices_are_views(batch):
    part = batch.isel(time=slice(20, 80, 2), unit=slice(1, 3), network=slice(0, 2))
    assert np.shares_memory(part["v"], batch["v"])
    np.testing.assert_array_equal(part["v"], batch["v"][0:2, 20:80:2, 1:3])
    assert part.dt == 2e-3
    np.testing.assert_allclose(part.times, batch.times[20:80:2], rtol=1e-15)
    assert part.unit_ids.tolist() == ["b", "c"]
    assert part.leading_ids.tolist() == [10, 11]
    assert (part.units_of_measure, part.provenance) == (batch.units_of_measure, batch.provenance)


def test_isel_by_arrays_masks_and_numbers(batch):
    np.testing.assert_array_equal(batch.isel(unit=[3, 0])["v"], batch["v"][..., [3, 0]])
    np.testing.assert_array_equal(batch.isel(unit=np.array([True, False, True, False]))["v"], batch["v"][..., [0, 2]])
    np.testing.assert_array_equal(batch.isel(network=[2, 0])["v"], batch["v"][[2, 0]])
    np.testing.assert_array_equal(batch.isel(network=slice(None, None, -1))["v"], batch["v"][::-1])
    one_unit = batch.isel(unit=-1)
    assert (one_unit.shape, one_unit.unit_ids.tolist()) == ((3, 100, 1), ["d"])
    one_network = batch.isel(network=1)
    assert (one_network.dims, one_network.leading_ids) == (("time", "unit"), None)
    assert one_network.provenance == {"seed": 3, "network": 11}
    assert np.shares_memory(one_network["v"], batch["v"])


def test_isel_of_tensors_gives_tensors(batch):
    tensors = Recording({"v": torch.from_numpy(batch["v"])}, 1e-3, leading="network")
    for choice in (
        {"network": 1, "unit": [3, 0]},
        {"network": slice(None, None, -1), "time": slice(10, 50, 3)},
        {"network": [2, 0], "unit": np.array([True, False, False, True])},
    ):
        part = tensors.isel(**choice)
        assert isinstance(part["v"], torch.Tensor)
        np.testing.assert_array_equal(part["v"].numpy(), batch.isel(**choice)["v"])


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"time": 3}, "time must be a forward slice"),
        ({"time": [1, 2]}, "time must be a forward slice"),
        ({"time": slice(None, None, -1)}, "time must be a forward slice"),
        ({"time": slice(100, 200)}, "at least one of 100 samples"),
        ({"unit": 4}, "unit must lie in 0 to 3; got 4"),
        ({"unit": []}, "unit must be an int, a slice, or a 1-D array"),
        ({"unit": slice(4, 9)}, "unit must choose at least one of 4"),
        ({"unit": "a"}, "unit must be an int"),
        ({"unit": [0, 0]}, "unit_ids must be distinct"),
        ({"trial": 0}, r"no trial axis to select from; its dims are \('network'"),
    ],
)
def test_isel_refuses(batch, choice, message):
    with pytest.raises(InputError, match=message):
        batch.isel(**choice)


def test_sel_by_labels(batch):
    part = batch.sel(unit=["d", "a"], network=[12, 10])
    np.testing.assert_array_equal(part["v"], batch["v"][[2, 0]][..., [3, 0]])
    assert batch.sel(network=11).identical(batch.isel(network=1))
    assert batch.sel(unit="b").identical(batch.isel(unit=[1]))
    with pytest.raises(InputError, match="network: 1 not found; the labels are 10, 11, 12"):
        batch.sel(network=1)
    with pytest.raises(InputError, match="unit: 'z' not found"):
        batch.sel(unit=["a", "z"])
    with pytest.raises(InputError, match="no trial axis"):
        batch.sel(trial=0)


def test_a_span_of_seconds_is_half_open(batch):
    part = batch[0.51:0.52]
    np.testing.assert_array_equal(part["v"], batch["v"][:, 10:20])
    assert part.t0 == pytest.approx(0.51)
    assert batch[:0.51].n_samples == 10
    assert batch[0.59:].n_samples == 10
    assert batch[0.0:9.0].identical(batch)  # ends outside are cut, as slices' are
    assert batch[-np.inf : np.inf].identical(batch)
    for wrong in (slice(0.6, 0.7), slice(0.5, 0.5), slice(0.55, 0.52)):
        with pytest.raises(InputError, match="no sample in"):
            batch.sel(time=wrong)
    for wrong in (0.5, slice(0.5, 0.6, 0.01), slice("a", None), slice(np.nan, None)):
        with pytest.raises(InputError, match="time must be a slice of seconds"):
            batch.sel(time=wrong)


@settings(deadline=None)
@given(
    n=st.integers(1, 200),
    t0=st.sampled_from([0.0, 1e-3, -2.5, 3600.0]),
    dt=st.sampled_from([1e-3, 1e-4, 0.1, 1 / 30]),
    data=st.data(),
)
def test_spans_that_meet_at_a_sample_divide_a_recording_exactly(n, t0, dt, data):
    recording = Recording.from_array(np.arange(n)[:, None], dt, t0=t0)
    cut = data.draw(st.integers(0, n))
    at = t0 + cut * dt
    parts = []
    if cut > 0:
        parts.append(recording[:at])
    if cut < n:
        parts.append(recording[at:])
    np.testing.assert_array_equal(np.concatenate([part["signal"] for part in parts]), recording["signal"])
    if 0 < cut < n:
        assert parts[1]["signal"][0] == cut


@settings(deadline=None, max_examples=50)
@given(data=st.data())
def test_selecting_twice_is_selecting_once(data):
    base = Recording.from_array(np.arange(600).reshape(3, 50, 4), 1e-3, leading="trial", t0=0.25)
    first = slice(data.draw(st.integers(0, 20)), data.draw(st.integers(30, 50)))
    second = slice(data.draw(st.integers(0, 3)), data.draw(st.integers(5, 10)))
    units = data.draw(st.permutations(range(4)))
    twice = base.isel(time=first).isel(time=second, unit=units)
    once = base.isel(unit=units, time=slice(first.start + second.start, first.start + second.stop))
    np.testing.assert_array_equal(twice["signal"], once["signal"])
    np.testing.assert_allclose(twice.times, once.times, rtol=1e-12)
    assert twice.unit_ids.tolist() == once.unit_ids.tolist() == list(units)


def test_signals_are_got_by_name(batch):
    with pytest.raises(UnknownNameError, match="signal 'spike' does not exist: did you mean 'spikes'"):
        batch["spike"]
    with pytest.raises(InputError, match="indexed by a signal's name or a slice of seconds; got 0"):
        batch[0]


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ({"signals": {}}, InputError, "signals must be a dict"),
        ({"signals": np.ones((3, 2))}, InputError, "signals must be a dict .* or use from_array"),
        ({"signals": {"v": np.ones(3)}}, ShapeError, r"signal 'v' must have shape \(time, unit\)"),
        ({"signals": {"v": np.ones((0, 2))}}, ShapeError, "none of them empty"),
        ({"signals": {"v": np.ones((3, 2)), "u": np.ones((2, 3))}}, ShapeError, "'u' has .2, 3., the first has .3, 2."),
        ({"signals": {"v": [["a", "b"]]}}, InputError, "signal 'v' must be real numbers"),
        ({"signals": {"v": np.ones((3, 2), complex)}}, InputError, "signal 'v' must be real numbers"),
        ({"signals": {"v": torch.ones(3, 2, dtype=torch.complex64)}}, InputError, "'v' must be real numbers"),
        ({"signals": {"v": np.ma.masked_less(np.ones((3, 2)), 0)}}, InputError, "masked array"),
        ({"signals": {"time": np.ones((3, 2))}}, InputError, "not one of the axes'; got 'time'"),
        ({"signals": {"dF/F": np.ones((3, 2))}}, InputError, "must be an identifier"),
        ({"dt": 0.0}, InputError, "dt must be positive seconds; got 0.0"),
        ({"dt": np.nan}, InputError, "dt must be positive seconds"),
        ({"t0": np.inf}, InputError, "t0 must be finite"),
        ({"unit_ids": [1, 1]}, InputError, "unit_ids must be distinct: 1 occurs"),
        ({"unit_ids": [1]}, ShapeError, r"unit_ids must have shape \(2,\)"),
        ({"leading": "trial"}, ShapeError, "need a leading axis"),
        ({"leading_ids": [0]}, ShapeError, "need a leading axis"),
        ({"signals": {"v": np.ones((1, 3, 2))}, "leading": "unit"}, UnknownNameError, "leading axis 'unit'"),
        ({"units_of_measure": {"u": "mV"}}, UnknownNameError, "signal 'u' does not exist"),
        ({"provenance": {"x": object()}}, InputError, "provenance must hold plain"),
    ],
)
def test_bad_input_is_refused(arguments, kind, message):
    with pytest.raises(kind, match=message):
        Recording(**({"signals": {"v": np.ones((3, 2))}, "dt": 1e-3} | arguments))


def test_identical_sees_every_difference(batch):
    def made(**changes):
        arguments = {
            "signals": {"v": batch["v"], "spikes": batch["spikes"]}, "dt": batch.dt, "unit_ids": batch.unit_ids,
            "leading": "network", "leading_ids": [10, 11, 12], "t0": 0.5, "units_of_measure": {"v": "mV"},
            "provenance": {"seed": 3},
        }  # fmt: skip
        return Recording(**(arguments | changes))

    assert made().identical(batch)
    other = batch["v"].copy()
    other[2, 99, 3] += 1
    for changes in (
        {"signals": {"v": other, "spikes": batch["spikes"]}},
        {"signals": {"v": batch["v"].astype(np.float64), "spikes": batch["spikes"]}},
        {"signals": {"v": batch["v"]}, "units_of_measure": None},
        {"dt": 2e-3}, {"t0": 0.0}, {"unit_ids": None}, {"leading": "trial"}, {"leading_ids": None},
        {"units_of_measure": None}, {"provenance": None},
    ):  # fmt: skip
        assert not made(**changes).identical(batch), changes
    nan = Recording.from_array(np.full((2, 2), np.nan), 1.0)
    assert nan.identical(Recording.from_array(np.full((2, 2), np.nan), 1.0))


def test_representations_say_what_matters(batch):
    text = repr(batch)
    for part in ("3 networks x 100 samples x 4 units", "0.1 s from 0.5 s", "dt = 0.001 s", "float32, mV"):
        assert part in text
    rate = batch["spikes"].sum() / (3 * 4 * 0.1)
    assert f"mean rate {rate:.3g} Hz" in text
    page = batch._repr_html_()
    assert "3 networks x 100 samples x 4 units" in page
    assert f"{rate:.3g} Hz" in page


def test_html_is_escaped():
    recording = Recording(
        {"v": np.ones((3, 1))},
        1e-3,
        unit_ids=["<script>alert(1)</script>"],
        units_of_measure={"v": "<b>"},
        provenance={"<i>": "<u>"},
    )
    page = recording._repr_html_()
    for raw in ("<script>", "<b>mV", "<b></td>", "<i>", "<u>"):
        assert raw not in page
    assert "&lt;script&gt;" in page
