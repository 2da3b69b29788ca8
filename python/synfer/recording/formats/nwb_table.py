"""What NWB's tables say of units, electrodes and regions of interest: their columns of one plain value a row."""

from __future__ import annotations

from typing import Any

import numpy as np

AREA = "brain_area"
"""What a unit's place is called here, whatever it is called there."""
UNKNOWN = "unknown"
"""The word of NWB's own guidelines for a place that is not known: it takes no empty one."""
NOWHERE = {"", UNKNOWN}
_NO_INFO = {"spike_times", "obs_intervals", "waveforms", "waveform_mean", "waveform_sd", "group"}


def info_of_table(table: Any, rows: np.ndarray | None = None) -> dict[str, np.ndarray]:
    """Columns with a number, a text or a truth value a row, of these rows; a column "location" is the brain area."""
    found = {}
    for name in table.colnames:
        column = table[name]
        data = getattr(column, "data", None)
        if name in _NO_INFO or hasattr(column, "target") or hasattr(column, "table") or data is None:
            continue
        values = np.asarray(data[:])
        if values.ndim != 1:
            continue
        if values.dtype.kind == "O":
            values = np.array([v.decode() if isinstance(v, bytes) else v for v in values.tolist()], dtype=object)
            if not all(isinstance(v, str) for v in values.tolist()):
                continue
            values = values.astype(str)
        if name == "location" and {*values.tolist()} <= NOWHERE:
            continue  # the column must be there, though nothing is known
        if values.dtype.kind in "biufU":
            found[AREA if name == "location" else str(name).replace("/", "_")] = (
                values if rows is None else values[rows]
            )
    return found


def info_of_units(table: Any) -> dict[str, np.ndarray]:
    """Of a units table; the brain area is that of a unit's electrodes where these are in one."""
    found = info_of_table(table)
    if AREA in found or "electrodes" not in table.colnames:
        return found
    electrodes = table["electrodes"].target.table
    if "location" not in electrodes.colnames:
        return found
    places = np.asarray(electrodes["location"].data[:], dtype=object)
    index = np.asarray(table["electrodes"].target.data[:])
    ends = np.asarray(table["electrodes"].data[:], dtype=np.int64)
    areas = []
    for first, end in zip([0, *ends[:-1].tolist()], ends.tolist(), strict=True):
        names = {str(place) for place in places[index[first:end]].tolist()}
        areas.append(names.pop() if len(names) == 1 else "")
    return found if {*areas} <= NOWHERE else found | {AREA: np.array(areas, dtype=str)}


def info_of_rois(table: Any, rows: np.ndarray) -> dict[str, np.ndarray]:
    """Of a segmentation of one imaging plane, whose location is the brain area."""
    found = info_of_table(table, rows)
    location = getattr(getattr(table, "imaging_plane", None), "location", None)
    return (
        found
        if AREA in found or not location or location in NOWHERE
        else found | {AREA: np.full(len(rows), str(location))}
    )
