"""The fields of a connectome, checked and laid out as one xarray Dataset of matrices (lists of edges: edges.py)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from synfer.errors import InputError, ShapeError
from synfer.storage import as_choice, as_floats, as_ids

DESCRIPTIONS = {
    "score": "evidence for an effect of source on target, at least 0",
    "weight": "signed strength of the effect of source on target",
    "pvalue": "p-value of no effect, uncorrected",
    "delay": "time from the sample that shows the source's event to the first sample it can change, in seconds",
    "score_std": "spread of the score over initialisations or resamples",
    "interval_low": "lower bound of what the weight (or score) estimates",
    "interval_high": "upper bound of what the weight (or score) estimates",
}
FIELDS = tuple(DESCRIPTIONS)
LEADING = ("network", "time")
ABSENT = dict.fromkeys(FIELDS, np.nan) | {"score": 0.0, "weight": 0.0}
"""What an edge list says of the pairs that it does not list."""


def leading_of(data: xr.Dataset | xr.DataArray) -> str | None:
    """Name of the axis before (target, source), None where there is none."""
    return next((axis for axis in LEADING if axis in data.dims), None)


def matrix_dataset(given: Mapping[str, Any], unit_ids: Any, leading_ids: Any, leading: str | None = None) -> xr.Dataset:
    """Lay out fields of shape ([network|time,] target, source).

    Parameters
    ----------
    given : dict of str to array, DataArray or None
        The fields. A DataArray is transposed to (target, source) by its dims' names and reordered by its labels.
    unit_ids : array (unit,) or None
        Labels of the units; None takes a DataArray's, else ``arange(n)``.
    leading_ids : array (network,) or (time,) or None
        Labels of the networks of a batch, in the same way, or times in seconds.
    leading : {"network", "time"} or None
        What a leading axis is; None takes a DataArray's, else "network".

    Raises
    ------
    ShapeError, InputError
        A field is no square matrix, disagrees with the others' shape, or holds impossible values.
    """
    for value in given.values():
        if isinstance(value, xr.DataArray):
            unit_ids = value.coords["target"].values if unit_ids is None and "target" in value.coords else unit_ids
            leading = leading_of(value) if leading is None else leading
            if leading_ids is None and leading in value.coords and leading in value.dims:
                leading_ids = value.coords[leading].values
    leading = "network" if leading is None else as_choice(leading, "leading axis", LEADING)
    arrays = {
        name: as_floats(_by_name(name, value, unit_ids, leading), name)
        for name, value in given.items()
        if value is not None
    }
    shape = arrays["score"].shape
    if len(shape) not in (2, 3) or shape[-1] != shape[-2] or 0 in shape:
        raise ShapeError(f"score must have shape (target, source) or ({leading}, target, source); got {shape}.")
    for name, array in arrays.items():
        if array.shape != shape:
            raise ShapeError(f"{name} must have the score's shape {shape}; got {array.shape}.")
    dims = (leading, "target", "source")[-len(shape) :]
    ids = as_ids(unit_ids, shape[-1], "unit_ids")
    coords: dict[str, Any] = {"target": ids, "source": ids}
    if len(shape) == 3:
        if leading == "time":
            coords["time"] = ("time", as_times(leading_ids, shape[0]), {"units": "s"})
        else:
            coords["network"] = as_ids(leading_ids, shape[0], "leading_ids")
    elif leading_ids is not None or leading == "time":
        raise InputError(f"the score has no leading {leading} axis, of shape {shape}; leave out leading, leading_ids.")
    dataset = xr.Dataset({name: (dims, array) for name, array in arrays.items()}, coords=coords)
    return checked(dataset)


def as_times(leading_ids: Any, n: int) -> np.ndarray:
    """Increasing seconds, (time,)."""
    if leading_ids is None:
        raise InputError("leading_ids must be given, in seconds, where time leads.")
    times = as_floats(leading_ids, "leading_ids").astype(np.float64, copy=False)
    if times.shape != (n,):
        raise ShapeError(f"leading_ids must have shape ({n},), one time for each; got {times.shape}.")
    if not (np.isfinite(times).all() and np.all(np.diff(times) > 0)):
        raise InputError(f"leading_ids must be finite, increasing seconds where time leads; got {times.tolist()[:5]}.")
    return times


def _by_name(name: str, value: Any, unit_ids: Any, leading: str) -> Any:
    """Bring a DataArray to (..., target, source), its rows and columns in the order of ``unit_ids``."""
    if not isinstance(value, xr.DataArray):
        return value
    if set(value.dims) not in ({"target", "source"}, {leading, "target", "source"}):
        raise ShapeError(f"{name} must have dims (target, source), {leading} before them or not; got {value.dims}.")
    for axis in ("target", "source"):
        if axis in value.coords and unit_ids is not None and not np.array_equal(value.coords[axis].values, unit_ids):
            try:
                value = value.sel({axis: np.asarray(unit_ids)})
            except (KeyError, pd.errors.InvalidIndexError) as error:
                raise InputError(f"{name}'s {axis} labels are not the units' labels ({error}).") from error
    return value.transpose(..., "target", "source").values


def checked(dataset: xr.Dataset) -> xr.Dataset:
    """Refuse impossible values (NaN means that nothing is said of a pair), describe the rest."""
    for name, values in dataset.data_vars.items():
        array = values.values
        if name in ("weight", "interval_low", "interval_high"):
            wrong, rule = np.isinf(array), "be finite"
        elif name == "pvalue":
            wrong, rule = (array < 0) | (array > 1), "lie in [0, 1]"
        else:
            wrong, rule = (array < 0) | np.isinf(array), "be finite and at least 0"
        if np.any(wrong):
            where, place = _first(values, wrong)
            raise InputError(f"{name} must {rule}, or NaN where nothing is said; at {where} it is {array[place]}.")
        values.attrs["long_name"] = DESCRIPTIONS[str(name)]
    _check_order(dataset)
    if "delay" in dataset:
        dataset["delay"].attrs["units"] = "s"
    return dataset


def _check_order(dataset: xr.Dataset) -> None:
    """Refuse bounds that hold nothing between them; NaN, where nothing is said, lies nowhere.

    They need not hold the weight: they bound what it estimates, and a biased estimate may lie beside an interval that
    has the bias taken out, as the basic one of the bootstrap has.
    """
    lower, upper = "interval_low", "interval_high"
    if lower not in dataset or upper not in dataset:
        return
    low, high = dataset[lower].values, dataset[upper].values
    # in the coarser of their types: rounding keeps an order, but not between types
    coarse = min(low.dtype, high.dtype, key=lambda dtype: dtype.itemsize)
    wrong = low.astype(coarse) > high.astype(coarse)
    if np.any(wrong):
        where, place = _first(dataset[lower], wrong)
        raise InputError(f"{lower} must be at most {upper}; at {where} they are {low[place]} and {high[place]}.")


def _first(values: xr.DataArray, wrong: np.ndarray) -> tuple[str, tuple[int, ...]]:
    """Where the first wrong value stands, in words and as an index."""
    place = tuple(int(k) for k in np.argwhere(wrong)[0])
    return ", ".join(f"{dim} {k}" for dim, k in zip(values.dims, place, strict=True)), place
