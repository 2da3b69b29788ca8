"""Recording: named signals over ([trial|network,] time, unit), as they were made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from synfer.errors import InputError, NoStateError, ShapeError, UnknownNameError
from synfer.recording import convert, describe, file, sampling, selection, spikes
from synfer.recording.arrays import axis_index, bounds, equal, held
from synfer.recording.formats import neo_write, nwb_write
from synfer.recording.sources import Sources
from synfer.recording.state import state_of_part
from synfer.storage import StrPath, as_choice, as_ids, as_mapping, as_number, as_path, name_alone, understood
from synfer.unit_info import as_unit_info, unit_frame

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

LEADING = ("trial", "network")
RESERVED = {"time", "unit", "event", *LEADING, *file.EVENT_NAMES.values()}


class Recording(Sources):
    """Named signals of a population, sampled together: sample k lies at ``t0 + k * dt`` seconds.

    Arrays are held as they are made, numpy's or torch's, never copied or cast.

    Parameters
    ----------
    signals : dict of str to array
        Each (time, unit), or (trial, time, unit) or (network, time, unit); one shape for all. The usual names are
        "v" (membrane potential), "u" (recovery), "spikes" (counts a bin), "drive", "calcium".
    dt : float
        Step in seconds.
    unit_ids : array (unit,) of int or str, optional
        Labels of the units; default 0, 1, ...
    leading : {"trial", "network"}, optional
        What the leading axis of 3-D signals is; default "trial".
    leading_ids : array (trial|network,) of int or str, optional
        Labels along it; default 0, 1, ...
    t0 : float
        Time of the first sample in seconds.
    units_of_measure : dict of str to str, optional
        Unit of each signal, such as ``{"v": "mV"}``.
    provenance : dict, optional
        Where it is from: plain (JSON-able) values.
    events : SpikeEvents, optional
        The spikes that signal "spikes" counts, one by one, at their exact times.
    unit_info : DataFrame or dict of str to array (unit,), optional
        What else is known of the units, a column each: numbers, text or truth values ("brain_area", "cell_type",
        "depth", ...). It goes with the units wherever they go, as far as a connectome found from them.

    Raises
    ------
    ShapeError
        Signals differ in shape, or are not 2-D or 3-D.
    InputError
        Something else cannot be used: no samples, no numbers, repeated labels, a step that is not positive, ...

    Examples
    --------
    >>> recording = Recording({"v": np.zeros((1000, 3))}, dt=1e-3, units_of_measure={"v": "mV"})
    >>> recording[0.25:0.75].n_samples
    500
    """

    _file: str | None = None  # here, for those that were pickled before there was such a thing
    _told_of_orientation = False

    def __init__(
        self,
        signals: Mapping[str, Any],
        dt: float,
        *,
        unit_ids: Any = None,
        leading: str | None = None,
        leading_ids: Any = None,
        t0: float = 0.0,
        units_of_measure: Mapping[str, str] | None = None,
        provenance: Mapping[str, Any] | None = None,
        events: spikes.SpikeEvents | None = None,
        unit_info: Any = None,
    ) -> None:
        if not isinstance(signals, Mapping) or not signals:
            raise InputError("signals must be a dict of name to array with at least one entry; or use from_array.")
        self._signals = {name: held(name, array, RESERVED) for name, array in signals.items()}
        shapes = {name: tuple(array.shape) for name, array in self._signals.items()}
        self.shape: tuple[int, ...] = next(iter(shapes.values()))
        for name, shape in shapes.items():
            if len(shape) not in (2, 3) or 0 in shape:
                wanted = "(time, unit) or (trial|network, time, unit), none of them empty"
                raise ShapeError(f"signal {name!r} must have shape {wanted}; got {shape}.")
            if shape != self.shape:
                raise ShapeError(f"signals must have one shape; {name!r} has {shape}, the first has {self.shape}.")
        self.dt, self.t0 = sampling.as_step(dt), as_number(t0, "t0")
        if leading is None and len(self.shape) == 3:
            leading = "trial"
        leading = None if leading is None else as_choice(leading, "leading axis", LEADING)
        if (leading is not None and len(self.shape) == 2) or (leading is None and leading_ids is not None):
            raise ShapeError(f"signals need a leading axis for leading or leading_ids; they have shape {self.shape}.")
        self.leading = leading
        self.leading_ids = None if leading is None else as_ids(leading_ids, self.shape[0], "leading_ids")
        self.unit_ids = as_ids(unit_ids, self.shape[-1], "unit_ids")
        self._unit_info = as_unit_info(unit_info, self.shape[-1], {*RESERVED, *self._signals})
        self.units_of_measure = {k: str(v) for k, v in as_mapping(units_of_measure, "units_of_measure").items()}
        for name in self.units_of_measure:
            if name not in self._signals:
                raise UnknownNameError.of("units_of_measure: signal", name, self._signals)
        self.provenance = as_mapping(provenance, "provenance")
        spikes.refuse_unlisted(self._signals, events)
        self._events = events
        self._final_state: Any = None
        self._stateless = "it was not made by synfer.simulate.run itself: take that of the recording that was"

    # ---- what it is

    @property
    def dims(self) -> tuple[str, ...]:
        """Names of the axes: ("time", "unit"), with "trial" or "network" before them where there is one."""
        return ("time", "unit") if self.leading is None else (self.leading, "time", "unit")

    @property
    def n_samples(self) -> int:
        """Samples in time."""
        return self.shape[-2]

    @property
    def n_units(self) -> int:
        """Units in each network."""
        return self.shape[-1]

    @property
    def duration(self) -> float:
        """Seconds covered, ``n_samples * dt``."""
        return self.n_samples * self.dt

    @property
    def times(self) -> np.ndarray:
        """Time of each sample in seconds, (time,)."""
        return self.t0 + self.dt * np.arange(self.n_samples)

    @property
    def signal_names(self) -> list[str]:
        """Names of the signals."""
        return list(self._signals)

    @property
    def unit_info(self) -> pd.DataFrame:
        """What is known of the units beside their labels: a row a unit, no column where nothing is."""
        return unit_frame(self._unit_info, self.unit_ids)

    @property
    def exact_events(self) -> spikes.SpikeEvents | None:
        """Exact spike times, where the recording was made from them."""
        return self._events

    @property
    def final_state(self) -> Any:
        """The `State` that `synfer.simulate.run` ended in, for it to go on from: of all units, whichever are recorded.

        It is saved with the recording, and goes with parts of it that reach its end, of some networks too.

        Raises
        ------
        NoStateError
            There is none: the recording was not simulated, is made anew of one that was, or ends before it.
        """
        if self._final_state is None:
            raise NoStateError(f"this recording has no final_state: {self._stateless}.")
        return self._final_state

    @final_state.setter
    def final_state(self, state: Any) -> None:
        self._final_state = state

    @property
    def read_from(self) -> str | None:
        """Name of the file (without its folder) that this, or more, was read from; None where there is none known."""
        return name_alone(self.provenance.get("file", self.provenance.get("folder"))) or self._file

    def __contains__(self, name: object) -> bool:
        return name in self._signals

    def __getitem__(self, key: str | slice) -> Any:
        """Give a signal by its name (the plain array), or a span of seconds (a Recording): ``recording[0.0:1.0]``.

        Spikes that are held as a list (``run(spikes="events")``) are counted into a new array at each call.
        """
        if isinstance(key, slice):
            return self.sel(time=key)
        if not isinstance(key, str):
            raise InputError(f"a Recording is indexed by a signal's name or a slice of seconds; got {key!r}: use isel.")
        if key not in self._signals:
            raise UnknownNameError.of("signal", key, self._signals)
        return spikes.counted(self._signals[key], self._events)

    # ---- parts of it

    def isel(self, *, time: slice | None = None, unit: Any = None, network: Any = None, trial: Any = None) -> Recording:
        """Parts by position; slices share the recording's memory.

        Parameters
        ----------
        time : slice, optional
            Samples; a step makes dt longer.
        unit : int, slice, or array of int or bool, optional
            Units; the axis is kept for an int too.
        network, trial : int, slice, or array of int or bool, optional
            Along the leading axis, by its name; an int drops it and keeps the label in ``provenance``.

        Raises
        ------
        InputError
            Nothing is left, a position lies outside, there is no such axis, or the time would be irregular.
        """
        for name, chosen in (("network", network), ("trial", trial)):
            if chosen is not None:
                selection.refuse_other_axis(self, name)
        index: list[Any] = []
        leading, leading_ids, provenance = self.leading, self.leading_ids, self.provenance
        if leading is not None:
            assert leading_ids is not None
            chosen = network if leading == "network" else trial
            at = axis_index(slice(None) if chosen is None else chosen, self.shape[0], leading)
            index.append(at)
            leading_ids = leading_ids[at]
            if isinstance(at, int):
                provenance = provenance | {leading: leading_ids.item()}
                leading = leading_ids = None
        span = slice(None) if time is None else time
        start, stop, step = bounds(span, self.n_samples, "time") if isinstance(span, slice) else (0, 0, 1)
        if step < 1 or start >= stop:
            raise InputError(f"time must be a forward slice of at least one of {self.n_samples} samples; got {time!r}.")
        index.append(slice(start, stop, step))
        units = axis_index(slice(None) if unit is None else unit, self.n_units, "unit")
        units = [units] if isinstance(units, int) else units
        events = None
        if self._events is not None:
            networks = None if self.leading is None else at if isinstance(at, int) else np.arange(self.shape[0])[at]
            kept_units = None if unit is None else np.arange(self.n_units)[units]
            events = self._events.select(start, stop, step, kept_units, networks)
        part = Recording(
            {name: array[tuple(index)][..., units] for name, array in self._signals.items()},
            self.dt * step,
            unit_ids=self.unit_ids[units],
            leading=leading,
            leading_ids=leading_ids,
            t0=self.t0 + start * self.dt,
            units_of_measure=self.units_of_measure,
            provenance=provenance,
            events=events,
            unit_info={name: column[units] for name, column in self._unit_info.items()},
        )
        part._file = self._file
        chosen = at if self.leading == "network" and network is not None else None
        part._final_state, part._stateless = state_of_part(self, stop == self.n_samples, chosen)
        return part

    def sel(self, *, time: slice | None = None, unit: Any = None, network: Any = None, trial: Any = None) -> Recording:
        """Parts by label: a half-open span of seconds, unit ids, network or trial ids.

        Parameters
        ----------
        time : slice of float, optional
            Samples at ``start <= t < stop`` seconds (to within 1e-6 dt of rounding); either end may be open.
        unit, network, trial : label or array of labels, optional
            A single network or trial drops that axis.

        Raises
        ------
        InputError
            A label is unknown, no sample lies in the span, or there is no such axis.
        """
        return self.isel(**selection.by_label(self, time, unit, network, trial))

    def spike_times(self) -> xr.Dataset:
        """Spikes one by one: ``time`` (seconds), ``unit`` (label) and any leading label over the dim "event".

        Exact where the recording was made from spike times; otherwise the time of the sample that shows the spike,
        as often as that counts. In order of the leading axis, then of time.

        Raises
        ------
        UnknownNameError
            There is no signal "spikes".
        InputError
            It does not hold whole numbers.
        """
        return convert.to_events(self)

    # ---- to other things

    def to_xarray(self) -> xr.Dataset:
        """Give a Dataset that shares the signals' memory (tensors on a GPU are copied); dt and t0 are attributes."""
        return convert.to_dataset(self)

    def to_nwb(
        self,
        path: StrPath,
        *,
        description: str = "a recording of synfer's",
        identifier: str | None = None,
        session_start_time: datetime | None = None,
        overwrite: bool = False,
    ) -> None:
        """Write to Neurodata Without Borders, whole or not at all, for `from_nwb` and others to read; needs pynwb.

        Spikes become the units table, every other signal an electrical series (which is of volts: what a signal is of
        instead stands in its comment), ``unit_info`` columns of the units and electrodes.

        Parameters
        ----------
        path : path
        description, identifier : str
            Of the session; the identifier is made up where there is none.
        session_start_time : datetime, optional
            Default now.
        overwrite : bool
            Whether a file that is there is replaced: it may be the one that this recording, a part of it, was read
            from.

        Raises
        ------
        FileError
            The file is there already, or cannot be written.
        InputError
            There are several trials or networks, or pynwb is not installed (``synfer[nwb]``).
        """
        nwb_write.write(path, self, description, identifier, session_start_time, overwrite=overwrite)

    def to_neo(self) -> Any:
        """Give a neo.Block: a segment (one a trial) with a spike train a unit and an analog signal a signal.

        ``unit_info`` becomes annotations. Needs ``synfer[neo]``, whose writers make files of it.

        Raises
        ------
        InputError
            There are several networks, or neo is not installed.
        """
        return neo_write.to_block(self)

    def save(self, path: StrPath) -> None:
        """Write to a NetCDF4 file, whole or not at all, in blocks along time, with its `final_state` where it has one.

        A file that is there is replaced.

        Raises
        ------
        FileError
            The file cannot be written.
        InputError
            A signal's type has no place in NetCDF (float16, bfloat16).
        """
        file.write(path, self)

    @classmethod
    def load(cls, path: StrPath, *, signals: Sequence[str] | None = None) -> Recording:
        """Read what `save` wrote, into numpy arrays; of the signals only those named, where some are.

        Raises
        ------
        FileError
            Missing, half-written, damaged, or not a recording.
        UnknownNameError
            The file has no such signal.
        """
        arguments = file.read(path, signals)
        with understood(path):
            loaded = cls(**arguments)
            loaded._file = as_path(path).name
            loaded._final_state, loaded._stateless = file.read_state(path)
        return loaded

    def identical(self, other: object) -> bool:
        """Whether the other is a recording with equal signals (and their types), labels, times and provenance."""
        if not isinstance(other, Recording) or self.signal_names != other.signal_names:
            return False
        about = ("dims", "shape", "dt", "t0", "units_of_measure", "provenance")
        if any(getattr(self, name) != getattr(other, name) for name in about):
            return False
        pairs = [(self.unit_ids, other.unit_ids), (self.leading_ids, other.leading_ids)]
        pairs += [(spikes.held(self._signals[name]), spikes.held(other._signals[name])) for name in self.signal_names]
        pairs += list(zip(self._events or (), other._events or (), strict=False))
        if list(self._unit_info) != list(other._unit_info):
            return False
        pairs += [(self._unit_info[name], other._unit_info[name]) for name in self._unit_info]
        return (self._events is None) == (other._events is None) and all(equal(*pair) for pair in pairs)

    def __repr__(self) -> str:
        return describe.as_text(self)

    def _repr_html_(self) -> str:
        return describe.as_html(self)
