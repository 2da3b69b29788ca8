"""The way in: any accepted input to segments of one signal, and the refusals, each one sentence with its mend.

Nothing is copied that need not be: checks run over blocks of rows, so that a recording as large as memory can be read.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import InvalidParameterError, validate_parameter_constraints

from synfer.errors import InputError, OrientationWarning, ShapeError, UnknownNameError, level_of_user
from synfer.recording import Recording
from synfer.storage import rectangular

BLOCK = 1 << 20  # samples looked at together: 8 MB of float64
LOOKED_AT = 1024  # samples by which units are told apart that could be each other, rescaled
FEWEST_TOLD = 5  # of them that differ from the others, or it may be chance: two trains with one spike in the same bin
LARGEST = 1e140  # of a sample: the sum of the squares of as many as there can be is still a number


class _NoNumbersError(InputError, TypeError):
    """An InputError as any other; scikit-learn's checks of an estimator ask for a TypeError too."""


def check_parameters(estimator: BaseEstimator) -> None:
    """Check an estimator's parameters against its ``_parameter_constraints``; raise InputError."""
    try:
        validate_parameter_constraints(
            estimator._parameter_constraints, estimator.get_params(deep=False), caller_name=type(estimator).__name__
        )
    except InvalidParameterError as error:
        raise InputError(str(error)) from None


def as_recording(X: Any) -> Any:
    """Give labelled arrays that say their times as a Recording; everything else as it comes."""
    if isinstance(X, xr.Dataset) or (isinstance(X, xr.DataArray) and "time" in X.coords):
        return Recording.from_xarray(X)
    return X


def read_signal(X: Any, signal: Any) -> dict[str, Any]:
    """Read ``X``, as `as_recording` gives it, into the fields of ``Samples``."""
    if isinstance(X, list | tuple) and any(isinstance(part, Recording) for part in X):
        raise InputError(
            f"X must be one Recording, got a {type(X).__name__} of {len(X)}: fit one at a time, or give trials of one "
            "length as one, Recording.from_array(numpy.stack(arrays), dt)."
        )
    if isinstance(X, Recording):
        return _read_recording(X, signal)
    ids = None
    if isinstance(X, pd.DataFrame):
        ids = np.asarray(X.columns)
    elif isinstance(X, xr.DataArray):
        if set(X.dims) == {"time", "unit"}:
            X = X.transpose("time", "unit")
        if X.ndim == 2 and X.dims[1] in X.coords:
            ids = np.asarray(X.coords[X.dims[1]])
    array = as_floats(X)
    if array.ndim != 2:
        mend = "Reshape your data with X.reshape(-1, 1) to one column a unit" if array.ndim == 1 else "give one trial"
        raise ShapeError(f"X must be a Recording or of shape (time, unit), got {array.shape}: {mend}.")
    unit_ids = np.arange(array.shape[1]) if ids is None else ids
    return {"segments": [array], "dt": None, "unit_ids": unit_ids, "signal": None, "t0s": [0.0]}


def _read_recording(X: Recording, signal: Any) -> dict[str, Any]:
    names = list(X.signal_names)
    if signal is None:
        if len(names) != 1:
            raise InputError(f"signal must be named where a Recording holds several, got None: give one of {names}.")
        signal = names[0]
    if not isinstance(signal, str):
        raise InputError(
            f"signal must be the name of one of the Recording's signals {names}, got {type(signal).__name__}."
        )
    if signal not in names:
        raise UnknownNameError.of("signal", signal, names)
    if X.leading == "network":
        raise ShapeError(
            "X must hold one network, of shape (time, unit) or (trial, time, unit), got (network, time, unit) = "
            f"{X.shape}: fit one at a time, X.isel(network=0)."
        )
    array = as_floats(X[signal])
    segments = [array] if array.ndim == 2 else list(array)
    return {
        "segments": segments,
        "dt": X.dt,
        "unit_ids": np.asarray(X.unit_ids),
        "signal": signal,
        "t0s": [float(X.t0)] * len(segments),
        "by_trial": array.ndim == 3,
        "unit_info": {str(name): X.unit_info[name].to_numpy() for name in X.unit_info.columns},
        "file": X.read_from,
    }


def as_floats(X: Any) -> np.ndarray:
    """Give ``X`` as float32 or float64, without a copy where it is one of them already."""
    if sparse.issparse(X):
        raise InputError("X must be dense, got a sparse matrix: convert it, X.toarray().")
    array = rectangular(X, "X")
    if array.dtype.kind == "c":
        raise InputError(f"X must be real, got {array.dtype}: Complex data not supported, give its parts as units.")
    if array.dtype in (np.float32, np.float64) and array.dtype.isnative:
        return array
    if array.dtype.kind in "mM":
        raise InputError(f"X must hold numbers, got {array.dtype}: leave out the column of times.")
    if array.dtype.kind not in "biuf":
        try:
            return array.astype(np.float64)
        except (ValueError, OverflowError) as error:
            raise InputError(f"X must hold numbers, got {array.dtype}: {str(error).rstrip('.')}.") from None
        except TypeError as error:
            raise _NoNumbersError(f"X must hold numbers, got {array.dtype}: {str(error).rstrip('.')}.") from None
    # float32 holds every count of up to 16 bits exactly, at half the memory.
    return array.astype(np.float32 if array.dtype.itemsize <= 2 or array.dtype == np.dtype(">f4") else np.float64)


def check_shape(name: str, shape: tuple[int, int], min_samples: Callable[[int], int], *, few: bool = False) -> None:
    """Check numbers of units and samples; warn of an array that is probably transposed, unless ``few`` are usual."""
    n_samples, n_units = shape
    if n_units < 2:
        raise InputError(
            f"X holds {n_units} feature(s) (shape={shape}) while a minimum of 2 is required by {name}: "
            "who drives whom is a question about two units or more."
        )
    if n_units > n_samples > 0 and not few:
        warnings.warn(
            f"X has more units ({n_units}) than samples ({n_samples}): rows are time, columns are units; transpose it "
            "if it is the other way round.",
            OrientationWarning,
            stacklevel=level_of_user(),
        )
    needed = min_samples(n_units)
    if n_samples < needed:
        raise InputError(
            f"X must have at least {needed} samples for {n_units} units and these parameters of {name}, got "
            f"n_samples={n_samples}: record for longer, or take fewer units or lags."
        )


def check_values(segments: list[np.ndarray], unit_ids: np.ndarray, *, distinct: bool, missing: bool = False) -> None:
    """Refuse samples that are not finite and, with ``distinct``, constant units, units with identical samples but for
    scale and offset, and such as are so large or vary so little that their squares are no numbers of float64.

    With ``missing``, NaN is a sample that is missing, and only infinities are refused.
    """
    n_units = segments[0].shape[1]
    low, high = np.full(n_units, np.inf), np.full(n_units, -np.inf)
    for _, block in blocks(segments):
        # min and max carry NaN and infinities through: one look finds both the unclean and the constant.
        if missing:  # fmin and fmax pass NaN over
            low, high = np.fmin(low, np.fmin.reduce(block, axis=0)), np.fmax(high, np.fmax.reduce(block, axis=0))
        else:
            low, high = np.minimum(low, block.min(axis=0)), np.maximum(high, block.max(axis=0))
    if missing and (low > high).any() and any(len(segment) for segment in segments):
        if distinct:
            raise InputError(
                f"X must hold known samples of every unit, got only NaN in {_listed(unit_ids[low > high])}: drop it."
            )
        low, high = np.where(low > high, 0.0, low), np.where(low > high, 0.0, high)  # missing throughout a stretch
    if not (np.isfinite(low).all() and np.isfinite(high).all()):
        if any(len(segment) for segment in segments):
            raise InputError(_first_unclean(segments, unit_ids, missing))
        return  # no sample at all: nothing to check
    if not distinct:
        return
    if (low == high).any():
        raise InputError(
            f"X must vary in every unit, got constant samples in {_listed(unit_ids[low == high])}: a constant neither "
            "drives nor is driven, drop it."
        )
    high, low = high.astype(np.float64), low.astype(np.float64)
    with np.errstate(over="ignore"):
        spread = high - low
    beyond = (np.maximum(high, -low) > LARGEST) | (spread > LARGEST)
    below = spread < 1.0 / LARGEST
    for wrong, squares, got in ((beyond, "overflow", "more"), (below, "vanish", "less")):
        if wrong.any():
            raise InputError(
                f"X must lie within {LARGEST:.0e} and vary by {1.0 / LARGEST:.0e} or more, or squares {squares}; got "
                f"{got} in {_listed(unit_ids[wrong])}: rescale it, for instance to z-scores."
            )
    for twins in _identical(segments):
        raise InputError(
            f"X must hold each unit once, got identical samples in {_listed(unit_ids[twins])}: which of them drives "
            "cannot be told, keep one."
        )
    for pair in _rescaled(segments, low, high):
        raise InputError(
            f"X must hold each unit once, got the same samples but for scale and offset in {_listed(unit_ids[pair])}: "
            "which of them drives cannot be told, keep one."
        )


def blocks(segments: list[np.ndarray]) -> Iterator[tuple[int, np.ndarray]]:
    """Cut segments into (segment number, block of rows)."""
    for number, segment in enumerate(segments):
        rows = max(1, BLOCK // max(1, segment.shape[1]))
        for first in range(0, len(segment), rows):
            yield number, segment[first : first + rows]


def _first_unclean(segments: list[np.ndarray], unit_ids: np.ndarray, missing: bool = False) -> str:
    first = 0
    last_number = 0
    for number, block in blocks(segments):
        first, last_number = (0, number) if number != last_number else (first, number)
        unclean = np.isinf(block) if missing else ~np.isfinite(block)
        if unclean.any():
            time, unit = np.argwhere(unclean)[0]
            what = "NaN" if np.isnan(block[time, unit]) else "inf"
            mend = (
                "mark it as missing, NaN"
                if missing
                else "interpolate it (pandas.DataFrame(x).interpolate(), interpolate_na of xarray), or fit Synformer, "
                "which takes missing samples"
            )
            where = f" of trial {number}" if len(segments) > 1 else ""
            return (
                f"X must be finite, got {what} in unit {unit_ids[unit]!s} at time index {first + time}{where}: {mend}."
            )
        first += len(block)
    raise AssertionError("called on finite samples")


def _identical(segments: list[np.ndarray]) -> list[list[int]]:
    """Find groups of columns with the same samples throughout: candidates are split until none are left."""
    groups = [list(range(segments[0].shape[1]))]
    for _, block in blocks(segments):
        split: list[list[int]] = []
        for group in groups:
            by_samples: dict[bytes, list[int]] = {}
            for unit in group:
                by_samples.setdefault(block[:, unit].tobytes(), []).append(unit)
            split += [units for units in by_samples.values() if len(units) > 1]
        groups = split
        if not groups:
            break
    return groups


def _rescaled(segments: list[np.ndarray], low: np.ndarray, high: np.ndarray) -> Iterator[list[int]]:
    """Give the pairs of units of which one is the other one multiplied, and something added.

    Of some `LOOKED_AT` samples, as far apart as there are, a random projection of each unit's z-scores is nearly its
    own; only those that it does not tell apart are held against each other throughout.
    """
    total, n_units = sum(map(len, segments)), segments[0].shape[1]
    step = max(1, total // LOOKED_AT)
    n = -(-total // step)
    if n < 3:  # any two samples are any other two, rescaled
        return
    before = np.cumsum([0, *map(len, segments[:-1])]).tolist()

    def part(units: slice) -> np.ndarray:
        rows = [segment[-first % step :: step, units] for segment, first in zip(segments, before, strict=True)]
        return (np.concatenate(rows).astype(np.float64) - low[units]) / (high - low)[units]

    weights, mark, at_once = np.random.default_rng(0).standard_normal(n), np.empty(n_units), max(1, BLOCK // n)
    for first in range(0, n_units, at_once):
        units = slice(first, first + at_once)
        looked_at = part(units)
        looked_at -= looked_at.mean(axis=0)
        size = np.sqrt((looked_at**2).sum(axis=0))
        with np.errstate(invalid="ignore", divide="ignore"):
            mark[units] = np.abs(weights @ looked_at / size)
    order = np.argsort(mark)  # NaN, of missing samples or silence, comes last
    tolerance = 1e-5 if segments[0].dtype == np.float32 else 1e-9
    for one, other in itertools.pairwise(order):
        if mark[other] - mark[one] >= tolerance:
            continue
        own = part(slice(one, one + 1))
        if np.sum(own != np.median(own)) >= FEWEST_TOLD and _are_rescaled(segments, low, high, [one, other], tolerance):
            yield sorted((int(one), int(other)))


def _are_rescaled(
    segments: list[np.ndarray], low: np.ndarray, high: np.ndarray, pair: list[np.intp], tolerance: float
) -> bool:
    same = opposite = True
    for _, block in blocks(segments):
        one, other = ((block[:, pair] - low[pair]) / (high - low)[pair]).T
        same = same and bool((np.abs(one - other) < tolerance).all())
        opposite = opposite and bool((np.abs(1.0 - one - other) < tolerance).all())
        if not (same or opposite):
            return False
    return True


def _listed(ids: np.ndarray, most: int = 8) -> str:
    """Write ids out, the first few of many."""
    text = ", ".join(str(i) for i in ids[:most])
    return f"{'unit' if len(ids) == 1 else 'units'} {text}" + (
        f" and {len(ids) - most} more" if len(ids) > most else ""
    )


def as_positive(value: Any, name: str, unit: str, example: str) -> tuple[float, ...]:
    """Positive numbers, any count of them.

    Raises
    ------
    InputError
        They are not.
    """
    try:
        numbers = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        numbers = np.array([np.nan])
    if numbers.ndim != 1 or not (np.isfinite(numbers) & (numbers > 0)).all():
        raise InputError(f"{name} must be positive numbers of {unit}, got {value!r}: give a tuple such as {example}.")
    return tuple(numbers.tolist())
