"""Signals' arrays, numpy's or torch's, without importing torch: what may be held, and how to reach into it."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from synfer.errors import InputError, OrientationWarning, level_of_user
from synfer.recording.spikes import ListedSpikes
from synfer.storage import rectangular


def named(name: Any) -> str:
    """Give a signal's name; what is no text, a list for instance, is an `InputError`."""
    if not isinstance(name, str):
        raise InputError(f"a signal's name must be an identifier such as 'v'; got a {type(name).__name__}.")
    return name


def held(name: Any, array: Any, reserved: set[str]) -> Any:
    """Give a signal's array as it shall be held: as it came, where it is numpy's or torch's and of real numbers.

    Raises
    ------
    InputError
        The name is no identifier or has another meaning, or the array holds no real numbers.
    """
    if not isinstance(name, str) or not name.isidentifier() or name in reserved:
        raise InputError(f"a signal's name must be an identifier such as 'v', and not one of the axes'; got {name!r}.")
    if isinstance(array, ListedSpikes):
        return array
    if hasattr(array, "detach"):  # a torch tensor, on whatever device
        if array.is_complex():
            raise InputError(f"signal {name!r} must be real numbers; got {array.dtype}.")
        return array
    if not isinstance(array, np.ndarray):
        array = rectangular(array, f"signal {name!r}")
    if array.dtype.kind not in "biuf":
        raise InputError(f"signal {name!r} must be real numbers; got {array.dtype}.")
    if isinstance(array, np.ma.MaskedArray):  # the mask would be lost on the way
        raise InputError(f"signal {name!r} is a masked array: give its data with NaN for what is masked.")
    return array


FEW_SAMPLES, MANY_UNITS, MORE_UNITS = 300, 500, 10
"""Samples up to which, units from which on, and how many units a sample beyond which an array is warned of. Such are
populations of up to 300 on their side. A second of many units (50 frames of 600) is warned of for nothing."""
HARDLY_UNITS = 1000
"""Units beyond which an array is warned of where it has fewer samples: thousands of frames of hundreds of cells, as
suite2p has them, cells first. Minutes of a whole brain (thousands of units, a few frames a second) are so for nothing,
by nearly every estimator as well."""


def warn_of_orientation(shape: tuple[int, ...], leading: str | None) -> bool:
    """Warn of an array that probably is (unit, time), trials taken together; say whether it was warned of.

    Warns
    -----
    OrientationWarning
        Of the line that called synfer.
    """
    n_units = shape[-1]
    n_samples = shape[-2] * (shape[0] if leading == "trial" else 1)
    on_its_side = (n_samples <= FEW_SAMPLES and n_units >= MANY_UNITS and n_units > MORE_UNITS * n_samples) or (
        n_units > max(HARDLY_UNITS, n_samples)
    )
    if on_its_side:
        warnings.warn(
            f"array has {n_units} units and {n_samples} samples: rows are time, columns are units; transpose it if it "
            "is the other way round; where it is not, filter synfer.errors.OrientationWarning.",
            OrientationWarning,
            stacklevel=level_of_user(),
        )
    return on_its_side


def dtype_name(array: Any) -> str:
    """Name of the type of an array's numbers, the same for numpy and torch."""
    return str(array.dtype).removeprefix("torch.")


def axis_index(chosen: Any, n: int, axis: str) -> int | slice | list[int]:
    """Bring a choice along an axis of length ``n`` to a form that numpy and torch take alike.

    Raises
    ------
    InputError
        Nothing is chosen, a position lies outside, or the choice is of another kind.
    """
    if isinstance(chosen, slice):
        if len(range(*bounds(chosen, n, axis))) == 0:
            raise InputError(f"{axis} must choose at least one of {n}; got {chosen}.")
        if chosen.step is None or chosen.step > 0:
            return chosen
        return list(range(*chosen.indices(n)))  # torch knows no backward slice
    where = rectangular(chosen, axis)
    if where.dtype == bool and where.shape == (n,):
        where = np.flatnonzero(where)
    if where.ndim > 1 or where.size == 0 or where.dtype.kind not in "iu":
        raise InputError(
            f"{axis} must be an int, a slice, or a 1-D array of int or bool that choose some; got {chosen!r}."
        )
    if np.any((where < -n) | (where >= n)):
        raise InputError(f"{axis} must lie in 0 to {n - 1}; got {chosen!r}.")
    where = where % n
    return int(where) if where.ndim == 0 else where.tolist()


def bounds(span: slice, n: int, axis: str) -> tuple[int, int, int]:
    """Start, stop and step of a slice of an axis of length ``n``; one not of whole numbers is an `InputError`."""
    try:
        return span.indices(n)
    except (TypeError, ValueError):
        raise InputError(f"{axis} must be a slice of whole numbers, its step not 0; got {span}.") from None


def equal(one: np.ndarray | None, two: np.ndarray | None) -> bool:
    """Whether two arrays have one type and equal values, NaN equal to NaN (text of whatever length is one type)."""
    if one is None or two is None:
        return one is two
    same_type = one.dtype == two.dtype or one.dtype.kind == two.dtype.kind == "U"
    return same_type and np.array_equal(one, two, equal_nan=one.dtype.kind == "f")
