"""Lists of spikes as text: a line a spike, its time in seconds and its unit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from synfer.errors import InputError
from synfer.recording.formats.common import reading
from synfer.recording.formats.trials import of_spikes, span_of_spikes
from synfer.recording.spikes import warn_of_milliseconds
from synfer.storage import StrPath, as_path

NAMES = {
    "time": ("time", "times", "t", "spike_time", "spike_times"),
    "unit": ("unit", "units", "id", "unit_id", "neuron", "cluster"),
}
"""What the two columns may be called where there is a first line of names, in any case."""


def read(
    path: StrPath, *, dt: float | None = None, duration: float | None = None, t0: float = 0.0, time: slice | None = None
) -> dict[str, Any]:
    """Arguments of `Recording.from_spikes`; see `Recording.from_csv`."""
    with reading(path, "a list of spikes"):
        times, units = _columns(path)
        ids = np.unique(units) if len(units) else None  # those silent in the part asked for stay
        if time is not None and dt is not None:
            t0, stop = span_of_spikes(time, float(times.max(initial=t0)), dt, t0, duration and t0 + duration)
            kept = (times >= t0) & (times < stop)
            times, units, duration = times[kept], units[kept], stop - t0
    made = of_spikes(times, units, dt, unit_ids=ids, t0=t0, duration=duration)
    warn_of_milliseconds(times, units, float(made["dt"]), stacklevel=4)
    return made | {"provenance": {"file": as_path(path).name}}


def _columns(path: StrPath) -> tuple[np.ndarray, np.ndarray]:
    """Times and units, (event,) each; what is wrong with one is told by its line in the file."""
    name = as_path(path).name
    separator = "\t" if as_path(path).suffix.lower() == ".tsv" else ","
    with as_path(path).open(encoding="utf-8-sig") as file:
        first = [cell.strip() for cell in file.readline().split(separator)]
    headed = not _is_number(first[0]) and not (len(first) > 1 and _is_number(first[1]))
    # blank lines are kept until they have been counted
    table = pd.read_csv(
        path,
        sep=separator,
        header=0 if headed else None,
        encoding="utf-8-sig",
        skipinitialspace=True,
        skip_blank_lines=False,
    )
    if headed:
        names = {str(name).strip().lower(): name for name in table.columns}
        found = {kind: next((names[n] for n in known if n in names), None) for kind, known in NAMES.items()}
    else:
        found = dict(zip(NAMES, table.columns, strict=False)) if table.shape[1] == 2 else {}
    if None in found.values() or len(found) < 2:
        raise InputError(
            f"a list of spikes must have the columns time (seconds) and unit, or two columns without names; {name!r} "
            f"has {', '.join(map(str, first))}."
        )
    table.index = table.index + (2 if headed else 1)  # lines of the file
    table = table.dropna(how="all")
    times, units = (table[found[kind]] for kind in ("time", "unit"))
    if times.dtype.kind not in "iuf":
        wrong = times[pd.to_numeric(times, errors="coerce").isna() & times.notna()]
        if len(wrong):
            raise InputError(
                f"times must be real numbers (seconds); line {wrong.index[0]} of {name!r} has {wrong.iloc[0]!r}."
            )
        times = pd.to_numeric(times)
    lacking = times.isna() | units.isna()
    if lacking.any():
        raise InputError(f"every line must have a time and a unit; line {table.index[lacking][0]} of {name!r} has not.")
    if np.isinf(times).any():
        raise InputError(f"times must be finite seconds; line {table.index[np.isinf(times)][0]} of {name!r} is not.")
    if units.dtype.kind == "f" and (units == np.floor(units)).all():
        units = units.astype(np.int64)  # whole numbers, made floats by a blank line among them
    return times.to_numpy(), units.to_numpy()


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
