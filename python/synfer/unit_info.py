"""What is known of the units beside their labels: columns of numbers, text or truth values, one value a unit."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import pandas as pd

from synfer.errors import InputError, ShapeError
from synfer.storage import rectangular


def as_unit_info(given: Any, n_units: int, taken: Collection[str] = ()) -> dict[str, np.ndarray]:
    """Columns (unit,) of bool, integers, floats or text, checked; missing text becomes "", a missing number NaN.

    Parameters
    ----------
    given : DataFrame, dict of str to array (unit,), or None
    n_units : int
    taken : collection of str
        Names that mean something else.

    Raises
    ------
    ShapeError
        A column has another length.
    InputError
        A name is no text or is taken, or a column holds other things.
    """
    if given is None:
        return {}
    if isinstance(given, pd.DataFrame):
        given = {name: given[name].to_numpy() for name in given.columns}
    if not isinstance(given, Mapping):
        raise InputError(f"unit_info must be a DataFrame or a dict of name to (unit,); got a {type(given).__name__}.")
    return {_name(name, taken): _column(name, values, n_units) for name, values in given.items()}


def unit_frame(columns: Mapping[str, np.ndarray], unit_ids: np.ndarray) -> pd.DataFrame:
    """Give the columns as a table with a row a unit, by its label."""
    return pd.DataFrame(dict(columns), index=pd.Index(unit_ids, name="unit"))


def _name(name: Any, taken: Collection[str]) -> str:
    if not isinstance(name, str) or not name or re.search("[/\0\ud800-\udfff]", name):
        raise InputError(f"unit_info: a column's name must be text without '/', such as 'brain_area'; got {name!r}.")
    if name in taken:
        raise InputError(f"unit_info: {name!r} has another meaning in a recording; rename the column.")
    return name


def _column(name: str, values: Any, n_units: int) -> np.ndarray:
    if isinstance(values, list | tuple):  # of several kinds numpy would make text
        values = np.array([*values, None], dtype=object)[:-1]
    column = rectangular(values, f"unit_info {name!r}")
    if column.shape != (n_units,):
        raise ShapeError(f"unit_info {name!r} must have shape ({n_units},), one value a unit; got {column.shape}.")
    if column.dtype.kind == "O":
        missing = pd.isna(column)
        known = column[~missing].tolist()
        if all(isinstance(value, str) for value in known):
            _refuse_unwritable(name, known)
            column = np.where(missing, "", column).astype(str)
        elif all(isinstance(value, bool | np.bool_) for value in known) and not missing.any():
            column = column.astype(bool)
        elif all(isinstance(value, int | float | np.number) for value in known):
            column = np.where(missing, np.nan, column).astype(np.float64)
    if column.dtype.kind == "T":
        column = column.astype(str)
    if column.dtype.kind not in "biufU":
        raise InputError(f"unit_info {name!r} must hold numbers, text or truth values; got {column.dtype}.")
    if column.dtype.kind == "U":
        _refuse_unwritable(name, column.tolist())
    return column


def _refuse_unwritable(name: str, texts: list[str]) -> None:
    if re.search("[\0\ud800-\udfff]", "".join(texts)):
        raise InputError(f"unit_info {name!r} must be plain text: a NUL or a lone surrogate does not survive a file.")
