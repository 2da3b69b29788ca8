"""Drives: what they hold, refuse, keep in a file, and take along when networks are taken out of a batch."""

from __future__ import annotations

import numpy as np
import pytest

from synfer.connectome import Connectome
from synfer.errors import FileError, InputError, ShapeError
from synfer.network import (
    GaussianDrive,
    Network,
    OrnsteinUhlenbeckDrive,
    PoissonDrive,
    SharedDrive,
    SineDrive,
    StepDrive,
    WhiteNoiseDrive,
)

EVERY_KIND = (
    GaussianDrive(np.arange(6.0).reshape(2, 3), 2),
    OrnsteinUhlenbeckDrive(1, [0.5, 1, 2], 0.01),
    PoissonDrive(40, np.ones((2, 3))),
    StepDrive(2, start=0.1),
    SineDrive([1, 2, 3], 10, phase=0.5),
    SharedDrive([1, 0, 2], tau=0.02, name="common"),
    WhiteNoiseDrive(0.5, np.full((2, 3), 0.1)),
)


def driven(drive: object) -> Network:
    return Network("izhikevich", {}, Connectome.from_weights(np.zeros((2, 3, 3))), drive=drive)


def test_several_add_up_and_none_is_none() -> None:
    assert driven(EVERY_KIND).drive == EVERY_KIND
    assert driven(list(EVERY_KIND)).drives == EVERY_KIND
    assert driven(EVERY_KIND[0]).drive == EVERY_KIND[0]
    assert driven(None).drives == driven([]).drives == ()
    assert "drive     none" in repr(driven(None))
    assert "StepDrive(amplitude=2, start=0.1, stop=inf) + SineDrive(amplitude=<1 to 3>" in repr(driven(EVERY_KIND))


@pytest.mark.parametrize("drive", [None, *EVERY_KIND, EVERY_KIND])
def test_a_file_keeps_them(tmp_path, drive) -> None:
    made = driven(drive)
    made.save(tmp_path / "n.nc")
    loaded = Network.load(tmp_path / "n.nc")
    assert loaded.identical(made)
    assert loaded.drives == made.drives
    assert [type(one) for one in loaded.drives] == [type(one) for one in made.drives]


def test_a_name_is_kept_shown_and_given_by_a_dict(tmp_path) -> None:
    made = driven({"noise": GaussianDrive([1, 2, 3], 1), "beat": SineDrive(1, 5, name="beat")})
    assert [one.name for one in made.drives] == ["noise", "beat"]
    assert made.drives[0] == GaussianDrive([1, 2, 3], 1, name="noise") != GaussianDrive([1, 2, 3], 1)
    assert hash(made.drives[0]) != hash(GaussianDrive([1, 2, 3], 1))
    assert "GaussianDrive(mean=<1 to 3>, variance=1, name='noise')" in repr(made)
    assert [one.name for one in made.isel(network=1).drives] == ["noise", "beat"]
    made.save(tmp_path / "n.nc")
    assert Network.load(tmp_path / "n.nc").identical(made)


def test_files_of_before_there_were_several_are_read(tmp_path) -> None:
    import h5netcdf

    made = driven(GaussianDrive(5, 4))
    made.save(tmp_path / "n.nc")
    with h5netcdf.File(tmp_path / "n.nc", "a") as file:
        file.attrs["drive"] = '{"kind": "gaussian", "mean": 5, "variance": 4}'
    assert Network.load(tmp_path / "n.nc").identical(made)
    with h5netcdf.File(tmp_path / "n.nc", "a") as file:
        file.attrs["drive"] = '[{"kind": "gaussian", "mean": "drive7_mean", "variance": 4}]'
    with pytest.raises(FileError, match="damaged"):
        Network.load(tmp_path / "n.nc")


def test_networks_of_a_batch_take_their_rows_along() -> None:
    one = driven(EVERY_KIND).isel(network=1)
    np.testing.assert_array_equal(one.drives[0].mean, [3, 4, 5])
    assert one.drives[0].variance == 2.0
    np.testing.assert_array_equal(one.drives[1].deviation, [0.5, 1, 2])
    assert driven(EVERY_KIND).isel(network=[1, 0]).drives[0].mean.tolist() == [[3, 4, 5], [0, 1, 2]]


def test_drives_are_values() -> None:
    assert GaussianDrive(5, 4) == GaussianDrive(5.0, 4.0) != GaussianDrive(5, 5)
    assert GaussianDrive(5, 4) != SineDrive(5, 4)
    assert hash(GaussianDrive([1, 2], 4)) == hash(GaussianDrive(np.array([1, 2]), 4))
    assert GaussianDrive([1, 2], 4) != GaussianDrive([1, 3], 4)
    given = np.ones(3)
    kept = GaussianDrive(given, 1)
    given[0] = 7
    assert kept.mean.tolist() == [1, 1, 1]
    with pytest.raises(ValueError, match="read-only"):
        kept.mean[0] = 2


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: GaussianDrive("a", 1), InputError, "mean must be a number, or an array .* got 'a'"),
        (lambda: GaussianDrive(0, None), InputError, "variance must be a number, .* got None"),
        (lambda: GaussianDrive(True, 1), InputError, "mean must be a number"),
        (lambda: GaussianDrive(np.nan, 1), InputError, "mean must be finite; got nan"),
        (lambda: GaussianDrive(0, [1, -1]), InputError, "variance must be finite and at least 0; got -1"),
        (lambda: GaussianDrive(0, np.inf), InputError, "variance must be finite and at least 0; got inf"),
        (lambda: GaussianDrive(np.zeros((1, 2, 3)), 1), ShapeError, r"mean must be .* got shape \(1, 2, 3\)"),
        (lambda: GaussianDrive([[1], [1, 2]], 1), InputError, "mean must be an array, or lists of equal lengths"),
        (lambda: WhiteNoiseDrive(0, -0.1), InputError, "intensity must be finite and at least 0; got -0.1"),
        (lambda: OrnsteinUhlenbeckDrive(0, -1, 1), InputError, "deviation must be finite and at least 0"),
        (lambda: OrnsteinUhlenbeckDrive(0, 1, -1), InputError, "tau must be finite and at least 0"),
        (lambda: PoissonDrive(-1, 1), InputError, "rate must be finite and at least 0"),
        (lambda: StepDrive(1, start=np.nan), InputError, "start must be finite"),
        (lambda: SineDrive(1, np.inf), InputError, "frequency must be finite"),
        (lambda: SharedDrive(1, tau=[0.1, 0.2]), InputError, "tau must be one for all units of a network"),
        (lambda: driven(GaussianDrive(0, np.ones(4))), ShapeError, r"variance of GaussianDrive .* \(3,\), or .*\(4,\)"),
        (lambda: GaussianDrive(0, 1, name="to be"), InputError, "name must be an identifier, .* got 'to be'"),
        (lambda: GaussianDrive(0, 1, name=1), InputError, "name must be an identifier, .* got 1"),
        (lambda: driven([SineDrive(1, 2, name="a")] * 2), InputError, "two are named 'a'"),
        (lambda: driven({"a": SineDrive(1, 2, name="b")}), InputError, r"drive\['a'\] must be named so"),
        (lambda: driven({"": SineDrive(1, 2)}), InputError, "name must be an identifier, .* got ''"),
        (lambda: driven([GaussianDrive(0, 1), np.ones(3)]), InputError, "drive must be one of .* got a ndarray"),
    ],
)
def test_what_cannot_drive_is_refused(make, error, message) -> None:
    with pytest.raises(error, match=message):
        make()
