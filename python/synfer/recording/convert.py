"""Recordings from and to other libraries' objects: pandas, xarray."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from synfer.errors import InputError, ShapeError
from synfer.recording.arrays import named
from synfer.recording.spikes import raster_events
from synfer.storage import as_floats, as_number, on_host

if TYPE_CHECKING:
    from synfer.recording.recording import Recording

REGULAR_TOLERANCE = 1e-3
"""Sample times may stray this fraction of dt from a regular grid: clocks written with few digits."""


def of_frame(frame: pd.DataFrame, dt: float | None, name: str) -> dict[str, Any]:
    """Arguments of a Recording for a table with a column a unit and a row a sample."""
    if not isinstance(frame, pd.DataFrame):
        raise InputError(f"frame must be a pandas DataFrame; got a {type(frame).__name__}.")
    if frame.columns.nlevels > 1 or frame.index.nlevels > 1:
        raise InputError("frame must have one level of columns (units) and of index (time); reset the others.")
    for column, dtype in frame.dtypes.items():
        if not pd.api.types.is_numeric_dtype(dtype):
            raise InputError(f"column {column!r} must hold numbers; got {dtype}: drop it or convert it.")
    index = frame.index
    t0 = 0.0
    if isinstance(index, pd.DatetimeIndex | pd.TimedeltaIndex):
        t0, dt = regular((index - index[0]) / pd.Timedelta(1, "s") if len(index) else [], dt, "the index")
        if isinstance(index, pd.TimedeltaIndex):
            t0 = index[0] / pd.Timedelta(1, "s")
    elif pd.api.types.is_float_dtype(index.dtype):
        t0, dt = regular(index.to_numpy(dtype=np.float64), dt, "the index")
    elif dt is None:  # whole numbers may count rows or milliseconds: taking them for seconds would be a silent guess
        raise InputError(f"dt must be given (seconds): an index of {index.dtype} says nothing of seconds.")
    return {
        "signals": {named(name): frame.to_numpy()},
        "dt": dt,
        "t0": t0,
        "unit_ids": frame.columns.to_numpy() if len(frame.columns) else None,
    }


def of_xarray(data: xr.DataArray | xr.Dataset, dt: float | None, name: str) -> dict[str, Any]:
    """Arguments of a Recording for labelled arrays over ([trial|network,] time, unit), in any order of these."""
    if isinstance(data, xr.DataArray):
        label = data.name if isinstance(data.name, str) else named(name)
        variables, attrs = {label: data}, {}
        if label in data.coords:
            raise InputError(f"data must not be named as one of its coordinates, {label!r}; rename it.")
    elif isinstance(data, xr.Dataset):
        variables, attrs = {str(key): data[key] for key in data.data_vars}, data.attrs
    else:
        raise InputError(f"data must be an xarray DataArray or Dataset; got a {type(data).__name__}.")
    if not variables:
        raise InputError("data must hold at least one variable; the Dataset has none.")
    leading = next((dim for dim in ("trial", "network") if any(dim in v.dims for v in variables.values())), None)
    dims = ("time", "unit") if leading is None else (leading, "time", "unit")
    for key, variable in variables.items():
        if set(variable.dims) != set(dims):
            raise ShapeError(f"{key!r} must have dims {dims} in any order; got {variable.dims}.")
    coords = data.coords
    hint = attrs.get("dt", dt) if dt is None else dt
    t0 = as_number(attrs.get("t0", 0.0), "attribute t0")
    if "time" in coords:
        times = coords["time"].values
        if times.dtype.kind in "mM":
            times = (times - (times[0] if times.dtype.kind == "M" else np.timedelta64(0))) / np.timedelta64(1, "s")
        t0, hint = regular(times, hint, "the time coordinate")
    if hint is None:
        raise InputError("dt must be given (seconds): the data have neither a time coordinate nor an attribute dt.")
    return {
        "signals": {key: variable.transpose(*dims).data for key, variable in variables.items()},
        "dt": hint,
        "t0": t0,
        "unit_ids": coords["unit"].values if "unit" in coords else None,
        "unit_info": {
            str(key): column.values
            for key, column in coords.items()
            if column.dims == ("unit",) and key != "unit" and column.dtype.kind in "biufUO"
        },
        "leading": leading,
        "leading_ids": coords[leading].values if leading is not None and leading in coords else None,
        "units_of_measure": {key: v.attrs["units"] for key, v in variables.items() if "units" in v.attrs},
        "provenance": _provenance(attrs),
    }


def to_dataset(recording: Recording) -> xr.Dataset:
    """Give a Dataset whose variables share the memory of the recording's signals (a GPU's tensors are copied)."""
    signals = {}
    for name in recording.signal_names:
        unit = recording.units_of_measure.get(name)
        signals[name] = (recording.dims, on_host(recording[name]), {} if unit is None else {"units": unit})
    coords: dict[str, Any] = {"time": ("time", recording.times, {"units": "s"}), "unit": recording.unit_ids}
    if recording.leading is not None:
        coords[recording.leading] = recording.leading_ids
    coords |= {name: ("unit", column) for name, column in recording._unit_info.items()}
    attrs = {"dt": recording.dt, "t0": recording.t0, "provenance": json.dumps(recording.provenance)}
    return xr.Dataset(signals, coords=coords, attrs=attrs)


def to_events(recording: Recording) -> xr.Dataset:
    """Give spikes one by one, over the dim "event": the exact ones where they are held, else those of the raster."""
    exact = recording.exact_events
    if exact is not None:
        columns = {"time": exact.time, "unit": recording.unit_ids[exact.unit]}
        leading: list[Any] = [exact.leading]
    else:
        *leading, sample, unit = raster_events(on_host(recording["spikes"]))
        columns = {"time": recording.t0 + recording.dt * sample, "unit": recording.unit_ids[unit]}
    if recording.leading is not None and recording.leading_ids is not None:
        columns[recording.leading] = recording.leading_ids[leading[0]]
    events = xr.Dataset({name: ("event", values) for name, values in columns.items()})
    events["time"].attrs["units"] = "s"
    return events


def regular(times: Any, dt: float | None, where: str) -> tuple[float, float]:
    """First time and step of regular sample times in seconds; an agreeing ``dt`` is taken as the exact step.

    Raises
    ------
    InputError
        The times are irregular (the message names the first sample that strays), or do not agree with ``dt``.
    """
    dt = None if dt is None else as_number(dt, "dt", positive=True)
    seconds = as_floats(times, where).astype(np.float64, copy=False)
    if len(seconds) < 2:
        if dt is None or len(seconds) == 0:
            raise InputError(f"dt must be given (seconds): {where} has {len(seconds)} entries, too few to show it.")
        return float(seconds[0]), dt
    step = (seconds[-1] - seconds[0]) / (len(seconds) - 1)
    if not step > 0:
        raise InputError(f"{where} must hold increasing finite times; it goes from {seconds[0]} to {seconds[-1]}.")
    strays = np.flatnonzero(
        ~(np.abs(seconds - (seconds[0] + step * np.arange(len(seconds)))) <= REGULAR_TOLERANCE * step)
    )
    if strays.size:
        raise InputError(
            f"{where} must be regular to within {REGULAR_TOLERANCE:g} of its step; sample {strays[0]} at "
            f"{seconds[strays[0]]:g} s strays from steps of {step:g} s: resample, or bin events by from_spikes."
        )
    if dt is None:
        # the step of 0.001, 0.002, ... is off by the rounding of its ends; the short number nearby is what was meant
        short = float(f"{step:.12g}")
        rounding = 4 * np.finfo(np.float64).eps * np.abs(seconds[[0, -1]]).max()
        return float(seconds[0]), short if abs(short - step) * (len(seconds) - 1) <= rounding else float(step)
    if abs(dt - step) > REGULAR_TOLERANCE * step:
        raise InputError(f"dt = {dt:g} s does not agree with {where}, whose step is {step:g} s; leave dt out.")
    return float(seconds[0]), float(dt)


def _provenance(attrs: dict[Any, Any]) -> Any:
    """What `to_dataset` wrote; another's attribute of that name is kept as it is."""
    value = attrs.get("provenance", "{}")
    try:
        parsed = json.loads(value)
    except (TypeError, ValueError):
        parsed = None
    return parsed if isinstance(parsed, dict) else {"provenance": value}
