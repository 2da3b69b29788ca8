"""Lists of spikes as text: a line a spike, its time in seconds and its unit."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from synfer.errors import InputError
from synfer.recording.formats.common import reading
from synfer.recording.formats.trials import TOLERANCE, of_spikes, span_of_spikes, with_last
from synfer.recording.spikes import refuse_outside, warn_of_milliseconds
from synfer.storage import StrPath, as_number, as_path

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
        times, units, others = _columns(path)
        ids = np.unique(units) if len(units) else None  # those silent in the part asked for stay
        listed = units
        if time is not None and dt is not None:
            dt, t0 = as_number(dt, "dt", positive=True), as_number(t0, "t0")
            if duration is not None:
                duration = with_last(times, dt, t0, as_number(duration, "duration", positive=True))
            # one that the whole list would be refused for is not passed over in a part of it
            n_bins = np.inf if duration is None else np.ceil(duration / dt - TOLERANCE)
            refuse_outside(times, (times - t0) / dt + TOLERANCE, n_bins, t0, duration)
            kept, t0, duration = span_of_spikes(time, times, dt, t0, None if duration is None else t0 + duration)
            times, units = times[kept], units[kept]
    made = of_spikes(times, units, dt, unit_ids=ids, t0=t0, duration=duration)
    warn_of_milliseconds(times, units, float(made["dt"]))
    about = {"provenance": {"file": as_path(path).name}}
    return made | about | ({} if ids is None else {"unit_info": _info(others, listed, ids)})


def _info(others: pd.DataFrame, units: np.ndarray, ids: np.ndarray) -> dict[str, np.ndarray]:
    """What further columns say of a unit in all its lines: (unit,) each. What changes from line to line is no such."""
    found = {}
    for name in others.columns:
        groups = others[name].groupby(units)
        if bool((others[name] == groups.transform("first")).all()):  # nothing equals what is missing
            column = groups.first().loc[ids].to_numpy()
            found[str(name).strip().replace("/", "_")] = column.astype(str) if column.dtype.kind == "O" else column
    return found


def _columns(path: StrPath) -> tuple[np.ndarray, np.ndarray, pd.DataFrame]:
    """Times and units, (event,) each, and the other columns; what is wrong is told by its line in the file."""
    name = as_path(path).name
    separator = "\t" if as_path(path).suffix.lower() == ".tsv" else ","
    _, line = next(_lines(path), (0, ""))
    if not line:
        raise InputError(f"a list of spikes must have a line a spike; {name!r} has none.")
    first = [cell.strip() for cell in line.split(separator)]
    headed = not _is_number(first[0]) and not (len(first) > 1 and _is_number(first[1]))
    table = pd.read_csv(path, sep=separator, header=0 if headed else None, encoding="utf-8-sig", skipinitialspace=True)
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
    times, units = (table[found[kind]] for kind in ("time", "unit"))

    def refuse(wrong: pd.Series, what: str) -> None:
        if wrong.any():
            number, text = _nth_line(path, int(np.flatnonzero(wrong)[0]) + headed)
            raise InputError(f"{what}; line {number} of {name!r} is {text!r}.")

    refuse(times.isna() | units.isna(), "every line must have a time and a unit")
    if times.dtype.kind not in "iuf":
        refuse(pd.to_numeric(times, errors="coerce").isna(), "times must be real numbers (seconds)")
        times = pd.to_numeric(times)
    refuse(np.isinf(times), "times must be finite seconds")
    if units.dtype.kind == "f":
        refuse(np.floor(units) != units, "units must be whole numbers or names")
        refuse(np.isinf(units), "units must be whole numbers or names")
        units = units.astype(np.int64)
    return times.to_numpy(), units.to_numpy(), table.drop(columns=[found["time"], found["unit"]])


def _lines(path: StrPath) -> Iterator[tuple[int, str]]:
    """Lines that are not blank, and their numbers."""
    with as_path(path).open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                yield number, line.rstrip("\r\n")


def _nth_line(path: StrPath, n: int) -> tuple[int, str]:
    """The number and the text of the n-th line that is not blank, counted from 0: found when it is to be named."""
    return next(itertools.islice(_lines(path), n, None), (0, ""))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
