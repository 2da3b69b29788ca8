"""What is known of a connectome's units beside their labels: coordinates of its Dataset, which go where units go.

In matrices a column "brain_area" stands along both axes, as target_brain_area and source_brain_area; in a list of edges
once, as unit_brain_area.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from synfer.errors import InputError
from synfer.storage import as_ids, positions
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


def new_labels(labels: np.ndarray, given: Any) -> np.ndarray:
    """Labels (unit,) in place of the old ones: all of them in their order, or those that a mapping names.

    Raises
    ------
    ShapeError, InputError
        The mapping names a unit that is not there, or what comes out are no labels: not as many as units, of other
        types, or one twice; or nothing is given.
    """
    if given is None:  # which elsewhere means 0, 1, ...
        raise InputError("units must be labels, one a unit, or a mapping of old ones to new; got None.")
    if not isinstance(given, Mapping):
        return as_ids(given, len(labels), "units")
    if not given:
        raise InputError("units must name at least one unit and its new label; got an empty mapping.")
    positions(labels, list(given), "units")  # each of them is there
    mixed = np.array([given.get(label, label) for label in labels.tolist()], dtype=object)  # numbers stay numbers
    return as_ids(mixed, len(labels), "units")


def renamed(dataset: xr.Dataset, ids: np.ndarray) -> xr.Dataset:
    """The same fields, of units of other labels (unit,)."""
    return dataset.assign_coords(dict.fromkeys(axes_of(dataset), ids))
