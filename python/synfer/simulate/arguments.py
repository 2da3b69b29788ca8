"""Numbers that callers give, checked."""

from __future__ import annotations

import math
import numbers
from typing import Any

from synfer.errors import InputError


def checked_seed(seed: Any) -> int:
    """Give the seed as an int.

    Raises
    ------
    InputError
        It is no integer in 0 to 2^64 - 1.
    """
    if isinstance(seed, bool) or not isinstance(seed, numbers.Integral) or not 0 <= int(seed) < 2**64:
        raise InputError(f"seed must be an integer in 0 to 2^64 - 1; got {seed!r}.")
    return int(seed)


def checked_count(name: str, value: Any, least: int, most: int | None = None) -> int:
    """Give a number of things as an int.

    Raises
    ------
    InputError
        It is no integer, less than ``least`` or more than ``most``; the message names it.
    """
    integer = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if not integer or int(value) < least or (most is not None and int(value) > most):
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
    if isinstance(value, bool) or not isinstance(value, numbers.Real) or not math.isfinite(float(value)):
        raise InputError(f"{name} must be a finite number; got {value!r}.")
    return float(value)
