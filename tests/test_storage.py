from pathlib import Path

import h5netcdf
import numpy as np
import pytest
import torch
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from synfer.connectome import Connectome
from synfer.errors import FileError, InputError, ShapeError
from synfer.recording import Recording
from synfer.storage import (
    SCHEMA,
    as_floats,
    as_ids,
    as_mapping,
    as_number,
    as_plain,
    kind_of,
    on_host,
    positions,
    version_of,
    written_whole,
)


def test_written_whole_moves_the_finished_file(tmp_path):
    with written_whole(tmp_path / "a.txt") as draft:
        draft.write_text("done")
        assert not (tmp_path / "a.txt").exists()
    assert (tmp_path / "a.txt").read_text() == "done"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.parametrize("interruption", [RuntimeError, KeyboardInterrupt, OSError(28, "No space left on device")])
def test_written_whole_leaves_nothing_behind_and_the_old_file_as_it_was(tmp_path, interruption):
    (tmp_path / "a.txt").write_text("old")
    expected = FileError if isinstance(interruption, OSError) else interruption
    with pytest.raises(expected), written_whole(tmp_path / "a.txt") as draft:
        draft.write_text("half")
        raise interruption
    assert (tmp_path / "a.txt").read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_what_a_killed_process_left_is_in_nobodys_way_and_no_result(tmp_path):
    (tmp_path / ".c.nc.0123abcd.tmp").write_bytes(b"half")
    made = Connectome(np.eye(2))
    made.save(tmp_path / "c.nc")
    assert Connectome.load(tmp_path / "c.nc").identical(made)
    assert [path.name for path in tmp_path.glob("*.nc")] == ["c.nc"]
    with pytest.raises(FileError, match="cannot read"):
        Connectome.load(tmp_path / ".c.nc.0123abcd.tmp")


def test_which_noun_a_file_holds(tmp_path):
    Recording.from_array(np.ones((3, 2)), 1e-3).save(tmp_path / "r.nc")
    Connectome(np.eye(2)).save(tmp_path / "c.nc")
    xr.Dataset({"v": ("time", [1.0])}).to_netcdf(tmp_path / "x.nc", engine="h5netcdf")
    (tmp_path / "t.nc").write_text("text")
    names = ("r.nc", "c.nc", "x.nc", "t.nc", "none.nc")
    assert [kind_of(tmp_path / name) for name in names] == ["recording", "connectome", None, None, None]


def test_written_whole_keeps_a_link_and_replaces_its_target(tmp_path):
    (tmp_path / "target").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    with written_whole(tmp_path / "link") as draft:
        draft.write_text("new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_text() == "new"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("absent/a.nc", r"cannot write .*absent/a\.nc.*the folder .* does not exist; create it"),
        ("file/a.nc", "cannot write .*file/a.nc"),
        ("folder", "not a plain file"),
    ],
)
def test_unwritable_paths_are_refused_before_the_work(tmp_path, name, message):
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    with pytest.raises(FileError, match=message), written_whole(tmp_path / name):
        pytest.fail("the body ran")


def test_a_folder_that_lets_no_file_be_made(monkeypatch, tmp_path):
    def refuse(self, *_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "touch", refuse)  # as root, no folder's mode would refuse
    with pytest.raises(FileError, match=r"cannot write .*: Permission denied"):
        Recording.from_array(np.ones((3, 2)), 1e-3).save(tmp_path / "a.nc")


def test_a_device_is_not_replaced_by_a_file():
    with pytest.raises(FileError, match=r"not a plain file"), written_whole("/dev/null"):
        pytest.fail("the body ran")
    assert not Path("/dev/null").is_file()


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "recording.nc"
    Recording.from_array(np.random.default_rng(0).normal(size=(4000, 20)), 1e-3).save(path)
    return path


@pytest.mark.parametrize("share", [0.0, 0.001, 0.01, 0.3, 0.9, 0.999])
def test_truncated_files_are_refused(saved, share):
    content = saved.read_bytes()
    saved.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(FileError, match=r"cannot read .*recording\.nc"):
        Recording.load(saved)


def test_a_changed_byte_among_the_samples_is_noticed(saved):
    content = bytearray(saved.read_bytes())
    content[len(content) // 2] ^= 1
    saved.write_bytes(content)
    with pytest.raises(FileError, match=r"recording\.nc"):
        Recording.load(saved)


def test_missing_foreign_and_other_files_are_refused(tmp_path, saved):
    with pytest.raises(FileError, match=r"no such file"):
        Recording.load(tmp_path / "absent.nc")
    with pytest.raises(FileError, match=r"no such file"):
        Recording.load(tmp_path)
    (tmp_path / "text.nc").write_text("v,u\n1,2\n")
    with pytest.raises(FileError, match=r"not NetCDF4"):
        Recording.load(tmp_path / "text.nc")
    xr.Dataset({"v": ("time", [1.0, 2.0])}).to_netcdf(tmp_path / "foreign.nc", engine="h5netcdf")
    with pytest.raises(FileError, match=r"synfer did not write it"):
        Recording.load(tmp_path / "foreign.nc")
    with pytest.raises(FileError, match=r"as a connectome: it holds a recording"):
        Connectome.load(saved)


def test_a_newer_schema_is_refused(saved):
    with h5netcdf.File(saved, "a") as file:
        file.attrs["synfer_schema"] = SCHEMA + 1
    with pytest.raises(FileError, match=rf"newer synfer wrote it \(schema {SCHEMA + 1}"):
        Recording.load(saved)


@pytest.mark.parametrize("attribute", ["signals", "dt", "leading", "provenance"])
def test_a_file_without_an_attribute_is_refused(saved, attribute):
    with h5netcdf.File(saved, "a") as file:
        del file.attrs[attribute]
    with pytest.raises(FileError, match=r"damaged"):
        Recording.load(saved)


def test_a_file_of_absurd_size_is_refused(saved):
    with h5netcdf.File(saved, "a") as file:
        file.dimensions["vast"] = 2**50
        file.create_variable("vast_signal", ("vast", "unit"), np.float64, chunks=(1024, 20))
        file.attrs["signals"] = '["vast_signal"]'
    with pytest.raises(FileError, match=r"recording\.nc.*does not fit into memory"):
        Recording.load(saved)


def test_as_plain_gives_what_json_gives_back():
    given_values = {"n": np.int64(3), "x": np.float32(0.5), "a": np.arange(2), "t": (1, 2), "p": Path("a/b"), "s": None}
    assert as_plain(given_values, "provenance") == {
        "n": 3, "x": 0.5, "a": [0, 1], "t": [1, 2], "p": "a/b", "s": None,
    }  # fmt: skip
    with pytest.raises(InputError, match=r"provenance must hold plain .* object"):
        as_plain({"x": object()}, "provenance")
    circle: list = []
    circle.append(circle)
    with pytest.raises(InputError, match=r"provenance"):
        as_plain(circle, "provenance")


def test_as_ids_takes_distinct_integers_or_strings():
    assert as_ids(None, 3, "unit_ids").tolist() == [0, 1, 2]
    assert as_ids(np.array(["a", "b"], dtype=object), 2, "unit_ids").dtype.kind == "U"
    assert as_ids(np.array([4, 2], dtype=object), 2, "unit_ids").dtype == np.int64
    with pytest.raises(InputError, match=r"unit_ids must be distinct: 'a' occurs"):
        as_ids(["a", "b", "a"], 3, "unit_ids")
    with pytest.raises(ShapeError, match=r"unit_ids must have shape \(3,\)"):
        as_ids([1, 2], 3, "unit_ids")
    for wrong in (["a", "b\0c"], ["a", "\ud800"]):
        with pytest.raises(InputError, match=r"unit_ids must be plain text"):
            as_ids(wrong, 2, "unit_ids")
    for wrong in ([0.5, 1.5], [True, False], np.array(["a", 1], dtype=object)):
        with pytest.raises(InputError, match=r"all integers or all strings"):
            as_ids(wrong, 2, "unit_ids")


def test_as_floats_keeps_single_and_double_without_a_copy():
    for dtype in (np.float32, np.float64):
        array = np.ones(3, dtype)
        assert as_floats(array, "x") is array
    for other in (np.ones(3, np.int8), np.ones(3, bool), np.ones(3, np.float16), np.ones(3, np.longdouble)):
        assert as_floats(other, "x").dtype == np.float64
    with pytest.raises(InputError, match=r"x must be real numbers"):
        as_floats(["a"], "x")


@settings(deadline=None)
@given(st.lists(st.integers(-50, 50), min_size=1, unique=True), st.data())
def test_positions_finds_every_label_wherever_it_lies(labels, data):
    wanted = data.draw(st.lists(st.sampled_from(labels)))
    found = positions(np.array(labels), np.array(wanted, dtype=int), "unit")
    assert [labels[k] for k in found] == wanted


def test_positions_names_the_missing():
    with pytest.raises(InputError, match=r"unit: 7 not found; the labels are 1, 2"):
        positions(np.array([1, 2]), [1, 7], "unit")
    with pytest.raises(InputError, match=r"unit: 1 not found; the labels are '1', '2'"):
        positions(np.array(["1", "2"]), 1, "unit")


def test_version_of_what_is_not_there():
    assert version_of("no-such-package-as-this") == "not installed"
    assert version_of("numpy") == np.__version__


def test_positions_takes_labels_only():
    for wanted in (None, {"a": 1}, [["a"]], [[0], [0, 1]]):
        with pytest.raises(InputError, match=r"^unit"):
            positions(np.array(["a", "b"]), wanted, "unit")


@pytest.mark.parametrize("wrong", ["a", "1", None, [1.0, 2.0], np.nan, np.inf, -1.0, 0])
def test_as_number_takes_finite_numbers_only(wrong):
    with pytest.raises(InputError, match=r"dt must be positive seconds.*; got"):
        as_number(wrong, "dt", positive=True)


def test_as_number_and_as_mapping_give_plain_values():
    assert as_number(np.float32(-2), "t0") == -2.0
    assert as_mapping(None, "provenance") == {}
    assert as_mapping({"x": np.int64(3)}, "provenance") == {"x": 3}
    with pytest.raises(InputError, match=r"provenance must be a dict .* got a list"):
        as_mapping([1], "provenance")


def test_on_host_shares_memory():
    array, tensor = np.ones(3), torch.ones(3, requires_grad=True)
    assert on_host(array) is array
    assert np.shares_memory(on_host(tensor), tensor.detach().numpy())


def test_what_is_no_path_is_refused():
    with pytest.raises(InputError, match="path must be a path or its name; got a int"):
        Connectome([[0, 1], [1, 0]]).save(3)
    with pytest.raises(InputError, match="path must be a path or its name; got a NoneType"):
        Connectome.load(None)
