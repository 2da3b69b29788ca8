"""MATLAB's files, of version 7.3 (HDF5) and before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from synfer.errors import InputError
from synfer.recording.formats import level5
from synfer.recording.formats.blocks import gathered_from_hdf5
from synfer.recording.formats.common import reading, refuse_beyond_memory
from synfer.recording.formats.npz import Part, choose
from synfer.storage import StrPath, as_path

TYPES = {
    name: np.dtype(name)
    for name in ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "single", "double")
} | {"logical": np.dtype(bool)}


def read(
    path: StrPath,
    *,
    dt: float | None = None,
    variable: str | None = None,
    units_first: bool = False,
    time: slice | None = None,
    units: Sequence[int] | None = None,
) -> dict[str, Any]:
    """Arguments of a Recording for a matrix (time, unit); see `Recording.from_matlab`."""
    import h5py
    import scipy.io

    asked = Part(dt, units_first, time, units)
    with reading(path, "a MATLAB file"):
        if h5py.is_hdf5(path):
            array, name = _from_hdf5(path, variable, asked)
        elif scipy.io.matlab.matfile_version(as_path(path))[0] == 1:
            array, name = _from_level5(path, variable, asked)
        else:
            array, name = _from_level4(path, variable, asked)
    return asked.arguments(array, name, path)


def is_of_neo(path: StrPath) -> bool:
    """Whether a file holds what Neo writes, one structure "block", and no matrix to be read."""
    import h5py
    import scipy.io

    if not as_path(path).is_file() or h5py.is_hdf5(path):
        return False
    try:
        if scipy.io.matlab.matfile_version(as_path(path))[0] != 1 or level5.listed(path):
            return False
        return [(name, kind) for name, _, kind in scipy.io.whosmat(as_path(path))] == [("block", "struct")]
    except Exception:  # a damaged file: `read` says what is wrong with it
        return False


def _from_level5(path: StrPath, variable: str | None, asked: Part) -> tuple[np.ndarray, str]:
    there = {name: found for name, found in level5.listed(path).items() if max(found[0], default=0) > 1}
    name = choose(there, variable)
    shape, dtype = there[name]
    wanted = asked.of(shape)
    refuse_beyond_memory(asked.shape, dtype.itemsize, repr(name))
    return level5.part_of(path, name, wanted), name


def _from_level4(path: StrPath, variable: str | None, asked: Part) -> tuple[np.ndarray, str]:
    """Whole, by scipy: nobody has written such files since 1996."""
    import scipy.io

    there = {name: (shape, TYPES[kind]) for name, shape, kind in scipy.io.whosmat(as_path(path)) if kind in TYPES}
    name = choose({name: found for name, found in there.items() if max(found[0]) > 1}, variable)
    shape, dtype = there[name]
    wanted = asked.of(shape)
    refuse_beyond_memory(shape, dtype.itemsize, repr(name))
    array = scipy.io.loadmat(as_path(path), variable_names=[name])[name]
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "biuf":
        raise InputError(f"{name!r} must be a full matrix of real numbers.")
    return array[np.ix_(*wanted)], name


def _from_hdf5(path: StrPath, variable: str | None, asked: Part) -> tuple[np.ndarray, str]:
    import h5py

    with h5py.File(path, "r") as file:
        # no soft or external link is followed, nor a dataset of other files' parts; MATLAB's own folders begin with #
        plain = [
            key for key in file if not key.startswith("#") and isinstance(file.get(key, getlink=True), h5py.HardLink)
        ]
        there = {
            key: (file[key].shape[::-1], file[key].dtype)
            for key in plain
            if isinstance(file[key], h5py.Dataset)
            and file[key].dtype.kind in "biuf"
            and not (file[key].external or file[key].is_virtual)
        }
        name = choose(there, variable)
        shape, dtype = there[name]
        wanted = asked.of(shape)
        refuse_beyond_memory(asked.shape, dtype.itemsize, repr(name))
        return gathered_from_hdf5(file[name], wanted[::-1]).T, name  # columns first, as MATLAB lays them out
