"""Parts of a connectome's fields: some of a batch's networks, some of the units."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from synfer.errors import InputError
from synfer.storage import positions


def of_networks(dataset: xr.Dataset, network: Any) -> tuple[xr.Dataset, Any]:
    """Networks by position, and the label of a single one (None where the axis is kept)."""
    if "network" not in dataset.dims:
        raise InputError("this connectome has no network axis to select from: it is one network.")
    labels = dataset["network"].values
    try:
        chosen = labels[network]
        data = dataset.isel(network=network)
    except (IndexError, TypeError, ValueError) as error:
        raise InputError(f"network must select among {len(labels)} networks; got {network!r} ({error}).") from error
    if np.size(chosen) == 0 or len(np.unique(chosen)) < np.size(chosen):
        raise InputError(
            f"network must select at least one of {len(labels)} networks, and none twice; got {network!r}."
        )
    return (data.drop_vars("network"), chosen.item()) if np.ndim(chosen) == 0 else (data, None)


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
