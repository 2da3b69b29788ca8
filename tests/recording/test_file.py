import tracemalloc

import numpy as np
import pytest
import torch
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from synfer.errors import FileError, InputError, UnknownNameError
from synfer.recording import Recording

TYPES = ["bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64"]


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.filterwarnings("ignore::synfer.errors.MillisecondsWarning")  # trains of any times, slow ones too
@given(data=st.data())
def test_loading_gives_what_was_saved(tmp_path, data):
    shape = data.draw(hnp.array_shapes(min_dims=2, max_dims=3, max_side=6))
    names = data.draw(st.lists(st.sampled_from(["v", "u", "spikes", "calcium"]), min_size=1, max_size=3, unique=True))
    signals = {name: data.draw(hnp.arrays(data.draw(st.sampled_from(TYPES)), shape)) for name in names}
    labels = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=5)
    ids = data.draw(
        st.none()
        | st.lists(st.integers(-9, 9), min_size=shape[-1], max_size=shape[-1], unique=True)
        | st.lists(labels, min_size=shape[-1], max_size=shape[-1], unique=True)
    )
    recording = Recording(
        signals,
        data.draw(st.floats(1e-6, 10)),
        unit_ids=ids,
        t0=data.draw(st.floats(-1e3, 1e3)),
        leading=data.draw(st.sampled_from(["trial", "network"])) if len(shape) == 3 else None,
        units_of_measure={names[0]: "mV"},
        provenance=data.draw(st.dictionaries(st.text(max_size=3), st.integers() | st.text(max_size=3), max_size=2)),
    )
    recording.save(tmp_path / "r.nc")
    loaded = Recording.load(tmp_path / "r.nc")
    assert loaded.identical(recording)
    assert all(type(loaded[name]) is np.ndarray for name in names)


def test_a_recording_knows_the_name_of_its_file(tmp_path):
    made = Recording({"v": np.zeros((5, 2))}, 0.1)
    made.save(tmp_path / "r.nc")
    loaded = Recording.load(tmp_path / "r.nc")
    assert made.read_from is None and loaded.read_from == "r.nc" and loaded.identical(made)
    assert loaded[0.1:0.3].isel(unit=0).read_from == "r.nc"
    of_another = Recording({"v": np.zeros((5, 2))}, 0.1, provenance={"file": "/data/x.nwb"})
    of_another.save(tmp_path / "s.nc")  # what was recorded, not what was made of it
    assert of_another.read_from == Recording.load(tmp_path / "s.nc").read_from == "x.nwb"
    pickled_before = Recording.__new__(Recording)
    pickled_before.__dict__.update({name: value for name, value in vars(loaded).items() if name != "_file"})
    assert pickled_before.read_from is pickled_before[0.1:0.3].read_from is None
    for told, name in ((3, None), (".", None), ("C:\\Users\\me\\x.npz", "x.npz"), ("/data/set/", "set")):
        for key in ("file", "folder"):
            assert Recording({"v": np.zeros((5, 2))}, 0.1, provenance={key: told}).read_from == name


def test_exact_spike_times_are_saved(tmp_path):
    recording = Recording.from_spikes([0.0123, 0.5, 0.5001], ["b", "a", "b"], 0.01)
    recording.save(tmp_path / "r.nc")
    loaded = Recording.load(tmp_path / "r.nc")
    assert loaded.identical(recording)
    assert loaded.spike_times()["time"].values.tolist() == [0.0123, 0.5, 0.5001]
    silent = Recording.from_spikes([], [], 0.1, n_units=2, duration=1.0)
    silent.save(tmp_path / "s.nc")
    assert Recording.load(tmp_path / "s.nc").identical(silent)


def test_tensors_and_views_are_saved_as_they_look(tmp_path):
    base = torch.arange(24.0).reshape(2, 3, 4)
    recording = Recording({"v": base.transpose(1, 2).requires_grad_(), "u": base.numpy()[:, ::-1].swapaxes(1, 2)}, 0.1)
    recording.save(tmp_path / "r.nc")
    loaded = Recording.load(tmp_path / "r.nc")
    np.testing.assert_array_equal(loaded["v"], base.transpose(1, 2).numpy())
    np.testing.assert_array_equal(loaded["u"], recording["u"])


def test_only_some_signals(tmp_path):
    recording = Recording({"v": np.ones((3, 2)), "u": np.zeros((3, 2))}, 0.1, units_of_measure={"v": "mV", "u": "mV"})
    recording.save(tmp_path / "r.nc")
    part = Recording.load(tmp_path / "r.nc", signals=["u"])
    assert part.signal_names == ["u"]
    assert part.units_of_measure == {"u": "mV"}
    with pytest.raises(InputError, match="signals must name at least one of v, u"):
        Recording.load(tmp_path / "r.nc", signals=[])
    with pytest.raises(UnknownNameError, match="signal 'w' does not exist"):
        Recording.load(tmp_path / "r.nc", signals=["v", "w"])


@pytest.mark.parametrize("array", [np.ones((3, 2), np.float16), torch.ones(3, 2, dtype=torch.bfloat16)])
def test_types_without_a_place_in_netcdf_are_refused(tmp_path, array):
    with pytest.raises(InputError, match="which NetCDF cannot hold: save it as float32"):
        Recording.from_array(array, 0.1).save(tmp_path / "r.nc")
    assert not any(tmp_path.iterdir())


def test_xarray_opens_the_file(tmp_path):
    recording = Recording(
        {"v": np.random.default_rng(0).normal(size=(2, 40, 3)), "spikes": np.ones((2, 40, 3), bool)},
        1e-3,
        leading="network",
        unit_ids=["a", "b", "c"],
        units_of_measure={"v": "mV"},
    )
    recording.save(tmp_path / "r.nc")
    with xr.open_dataset(tmp_path / "r.nc") as data:
        for name in ("v", "spikes"):
            np.testing.assert_array_equal(data[name].values, recording[name])
            assert data[name].dtype == recording[name].dtype
        assert data["v"].dims == ("network", "time", "unit")
        assert data["v"].attrs["units"] == "mV"
        np.testing.assert_array_equal(data["time"].values, recording.times)
        assert data["unit"].values.tolist() == ["a", "b", "c"]
        assert Recording.from_xarray(data).unit_ids.tolist() == ["a", "b", "c"]


class _Failing(np.ndarray):
    """An array whose later samples cannot be read, as on a disk or a device that fails."""

    def __getitem__(self, index):
        if isinstance(index, tuple) and index[0].start > 0:
            raise KeyboardInterrupt
        return super().__getitem__(index)


def test_an_interrupted_save_leaves_the_old_file_and_nothing_else(tmp_path):
    old = Recording.from_array(np.ones((3, 2)), 0.1)
    old.save(tmp_path / "r.nc")
    array = np.zeros((200_000, 10)).view(_Failing)
    with pytest.raises(KeyboardInterrupt):
        Recording.from_array(array, 1e-3).save(tmp_path / "r.nc")
    assert [p.name for p in tmp_path.iterdir()] == ["r.nc"]
    assert Recording.load(tmp_path / "r.nc").identical(old)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((500_000, 20), np.float32),  # long
        np.zeros((20, 500_000), np.float32).T,  # transposed: a whole contiguous copy would double it
        np.zeros((400, 1000, 25), np.float32),  # many
        np.zeros((500_000, 20), bool),
    ],
    ids=["long", "transposed", "batch", "bool"],
)
def test_saving_and_loading_never_double_memory(tmp_path, array):
    array[...] = 1  # pages touched before, not in the measure
    recording = Recording.from_array(array, 1e-3)
    recording[:0.01].save(tmp_path / "warm.nc")  # imports are no part of it
    tracemalloc.start()
    try:
        recording.save(tmp_path / "r.nc")
        _, saving = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        loaded = Recording.load(tmp_path / "r.nc")
        _, loading = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert saving < 20e6  # a few blocks, whatever the recording's size
    assert loading - before < array.nbytes + 20e6
    assert loaded["signal"].shape == array.shape
    assert np.all(loaded["signal"] == 1)


def test_a_full_disk_is_told_in_one_sentence(tmp_path, monkeypatch):
    import h5netcdf

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(h5netcdf.File, "create_variable", full)
    with pytest.raises(FileError, match=r"^cannot write .*r\.nc': No space left on device\.$"):
        Recording.from_array(np.ones((3, 2)), 0.1).save(tmp_path / "r.nc")
    assert not any(tmp_path.iterdir())
