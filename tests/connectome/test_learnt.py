"""What is kept of a fit: whole in the file, refused where it does not hang together, and no part of who drives whom."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from synfer.connectome import Connectome, Learnt
from synfer.errors import FileError, InputError, ShapeError


def made(**more):
    rng = np.random.default_rng(0)
    fields = {
        "times": np.arange(5) * 0.1,
        "measured": rng.normal(size=(5, 2)).astype(np.float32),
        "forecast": rng.normal(size=(5, 2)).astype(np.float32),
        "shown": ["b", "a"],
        "unit_ids": ["a", "b", "c"],
        "r2": [0.5, 0.9, np.nan],
        "n_forecast": 20,
        "held_out": True,
        "training_loss": [[2.0, 1.0, np.nan], [2.0, 1.5, 1.2]],
        "validation_loss": [[2.0, 1.1, np.nan], [2.0, 1.6, 1.3]],
        "kept_epoch": [1.0, np.nan],
        "told": {"lag (samples)": 3, "a lag for each pair": True},
    }
    return Learnt(**fields | more)


def connectome(learnt):
    found = Connectome(np.ones((3, 3)), pvalue=np.full((3, 3), 0.01), unit_ids=["a", "b", "c"])
    found.learnt = learnt
    return found


def same(one, other):
    for name, value in vars(one).items():
        np.testing.assert_equal(getattr(other, name), value, name)


@pytest.mark.parametrize("learnt", [made(), Learnt(), Learnt(training_loss=[[1.0]]), Learnt(told={"x": 1.5})])
def test_it_is_in_the_file(learnt, tmp_path):
    connectome(learnt).save(tmp_path / "e.nc")
    same(learnt, Connectome.load(tmp_path / "e.nc").learnt)


def test_a_file_without_it_is_read(tmp_path):
    connectome(None).save(tmp_path / "e.nc")
    assert Connectome.load(tmp_path / "e.nc").learnt is None


def test_parts_and_layouts_keep_it_and_it_is_no_part_of_equality():
    found = connectome(made())
    assert found.sel(["a", "c"]).learnt is found.learnt and found.to_matrix().learnt is found.learnt
    assert found.identical(connectome(None))


def test_units_are_renamed_in_it_too():
    found = connectome(made()).rename({"a": "x"})
    assert found.learnt.shown.tolist() == ["b", "x"] and found.learnt.unit_ids.tolist() == ["x", "b", "c"]
    part = connectome(made()).sel(["b"]).rename(["a"])  # one of the units that were left has this name
    assert part.learnt.shown.tolist() == part.learnt.unit_ids.tolist() == ["a"]
    np.testing.assert_array_equal(part.learnt.forecast, made().forecast[:, :1])
    assert part.learnt.r2.tolist() == [0.9] and part.learnt.n_forecast == 20
    none = connectome(made()).sel(["c"]).rename(["z"]).learnt
    assert none.forecast is None and none.shown is None and none.r2.shape == (1,)
    assert connectome(None).rename(["x", "y", "z"]).learnt is None


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        ({"forecast": np.zeros((4, 2))}, ShapeError, "forecast must be of 5 along time, as the others; got 4"),
        ({"measured": np.zeros(5)}, ShapeError, r"measured must have shape \(time, shown\); got \(5,\)"),
        ({"validation_loss": np.zeros((2, 2))}, ShapeError, "validation_loss must be of 3 along epoch"),
        ({"r2": ["a", "b", "c"]}, InputError, "r2 must be real numbers"),
        ({"shown": ["a", "a"]}, InputError, "shown must be distinct"),
        ({"unit_ids": None, "r2": [1.0], "told": [1]}, InputError, "told must be a dict"),
    ],
)
def test_what_does_not_hang_together_is_refused(wrong, error, message):
    with pytest.raises(error, match=message):
        made(**wrong)


def test_a_damaged_group_is_said_of_the_file(tmp_path):
    connectome(made()).save(tmp_path / "e.nc")
    with h5py.File(tmp_path / "e.nc", "a") as file:
        file["learnt"].attrs["told"] = "{"
    with pytest.raises(FileError, match=r"e\.nc.*contents are damaged"):
        Connectome.load(tmp_path / "e.nc")
