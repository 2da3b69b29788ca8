"""Parts of a connectome's fields: some of a batch's networks or of the times, some of the units."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from synfer.connectome.edges import OF, networks_at
from synfer.errors import InputError
from synfer.storage import positions


def of_leading(dataset: xr.Dataset, axis: str, wanted: Any) -> tuple[xr.Dataset, Any]:
    """Networks or times by position, and the label of a single one (None where the axis is kept)."""
    if axis not in dataset.dims:
        raise InputError(f"this connectome has no {axis} axis to select from: its dims are {dataset['score'].dims}.")
    labels = dataset[axis].values
    try:
        chosen = labels[wanted]
        data = None if OF in dataset.coords else dataset.isel({axis: wanted})
    except (IndexError, OverflowError, RuntimeError, TypeError, ValueError) as error:
        raise InputError(f"{axis} must select among {len(labels)} {axis}s; got {wanted!r} ({error}).") from error
    if np.ndim(chosen) > 1 or np.size(chosen) == 0 or len(np.unique(chosen)) < np.size(chosen):
        raise InputError(f"{axis} must select at least one of {len(labels)} {axis}s, and none twice; got {wanted!r}.")
    if axis == "time" and np.ndim(chosen) and np.any(np.diff(chosen) < 0):
        raise InputError(f"time must select times in their order; got {wanted!r}.")
    label = chosen.item() if np.ndim(chosen) == 0 else None
    if data is None:
        return networks_at(dataset, np.arange(len(labels))[wanted]), label
    return (data, None) if np.ndim(chosen) else (data.drop_vars(axis), label)


def of_units(dataset: xr.Dataset, labels: np.ndarray, units: Any) -> xr.Dataset:
    """Fields among some of the units, in the order given; of an edge list, the edges with both ends among them."""
    kept = positions(labels, units, "units")
    if len(kept) == 0 or len(np.unique(kept)) < len(kept):
        raise InputError(f"units must name at least one unit, and none twice; got {units!r}.")
    if "edge" not in dataset.dims:
        return dataset.isel(target=kept, source=kept)
    renumbered = np.full(len(labels), -1)
    renumbered[kept] = np.arange(len(kept))
    ends = {name: renumbered[dataset[name].values] for name in ("source", "target")}
    inside = np.flatnonzero((ends["source"] >= 0) & (ends["target"] >= 0))
    part = dataset.isel(edge=inside, unit=kept)
    return part.assign_coords({name: ("edge", index[inside]) for name, index in ends.items()})
