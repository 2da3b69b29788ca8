"""A recording's file: NetCDF4, cut into chunks along time, written and read without a second copy in memory."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from synfer.errors import InputError, UnknownNameError
from synfer.recording.arrays import dtype_name
from synfer.recording.spikes import ListedSpikes, SpikeEvents
from synfer.recording.state import State
from synfer.storage import StrPath, on_host, opened, read_datasets, stamp, write_group, written_whole

if TYPE_CHECKING:
    from synfer.recording.recording import Recording

CHUNK_BYTES = 2**20
"""About what one chunk of the file holds: large enough for the disk, small enough to read a short span."""
BLOCK_BYTES = 2**23
"""About what is handed to HDF5 at once, and so what saving needs of memory beside the recording."""
STATE = "final_state"
"""The group of the file that holds the state that a simulation ended in."""
UNIT_INFO = "unit_info_"
"""Before the name of a column of unit_info, so that it may have any."""
EVENT_NAMES = {"time": "spike_time", "bin": "spike_bin", "unit": "spike_unit", "leading": "spike_leading"}
"""Names in the file of the exact spike times, the bin that counts each, and the index of its unit, trial or network."""


def write(path: StrPath, recording: Recording) -> None:
    """Write a recording, block by block along time."""
    import h5netcdf

    listed = {name: dtype_name(held) for name, held in recording._signals.items() if isinstance(held, ListedSpikes)}
    arrays = [name for name in recording.signal_names if name not in listed]
    for name in arrays:
        _stored_dtype(recording, name)  # refused before a file exists
    with written_whole(path) as draft:
        with h5netcdf.File(draft, "w") as file:
            _write_recording(file, recording, arrays, listed)
        if isinstance(recording._final_state, State):
            write_group(draft, STATE, recording._final_state.to_xarray())


def _write_recording(file: Any, recording: Recording, arrays: list[str], listed: dict[str, str]) -> None:
    import h5py

    file.attrs.update(stamp("recording"))
    file.attrs["dt"], file.attrs["t0"] = recording.dt, recording.t0
    file.attrs["signals"] = json.dumps(arrays)
    measures = {name: recording.units_of_measure[name] for name in listed if name in recording.units_of_measure}
    if listed:  # the types in which they are counted, and where they stand among the signals
        file.attrs["listed"] = json.dumps({"types": listed, "order": recording.signal_names, "units": measures})
    file.attrs["leading"] = recording.leading or ""
    file.attrs["provenance"] = json.dumps(recording.provenance)
    file.attrs["unit_info"] = json.dumps(list(recording._unit_info))
    file.dimensions = dict(zip(recording.dims, recording.shape, strict=True))
    labels = {"unit": recording.unit_ids}
    if recording.leading is not None:
        assert recording.leading_ids is not None
        labels[recording.leading] = recording.leading_ids
    columns = [(dim, dim, ids) for dim, ids in labels.items()]
    columns += [(UNIT_INFO + name, "unit", column) for name, column in recording._unit_info.items()]
    for name, dim, ids in columns:
        text, truth = ids.dtype.kind == "U", ids.dtype.kind == "b"
        stored = h5py.string_dtype() if text else np.uint8 if truth else ids.dtype
        variable = file.create_variable(name, (dim,), stored)
        variable[...] = ids.astype(object) if text else ids
        if truth:
            variable.attrs["dtype"] = "bool"  # xarray's own mark
    span = CHUNK_BYTES // 8
    times = file.create_variable("time", ("time",), np.float64, chunks=(min(span, recording.n_samples),))
    times.attrs["units"] = "s"
    for k in range(0, recording.n_samples, span):
        stop = min(k + span, recording.n_samples)
        times[k:stop] = recording.t0 + recording.dt * np.arange(k, stop)
    for name in arrays:
        _write_signal(file, recording, name)
    events = recording.exact_events
    if events is not None:
        file.dimensions["event"] = len(events.time)
        for field, stored in EVENT_NAMES.items():
            values = getattr(events, field)
            if values is None:
                continue
            file.create_variable(stored, ("event",), values.dtype)[...] = values


def read_state(path: StrPath) -> tuple[State | None, str]:
    """The state that a recording ended in; None, and why, where the file holds none."""
    with opened(path, "recording") as file:
        if STATE not in file.groups:
            return None, "its file holds none, as those of recordings that were not simulated, or by earlier versions"
    (stored,) = read_datasets(path, "recording", (STATE,))
    return State.from_xarray(stored), ""


def read(path: StrPath, signals: Sequence[str] | None) -> dict[str, Any]:
    """Arguments of a Recording."""
    with opened(path, "recording") as file:
        stored = json.loads(file.attrs["signals"])
        listed = json.loads(file.attrs.get("listed", '{"types": {}}'))
        stored = listed.get("order", stored)
    if not (signals is None or isinstance(signals, str | Sequence)):
        raise InputError(f"signals must be a list of names; got a {type(signals).__name__}.")
    wanted = stored if signals is None else [signals] if isinstance(signals, str) else list(signals)
    for name in wanted:
        if name not in stored:
            raise UnknownNameError.of("signal", str(name), stored)
    if not wanted:
        raise InputError(f"signals must name at least one of {', '.join(stored)}, or be None for all.")
    with opened(path, "recording") as file:
        leading = str(file.attrs["leading"]) or None
        arrays: dict[str, Any] = {}
        measures: dict[str, str] = {}
        shape = tuple(file.dimensions[dim].size for dim in ((leading,) if leading else ()) + ("time", "unit"))
        for name in wanted:
            if name in listed["types"]:
                arrays[name] = ListedSpikes(shape, listed["types"][name])
                measures |= {key: unit for key, unit in listed["units"].items() if key == name}
                continue
            variable = file.variables[name]
            array = variable[...]
            arrays[name] = array.view(bool) if variable.attrs.get("dtype") == "bool" else array
            if "units" in variable.attrs:
                measures[name] = str(variable.attrs["units"])
        arguments = {
            "signals": arrays,
            "dt": float(file.attrs["dt"]),
            "t0": float(file.attrs["t0"]),
            "unit_ids": file.variables["unit"][...],
            "unit_info": {name: _column(file, name) for name in json.loads(file.attrs.get("unit_info", "[]"))},
            "leading": leading,
            "leading_ids": None if leading is None else file.variables[leading][...],
            "units_of_measure": measures,
            "provenance": json.loads(file.attrs["provenance"]),
        }
        events = None
        if "spikes" in wanted and EVENT_NAMES["time"] in file.variables:
            held = {field: name for field, name in EVENT_NAMES.items() if name in file.variables}
            events = SpikeEvents(**{field: file.variables[name][...] for field, name in held.items()})
    return {**arguments, "events": events}


def _column(file: Any, name: str) -> np.ndarray:
    variable = file.variables[UNIT_INFO + name]
    column: np.ndarray = variable[...]
    if variable.attrs.get("dtype") == "bool":
        return column.view(bool)
    return column.astype(str) if column.dtype.kind == "O" else column


def _stored_dtype(recording: Recording, name: str) -> np.dtype:
    """Type of a signal in the file: its own, a boolean's as bytes."""
    text = dtype_name(recording[name])
    if text == "bool":
        return np.dtype(np.uint8)
    if text not in {"int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64"}:
        raise InputError(f"signal {name!r} is {text}, which NetCDF cannot hold: save it as float32 or float64.")
    return np.dtype(text)


def _write_signal(file: Any, recording: Recording, name: str) -> None:
    array, dtype = recording[name], _stored_dtype(recording, name)
    chunk = _extent(recording.shape, CHUNK_BYTES // dtype.itemsize)
    # spikes are mostly zeros and shrink a hundredfold; the last bits of a voltage are noise and do not
    packing = {} if dtype.kind == "f" else {"compression": "gzip", "compression_opts": 1}
    # the checksum finds a flipped or missing byte when the chunk is read
    variable = file.create_variable(name, recording.dims, dtype, chunks=chunk, fletcher32=True, **packing)
    if name in recording.units_of_measure:
        variable.attrs["units"] = recording.units_of_measure[name]
    if dtype_name(array) == "bool":
        variable.attrs["dtype"] = "bool"  # xarray's own mark
    for block in _blocks(recording.shape, chunk, BLOCK_BYTES // dtype.itemsize):
        variable[block] = np.ascontiguousarray(on_host(array[block])).astype(dtype, copy=False)


def _extent(shape: tuple[int, ...], n_values: int) -> tuple[int, ...]:
    """Shape of a chunk of about ``n_values``: all units, as long a time as fits, as many networks as then fit."""
    time = max(1, min(shape[-2], n_values // shape[-1]))
    leading = max(1, n_values // (shape[-1] * time))
    return (*(min(n, leading) for n in shape[:-2]), time, shape[-1])


def _blocks(shape: tuple[int, ...], chunk: tuple[int, ...], n_values: int) -> Iterator[tuple[slice, ...]]:
    """Slices that cover the array, each of whole chunks and of about ``n_values``."""
    wanted = _extent(shape, n_values)
    steps = [max(c, w // c * c) for c, w in zip(chunk, wanted, strict=True)]
    starts = [range(0, n, step) for n, step in zip(shape, steps, strict=True)]
    for corner in itertools.product(*starts):
        yield tuple(slice(k, min(k + s, n)) for k, s, n in zip(corner, steps, shape, strict=True))
