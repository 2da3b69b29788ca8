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
from synfer.recording.sampling import as_step
from synfer.recording.spikes import refuse_outside, warn_of_milliseconds
from synfer.storage import StrPath, as_number, as_path

NAMES = {
    "time": ("time", "times", "t", "spike_time", "spike_times", "time (s)", "time_s"),
    "unit": ("unit", "units", "unit_id", "neuron", "cluster", "neuron_id", "cluster_id", "id"),
}
"""What the two columns may be called where there is a first line of names, in any case: the first that is there."""
LINES_AT_ONCE = 1 << 18
"""Of a file that is looked through."""
LISTED = 4
"""Names of columns that a message lists: of a table of samples there are hundreds."""


def read(
    path: StrPath, *, dt: float | None = None, duration: float | None = None, t0: float = 0.0, time: slice | None = None
) -> dict[str, Any]:
    """Arguments of `Recording.from_spikes`; see `Recording.from_csv`."""
    with reading(path, "a list of spikes"):
        times, units, others = _columns(path)
        ids = np.unique(units) if len(units) else None  # those silent in the part asked for stay
        listed = units
        if time is not None and dt is not None:
            dt, t0 = as_step(dt), as_number(t0, "t0")
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
    how: dict[str, Any] = {"sep": separator, "encoding": "utf-8-sig", "skipinitialspace": True}
    how["header"] = 0 if headed else None
    columns = pd.read_csv(path, nrows=1, **how).columns
    if headed:
        names = {str(name).strip().lower(): name for name in columns}
        found = {kind: next((names[n] for n in known if n in names), None) for kind, known in NAMES.items()}
    else:
        found = dict(zip(NAMES, columns, strict=False)) if len(columns) == 2 else {}
    if None in found.values() or len(found) < 2:
        more = f" and {len(first) - LISTED} more" if len(first) > LISTED else ""
        there = ", ".join(first[:LISTED]) + more
        raise InputError(
            f"a list of spikes must have a column of seconds ({', '.join(NAMES['time'])}) and one of units "
            f"({', '.join(NAMES['unit'])}), or these two without names; {name!r} has {there}: "
            "name them so; a table of samples comes in by Recording.from_pandas(pandas.read_csv(path), dt) or as .npy."
        )
    table = pd.read_csv(path, **how)
    if not len(table):
        raise InputError(f"a list of spikes must have a line a spike; {name!r} has only the names of its columns.")
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
    if units.dtype.kind in "iuf" and _alike_as_numbers(path, found["unit"], how):
        units = pd.read_csv(path, dtype={found["unit"]: str}, **how)[found["unit"]].str.strip()
    if units.dtype.kind == "f":
        refuse(np.floor(units) != units, "units must be whole numbers or names")
        refuse(np.isinf(units), "units must be whole numbers or names")
        units = units.astype(np.int64)
    return times.to_numpy(), units.to_numpy(), table.drop(columns=[found["time"], found["unit"]])


def _alike_as_numbers(path: StrPath, column: Any, how: dict[str, Any]) -> bool:
    """Whether labels of units that differ as they are written, as 01 and 1 do, would be one unit as whole numbers."""
    written: set[str] = set()
    for part in pd.read_csv(path, dtype={column: str}, chunksize=LINES_AT_ONCE, **how):
        written |= {label.strip() for label in part[column].unique().tolist()}
    whole = [label for label in written if label.isdigit()]
    return len({int(label) for label in whole}) < len(whole)


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
