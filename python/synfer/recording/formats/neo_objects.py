"""Neo's Blocks and Segments, and with them every file that Neo reads."""

from __future__ import annotations

import json
import os
import warnings
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from synfer.errors import FileError, InputError
from synfer.recording.formats.common import (
    BLOCK_BYTES,
    looks_like,
    needed,
    reading,
    refuse_beyond_memory,
    refuse_other_step,
    sample_span,
)
from synfer.recording.formats.trials import of_spikes, span_of_spikes, with_last
from synfer.recording.sampling import as_step
from synfer.storage import StrPath, as_path

SPIKES = "spiketrains"
"""What the spike trains of a segment are called among its signals."""


RUNS_CONTENTS = {"PickleIO"}
"""Readers of Neo's that unpickle, and so run what a file holds."""


NO_HEADER = {"RawBinarySignalIO"}
"""Readers of Neo's of files that do not say how many channels they hold, nor at which rate: Neo would make it up."""


TEXT = {"AsciiSignalIO", "AsciiSpikeTrainIO"}
"""Readers of Neo's of text that does not say what it is of: rows of spike times are taken for samples, a second and a
volt for their units. The first is believed where a file of its own stands beside it, NAME_about.json."""


ABOUT = '{"units": "mV", "sampling_rate": {"value": 1000, "units": "Hz"}}'
"""What such a file says at the least, as Neo reads it."""


def knows(path: StrPath) -> bool:
    """Whether Neo is installed and has a reader for files of this ending."""
    try:
        import neo.io
    except ImportError:
        return False
    return as_path(path).suffix.lower().removeprefix(".") in neo.io.io_by_extension


def read(
    source: Any, *, dt: float | None = None, series: str | None = None, time: slice | None = None
) -> dict[str, Any]:
    """Arguments of a Recording; see `Recording.from_neo`."""
    neo = needed("neo", "neo")
    about: dict[str, Any] = {"format": "Neo"}
    if isinstance(source, neo.Block):
        segments = list(source.segments)
    elif isinstance(source, neo.Segment):
        segments = [source]
    elif not isinstance(source, str | os.PathLike):
        raise InputError(
            f"source must be a neo.Block, a neo.Segment or a path; got a {type(source).__name__}: put segments in a "
            "Block (block.segments), spike trains and signals in a Segment (segment.spiketrains, .analogsignals)."
        )
    else:
        with reading(source, "a file of Neo's"):
            needed("neo.io", "neo")
            reader = _reader_of(neo, source)
            lazily = {"lazy": True} if reader.support_lazy else {}
            block = _block_of_text(reader, source) if _is_text(reader) else reader.read_block(**lazily)
            segments, about = list(block.segments), about | {"file": as_path(source).name}
    if not segments:
        raise InputError("source must hold at least one segment; it holds none.")
    parts = []
    for k, segment in enumerate(segments):
        there = _signals_of(segment)
        name = _chosen(there, series)
        try:
            with reading(source, "a file of Neo's") if "file" in about else nullcontext():  # what was left lying there
                parts.append(_spikes(segment, dt, time) if name == SPIKES else _samples(there[name], dt, time))
        except FileError:
            raise
        except InputError as error:
            raise InputError(f"segment {k}: {error}") from None
    found = parts[0] if len(parts) == 1 else _joined(parts)
    return found | {"provenance": about | {"series": name}}


def _reader_of(neo: Any, path: StrPath) -> Any:
    """The first of Neo's readers that takes the file, of those that run nothing of what it holds."""
    candidates = neo.io.list_candidate_ios(str(path))
    if as_path(path).is_dir():
        candidates = [reader for reader in candidates if reader.mode == "dir"]
    unsaid = NO_HEADER | (TEXT - {"AsciiSignalIO"} if _is_told_of(neo, path) else TEXT)
    named = [reader for reader in candidates if reader.__name__ not in unsaid]
    safe = [reader for reader in named if reader.__name__ not in RUNS_CONTENTS]
    if named and not safe:
        raise InputError(
            f"{as_path(path).name!r} is refused, for Neo would run what it holds: where you trust it, read it by Neo "
            "and give the Block."
        )
    for reader in safe:
        try:
            return reader(str(path))
        except Exception as error:  # not a file of its kind: whatever a reader makes of others' files
            if reader.__name__ in TEXT:  # it is: what stands beside it says so
                raise _no_about(path, error) from None
    if any(reader.__name__ in TEXT for reader in candidates):
        raise InputError(
            f"{as_path(path).name!r} is text that says neither whether its rows are samples or spike trains, nor at "
            "which rate: give spikes as a .csv, a line a spike, its time in seconds and its unit; of signals say "
            f"sampling_rate and units as AsciiSignalIO of Neo's has it, {ABOUT}, in {_about(path).name} beside it."
        )
    if len(named) < len(candidates):
        raise InputError(
            f"{as_path(path).name!r} does not say how many channels it holds, nor at which rate: read it by Neo's "
            "RawBinarySignalIO(path, nb_channel=, sampling_rate=, dtype=) and give the Block."
        )
    if as_path(path).is_dir():
        raise InputError(f"path must be a file, or a folder that Neo reads; got the folder {str(path)!r}.")
    raise InputError(f"none of Neo's readers takes {as_path(path).name!r}{looks_like(path)}.")


def _is_told_of(neo: Any, path: StrPath) -> bool:
    """Whether a file beside a text says at which rate, and in which unit, its columns were sampled."""
    if as_path(path).suffix.lower() not in (".txt", ".asc", ".csv", ".tsv") or not _about(path).is_file():
        return False
    try:
        told = neo.io.AsciiSignalIO(str(path)).read_metadata()
        return "units" in told and not {"sampling_rate", "timecolumn"}.isdisjoint(told)
    except json.JSONDecodeError:  # half-written
        raise
    except Exception as error:  # whatever Neo meets with on the way to a rate and a unit
        raise _no_about(path, error) from None


def _about(path: StrPath) -> Path:
    return as_path(path).with_name(f"{as_path(path).stem}_about.json")


def _no_about(path: StrPath, error: Exception) -> InputError:
    return InputError(
        f"{_about(path).name!r} must say of {as_path(path).name!r} what Neo's AsciiSignalIO asks for, such as {ABOUT}; "
        f"it makes of it: {' '.join(str(error).split()) or type(error).__name__}."
    )


def _is_text(reader: Any) -> bool:
    return type(reader).__name__ in TEXT


def _block_of_text(reader: Any, path: StrPath) -> Any:
    """What Neo reads of a text, unless rows were left out, or columns are no numbers: it does so and goes on."""
    name = as_path(path).name
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="Some errors were detected")  # numpy's, of rows that it leaves out
        try:
            block = reader.read_block()
        except UserWarning as ragged:
            told = [line.strip() for line in str(ragged).splitlines()[1:2]]
            raise InputError(f"{name!r} must have as many columns in each row; {''.join(told)}.") from None
    for signal in block.segments[0].analogsignals:
        empty = np.flatnonzero(np.isnan(signal.magnitude).all(axis=0))
        if empty.size:
            raise InputError(
                f"{name!r} must hold numbers in each column, parted by {reader.delimiter!r}; there is none in column "
                f"{empty[0]} of {str(signal.name)!r}: say another delimiter, or usecols, in {_about(path).name}."
            )
    return block


def _signals_of(segment: Any) -> dict[str, Any]:
    found: dict[str, Any] = {SPIKES: segment.spiketrains} if len(segment.spiketrains) else {}
    for k, signal in enumerate(segment.analogsignals):
        name = str(signal.name or f"signal {k}")
        found[name if name not in found else f"{name} {k}"] = signal
    return found


def _chosen(there: dict[str, Any], series: str | None) -> str:
    listed = ", ".join(there)
    if not there:
        raise InputError("source must hold spike trains or analog signals; there are none.")
    if series is None and len(there) == 1:
        return next(iter(there))
    if series not in there:
        got = "the source holds them all" if series is None else f"got {series!r}"
        raise InputError(f"series must name one of {listed}; {got}.")
    return series


def _seconds(quantity: Any) -> float:
    return float(quantity.rescale("s").magnitude)


def _spikes(segment: Any, dt: float | None, time: slice | None) -> dict[str, Any]:
    trains = [train.load() if hasattr(train, "load") else train for train in segment.spiketrains]
    start = min(_seconds(train.t_start) for train in trains)
    stop = max(_seconds(train.t_stop) for train in trains)
    seconds = [np.asarray(train.rescale("s").magnitude, dtype=np.float64) for train in trains]
    duration, kept = stop - start, seconds
    if time is not None and dt is not None:
        first, stop = (
            start,
            start + with_last(np.concatenate(seconds), as_step(dt), start, duration),
        )
        kept = []
        for train in seconds:
            inside, start, duration = span_of_spikes(time, train, dt, first, stop)
            kept.append(train[inside])
    ids = _ids([train.annotations.get("id", train.name) for train in trains])
    found = of_spikes(
        np.concatenate(kept),
        np.repeat(np.arange(len(trains)) if ids is None else ids, [len(train) for train in kept]),
        dt,
        unit_ids=np.arange(len(trains)) if ids is None else ids,
        t0=start,
        duration=duration,
    )
    return found | {"unit_info": _annotated([train.annotations for train in trains])}


def _samples(signal: Any, dt: float | None, time: slice | None) -> dict[str, Any]:
    step, t0 = 1.0 / float(signal.sampling_rate.rescale("Hz").magnitude), _seconds(signal.t_start)
    refuse_other_step(dt, step, "the signal")
    span = sample_span(time, signal.shape[0], step, t0)
    volts = _is_voltage(signal)
    unit = "mV" if volts else str(signal.units.dimensionality)
    refuse_beyond_memory((span.stop - span.start, signal.shape[1]), 8, "the analog signal")
    data = _loaded(signal, span, unit, volts)
    name = "v" if volts else "signal"
    annotations = {key: np.asarray(values) for key, values in dict(signal.array_annotations).items()}
    labels = annotations.get("channel_ids", annotations.get("channel_names"))
    info = {
        key.replace("/", "_"): values
        for key, values in annotations.items()
        if values.shape == (data.shape[1],) and values.dtype.kind in "biufU"
    }
    return {
        "signals": {name: data},
        "dt": step,
        "t0": t0 + span.start * step,
        "unit_ids": None if labels is None else _ids(labels.tolist()),
        "unit_info": info,
        "units_of_measure": {name: unit},
    }


def _loaded(signal: Any, span: slice, unit: str, volts: bool) -> np.ndarray:
    """Samples of a signal; of one that still lies in its file a block at a time, of which Neo makes some copies."""
    if not hasattr(signal, "load"):
        part = signal[span]
        return np.asarray((part.rescale(unit) if volts else part).magnitude)
    step = max(1, BLOCK_BYTES // (8 * signal.shape[1]))
    data: np.ndarray | None = None
    for first in range(span.start, span.stop, step):
        rows = slice(first, min(first + step, span.stop))
        times = tuple(signal.t_start + rank / signal.sampling_rate for rank in (rows.start, rows.stop))
        part = signal.load(time_slice=times)
        if part.shape != (rows.stop - rows.start, signal.shape[1]):
            raise InputError(
                f"the analog signal must hold the {signal.shape[0]} samples that its file tells of; {part.shape[0]} of "
                f"{rows.stop - rows.start} came of those from {rows.start} on."
            )
        values = np.asarray((part.rescale(unit) if volts else part).magnitude)
        if data is None:
            data = np.empty((span.stop - span.start, signal.shape[1]), dtype=values.dtype)
        data[rows.start - span.start : rows.stop - span.start] = values
    assert data is not None
    return data


def _is_voltage(signal: Any) -> bool:
    try:
        signal.units.rescale("V")
    except ValueError:
        return False
    return True


def _ids(labels: list[Any]) -> np.ndarray | None:
    """Labels that tell all units apart; None where they do not."""
    plain = [label.item() if isinstance(label, np.generic) else label for label in labels]
    alike = all(isinstance(x, str) and x for x in plain) or all(type(x) is int for x in plain)
    return np.array(plain) if plain and alike and len(set(plain)) == len(plain) else None


def _annotated(annotations: list[dict[str, Any]]) -> dict[str, np.ndarray]:
    """What every unit is annotated with by one plain value of one kind."""
    found = {}
    for key in annotations[0]:
        values = [each.get(key) for each in annotations]
        values = [value.item() if isinstance(value, np.generic) else value for value in values]
        for kinds in ((bool,), (int, float), (str,)):
            if all(isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool)) for value in values):
                found[str(key).replace("/", "_")] = np.array(values)
    return found


def _joined(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Segments as trials, whose times begin at 0."""
    (name,) = parts[0]["signals"]
    arrays = [part["signals"].get(name) for part in parts]
    first = parts[0]
    for k, (part, array) in enumerate(zip(parts, arrays, strict=True)):
        if array is None or array.shape != arrays[0].shape or part["dt"] != first["dt"]:
            raise InputError(
                f"segments must be alike in signal, shape and dt to be trials; segment {k} is not as the first: choose "
                "one of them, block.segments[k]."
            )
    joined = {key: first[key] for key in ("dt", "unit_ids", "unit_info", "units_of_measure") if key in first}
    return joined | {"signals": {name: np.stack(arrays)}, "leading": "trial"}
