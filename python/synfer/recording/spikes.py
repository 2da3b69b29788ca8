"""Spikes as counts in bins and as events, and the way from the one to the other."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from synfer.errors import InputError, MillisecondsWarning, ShapeError, level_of_user
from synfer.recording.sampling import as_step
from synfer.storage import as_floats, as_ids, as_number, on_host, positions, rectangular

BYTES_OF_EVENT = 24
"""Of a spike held one by one."""
EDGE_TOLERANCE = 1e-6
"""A time this fraction of dt below the edge of a bin is taken for rounding: it belongs to the bin that begins there."""


class SpikeEvents(NamedTuple):
    """Spikes one by one: exact seconds, the bin that counts each, the index of its unit, and of its trial or network.

    In order of the trial or network, where there is such an axis (else None), then of time.
    """

    time: np.ndarray
    bin: np.ndarray
    unit: np.ndarray
    leading: np.ndarray | None = None

    def select(
        self, start: int, stop: int, step: int, units: np.ndarray | None, leading: np.ndarray | int | None = None
    ) -> SpikeEvents:
        """Spikes in the bins start, start + step, ... below stop, of the units and networks at these positions.

        Both are renumbered; a single network drops that axis.
        """
        kept = (self.bin >= start) & (self.bin < stop) & ((self.bin - start) % step == 0)
        unit, of = self.unit, self.leading
        if units is not None:
            unit = _renumbered(unit, units)
            kept &= unit >= 0
        if of is not None and leading is not None:
            of = _renumbered(of, np.atleast_1d(leading))
            kept &= of >= 0
        part = SpikeEvents(self.time[kept], (self.bin[kept] - start) // step, unit[kept])
        if of is None or isinstance(leading, int):
            return part
        order = np.argsort(of[kept], kind="stable")
        return SpikeEvents(*(column[order] for column in (*part[:3], of[kept])))


class ListedSpikes:
    """Stands among a recording's signals for the counts of spikes that it holds one by one.

    Attributes
    ----------
    shape : tuple
        Of the counts, ([trial|network,] time, unit).
    dtype : dtype
        Of the counts.
    """

    def __init__(self, shape: tuple[int, ...], dtype: Any) -> None:
        self.shape, self.dtype = tuple(shape), np.dtype(dtype)

    def __getitem__(self, index: Any) -> ListedSpikes:
        """Stand for a part of the counts."""
        part = np.broadcast_to(np.empty((), self.dtype), self.shape)[index]
        return ListedSpikes(part.shape, self.dtype)

    def counted(self, events: SpikeEvents | None) -> np.ndarray:
        """Give the counts as an array.

        Raises
        ------
        InputError
            It would not fit into memory.
        """
        needed, free = float(np.prod(self.shape, dtype=object)) * self.dtype.itemsize, free_memory()
        if needed > free:
            raise InputError(
                f"signal 'spikes' would need {needed / 1e9:.3g} GB of memory as an array {self.shape}, of "
                f"{free / 1e9:.3g} GB free: take its spikes by spike_times, or fewer units or less time by isel."
            )
        assert events is not None
        counts = np.zeros(self.shape, self.dtype)
        leading = () if events.leading is None else (events.leading,)
        np.add.at(counts, (*leading, events.bin, events.unit), 1)
        return counts


def refuse_unlisted(signals: Mapping[str, Any], events: SpikeEvents | None) -> None:
    """Raise where a signal stands for listed spikes that are not there."""
    listed = [name for name, array in signals.items() if isinstance(array, ListedSpikes)]
    if listed not in ([], ["spikes"]) or (listed and events is None):
        raise InputError(f"signals must be arrays, but for 'spikes' where events are given; {listed} are not.")


def counted(array: Any, events: SpikeEvents | None) -> Any:
    """Give a signal's array: as it is held, or counted from listed spikes."""
    return array.counted(events) if isinstance(array, ListedSpikes) else array


def held(array: Any) -> np.ndarray:
    """Give what a signal holds itself: of listed spikes nothing, in the type of their counts."""
    return np.empty(0, array.dtype) if isinstance(array, ListedSpikes) else on_host(array)


def _renumbered(index: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Give where each index stands among the chosen positions; -1 for those not chosen."""
    places = np.full(max(int(index.max(initial=0)), int(chosen.max(initial=0))) + 1, -1, dtype=np.int64)
    places[chosen] = np.arange(len(chosen))
    return places[index]


SLOWEST_RATE, FEW_SPIKES, FINE_BINS = 0.02, 20, 0.05
"""Hz below which units that fire at all hardly do on average: at usual rates their times rather are in milliseconds;
spikes from which on that is looked at; and seconds of a bin up to which, for wider ones are of slower events."""
SLOW_RATE, NO_REFRACTORY, LACKING = 1.0, 0.5, 10
"""Hz up to which a unit's intervals are looked at; seconds that no neuron is refractory for, while half a millisecond
every one is; and how many intervals shorter than that must be expected of Poisson trains for their lack to tell."""


def warn_of_milliseconds(times: np.ndarray, units: np.ndarray, dt: float, watched: float | None = None) -> None:
    """Warn where times of spikes look like milliseconds: a list of them (event,), as a file holds it, in any order.

    The warning is of the line that called synfer, by whichever of its ways in.

    ``watched`` are the seconds that a unit was observed for; without it, from the first spike to the last.

    Warns
    -----
    MillisecondsWarning
        Units that fire do so less than ``SLOWEST_RATE`` times a second on average; or less than ``SLOW_RATE`` times,
        and never twice within ``NO_REFRACTORY`` seconds where chance alone would have it ``LACKING`` times.
    """
    if len(times) < FEW_SPIKES or dt > FINE_BINS:
        return
    span = float(np.ptp(times)) if watched is None else watched
    firing, unit = np.unique(units, return_inverse=True)
    rate = len(times) / span / len(firing) if span > 0 else np.inf
    if rate < SLOWEST_RATE:
        seen = ""
    elif rate < SLOW_RATE and (shortest := _shortest_interval(times, unit)) >= NO_REFRACTORY:
        expected = (len(times) - len(firing)) * -np.expm1(-NO_REFRACTORY * rate)
        if expected < LACKING:
            return
        seen = f", never twice within {shortest:.3g} s"
    else:
        return
    warnings.warn(
        f"times are seconds, and these spikes come {rate:.2g} times a second a unit over {span:g} s{seen}: give times "
        f"/ 1000 where they are in milliseconds (a rate of {1e3 * rate:.2g} Hz); where they are not, filter "
        "synfer.errors.MillisecondsWarning.",
        MillisecondsWarning,
        stacklevel=level_of_user(),
    )


def _shortest_interval(times: np.ndarray, units: np.ndarray) -> float:
    """Seconds between two spikes of one unit, at the least; infinity where no unit has two."""
    order = np.lexsort((times, units))
    same = np.diff(units[order]) == 0
    return float(np.diff(times[order])[same].min(initial=np.inf))


def binned(
    times: Any,
    units: Any,
    dt: Any,
    *,
    n_units: int | None,
    unit_ids: Any,
    t0: Any,
    duration: Any,
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
        Lengths differ, a time is not finite or outside the recording, a unit is unknown, or there are more bins than
        memory holds.
    """
    dt, t0 = as_step(dt), as_number(t0, "t0")
    given = as_floats(times, "times")
    seconds = given.astype(np.float64, copy=False)
    labels = rectangular(units, "units")
    if seconds.ndim != 1 or labels.shape != seconds.shape:
        raise ShapeError(f"times and units must both have shape (event,); got {seconds.shape} and {labels.shape}.")
    if not np.all(np.isfinite(seconds)):
        k = int(np.flatnonzero(~np.isfinite(seconds))[0])
        raise InputError(f"times must be finite seconds; times[{k}] is {seconds[k]}.")
    ids, unit = _units(labels, n_units, unit_ids)
    # a time is known to the last place of the type it was given in: 100 s to 7.6e-6 s in float32
    with np.errstate(over="ignore"):  # infinitely many bins are refused below
        rounding = np.maximum(np.spacing(np.abs(given)).astype(np.float64), np.spacing(abs(t0))) / dt
        exact_bin = (seconds - t0) / dt + np.clip(rounding, EDGE_TOLERANCE, 0.5)
    if duration is not None:
        duration = as_number(duration, "duration", positive=True)
    if seconds.size == 0 and duration is None:
        raise InputError("duration must be given where there is no spike to end the recording with.")
    # a last bin that the duration fills in part still counts: nothing is lost
    wanted = np.floor(exact_bin.max()) + 1 if duration is None else np.ceil(duration / dt - EDGE_TOLERANCE)
    _refuse_beyond_memory(wanted, len(ids), 1, dt)  # before whatever else is made of so many bins
    refuse_outside(seconds, exact_bin, wanted, t0, duration)
    n_bins = int(wanted)
    order = np.argsort(seconds, kind="stable")
    events = SpikeEvents(seconds[order], np.floor(exact_bin[order]).astype(np.int64), unit[order])
    cells, multiplicity = np.unique(events.bin * len(ids) + events.unit, return_counts=True)
    dtype = np.min_scalar_type(int(multiplicity.max(initial=1)))
    _refuse_beyond_memory(wanted, len(ids), dtype.itemsize, dt)
    counts = np.zeros((n_bins, len(ids)), dtype=dtype)
    counts.reshape(-1)[cells] = multiplicity
    total = int(counts.sum(dtype=np.int64))
    if total != seconds.size:  # cannot be; said aloud rather than believed
        raise AssertionError(f"binning turned {seconds.size} spikes into {total}")
    return counts, events, ids


def refuse_outside(seconds: np.ndarray, exact_bin: np.ndarray, n_bins: float, t0: float, duration: Any) -> None:
    """Refuse spikes (event,) whose bins are not among those that a recording has from ``t0`` on: none gets lost.

    Raises
    ------
    InputError
        There are some; the first is named.
    """
    outside = np.flatnonzero((exact_bin < 0) | (np.floor(exact_bin) >= n_bins))
    if outside.size:
        end = "" if duration is None else f" and before the end, {t0 + duration:g} s"
        raise InputError(
            f"times must lie at or after t0 = {t0:g} s{end}; {outside.size} of {seconds.size} do not, "
            f"such as times[{outside[0]}] = {seconds[outside[0]]:g} s: give another t0 or duration."
        )


def _refuse_beyond_memory(n_bins: float, n_units: int, itemsize: int, dt: float) -> None:
    """Refuse a raster that is not to be held: seconds mistaken for another unit, or dt far too fine."""
    free = free_memory()
    if not n_bins * n_units * itemsize <= free:
        raise InputError(
            f"dt = {dt:g} s cuts this recording into {n_bins:.3g} bins of {n_units} units, more than memory holds "
            f"({n_bins * n_units * itemsize / 1e9:.3g} GB of {free / 1e9:.3g} GB free); give times in seconds or a "
            "larger dt."
        )


def free_memory() -> float:
    """Bytes that can be had without swapping; a terabyte where the system does not say."""
    try:
        text = Path("/proc/meminfo").read_text(encoding="ascii")
        return 1024.0 * int(text.partition("MemAvailable:")[2].split()[0])
    except (OSError, ValueError, IndexError):  # not Linux
        return 2.0**40


def _units(labels: np.ndarray, n_units: int | None, unit_ids: Any) -> tuple[np.ndarray, np.ndarray]:
    """Labels of all units, and the index among them of each spike's."""
    if unit_ids is not None:
        ids = as_ids(unit_ids, np.size(rectangular(unit_ids, "unit_ids")) if n_units is None else n_units, "unit_ids")
        return ids, positions(ids, labels, "units") if labels.size else np.zeros(0, dtype=np.int64)
    if n_units is not None:
        if not (isinstance(n_units, int | np.integer) and n_units > 0):
            raise InputError(f"n_units must be a positive whole number; got {n_units!r}.")
        if labels.size and labels.dtype.kind not in "iu":
            raise InputError(f"units must be indices 0 to {n_units - 1}, or give unit_ids; got {labels.dtype}.")
        wrong = np.flatnonzero((labels < 0) | (labels >= n_units)) if labels.size else labels[:0]
        if wrong.size:
            raise InputError(f"units must lie in 0 to {n_units - 1}; units[{wrong[0]}] is {labels[wrong[0]]}.")
        return as_ids(None, n_units, "n_units"), labels.astype(np.int64)
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
