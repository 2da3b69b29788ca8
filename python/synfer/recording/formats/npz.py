"""numpy's files: one array (.npy) or several (.npz), without pickles."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Sequence
from typing import Any

import numpy as np

from synfer.errors import InputError, ShapeError
from synfer.recording.formats.blocks import Wanted, gathered
from synfer.recording.formats.common import SAME_STEP, reading, refuse_beyond_memory, sample_span
from synfer.recording.formats.spike_list import NAMES
from synfer.recording.sampling import as_step
from synfer.storage import StrPath, as_ids, as_path, positions

Header = tuple[tuple[int, ...], np.dtype]


def read(
    path: StrPath,
    *,
    dt: float | None = None,
    variable: str | None = None,
    units_first: bool = False,
    time: slice | None = None,
    units: Sequence[Any] | None = None,
) -> dict[str, Any]:
    """Arguments of a Recording for arrays ([trial,] time, unit); see `Recording.from_npz`."""
    with reading(path, "an array of numpy's"):
        if not zipfile.is_zipfile(path):
            name = as_path(path).stem
            with as_path(path).open("rb") as file:
                shape, column_first, dtype = _header(file)
                _check({name: (shape, dtype)}, name)
                left = as_path(path).stat().st_size - file.tell()
                asked = Part(dt, units_first, time, units)
                array = _array(file, left, shape, column_first, dtype, asked, name)
            return asked.arguments(array, name, path)
        with zipfile.ZipFile(path) as archive:
            members = {
                entry.removesuffix(".npy"): archive.getinfo(entry)
                for entry in archive.namelist()
                if entry.endswith(".npy")
            }
            headers = {}
            for name, member in members.items():
                with archive.open(member) as opened:
                    headers[name] = _header(opened)
            arrays = {name: (shape, dtype) for name, (shape, _, dtype) in headers.items()}
            about = {name: arrays.pop(name) for name in ("dt", "unit_ids") if name in arrays and variable != name}
            chosen = choose(arrays, variable)
            _check(arrays, chosen)
            shape, column_first, dtype = headers[chosen]
            n_units = shape[-2 if units_first else -1]
            with np.load(path, allow_pickle=False) as whole:
                if "dt" in about and about["dt"][0] == ():
                    own = as_step(whole["dt"].item())
                    if dt is not None and abs(as_step(dt) - own) > SAME_STEP * own:
                        raise InputError(
                            f"dt = {dt:g} s does not agree with the file's own, {own:g}: leave dt out, or, where the "
                            "file's is not in seconds, load the array by numpy and give it to Recording.from_array."
                        )
                    dt = own if dt is None else dt
                if "unit_ids" in about and about["unit_ids"][0] != (n_units,):
                    raise ShapeError(f"unit_ids must have shape ({n_units},); the file has {about['unit_ids'][0]}.")
                ids = whole["unit_ids"] if "unit_ids" in about else None
            asked = Part(dt, units_first, time, units, ids)
            with archive.open(members[chosen]) as opened:
                _header(opened)
                left = members[chosen].file_size - opened.tell()
                array = _array(opened, left, shape, column_first, dtype, asked, chosen)
    return asked.arguments(array, chosen, path)


class Part:
    """Which samples and units of a nameless array are asked for, and what is known of its axes.

    Parameters
    ----------
    dt, units_first, time, units
        As given to the reader.
    ids : array (unit,), optional
        The units' labels; without, they are numbered from 0.
    """

    def __init__(
        self, dt: float | None, units_first: bool, time: slice | None, units: Any, ids: np.ndarray | None = None
    ) -> None:
        if dt is None:
            raise InputError("dt must be given (seconds): the file says nothing of time.")
        self.dt, self.units_first, self.ids = dt, units_first, ids
        self._time, self._units = time, units
        self._t0 = 0.0
        self._order: np.ndarray | None = None

    def of(self, shape: tuple[int, ...]) -> list[Wanted]:
        """Indices along each axis, increasing, of an array of this shape."""
        wanted: list[Wanted] = [range(n) for n in shape]
        time, unit = (-1, -2) if self.units_first else (-2, -1)
        span = sample_span(self._time, shape[time], self.dt, 0.0)
        wanted[time], self._t0 = range(span.start, span.stop), span.start * self.dt
        if self._units is not None:
            kept = self._numbers(shape[unit])
            order = np.argsort(kept)
            wanted[unit] = kept[order]
            self._order = None if np.array_equal(wanted[unit], kept) else np.argsort(order)
            self.ids = kept if self.ids is None else self.ids[kept]
        self.shape = tuple(map(len, wanted))
        return wanted

    def _numbers(self, n_units: int) -> np.ndarray:
        """Numbers of the units asked for, in their order."""
        given = np.atleast_1d(np.asarray(self._units))
        if given.ndim != 1 or given.size == 0 or len(np.unique(given)) < given.size:
            raise InputError(f"units must name at least one unit, and none twice; got {self._units!r:.60}.")
        if self.ids is not None:
            return positions(as_ids(self.ids, n_units, "unit_ids"), given, "units")
        if given.dtype.kind not in "iu" or given.min() < 0 or given.max() >= n_units:
            raise InputError(f"units must be numbers from 0 to {n_units - 1}; got {self._units!r:.60}.")
        return given.astype(np.int64)

    def arguments(self, array: np.ndarray, name: str, path: StrPath) -> dict[str, Any]:
        """Arguments of a Recording for what was read."""
        if self._order is not None:
            array = np.take(array, self._order, axis=-2 if self.units_first else -1)
        if self.units_first:
            array = np.swapaxes(array, -1, -2)
        label = name if name.isidentifier() and name not in ("time", "unit", "trial", "network", "event") else "signal"
        return {
            "signals": {label: array},
            "dt": self.dt,
            "t0": self._t0,
            "unit_ids": self.ids,
            "provenance": {"file": as_path(path).name, "variable": name},
        }


def choose(arrays: dict[str, Header], variable: str | None) -> str:
    """The one array meant, of those there are with their (shape, dtype)."""
    usable = {name: shape for name, (shape, _) in arrays.items() if len(shape) in (2, 3) and min(shape) > 0}
    listed = ", ".join(f"{name} {shape}" for name, (shape, _) in arrays.items()) or "none"
    if variable is None:
        _refuse_spikes(arrays, usable, listed)
        if len(usable) != 1:
            raise InputError(f"variable must name one of the file's arrays, which are: {listed}.")
        return next(iter(usable))
    if variable not in arrays:
        raise InputError(f"variable {variable!r} is not in the file, whose arrays are: {listed}.")
    if variable not in usable:
        raise ShapeError(f"{variable!r} must have shape ([trial,] time, unit); got {arrays[variable][0]}.")
    return variable


def _refuse_spikes(arrays: dict[str, Header], usable: dict[str, tuple[int, ...]], listed: str) -> None:
    """Refuse a file of times of spikes and their units: a matrix beside them, of weights or places, is no signal."""

    def called(kind: str) -> list[tuple[str, tuple[int, ...]]]:
        known = {name.removesuffix("s") for name in NAMES[kind]}
        return [
            (name, shape)
            for name, (shape, _) in arrays.items()
            if len(shape) == 1 and name.lower().removesuffix("s") in known
        ]

    for times, shape in called("time"):
        for units in (name for name, other in called("unit") if other == shape):
            if not any(shape[0] in of for of in usable.values()):  # else they may be those of its samples
                raise InputError(
                    f"the file holds a list of spikes, {times} and {units}: give them to "
                    f"Recording.from_spikes({times}, {units}, dt), or write them as a .csv, a line a spike; where "
                    f"another of its arrays is meant, variable must name it: {listed}."
                )


def _check(arrays: dict[str, Header], name: str) -> None:
    choose({name: arrays[name]}, name)
    if arrays[name][1].kind not in "biuf":
        got = "an object array, which is never unpickled" if arrays[name][1].hasobject else arrays[name][1]
        raise InputError(f"{name!r} must hold real numbers; got {got}: give numbers of it to Recording.from_array.")


def _array(
    file: Any, left: int, shape: tuple[int, ...], column_first: bool, dtype: np.dtype, asked: Part, name: str
) -> np.ndarray:
    """What is asked for of an array whose numbers begin here; ``left`` bytes are said to be there."""
    if math.prod(shape) * dtype.itemsize > left:
        raise EOFError("it ends within its numbers")
    wanted = asked.of(shape)
    refuse_beyond_memory(asked.shape, dtype.itemsize, repr(name))
    if column_first:
        return gathered(file, shape[::-1], dtype, wanted[::-1]).T
    return gathered(file, shape, dtype, wanted)


def _header(file: Any) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, whether the first axis is fastest, and type, without the numbers."""
    version = np.lib.format.read_magic(file)
    read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, column_first, dtype = read_header(file)
    return shape, column_first, dtype
