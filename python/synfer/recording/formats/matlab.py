"""MATLAB's files, of version 7.3 (HDF5) and before."""

from __future__ import annotations

from typing import Any

import numpy as np

from synfer.errors import InputError
from synfer.recording.formats.common import reading, refuse_beyond_memory
from synfer.recording.formats.npz import choose, oriented
from synfer.storage import StrPath

TYPES = {
    name: np.dtype(name)
    for name in ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "single", "double")
} | {"logical": np.dtype(bool)}


def read(
    path: StrPath, *, dt: float | None = None, variable: str | None = None, units_first: bool = False
) -> dict[str, Any]:
    """Arguments of a Recording for a matrix (time, unit); see `Recording.from_matlab`."""
    import h5py

    with reading(path, "a MATLAB file"):
        array, name = (_from_hdf5 if h5py.is_hdf5(path) else _from_level5)(path, variable)
    return oriented(array, name, dt, units_first, path)


def _from_level5(path: StrPath, variable: str | None) -> tuple[np.ndarray, str]:
    import scipy.io

    there = {
        name: (shape, TYPES[kind]) for name, shape, kind in scipy.io.whosmat(path) if kind in TYPES and max(shape) > 1
    }
    name = choose(there, variable)
    refuse_beyond_memory(*_size(there[name]), repr(name))
    array = scipy.io.loadmat(path, variable_names=[name])[name]
    return _real(array, name), name


def _from_hdf5(path: StrPath, variable: str | None) -> tuple[np.ndarray, str]:
    import h5py

    with h5py.File(path, "r") as file:
        # no soft or external link is followed, and MATLAB's own folders begin with #
        plain = [
            key for key in file if not key.startswith("#") and isinstance(file.get(key, getlink=True), h5py.HardLink)
        ]
        there = {
            key: (file[key].shape[::-1], file[key].dtype)
            for key in plain
            if isinstance(file[key], h5py.Dataset) and file[key].dtype.kind in "biuf" and not file[key].external
        }
        name = choose(there, variable)
        refuse_beyond_memory(*_size(there[name]), repr(name))
        return _real(file[name][...].T, name), name  # columns first, as MATLAB lays them out


def _size(found: tuple[tuple[int, ...], np.dtype]) -> tuple[tuple[int, ...], int]:
    return found[0], found[1].itemsize


def _real(array: Any, name: str) -> np.ndarray:
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "biuf":
        raise InputError(f"{name!r} must be a full matrix of real numbers.")
    return array
