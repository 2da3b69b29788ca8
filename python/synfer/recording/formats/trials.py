"""Trials cut out of a long recording, and samples of which a file says that they are not to be used."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from synfer.errors import InputError, SynferWarning, level_of_user
from synfer.recording.formats.common import sample_span
from synfer.recording.sampling import as_step
from synfer.recording.spikes import SpikeEvents, binned
from synfer.storage import as_number

Windows = tuple[np.ndarray, np.ndarray, float]
"""Starts of trials in seconds, their labels, their one duration."""

TOLERANCE = 1e-6  # of dt, as everywhere where seconds meet samples
LEAST_SHARE = 0.5
"""Of the trials' time that is to be used, where nothing was said of how long they are to be."""


def windows_of(spans: np.ndarray, labels: np.ndarray, duration: float | None) -> Windows:
    """Starts, labels and the one duration of trials: the shortest there is, where none is given.

    Raises
    ------
    InputError
        There are none, or one is shorter than the duration asked for.

    Warns
    -----
    SynferWarning
        No duration is given, and as long as the shortest trials use less than half of their time.
    """
    if len(spans) == 0:
        raise InputError("trials must hold at least one interval; the table is empty.")
    lengths = spans[:, 1] - spans[:, 0]
    shortest = float(lengths.min())
    wanted = shortest if duration is None else as_number(duration, "trial_duration", positive=True)
    if not np.isfinite(lengths).all() or shortest <= 0 or wanted > shortest * (1 + TOLERANCE):
        raise InputError(
            f"trial_duration must be at most the shortest interval's, {shortest:g} s, and that above 0; got "
            f"{wanted:g} s."
        )
    n, there = len(spans), float(lengths.sum())
    if duration is None and n * wanted < LEAST_SHARE * there:
        warnings.warn(
            f"All {n} trials are cut to the shortest, {wanted:g} s, which uses {n * wanted:g} of their {there:g} s: "
            f"take the short ones out of the table, or give trial_duration={wanted:g} where that is meant.",
            SynferWarning,
            stacklevel=level_of_user(),
        )
    return spans[:, 0], labels, wanted


def blank(signal: np.ndarray, t0: float, dt: float, spans: np.ndarray, inside: list[np.ndarray] | None) -> np.ndarray:
    """Make NaN of samples, and bins, that touch one of the spans, or of a unit are not wholly within its own.

    Parameters
    ----------
    signal : array (time, unit)
    spans : array (interval, 2)
        Seconds that are not to be used.
    inside : list of array (interval, 2), optional
        Of each unit, the seconds it was observed in.
    """
    begin = t0 + dt * np.arange(len(signal))
    end, slack = begin + dt, TOLERANCE * dt
    unknown = np.zeros(signal.shape, dtype=bool)
    for start, stop in spans.tolist():
        unknown[(end > start + slack) & (begin < stop - slack)] = True
    for unit, own in enumerate(inside or []):
        seen = np.zeros(len(signal), dtype=bool)
        for start, stop in own.tolist():
            seen |= (begin >= start - slack) & (end <= stop + slack)
        unknown[~seen, unit] = True
    if not unknown.any():
        return signal
    blanked = signal.astype(np.float64 if signal.dtype == np.float64 else np.float32)
    blanked[unknown] = np.nan
    return blanked


def split(signal: np.ndarray, t0: float, dt: float, windows: Windows) -> np.ndarray:
    """Samples (trial, time, unit) from each window's start on.

    Raises
    ------
    InputError
        A window reaches beyond the recording.
    """
    starts, _, duration = windows
    n = max(1, int(np.floor(duration / dt + TOLERANCE)))
    first = np.ceil((starts - t0) / dt - TOLERANCE).astype(np.int64)
    outside = np.flatnonzero((first < 0) | (first + n > len(signal)))
    if outside.size:
        end = t0 + dt * len(signal)
        raise InputError(f"trials must lie within the recording, {t0:g} to {end:g} s; {_told(windows, outside[0])}.")
    return np.stack([signal[k : k + n] for k in first.tolist()])


def span_of_spikes(
    time: slice | None, times: np.ndarray, dt: float, t0: float, stop: float | None
) -> tuple[np.ndarray, float, float]:
    """Which spikes (event,) lie in the bins that hold the seconds asked for, where these begin and how long they are.

    Without an end, ``stop``, the recording ends with the bin of its last spike. Bins are counted, not seconds: the edge
    of the third of .1 s is not .3.

    Raises
    ------
    InputError
        As for `sample_span`; or dt is no step.
    """
    dt = as_step(dt)
    place = np.floor((times - t0) / dt + TOLERANCE)  # as `binned` has it
    n_bins = place.max(initial=0.0) + 1 if stop is None else np.ceil((stop - t0) / dt - TOLERANCE)
    span = sample_span(time, int(n_bins), dt, t0)
    kept = (place >= span.start) & (place < span.stop)
    return kept, t0 + span.start * dt, (span.stop - span.start) * dt


def with_last(times: np.ndarray, dt: float, t0: float, duration: float) -> float:
    """Seconds that a recording is of, ``duration``, or a bin more where a spike is at its very end.

    Tools end a recording with its last spike: that is one of the recording's, and its bin the last. What lies beyond
    is not held by it either way.
    """
    last = float(times.max()) - t0 if times.size else -np.inf
    if last > duration + TOLERANCE * dt or not times.size:
        return duration
    return max(duration, float(np.floor(last / dt + TOLERANCE) + 1) * dt)


def of_spikes(
    times: np.ndarray,
    units: np.ndarray,
    dt: float | None,
    *,
    unit_ids: Any = None,
    t0: float = 0.0,
    duration: float | None = None,
    unknown: np.ndarray | None = None,
    observed: list[np.ndarray] | None = None,
    windows: Windows | None = None,
) -> dict[str, Any]:
    """Arguments of a Recording for times of spikes, counted in bins; in each trial, bins from its start on.

    Parameters
    ----------
    times, units, dt, unit_ids, t0, duration
        As for `Recording.from_spikes`.
    unknown, observed
        As for `blank`. Counts with NaN among them have no list of exact times beside them.
    windows : optional
        Of `windows_of`.
    """
    if dt is None:
        raise InputError("dt must be given (seconds): the width of the bins that spikes are counted in.")
    dt, t0 = as_step(dt), as_number(t0, "t0")
    spans = np.zeros((0, 2)) if unknown is None else unknown
    duration = None if duration is None else with_last(times, dt, t0, as_number(duration, "duration"))
    if windows is not None:
        end = np.inf if duration is None else t0 + duration
        return _spikes_in_trials(times, units, dt, unit_ids, (t0, end), spans, observed, windows)
    raster, events, ids = binned(times, units, dt, n_units=None, unit_ids=unit_ids, t0=t0, duration=duration)
    counts = blank(raster, t0, dt, spans, observed)
    known = events if counts is raster else None
    return {"signals": {"spikes": counts}, "dt": dt, "t0": t0, "unit_ids": ids, "events": known}


def _spikes_in_trials(
    times: np.ndarray,
    units: np.ndarray,
    dt: float,
    unit_ids: Any,
    recorded: tuple[float, float],
    spans: np.ndarray,
    observed: list[np.ndarray] | None,
    windows: Windows,
) -> dict[str, Any]:
    """Counts (trial, time, unit) in bins from each window's start on; exact times begin anew with each trial."""
    starts, labels, duration = windows
    n_bins = max(1, int(np.floor(duration / dt + TOLERANCE)))
    first, last = recorded
    outside = np.flatnonzero((starts < first - TOLERANCE * dt) | (starts + n_bins * dt > last + TOLERANCE * dt))
    if outside.size:
        where = f"{first:g} to {last:g} s"
        raise InputError(f"trials must lie within the recording, {where}; {_told(windows, outside[0])}.")
    counts, events, whole = [], [], True
    for start in starts.tolist():
        place = (times - start) / dt + TOLERANCE  # as `binned` has it
        kept = (place >= 0) & (place < n_bins)
        raster, listed, ids = binned(
            times[kept], units[kept], dt, n_units=None, unit_ids=unit_ids, t0=start, duration=n_bins * dt
        )
        counts.append(blank(raster, start, dt, spans, observed))
        events.append(listed._replace(time=listed.time - start))
        whole = whole and counts[-1] is raster
    time, of_bin, unit = (np.concatenate(column) for column in zip(*(part[:3] for part in events), strict=True))
    leading = np.repeat(np.arange(len(events)), [len(part.time) for part in events])
    return {
        "signals": {"spikes": np.stack(counts)},
        "dt": dt,
        "leading": "trial",
        "leading_ids": labels,
        "unit_ids": ids,
        "events": SpikeEvents(time, of_bin, unit, leading) if whole else None,
    }


def of_samples(
    signal: np.ndarray, name: str, dt: float, t0: float, unknown: np.ndarray, windows: Windows | None
) -> dict[str, Any]:
    """Arguments of a Recording for samples (time, unit), whole or cut into trials whose times begin at 0."""
    signal = blank(signal, t0, dt, unknown, None)
    if windows is None:
        return {"signals": {name: signal}, "dt": dt, "t0": t0}
    return {
        "signals": {name: split(signal, t0, dt, windows)},
        "dt": dt,
        "leading": "trial",
        "leading_ids": windows[1],
    }


def _told(windows: Windows, k: int) -> str:
    starts, labels, duration = windows
    return (
        f"trial {labels[k]} from {starts[k]:g} s on for {duration:g} s does not: shorten trial_duration or choose "
        "another time"
    )
