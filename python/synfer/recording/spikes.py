"""Spikes as counts in bins and as events, and the way from the one to the other."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from synfer.errors import InputError, ShapeError
from synfer.storage import as_ids, positions

EDGE_TOLERANCE = 1e-6
"""A time this fraction of dt below the edge of a bin is taken for rounding: it belongs to the bin that begins there."""


class SpikeEvents(NamedTuple):
    """Spikes one by one, in order of time: exact seconds, the bin that counts each, and the index of its unit."""

    time: np.ndarray
    bin: np.ndarray
    unit: np.ndarray

    def select(self, start: int, stop: int, step: int, units: np.ndarray | None) -> SpikeEvents:
        """Spikes in the bins start, start + step, ... below stop and of the units at these positions, renumbered."""
        kept = (self.bin >= start) & (self.bin < stop) & ((self.bin - start) % step == 0)
        unit = self.unit
        if units is not None:
            renumbered = np.full(max(int(unit.max(initial=0)), int(units.max(initial=0))) + 1, -1, dtype=np.int64)
            renumbered[units] = np.arange(len(units))
            unit = renumbered[unit]
            kept &= unit >= 0
        return SpikeEvents(self.time[kept], (self.bin[kept] - start) // step, unit[kept])


def binned(
    times: Any,
    units: Any,
    dt: float,
    *,
    n_units: int | None,
    unit_ids: Any,
    t0: float,
    duration: float | None,
) -> tuple[np.ndarray, SpikeEvents, np.ndarray]:
    """Count spikes in the bins [t0 + k dt, t0 + (k + 1) dt).

    Parameters
    ----------
    times : array (event,)
        Seconds.
    units : array (event,)
        The unit of each spike: its label where ``unit_ids`` is given, its index where only ``n_units`` is; where
        neither is, the units are the distinct labels that occur.
    dt, t0, duration : float
        Seconds; ``duration=None`` ends with the bin of the last spike.

    Returns
    -------
    counts : array (time, unit) of the smallest unsigned integers that hold them
    events : SpikeEvents
    ids : array (unit,)

    Raises
    ------
    ShapeError, InputError
        Lengths differ, a time is not finite or outside the recording, or a unit is unknown.
    """
    if not (np.isfinite(dt) and dt > 0):
        raise InputError(f"dt must be positive seconds; got {dt}.")
    seconds = np.asarray(times, dtype=np.float64)
    labels = np.asarray(units)
    if seconds.ndim != 1 or labels.shape != seconds.shape:
        raise ShapeError(f"times and units must both have shape (event,); got {seconds.shape} and {labels.shape}.")
    if not np.all(np.isfinite(seconds)):
        k = int(np.flatnonzero(~np.isfinite(seconds))[0])
        raise InputError(f"times must be finite seconds; times[{k}] is {seconds[k]}.")
    ids, unit = _units(labels, n_units, unit_ids)
    exact_bin = (seconds - t0) / dt + EDGE_TOLERANCE
    if duration is not None and not (np.isfinite(duration) and duration > 0):
        raise InputError(f"duration must be positive seconds; got {duration}.")
    if seconds.size == 0 and duration is None:
        raise InputError("duration must be given where there is no spike to end the recording with.")
    # a last bin that the duration fills in part still counts: nothing is lost
    wanted = np.floor(exact_bin.max()) + 1 if duration is None else np.ceil(duration / dt - EDGE_TOLERANCE)
    if wanted * len(ids) > 2**40:  # a terabyte of counts: seconds mistaken for another unit, or dt far too fine
        raise InputError(
            f"dt = {dt:g} s cuts this recording into {wanted:.3g} bins of {len(ids)} units, more than memory holds; "
            "give times in seconds or a larger dt."
        )
    outside = np.flatnonzero((exact_bin < 0) | (np.floor(exact_bin) >= wanted))
    if outside.size:
        end = "" if duration is None else f" and before the end, {t0 + duration:g} s"
        raise InputError(
            f"times must lie at or after t0 = {t0:g} s{end}; {outside.size} of {seconds.size} do not, "
            f"such as times[{outside[0]}] = {seconds[outside[0]]:g} s: give another t0 or duration."
        )
    n_bins = int(wanted)
    order = np.argsort(seconds, kind="stable")
    events = SpikeEvents(seconds[order], np.floor(exact_bin[order]).astype(np.int64), unit[order])
    cells, multiplicity = np.unique(events.bin * len(ids) + events.unit, return_counts=True)
    counts = np.zeros((n_bins, len(ids)), dtype=np.min_scalar_type(int(multiplicity.max(initial=1))))
    counts.reshape(-1)[cells] = multiplicity
    total = int(counts.sum(dtype=np.int64))
    if total != seconds.size:  # cannot be; said aloud rather than believed
        raise AssertionError(f"binning turned {seconds.size} spikes into {total}")
    return counts, events, ids


def _units(labels: np.ndarray, n_units: int | None, unit_ids: Any) -> tuple[np.ndarray, np.ndarray]:
    """Labels of all units, and the index among them of each spike's."""
    if unit_ids is not None:
        ids = as_ids(unit_ids, len(np.asarray(unit_ids)) if n_units is None else n_units, "unit_ids")
        return ids, positions(ids, labels, "units") if labels.size else np.zeros(0, dtype=np.int64)
    if n_units is not None:
        if not (isinstance(n_units, int | np.integer) and n_units > 0):
            raise InputError(f"n_units must be a positive whole number; got {n_units!r}.")
        if labels.size and labels.dtype.kind not in "iu":
            raise InputError(f"units must be indices 0 to {n_units - 1}, or give unit_ids; got {labels.dtype}.")
        wrong = np.flatnonzero((labels < 0) | (labels >= n_units)) if labels.size else labels[:0]
        if wrong.size:
            raise InputError(f"units must lie in 0 to {n_units - 1}; units[{wrong[0]}] is {labels[wrong[0]]}.")
        return np.arange(n_units), labels.astype(np.int64)
    if labels.size == 0:
        raise InputError("n_units or unit_ids must be given where there is no spike to name a unit.")
    distinct = np.unique(labels)
    ids = as_ids(distinct, len(distinct), "units")
    return ids, np.searchsorted(distinct, labels)


def raster_events(counts: np.ndarray) -> tuple[np.ndarray, ...]:
    """Index of every spike along each axis of a raster, a bin's count of n giving n spikes.

    Raises
    ------
    InputError
        The raster does not hold whole numbers of spikes.
    """
    nonzero = np.nonzero(counts)
    multiplicity = counts[nonzero]
    whole = multiplicity.astype(np.int64)
    if np.any(whole != multiplicity) or np.any(whole < 0):
        raise InputError("signal 'spikes' must hold counts (whole numbers, at least 0) to be given as events.")
    return tuple(np.repeat(index, whole) for index in nonzero)
