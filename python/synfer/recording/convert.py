"""Recordings from and to other libraries' objects: pandas, xarray."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from synfer.errors import InputError, ShapeError
from synfer.recording.arrays import named
from synfer.recording.sampling import (
    REGULAR_TOLERANCE,
    as_step,
    as_trials,
    in_seconds,
    joined_trials,
    regular,
    warn_of_long_step,
)
from synfer.recording.spikes import raster_events
from synfer.storage import as_number, on_host

if TYPE_CHECKING:
    from synfer.recording.recording import Recording


def of_frame(frame: pd.DataFrame, dt: float | None, name: str) -> tuple[dict[str, Any], bool]:
    """Arguments of a Recording for a table with a column a unit and a row a sample; whether its index holds times."""
    if not isinstance(frame, pd.DataFrame):
        raise InputError(f"frame must be a pandas DataFrame; got a {type(frame).__name__}.")
    if frame.columns.nlevels > 1 or frame.index.nlevels > 1:
        raise InputError("frame must have one level of columns (units) and of index (time); reset the others.")
    for column, dtype in frame.dtypes.items():
        if not pd.api.types.is_numeric_dtype(dtype):
            raise InputError(f"column {column!r} must hold numbers; got {dtype}: drop it or convert it.")
        if str(column).strip().lower() in CLOCKS and _is_clock(frame[column].to_numpy()):
            raise InputError(
                f"column {column!r} must be a unit's samples; it rises in equal steps, as times do: make it the index, "
                f"frame.set_index({column!r}), or drop it."
            )
    index = frame.index
    t0, told = 0.0, False
    if isinstance(index, pd.DatetimeIndex | pd.TimedeltaIndex):
        t0, dt = regular((index - index[0]) / pd.Timedelta(1, "s") if len(index) else [], dt, "the index")
        if isinstance(index, pd.TimedeltaIndex):
            t0 = index[0] / pd.Timedelta(1, "s")
        told = True
    elif pd.api.types.is_float_dtype(index.dtype):
        t0, dt = regular(index.to_numpy(dtype=np.float64), dt, "the index")
    elif dt is None:  # whole numbers may count rows or milliseconds: taking them for seconds would be a silent guess
        raise InputError(f"dt must be given (seconds): an index of {index.dtype} says nothing of seconds.")
    elif pd.api.types.is_integer_dtype(index.dtype):
        _refuse_gaps(index)
    if not told:
        warn_of_long_step(as_step(dt))
    made = {
        "signals": {named(name): frame.to_numpy()},
        "dt": dt,
        "t0": t0,
        "unit_ids": frame.columns.to_numpy() if len(frame.columns) else None,
    }
    return made, told or pd.api.types.is_float_dtype(index.dtype)


CLOCKS = ("time", "times", "t", "time (s)", "time_s", "timestamp", "timestamps", "seconds")
"""What a column of times is called, in any case."""
MOST_RESTARTS = 0.1
"""Share of a clock's steps that may be others: gaps, and where the next trial begins."""


def _is_clock(column: np.ndarray) -> bool:
    steps = np.diff(column.astype(np.float64))
    step = np.median(steps) if len(steps) > 1 else 0.0
    return bool(step > 0 and np.mean(np.abs(steps - step) > REGULAR_TOLERANCE * step) <= MOST_RESTARTS)


def _refuse_gaps(index: pd.Index) -> None:
    """Refuse numbers of rows of which some are missing or out of order: their samples would be joined up.

    Whole numbers may be times as well, of steps that are not quite equal.
    """
    if index.hasnans:
        raise InputError("the index must count the rows; it has missing values: take frame.reset_index(drop=True).")
    rows = index.to_numpy(dtype=np.int64)
    steps = np.diff(rows)
    step = max(1, int(np.median(steps))) if len(steps) else 1
    back, wrong = np.flatnonzero(steps <= 0), np.flatnonzero(2 * np.abs(steps - step) >= step)
    if wrong.size:
        k = int(wrong[0] if back.size == 0 else back[0])
        every = f"{rows.min()}, {rows.max() + 1}{f', {step}' if step > 1 else ''}"
        n_trials = joined_trials(rows) if back.size else 0
        mend = (
            as_trials(n_trials)
            if n_trials
            else "sort the rows, frame.sort_index()"
            if back.size
            else f"put missing rows back by frame.reindex(range({every})), as NaN, which Synformer takes, or "
            "interpolated"
        )
        raise InputError(
            f"the index must count the rows in equal steps; it goes from {rows[k]} to {rows[k + 1]} at row {k + 1}: "
            f"{mend}, or take frame.reset_index(drop=True) where they are successive samples all the same."
        )


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
            mend = _renaming(variable.dims, dims)
            if isinstance(data, xr.Dataset):
                fitting = [name for name, v in variables.items() if set(v.dims) == set(dims)]
                mend = f": choose {' or '.join(f'data[{name!r}]' for name in fitting)}" if fitting else mend
            raise ShapeError(f"{key!r} must have dims {dims} in any order; got {variable.dims}{mend}.")
    coords = data.coords
    hint = attrs.get("dt", dt) if dt is None else dt
    t0, told = as_number(attrs.get("t0", 0.0), "attribute t0"), False
    if "time" in coords:
        times = coords["time"].values
        if times.dtype.kind in "mM":
            times = (times - (times[0] if times.dtype.kind == "M" else np.timedelta64(0))) / np.timedelta64(1, "s")
            told = True
        elif "units" in coords["time"].attrs:
            times, told = in_seconds(times, coords["time"].attrs["units"], "the time coordinate"), True
        t0, hint = regular(times, hint, "the time coordinate")
    if hint is None:
        raise InputError("dt must be given (seconds): the data have neither a time coordinate nor an attribute dt.")
    if not told:
        warn_of_long_step(as_step(hint))
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


TIMES, TRIALS = ("t", "times", "frame", "frames", "sample", "samples"), ("trials", "epoch", "epochs")
"""What others call these axes."""


def _renaming(given: tuple[Any, ...], wanted: tuple[str, ...]) -> str:
    """How to name dims as they are here: said in full where it can be told which is which."""
    others = [str(dim) for dim in given if dim not in (*wanted, "trial", "network")]
    names = {dim: "time" for dim in others if dim.lower() in TIMES and "time" not in given}
    names |= {dim: "trial" for dim in others if dim.lower() in TRIALS and len(given) == 3}
    left = [dim for dim in others if dim not in names]
    if "unit" not in given and len(left) == 1:
        names[left[0]] = "unit"
    meant = sorted(names.get(str(dim), str(dim)) for dim in given)
    if meant not in (["time", "unit"], ["time", "trial", "unit"], ["network", "time", "unit"]):
        return ""
    pairs = ", ".join(f"{dim}={name!r}" for dim, name in names.items())
    return f": name them so, .rename({pairs})" if all(map(str.isidentifier, names)) else ""


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


def _provenance(attrs: dict[Any, Any]) -> Any:
    """What `to_dataset` wrote; another's attribute of that name is kept as it is."""
    value = attrs.get("provenance", "{}")
    try:
        parsed = json.loads(value)
    except (TypeError, ValueError):
        parsed = None
    return parsed if isinstance(parsed, dict) else {"provenance": value}
