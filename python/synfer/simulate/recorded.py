"""What of a run is recorded, and where to."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import scipy.sparse

from synfer.arguments import checked_count, checked_number
from synfer.errors import InputError, ShapeError, UnknownNameError
from synfer.recording.state import MOST_STEPS

SLICE_UNIT_STEPS = 2**26
"""Unit-steps between two looks at signals and the progress bar, some tenths of a second."""
SLICE_MULTIPLE = 32
MOST_COUNTED = 255
"""Steps over which a byte can count spikes."""


@dataclasses.dataclass(frozen=True)
class Span:
    """The steps of a run, counted from the beginning of the simulation: [first, last), those before ``kept`` dropped.

    Row r of what is recorded is the state after ``every`` (r + 1) of the steps from ``kept`` on.
    """

    first: int
    kept: int
    last: int
    every: int

    @property
    def n_rows(self) -> int:
        """Rows recorded."""
        return (self.last - self.kept) // self.every

    def slices(self, n_units: int, counted: int = 1) -> Iterator[tuple[int, int]]:
        """Cut the steps into pieces that can be interrupted between them.

        Once there are rows, at multiples of ``counted`` steps: at the ends of all rows that spikes are counted into by
        what forgets their number between two pieces.
        """
        length = max(SLICE_UNIT_STEPS // n_units // SLICE_MULTIPLE, 1) * SLICE_MULTIPLE
        begin = self.first
        while begin < self.last:
            end = begin + length
            if end > self.kept:
                end += (self.kept - end) % counted
            end = min(end, self.last)
            yield begin, end
            begin = end


def span_of(duration: Any, dt: Any, warmup: Any, every: Any, first: int) -> tuple[Span, float]:
    """Give the steps of a run that begins at step ``first``, and dt as a float.

    Raises
    ------
    InputError
        A time is not positive, there is not one row, or there are more steps than can be counted.
    """
    duration, dt = checked_number("duration", duration), checked_number("dt", dt)
    for name, value in (("duration", duration), ("dt", dt)):
        if value <= 0:
            raise InputError(f"{name} must be positive seconds; got {value}.")
    warmup, every = checked_number("warmup", warmup), checked_count("every", every, 1)
    if warmup < 0:
        raise InputError(f"warmup must be seconds, at least 0; got {warmup}.")
    n_steps, dropped = duration / dt, warmup / dt
    if not 0.5 < n_steps < MOST_STEPS or not n_steps + dropped + first < MOST_STEPS:
        raise InputError(f"duration / dt must be 1 to 2^34 steps; got {duration} / {dt}.")
    kept = first + round(dropped)
    span = Span(first, kept, kept + round(n_steps), every)
    if span.n_rows < 1:
        raise InputError(f"every must be at most the {round(n_steps)} steps of the duration; got {every}.")
    return span, dt


def checked_signals(record: Any, known: tuple[str, ...]) -> list[str]:
    """Give the names of the signals to record.

    Raises
    ------
    InputError, UnknownNameError
        There are none, or one is none that the model has.
    """
    # an array of names is of one axis; a matrix of scipy's says that it can be iterated over, and cannot; what a dict
    # gives for each name, units perhaps, would pass unseen
    if isinstance(record, Mapping):
        raise InputError(
            "record must be names of signals, such as ('v', 'spikes'), which all have the recording's units and steps; "
            f"got the dict {record!r:.60}: give its names alone and units=, every=, or take several recordings of the "
            "run by run_views."
        )
    if not isinstance(record, str | Iterable) or getattr(record, "ndim", 1) != 1 or scipy.sparse.issparse(record):
        raise InputError(f"record must be names of signals, such as ('v', 'spikes'); got {record!r}.")
    names = [record] if isinstance(record, str) else list(dict.fromkeys(map(str, record)))
    for name in names:
        if name not in known:
            raise UnknownNameError.of("record: signal", name, known)
    if not names:
        raise InputError(f"record must name at least one signal of {', '.join(known)}.")
    return names


def spike_dtype(names: Iterable[str], every: int, spikes: Any) -> np.dtype:
    """Give the type in which a row's spikes are counted; where they are listed, the least that holds them all.

    Raises
    ------
    InputError
        ``spikes`` is neither "raster" nor "events", or asks for what is not recorded or counted.
    """
    if not isinstance(spikes, str) or spikes not in ("raster", "events"):
        raise InputError(f"spikes must be 'raster' or 'events'; got {spikes!r}.")
    if spikes == "events":
        if "spikes" not in names:
            raise InputError("record must name 'spikes' where spikes='events' asks for them one by one.")
        return np.min_scalar_type(every)
    if "spikes" in names and every > MOST_COUNTED:
        raise InputError(
            f"every must be at most {MOST_COUNTED} where spikes are recorded as a raster; got {every}: take "
            "spikes='events'."
        )
    return np.dtype(np.uint8)


def given_arrays(
    out: Mapping[str, np.ndarray] | None, kinds: Mapping[str, np.dtype], shape: tuple[int, ...]
) -> dict[str, np.ndarray]:
    """Give the arrays in which the caller wants the signals.

    Raises
    ------
    InputError, ShapeError, UnknownNameError
        One of them cannot be written there.
    """
    if out is not None and not isinstance(out, Mapping):
        raise InputError(f"out must be a dict of recorded signal to array; got a {type(out).__name__}.")
    given = dict(out or {})
    for name, array in given.items():
        if name not in kinds:
            raise UnknownNameError.of("out: recorded signal", str(name), kinds)
        if not isinstance(array, np.ndarray) or array.dtype != kinds[name]:
            got = array.dtype if isinstance(array, np.ndarray) else f"a {type(array).__name__}"
            raise InputError(f"out[{name!r}] must be a numpy array of {kinds[name]}; got {got}.")
        if array.shape != shape:
            symbols = "(network, time, unit)" if len(shape) == 3 else "(time, unit)"
            raise ShapeError(f"out[{name!r}] must have shape {symbols} = {shape}; got {array.shape}.")
        if not (array.flags.c_contiguous and array.flags.writeable and array.flags.aligned):
            raise InputError(f"out[{name!r}] must be writeable, aligned and in C order.")
    pairs = [(one, two) for one in given for two in given if one < two]
    for one, two in pairs:
        if np.may_share_memory(given[one], given[two]):
            raise InputError(f"out[{one!r}] and out[{two!r}] must not share memory.")
    return given
