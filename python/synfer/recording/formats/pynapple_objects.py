"""pynapple's time series and groups of spike trains."""

from __future__ import annotations

from typing import Any

import numpy as np

from synfer.errors import InputError
from synfer.recording.formats.common import needed, refuse_beyond_memory
from synfer.recording.formats.trials import of_spikes
from synfer.recording.sampling import regular


def read(source: Any, *, dt: float | None = None) -> dict[str, Any]:
    """Arguments of a Recording; see `Recording.from_pynapple`."""
    nap = needed("pynapple", "pynapple")
    if isinstance(source, nap.TsGroup):
        found = _group(source, dt)
    elif isinstance(source, nap.TsdFrame | nap.Tsd):
        found = _frame(source, dt, nap)
    else:
        raise InputError(f"source must be a TsGroup, TsdFrame or Tsd of pynapple's; got a {type(source).__name__}.")
    return found | {"provenance": {"format": "pynapple"}}


def _epochs(source: Any) -> np.ndarray:
    support = source.time_support
    return np.column_stack([np.asarray(support.start), np.asarray(support.end)])


def _group(group: Any, dt: float | None) -> dict[str, Any]:
    ids = np.asarray(list(group.keys()))
    trains = [np.asarray(group[key].t, dtype=np.float64) for key in ids.tolist()]
    epochs = _epochs(group)
    start, stop = float(epochs[0, 0]), float(epochs[-1, 1])
    gaps = np.column_stack([epochs[:-1, 1], epochs[1:, 0]])
    found = of_spikes(
        np.concatenate(trains),
        np.repeat(ids, [len(train) for train in trains]),
        dt,
        unit_ids=ids,
        t0=start,
        duration=stop - start,
        unknown=gaps,
    )
    return found | {"unit_info": _metadata(group)}


def _frame(frame: Any, dt: float | None, nap: Any) -> dict[str, Any]:
    seconds, values = np.asarray(frame.t, dtype=np.float64), np.asarray(frame.values)
    values = values.reshape(len(seconds), -1)
    steps = np.diff(seconds)
    if len(steps) == 0 and dt is None:
        raise InputError("dt must be given (seconds): one sample does not show it.")
    step = float(np.median(steps)) if dt is None else dt
    place = np.round((seconds - seconds[0]) / step).astype(np.int64)
    n = int(place[-1]) + 1
    if n == len(seconds):
        t0, step = regular(seconds, dt, "the time index")
        grid = values
    else:  # several epochs: on one grid, with nothing between them
        t0 = float(seconds[0])
        strays = np.flatnonzero(np.abs(seconds - t0 - step * place) > 1e-3 * step)
        if strays.size or np.any(np.diff(place) < 1):
            raise InputError(
                f"the time index must lie on one grid of step {step:g} s, with epochs left out; it does not: resample, "
                "or give one epoch (restrict)."
            )
        refuse_beyond_memory((n, values.shape[1]), 8, "the series with its gaps")
        grid = np.full((n, values.shape[1]), np.nan, np.float32 if values.dtype == np.float32 else np.float64)
        grid[place] = values
    single = isinstance(frame, nap.Tsd)
    return {
        "signals": {"signal": grid},
        "dt": step,
        "t0": t0,
        "unit_ids": None if single else np.asarray(frame.columns),
        "unit_info": {} if single else _metadata(frame),
    }


def _metadata(source: Any) -> dict[str, np.ndarray]:
    table = source.metadata
    found = {}
    for name in table.columns:
        values = np.asarray(table[name])
        plain = values.dtype.kind in "biufU" or all(isinstance(value, str) for value in values.tolist())
        if name != "rate" and plain and values.ndim == 1:  # the rate is pynapple's own reckoning
            found[str(name).replace("/", "_")] = values.astype(str) if values.dtype.kind == "O" else values
    return found
