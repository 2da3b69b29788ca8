"""Lists of spikes as text: a line a spike, its time in seconds and its unit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from synfer.errors import InputError
from synfer.recording.formats.common import reading
from synfer.recording.formats.trials import of_spikes
from synfer.recording.spikes import warn_of_milliseconds
from synfer.storage import StrPath, as_path

NAMES = {
    "time": ("time", "times", "t", "spike_time", "spike_times"),
    "unit": ("unit", "units", "id", "unit_id", "neuron", "cluster"),
}
"""What the two columns may be called where there is a first line of names, in any case."""


def read(path: StrPath, *, dt: float | None = None, duration: float | None = None, t0: float = 0.0) -> dict[str, Any]:
    """Arguments of `Recording.from_spikes`; see `Recording.from_csv`."""
    with reading(path, "a list of spikes"):
        separator = "\t" if as_path(path).suffix.lower() == ".tsv" else ","
        with as_path(path).open(encoding="utf-8-sig") as file:
            first = [cell.strip() for cell in file.readline().split(separator)]
        headed = not _is_number(first[0]) and not (len(first) > 1 and _is_number(first[1]))
        table = pd.read_csv(
            path, sep=separator, header=0 if headed else None, encoding="utf-8-sig", skipinitialspace=True
        )
        if headed:
            names = {str(name).strip().lower(): name for name in table.columns}
            found = {kind: next((names[n] for n in known if n in names), None) for kind, known in NAMES.items()}
        else:
            found = dict(zip(NAMES, table.columns, strict=False)) if table.shape[1] == 2 else {}
        if None in found.values() or len(found) < 2:
            raise InputError(
                f"a list of spikes must have the columns time (seconds) and unit, or two columns without names; "
                f"{as_path(path).name!r} has {', '.join(map(str, first))}."
            )
        times, units = (table[found[kind]] for kind in ("time", "unit"))
        if times.dtype.kind not in "iuf":
            raise InputError(f"times must be real numbers (seconds); those of {as_path(path).name!r} are text.")
        if times.isna().any() or units.isna().any():
            row = int(np.flatnonzero(times.isna() | units.isna())[0])
            raise InputError(f"every line must have a time and a unit; spike {row} of {as_path(path).name!r} has not.")
    made = of_spikes(times.to_numpy(), units.to_numpy(), dt, t0=t0, duration=duration)
    warn_of_milliseconds(
        made["events"], float(made["dt"]), stacklevel=4
    )  # there is a list: nothing of such a file is unknown
    return made | {"provenance": {"file": as_path(path).name}}


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
