"""What is known of a connectome's units beside their labels: coordinates of its Dataset, which go where units go.

In matrices a column "brain_area" stands along both axes, as target_brain_area and source_brain_area; in a list of edges
once, as unit_brain_area.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from synfer.unit_info import as_unit_info


def axes_of(dataset: xr.Dataset) -> tuple[str, ...]:
    """Axes along which units stand."""
    return ("unit",) if "edge" in dataset.dims else ("target", "source")


def info_of(dataset: xr.Dataset) -> dict[str, np.ndarray]:
    """Columns (unit,), by name."""
    axis = axes_of(dataset)[0]
    return {
        str(name).removeprefix(f"{axis}_"): column.values
        for name, column in dataset.variables.items()  # in a file, one with a space in its name is no coordinate
        if column.dims == (axis,) and str(name).startswith(f"{axis}_")
    }


def with_info(dataset: xr.Dataset, given: Any) -> xr.Dataset:
    """The same fields with these columns, checked; in place of those that there were."""
    axes = axes_of(dataset)
    columns = as_unit_info(given, dataset.sizes[axes[0]])
    before = [f"{axis}_{name}" for axis in axes for name in info_of(dataset)]
    return dataset.drop_vars(before).assign_coords(
        {f"{axis}_{name}": (axis, column) for name, column in columns.items() for axis in axes}
    )
