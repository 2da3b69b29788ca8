"""numpy's files: one array (.npy) or several (.npz), without pickles."""

from __future__ import annotations

import zipfile
from typing import Any

import numpy as np

from synfer.errors import InputError, ShapeError
from synfer.recording.formats.common import reading, refuse_beyond_memory
from synfer.storage import StrPath, as_path


def read(
    path: StrPath, *, dt: float | None = None, variable: str | None = None, units_first: bool = False
) -> dict[str, Any]:
    """Arguments of a Recording for arrays ([trial,] time, unit); see `Recording.from_npz`."""
    with reading(path, "an array of numpy's"):
        arrays = _members(path) if zipfile.is_zipfile(path) else {as_path(path).stem: _header(path)}
        about = {name: arrays.pop(name) for name in ("dt", "unit_ids") if name in arrays and variable != name}
        chosen = choose(arrays, variable)
        shape, dtype = arrays[chosen]
        if dtype.kind not in "biuf":
            raise InputError(f"{chosen!r} must hold real numbers; got {dtype} (objects are never unpickled).")
        refuse_beyond_memory(shape, dtype.itemsize, repr(chosen))
        with_dt = {}
        if zipfile.is_zipfile(path):
            with np.load(path, allow_pickle=False) as file:
                array = file[chosen]
                with_dt = {name: file[name] for name in about}
        else:
            array = np.load(path, allow_pickle=False)
    if dt is None and "dt" in with_dt and with_dt["dt"].ndim == 0:
        dt = float(with_dt["dt"])
    return oriented(array, chosen, dt, units_first, path) | {"unit_ids": with_dt.get("unit_ids")}


def choose(arrays: dict[str, Any], variable: str | None) -> str:
    """The one array meant, of those there are with their (shape, dtype)."""
    usable = {name: shape for name, (shape, dtype) in arrays.items() if len(shape) in (2, 3) and 0 not in shape}
    listed = ", ".join(f"{name} {shape}" for name, (shape, _) in arrays.items()) or "none"
    if variable is None:
        if len(usable) != 1:
            raise InputError(f"variable must name one of the file's arrays, which are: {listed}.")
        return next(iter(usable))
    if variable not in arrays:
        raise InputError(f"variable {variable!r} is not in the file, whose arrays are: {listed}.")
    if variable not in usable:
        raise ShapeError(f"{variable!r} must have shape ([trial,] time, unit); got {arrays[variable][0]}.")
    return variable


def oriented(array: np.ndarray, name: str, dt: float | None, units_first: bool, path: StrPath) -> dict[str, Any]:
    """Arguments of a Recording for a nameless array whose axes the user knows."""
    if dt is None:
        raise InputError("dt must be given (seconds): the file says nothing of time.")
    if units_first:
        array = np.swapaxes(array, -1, -2)
    label = name if name.isidentifier() and name not in ("time", "unit", "trial", "network", "event") else "signal"
    return {"signals": {label: array}, "dt": dt, "provenance": {"file": as_path(path).name, "variable": name}}


def _header(path: StrPath) -> tuple[tuple[int, ...], np.dtype]:
    with as_path(path).open("rb") as file:
        return _read_header(file)


def _members(path: StrPath) -> dict[str, tuple[tuple[int, ...], np.dtype]]:
    found = {}
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if name.endswith(".npy"):
                with archive.open(name) as file:
                    found[name.removesuffix(".npy")] = _read_header(file)
    return found


def _read_header(file: Any) -> tuple[tuple[int, ...], np.dtype]:
    """Shape and type, without the numbers."""
    version = np.lib.format.read_magic(file)
    read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read_header(file)
    return shape, dtype
