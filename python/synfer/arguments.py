"""Numbers that callers give, checked."""

from __future__ import annotations

import contextlib
import math
import numbers
from typing import Any

import numpy as np

from synfer.errors import InputError
from synfer.storage import rectangular


def checked_seed(seed: Any) -> int:
    """Give the seed as an int.

    Raises
    ------
    InputError
        It is no integer in 0 to 2^64 - 1.
    """
    if not _is(seed, numbers.Integral) or not 0 <= int(seed) < 2**64:
        raise InputError(f"seed must be an integer in 0 to 2^64 - 1; got {seed!r}.")
    return int(seed)


def checked_count(name: str, value: Any, least: int, most: int | None = None) -> int:
    """Give a number of things as an int.

    Raises
    ------
    InputError
        It is no integer, less than ``least`` or more than ``most``; the message names it.
    """
    if not _is(value, numbers.Integral) or int(value) < least or (most is not None and int(value) > most):
        expected = f"of at least {least}" if most is None else f"in {least} to {most}"
        raise InputError(f"{name} must be an integer {expected}; got {value!r}.")
    return int(value)


def checked_number(name: str, value: Any) -> float:
    """Give a number as a float.

    Raises
    ------
    InputError
        It is no real number, or not finite; the message names it.
    """
    number = math.nan
    if _is(value, numbers.Real):
        with contextlib.suppress(OverflowError):  # an integer of hundreds of digits
            number = float(value)
    if not math.isfinite(number):
        raise InputError(f"{name} must be a finite number; got {value!r}.")
    return number


def checked_probability(name: str, value: Any) -> float:
    """Give a probability as a float.

    Raises
    ------
    InputError
        It is no number in [0, 1]; the message names it.
    """
    number = checked_number(name, value)
    if not 0 <= number <= 1:
        raise InputError(f"{name} must be a probability, in [0, 1]; got {number}.")
    return number


def checked_flag(name: str, value: Any) -> bool:
    """Give a bool.

    Raises
    ------
    InputError
        It is neither True nor False; the message names it.
    """
    if not isinstance(value, bool | np.bool_):
        raise InputError(f"{name} must be True or False; got {value!r}.")
    return bool(value)


def checked_numbers(name: str, value: Any) -> np.ndarray:
    """Give an array (numpy's, torch's, nested lists) of numbers as numpy's, uncopied where it can be.

    Raises
    ------
    InputError
        It holds something else than real numbers, or rows of different lengths; the message names it.
    """
    array = rectangular(value, name)
    if array.dtype.kind not in "biuf":
        raise InputError(f"{name} must be an array of numbers; got {type(value).__name__} of {array.dtype}.")
    return array


def _is(value: Any, kind: type) -> bool:
    """Whether it is a number of the kind; numpy counts spans of time among the integers."""
    return isinstance(value, kind) and not isinstance(value, bool | np.timedelta64)
