"""Numbers that a dataclass holds, checked."""

from __future__ import annotations

import dataclasses
import math
import numbers
from typing import Any

import numpy as np

from synfer.errors import InputError


def check_numbers(what: Any, *, positive: tuple[str, ...] = (), at_least_0: tuple[str, ...] = ()) -> None:
    """Refuse a dataclass of numbers with a field that is none, and hold all of them as Python's floats.

    Parameters
    ----------
    what : dataclass
        All of whose fields must be finite numbers.
    positive, at_least_0 : tuple of str
        Fields that must be more than that.

    Raises
    ------
    InputError
        A field is no number or out of its range; the message names it.
    """
    for field in dataclasses.fields(what):
        name, value = field.name, getattr(what, field.name)
        # numpy counts its durations among the integers
        if isinstance(value, bool | np.timedelta64) or not isinstance(value, numbers.Real):
            raise InputError(f"{name} must be a number; got {value!r}.")
        try:
            number = float(value)
        except OverflowError:  # an integer of hundreds of digits
            number = math.inf
        if not math.isfinite(number):
            raise InputError(f"{name} must be finite; got {value}.")
        if name in positive and number <= 0:
            raise InputError(f"{name} must be positive; got {value}.")
        if name in at_least_0 and number < 0:
            raise InputError(f"{name} must be at least 0; got {value}.")
        object.__setattr__(what, name, number)
