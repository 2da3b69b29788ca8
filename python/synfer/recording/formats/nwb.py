"""Neurodata Without Borders: the units table, voltage and fluorescence series, intervals, by pynwb."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from synfer.errors import InputError, ShapeError, SynferWarning, level_of_user
from synfer.recording.formats.common import (
    BLOCK_BYTES,
    needed,
    reading,
    refuse_beyond_memory,
    refuse_other_step,
    sample_span,
)
from synfer.recording.formats.nwb_table import info_of_rois, info_of_table, info_of_units
from synfer.recording.formats.nwb_write import SIGNAL
from synfer.recording.formats.trials import (
    TOLERANCE,
    Windows,
    of_samples,
    of_spikes,
    span_of_spikes,
    windows_of,
    with_last,
)
from synfer.recording.sampling import as_step, regular
from synfer.recording.spikes import warn_of_milliseconds
from synfer.storage import StrPath, as_path

UNITS = "units"
"""What the spikes of the units table are called among the series."""


def read(
    path: StrPath,
    *,
    dt: float | None = None,
    series: str | None = None,
    time: slice | None = None,
    trials: str | None = None,
    trial_duration: float | None = None,
) -> dict[str, Any]:
    """Arguments of a Recording, or of its `from_spikes`; see `Recording.from_nwb`."""
    pynwb = needed("pynwb", "nwb")
    with reading(path, "NWB"):
        _refuse_links(path)
        with pynwb.NWBHDF5IO(str(path), "r", load_namespaces=True) as io:
            file = io.read()
            there = _series_of(pynwb, file, series)
            name = _chosen(there, series, path)
            windows = None if trials is None else windows_of(*_intervals(file, trials), trial_duration)
            unknown = _spans(file.invalid_times)
            about = {"file": as_path(path).name, "format": "NWB", "identifier": file.identifier, "series": name}
            listed = None
            if name == UNITS:
                listed, found = _spikes(file.units, dt, time, unknown, windows)
            else:
                found = _samples(pynwb, there[name], time, dt, unknown, windows)
    if listed is not None:  # the standard says seconds, who writes a file may not
        times, units, watched = listed
        warn_of_milliseconds(times, units, float(found["dt"]), watched=watched)
    return found | {"provenance": about}


def _refuse_links(path: StrPath) -> None:
    """Refuse a file that would have others read: what it names may be any file of this machine."""
    import h5py

    def look(group: h5py.Group) -> None:
        for key in group:
            link = group.get(key, getlink=True)
            where = f"{group.name.rstrip('/')}/{key}"
            if isinstance(link, h5py.ExternalLink):
                raise InputError(f"{str(path)!r} links {where} to another file, {link.filename!r}: join them first.")
            if isinstance(link, h5py.SoftLink):
                continue
            item = group[key]
            if isinstance(item, h5py.Group):
                look(item)
            elif isinstance(item, h5py.Dataset) and item.external:
                raise InputError(
                    f"{str(path)!r} keeps {where} in another file, {item.external[0][0]!r}: join them first."
                )
            elif isinstance(item, h5py.Dataset) and item.is_virtual:
                raise InputError(
                    f"{str(path)!r} makes {where} of parts of {item.virtual_sources()[0].file_name!r}: join them first."
                )

    with h5py.File(path, "r") as file:
        look(file)


def _series_of(pynwb: Any, file: Any, asked: str | None) -> dict[str, Any]:
    """Series of numbers over time by their place in the file; where some are of neurons these alone, and who is asked
    for by name."""
    neural = (pynwb.ecephys.ElectricalSeries, pynwb.icephys.PatchClampSeries, pynwb.ophys.RoiResponseSeries)
    stimuli = {id(item) for item in (*file.stimulus.values(), *file.stimulus_template.values())}
    others = (pynwb.image.ImageSeries, pynwb.behavior.SpatialSeries, pynwb.misc.AnnotationSeries)
    found = {}
    for item in file.objects.values():
        if isinstance(item, pynwb.TimeSeries) and not isinstance(item, others) and id(item) not in stimuli:
            shape = np.shape(item.data)
            if len(shape) in (1, 2) and 0 not in shape and np.asarray(item.data[:1]).dtype.kind in "biuf":
                found[_place(item)] = item
    found = dict(sorted(found.items()))  # the file's own order is none
    of_neurons = {
        name: item
        for name, item in found.items()
        if isinstance(item, neural) or (asked is not None and asked in (name, name.rpartition("/")[2]))
    }
    if file.units is not None and file.units.spike_times is not None:
        return {UNITS: file.units, **of_neurons}
    return of_neurons or found


def _place(item: Any) -> str:
    names = []
    while item is not None and item.parent is not None:
        names.append(item.name)
        item = item.parent
    return "/".join(reversed(names))


def _chosen(there: dict[str, Any], series: str | None, path: StrPath) -> str:
    listed = ", ".join(there)
    if not there:
        raise InputError(f"{as_path(path).name!r} holds neither spike times nor a series of neurons.")
    if series is None:
        if len(there) > 1:
            raise InputError(f"series must name one of {listed}: {as_path(path).name!r} holds them all.")
        return next(iter(there))
    matching = [name for name in there if series in (name, name.rpartition("/")[2])]
    if len(matching) != 1:
        raise InputError(f"series must name one of {listed}; got {series!r}.")
    return matching[0]


def _spans(table: Any) -> np.ndarray:
    """Starts and stops of a table of intervals, (interval, 2)."""
    if table is None:
        return np.zeros((0, 2))
    return np.column_stack([np.asarray(table[name].data[:], dtype=np.float64) for name in ("start_time", "stop_time")])


def _intervals(file: Any, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Starts and stops of the trials, and their labels."""
    there = dict(file.intervals or {})
    for known in ("trials", "epochs"):
        table = getattr(file, known)
        if table is not None:
            there[known] = table
    if name not in there:
        raise InputError(
            f"trials must name one of the file's intervals, {', '.join(there) or 'of which there are none'}; got "
            f"{name!r}."
        )
    return _spans(there[name]), np.asarray(there[name].id[:])


def _spikes(
    table: Any, dt: float | None, time: slice | None, unknown: np.ndarray, windows: Windows | None
) -> tuple[tuple[np.ndarray, np.ndarray, float | None], dict[str, Any]]:
    """Spikes of all units, counted: from 0 (where none is before it) or the first moment observed to the last.

    Before these as listed: times, units, and how many seconds a unit was observed for where that is known.
    """
    if dt is None:
        raise InputError("dt must be given (seconds): the width of the bins that spikes are counted in.")
    seconds = np.asarray(table["spike_times"].target.data[:], dtype=np.float64)
    ends = np.asarray(table["spike_times"].data[:], dtype=np.int64)
    ids = np.asarray(table.id[:])
    unit = np.repeat(ids, np.diff(ends, prepend=0))
    dt, start, stop, observed = as_step(dt), 0.0, None, None
    if "obs_intervals" in table.colnames:
        observed = [np.asarray(table["obs_intervals"][k], dtype=np.float64).reshape(-1, 2) for k in range(len(ids))]
        every = np.concatenate(observed)
        start, stop = float(every[:, 0].min(initial=np.inf)), float(every[:, 1].max(initial=-np.inf))
        if not start < stop:
            raise InputError("the units' obs_intervals must hold a span of time; they are empty.")
        _warn_of_unobserved(seconds, ends, observed)
        stop, observed = _to_whole_bins(seconds[seconds <= stop], dt, start, stop, observed)
    elif (earliest := float(seconds.min(initial=0.0))) < 0.0:  # times are from whatever the session is told from
        start = float(np.floor(earliest / dt + TOLERANCE)) * dt
    if windows is not None and stop is None and len(windows[0]):
        # silence after the last spike is known of as long as a trial lasts
        stop = max(float(windows[0].max()) + windows[2], float(seconds.max(initial=start)) + dt)
    duration: float | None
    if time is not None or windows is not None:
        kept, start, duration = span_of_spikes(time, seconds, dt, start, stop)
    else:
        kept = (seconds >= start) & (seconds < (np.inf if stop is None else stop))
        duration = None if stop is None else stop - start
    found = of_spikes(
        seconds[kept],
        unit[kept],
        dt,
        unit_ids=ids,
        t0=start,
        duration=duration,
        unknown=unknown,
        observed=observed,
        windows=windows,
    )
    watched = None if observed is None else float(np.mean([np.diff(own).sum() for own in observed]))
    return (seconds[kept], unit[kept], watched), found | {"unit_info": info_of_units(table)}


def _to_whole_bins(
    seconds: np.ndarray, dt: float, start: float, stop: float, observed: list[np.ndarray]
) -> tuple[float, list[np.ndarray]]:
    """Let a recording end with the bin that its end lies in, and who was observed to the end be observed to there.

    Nobody's last bin would be known otherwise, and a spike at the very end, which NWB has within its interval, be lost.
    """
    n_bins = np.ceil(with_last(seconds, dt, start, stop - start) / dt - TOLERANCE)
    end = start + float(n_bins) * dt
    return end, [
        np.column_stack([own[:, 0], np.where(own[:, 1] >= stop - TOLERANCE * dt, end, own[:, 1])]) for own in observed
    ]


def _warn_of_unobserved(seconds: np.ndarray, ends: np.ndarray, observed: list[np.ndarray]) -> None:
    """Warn of spikes outside the intervals that their unit was observed in: no bin that is known counts them.

    Warns
    -----
    SynferWarning
        With how many they are.
    """
    outside = 0
    for own, train in zip(observed, np.split(seconds, ends[:-1]), strict=True):
        within = np.zeros(len(train), dtype=bool)
        for begin, end in own.tolist():
            within |= (train >= begin) & (train <= end)  # intervals often end with their last spike
        outside += len(train) - int(within.sum())
    if outside:
        warnings.warn(
            f"{outside} of {len(seconds)} spikes lie outside the obs_intervals of their units, where counts are not "
            "known, and are left out: mend the file's obs_intervals where these spikes are to count.",
            SynferWarning,
            stacklevel=level_of_user(),
        )


def _samples(
    pynwb: Any, item: Any, time: slice | None, dt: float | None, unknown: np.ndarray, windows: Windows | None
) -> dict[str, Any]:
    """Arguments of a Recording for one series, in millivolts where it is of volts."""
    n_samples = len(item.data)
    if item.rate is not None:
        t0, step = float(item.starting_time or 0.0), 1.0 / float(item.rate)
        refuse_other_step(dt, step, "the series")
    else:
        t0, step = regular(np.asarray(item.timestamps[:]), dt, "the timestamps")
    span = sample_span(time, n_samples, step, t0)
    _refuse_turned(item)
    data, unit = _scaled(item, span)
    kind = (
        "v"
        if isinstance(item, pynwb.icephys.PatchClampSeries)
        else "calcium"
        if isinstance(item, pynwb.ophys.RoiResponseSeries)
        else "lfp"
        if isinstance(item, pynwb.ecephys.ElectricalSeries)
        else "signal"
    )
    ids, info = None, {}
    if isinstance(item, pynwb.ecephys.ElectricalSeries):
        rows = np.asarray(item.electrodes.data[:])
        ids, info = np.asarray(item.electrodes.table.id[:])[rows], info_of_table(item.electrodes.table, rows)
    elif isinstance(item, pynwb.ophys.RoiResponseSeries):
        rows = np.asarray(item.rois.data[:])
        ids, info = np.asarray(item.rois.table.id[:])[rows], info_of_rois(item.rois.table, rows)
    comments = str(item.comments)
    if comments.startswith(SIGNAL):  # one that synfer wrote: its numbers are what they were, whatever they are of
        kind, _, unit = comments.removeprefix(SIGNAL).partition(" in ")
    found = of_samples(data, kind, step, t0 + span.start * step, unknown, windows)
    labelled = {"unit_ids": ids, "unit_info": info} if ids is not None and len(ids) == data.shape[1] else {}
    return found | labelled | {"units_of_measure": {kind: unit} if unit else {}}


def _refuse_turned(item: Any) -> None:
    """Refuse a series whose table of regions or electrodes has a row for each of its rows instead of its columns."""
    shape = np.shape(item.data)
    for of, what in (("rois", "regions"), ("electrodes", "electrodes")):
        table = getattr(item, of, None)
        if table is not None and len(shape) == 2 and shape[1] != len(table.data) == shape[0]:
            raise InputError(
                f"series {item.name!r} must be (time, unit), of {shape[0]} {what}; its data are {shape}, the other way "
                "round: turn them by pynwb, Recording.from_array(series.data[:].T, dt)."
            )


def _scaled(item: Any, span: slice) -> tuple[np.ndarray, str]:
    """The numbers of some samples in their unit, (time, unit): converted block by block, none twice in memory."""
    shape = np.shape(item.data)
    n_units = 1 if len(shape) == 1 else shape[1]
    kind = np.asarray(item.data[:1]).dtype
    scale, offset, unit = float(item.conversion), float(item.offset or 0.0), str(item.unit)
    if unit.lower() in ("volts", "volt", "v"):
        scale, offset, unit = 1e3 * scale, 1e3 * offset, "mV"
    channels = getattr(item, "channel_conversion", None)
    factors = np.full(n_units, scale) if channels is None else scale * np.asarray(channels[:], dtype=np.float64)
    if factors.shape != (n_units,):
        raise ShapeError(f"channel_conversion must have shape ({n_units},); got {factors.shape}.")
    dtype = np.float64 if kind.kind == "f" and kind.itemsize == 8 else np.float32
    n = span.stop - span.start
    refuse_beyond_memory((n, n_units), np.dtype(dtype).itemsize, "the series")
    found = np.empty((n, n_units), dtype)
    block = max(1, BLOCK_BYTES // (8 * n_units))
    for k in range(0, n, block):
        rows = np.asarray(item.data[span.start + k : span.start + min(k + block, n)])
        found[k : k + len(rows)] = rows.reshape(len(rows), n_units) * factors + offset
    return found, unit
