"""MATLAB's and numpy's arrays, lists of spikes as text; broken and hostile ones too."""

from __future__ import annotations

import pickle

import h5py
import numpy as np
import pytest
import scipy.io

from synfer.errors import FileError, InputError, ShapeError
from synfer.recording import Recording

X = np.random.default_rng(0).random((20, 3))


class Thief:
    def __reduce__(self):
        return (open, ("/tmp/synfer_was_executed", "w"))


def save_level5(path, **arrays):
    scipy.io.savemat(path, arrays)


def save_hdf5(path, **arrays):
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file[name] = np.asarray(array).T  # as MATLAB 7.3 writes: columns first


@pytest.mark.parametrize("save", [save_level5, save_hdf5])
def test_matlab(save, tmp_path):
    path = tmp_path / "x.mat"
    save(path, v=X)
    found = Recording.from_matlab(path, dt=1e-3)
    assert found.signal_names == ["v"]
    np.testing.assert_array_equal(found["v"], X)
    np.testing.assert_array_equal(Recording.from_file(path, dt=1e-3)["v"], X)
    save(path, v=X.T, other=X)
    np.testing.assert_array_equal(Recording.from_matlab(path, dt=1e-3, variable="v", units_first=True)["v"], X)
    with pytest.raises(InputError, match=r"variable must name one of the file's arrays, which are: .*v \(3, 20\)"):
        Recording.from_matlab(path, dt=1e-3)
    with pytest.raises(InputError, match="'w' is not in the file"):
        Recording.from_matlab(path, dt=1e-3, variable="w")
    with pytest.raises(InputError, match="dt must be given"):
        Recording.from_matlab(path, variable="v")


def test_matlab_holds_links_and_cells_that_are_not_followed(tmp_path):
    path = tmp_path / "x.mat"
    with h5py.File(path, "w") as file:
        file["elsewhere"] = h5py.ExternalLink("/etc/passwd", "/")
        file["v"] = X.T
    np.testing.assert_array_equal(Recording.from_matlab(path, dt=1e-3)["v"], X)
    scipy.io.savemat(path, {"cells": np.array([[1, "a"]], dtype=object)})
    with pytest.raises(InputError, match="which are: none"):
        Recording.from_matlab(path, dt=1e-3)


def test_numpy(tmp_path):
    np.save(tmp_path / "v.npy", X)
    np.testing.assert_array_equal(Recording.from_npz(tmp_path / "v.npy", dt=1e-3)["v"], X)
    np.savez_compressed(tmp_path / "v.npz", v=X, dt=2e-3, unit_ids=np.array(["a", "b", "c"]))
    found = Recording.from_file(tmp_path / "v.npz")
    np.testing.assert_array_equal(found["v"], X)
    assert found.dt == 2e-3 and found.unit_ids.tolist() == ["a", "b", "c"]
    assert Recording.from_npz(tmp_path / "v.npz", dt=2e-3).dt == 2e-3
    for read in (Recording.from_file, Recording.from_npz):
        with pytest.raises(InputError, match=r"dt = 2 s does not agree with the file's own, 0\.002: leave dt out, or"):
            read(tmp_path / "v.npz", dt=2.0)
    np.savez(tmp_path / "flat.npz", v=X[0])
    with pytest.raises(ShapeError, match=r"'v' must have shape \(\[trial,\] time, unit\)"):
        Recording.from_npz(tmp_path / "flat.npz", dt=1e-3, variable="v")


def test_a_matrix_beside_a_list_of_spikes_is_no_recording(tmp_path):
    times, ids = np.sort(np.random.default_rng(0).random(50)), np.arange(50) % 3
    for name, more in (("edges", {"edges": np.ones((6, 3))}), ("alone", {})):
        np.savez(tmp_path / f"{name}.npz", times=times, ids=ids, **more)
        with pytest.raises(
            InputError, match=r"list of spikes, times and ids: .*from_spikes\(times, ids, dt\), or .*\.csv"
        ):
            Recording.from_npz(tmp_path / f"{name}.npz", dt=1e-3)
    assert Recording.from_npz(tmp_path / "edges.npz", dt=1e-3, variable="edges").n_samples == 6
    np.savez(tmp_path / "samples.npz", v=np.ones((50, 3)) * times[:, None], t=times, unit=ids)  # each sample's own
    assert Recording.from_npz(tmp_path / "samples.npz", dt=1e-3).n_samples == 50


def test_nothing_is_unpickled(tmp_path):
    for name, write in (("o.npy", np.save), ("o.npz", lambda path, a: np.savez(path, a=a))):
        write(tmp_path / name, np.array([[Thief(), 1], [2, 3]], dtype=object))
        with pytest.raises(InputError, match="got an object array, which is never unpickled: give numbers"):
            Recording.from_npz(tmp_path / name, dt=1e-3)
    (tmp_path / "p.npz").write_bytes(pickle.dumps(Thief()))
    with pytest.raises(FileError, match="as an array of numpy's"):
        Recording.from_npz(tmp_path / "p.npz", dt=1e-3)


def test_absurd_sizes_are_refused_unread(tmp_path, monkeypatch):
    monkeypatch.setattr("synfer.recording.formats.common.free_memory", lambda: 100.0)
    np.savez(tmp_path / "v.npz", v=X)
    save_level5(tmp_path / "v.mat", v=X)
    save_hdf5(tmp_path / "w.mat", v=X)
    for path in ("v.npz", "v.mat", "w.mat"):
        with pytest.raises(InputError, match=r"'v' of shape \(20, 3\) wants .* GB"):
            Recording.from_file(tmp_path / path, dt=1e-3)


@pytest.mark.parametrize("name", ["x.npz", "x.npy", "x.mat", "x.csv", "x.nwb"])
@pytest.mark.parametrize("contents", [b"", b"\x00\xff" * 50, b"PK\x03\x04 and no more"])
def test_broken_files_are_named(name, contents, tmp_path):
    (tmp_path / name).write_bytes(contents)
    with pytest.raises((FileError, InputError), match=name):
        Recording.from_file(tmp_path / name, dt=1e-3)


def test_cut_files_are_named(tmp_path):
    np.savez(tmp_path / "v.npz", v=X)
    np.save(tmp_path / "v.npy", X)
    save_level5(tmp_path / "v.mat", v=X)
    for name in ("v.npz", "v.npy", "v.mat"):
        whole = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(whole[: len(whole) // 2])
        with pytest.raises(FileError, match=name):
            Recording.from_file(tmp_path / name, dt=1e-3)


@pytest.mark.parametrize(
    "text",
    [
        "time,unit\n0.05,b\n0.25,a\n",
        "unit, time\nb, 0.05\na, 0.25\n",
        "0.05,b\n0.25,a\n",
        "\ufeffTime,Unit\n0.05,b\n0.25,a\n",
    ],
)
def test_spike_lists(text, tmp_path):
    (tmp_path / "spikes.csv").write_text(text, encoding="utf-8")
    found = Recording.from_csv(tmp_path / "spikes.csv", dt=0.1, duration=0.5)
    assert found.unit_ids.tolist() == ["a", "b"]
    assert found["spikes"].tolist() == [[0, 1], [0, 0], [1, 0], [0, 0], [0, 0]]
    with pytest.raises(InputError, match=r"before the end, 0\.1 s; .* give another t0 or duration"):
        Recording.from_csv(tmp_path / "spikes.csv", dt=0.1, duration=0.1)


def test_spike_lists_that_are_none(tmp_path):
    path = tmp_path / "x.csv"
    for text, message in (
        (
            "a,b,c\n1,2,3\n",
            r"must have a column of seconds \(time, .*\) and one of units \(unit, .*cluster_id.*a, b, c: ",
        ),
        (
            ",".join(f"cell{k}" for k in range(20)) + "\n" + ",".join("1" * 20) + "\n",
            r"has cell0, cell1, cell2, cell3 and 16 more: name .* Recording.from_pandas\(pandas.read_csv\(path\), dt\)",
        ),
        ("time,unit\n", "must have a line a spike; 'x.csv' has only the names of its columns"),
        ("time,unit\n0.1,\n", r"line 2 of 'x.csv' is '0\.1,'"),
        ("0.05,1\n\n0.1,\n", r"line 3 of 'x.csv' is '0\.1,'"),
        ("time,unit\n0.1,2\nlate,3\n", "times must be real numbers .* line 3 of 'x.csv' is 'late,3'"),
        ("time,unit\n0.1,2\n\ninf,3\n", "finite seconds; line 4 of 'x.csv' is 'inf,3'"),
        ("0.1,2\n\n0.2,1.5\n", r"units must be whole numbers or names; line 3 of 'x.csv' is '0\.2,1\.5'"),
        ("\n\n", "has none"),
    ):
        path.write_text(text)
        with pytest.raises(InputError, match=message):
            Recording.from_csv(path, dt=0.1)
    with pytest.raises(InputError, match=r"variable is nothing to give for a \.csv file"):
        Recording.from_file(path, dt=0.1, variable="v")


@pytest.mark.parametrize(
    "names", ["spike_time,cluster_id", "spike_times,cluster_id", "time (s),neuron_id", "time_s,id"]
)
def test_names_that_sorters_give(names, tmp_path):
    (tmp_path / "x.csv").write_text(f"{names}\n.1,7\n.2,3\n")
    assert Recording.from_csv(tmp_path / "x.csv", dt=0.1).unit_ids.tolist() == [3, 7]


def test_a_number_of_the_line_is_no_unit(tmp_path):
    (tmp_path / "x.csv").write_text("id,time,cluster_id\n0,.1,7\n1,.2,3\n2,.25,3\n")
    assert Recording.from_csv(tmp_path / "x.csv", dt=0.1).unit_ids.tolist() == [3, 7]


@pytest.mark.parametrize(
    ("units", "ids"),
    [
        (("01", "1"), ["01", "1"]),
        (("01", "02"), [1, 2]),
        (("1", "2.0"), [1, 2]),
        (("2.0", "2"), [2]),
        (("a", "1"), ["1", "a"]),
        (('"7"', " 8 "), [7, 8]),
    ],
)
def test_units_are_as_they_are_written(units, ids, tmp_path):
    (tmp_path / "x.csv").write_text("time,unit\n" + "".join(f".{k + 1},{unit}\n" for k, unit in enumerate(units)))
    found = Recording.from_csv(tmp_path / "x.csv", dt=0.1)
    assert found.unit_ids.tolist() == ids and found["spikes"].sum() == 2


def test_what_a_spike_list_says_of_units_comes_along(tmp_path):
    (tmp_path / "x.csv").write_text("time,unit,area,depth,size\n.1,7,CA1,5,1\n.2,3,CA3,6,1\n.3,7,CA1,5,2\n")
    found = Recording.from_csv(tmp_path / "x.csv", dt=0.1, time=slice(0.0, 0.2))
    assert found.unit_ids.tolist() == [3, 7] and list(found.unit_info.columns) == ["area", "depth"]
    assert found.unit_info["area"].tolist() == ["CA3", "CA1"] and found.unit_info["depth"].tolist() == [6, 5]


def test_blank_lines_are_no_spikes(tmp_path):
    for text in ("time,unit\n\n0.05,7\n\n0.25,3\n\n", "\ntime,unit\n0.05,7\n0.25,3\n"):
        (tmp_path / "x.csv").write_text(text)
        found = Recording.from_csv(tmp_path / "x.csv", dt=0.1)
        assert found.unit_ids.tolist() == [3, 7] and found["spikes"].tolist() == [[0, 1], [0, 0], [1, 0]]
    (tmp_path / "x.csv").write_text("0.05,9007199254740993\n\n0.25,9007199254740992\n")  # no float tells them apart
    assert Recording.from_csv(tmp_path / "x.csv", dt=0.1).n_units == 2


@pytest.mark.parametrize(("dt", "given"), [(0.0, "dt"), (-1.0, "dt"), ("a", "dt"), (0.1, "duration")])
def test_a_part_of_a_spike_list_asks_for_steps(dt, given, tmp_path):
    (tmp_path / "x.csv").write_text("0.05,7\n0.25,3\n")
    more = {"duration": 0.0} if given == "duration" else {}
    with pytest.raises(InputError, match=f"{given} must be"):
        Recording.from_csv(tmp_path / "x.csv", dt=dt, time=slice(0.0, 0.2), **more)


@pytest.mark.parametrize("time", [None, slice(5.0, None), slice(0.0, 15.0)])
def test_spikes_beyond_the_duration_are_refused_in_a_part_too(time, tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("".join(f"{k}.5,{k % 3}\n" for k in range(20)))
    with pytest.raises(InputError, match=r"before the end, 10 s; 10 of 20 do not, such as times\[10\] = 10\.5 s"):
        Recording.from_csv(path, dt=0.5, duration=10.0, time=time)
    with pytest.raises(InputError, match=r"at or after t0 = 2 s; 2 of 20 do not"):
        Recording.from_csv(path, dt=0.5, t0=2.0, time=time)


@pytest.mark.parametrize("time", [None, slice(0.5, None), slice(0.5, 3.0)])
def test_a_spike_at_the_very_end_of_a_list_is_kept_in_a_part_too(time, tmp_path):
    (tmp_path / "x.csv").write_text("0.25,7\n1.0,3\n")
    found = Recording.from_csv(tmp_path / "x.csv", dt=0.1, duration=1.0, time=time)
    assert found["spikes"].sum() == (2 if time is None else 1) and found["spikes"][-1].tolist() == [1, 0]
    assert found.n_samples == (11 if time is None else 6)


@pytest.mark.parametrize("time", [None, slice(0.0, 0.2)])
@pytest.mark.parametrize("given", [{"duration": "10"}, {"duration": [1]}, {"t0": "0"}, {"dt": "0.1"}])
def test_times_of_a_spike_list_that_are_no_numbers(given, time, tmp_path):
    (tmp_path / "x.csv").write_text("0.05,7\n0.25,3\n")
    with pytest.raises(InputError, match=f"{next(iter(given))} must be .* seconds, a number; got"):
        Recording.from_csv(tmp_path / "x.csv", **{"dt": 0.1, "time": time} | given)


def test_a_part_is_cut_between_bins(tmp_path):
    """Whole milliseconds, of which no edge is a float that a sum of steps comes to."""
    rng = np.random.default_rng(1)
    path = tmp_path / "x.csv"
    path.write_text("".join(f"{t / 1000:.3f},{u}\n" for t, u in rng.integers(0, [3000, 4], (400, 2))) + "2.999,0\n")
    whole = Recording.from_csv(path, dt=1e-3)
    assert whole.n_samples == 3000
    for begin, end in np.sort(rng.choice(3000, (100, 2)), axis=1):
        if begin < end:
            part = Recording.from_csv(path, dt=1e-3, time=slice(begin / 1000, end / 1000))
            np.testing.assert_array_equal(part["spikes"], whole["spikes"][begin:end])


@pytest.mark.parametrize(("time", "rows"), [(slice(1.0, 2.0), slice(10, 20)), (slice(1.0, None), slice(10, None))])
def test_a_part_of_a_spike_list(time, rows, tmp_path):
    rng = np.random.default_rng(0)
    path = tmp_path / "x.csv"
    path.write_text(
        "".join(f"{t:.4f},{u}\n" for t, u in zip(rng.uniform(0, 3, 50), rng.integers(4, size=50), strict=True))
        + "0.5,9"
    )
    whole, part = Recording.from_csv(path, dt=0.1), Recording.from_file(path, dt=0.1, time=time)
    assert part.t0 == 1.0 and part.unit_ids.tolist() == whole.unit_ids.tolist() == [0, 1, 2, 3, 9]
    np.testing.assert_array_equal(part["spikes"], whole["spikes"][rows])
    with pytest.raises(InputError, match="no sample in 4"):
        Recording.from_csv(path, dt=0.1, time=slice(4.0, 5.0))


def test_hdf5_by_another_name_is_told(tmp_path):
    with h5py.File(tmp_path / "x.h5", "w"):
        pass
    with pytest.raises(InputError, match=r"'x\.h5', which is HDF5"):
        Recording.from_file(tmp_path / "x.h5")


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(
        (InputError, FileError), match=r"path must be a file, or a folder that Neo reads|determine IO|end in"
    ):
        Recording.from_file(tmp_path)
    (tmp_path / "notes.mat").touch()
    (tmp_path / "notes.txt").touch()
    with pytest.raises(InputError, match="path must"):
        Recording.from_file(tmp_path)


def test_a_file_of_our_own_is_pointed_to_load(tmp_path):
    Recording.from_array(np.zeros((5, 2)), 1e-3).save(tmp_path / "x.nc")
    with pytest.raises(InputError, match=r"Recording\.load reads 'x\.nc'"):
        Recording.from_file(tmp_path / "x.nc")
