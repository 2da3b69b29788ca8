"""What a Recording can be made from: arrays, other libraries' tables, spikes; and, inherited, files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from synfer.recording import convert, spikes
from synfer.recording.arrays import named
from synfer.recording.file_sources import FileSources

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from synfer.recording.recording import Recording


class Sources(FileSources):
    """The classmethods ``from_*`` of `Recording`."""

    @classmethod
    def from_array(cls, array: Any, dt: float, *, name: str = "signal", **about: Any) -> Recording:
        """Build from one array ([trial|network,] time, unit); ``about`` as for `Recording`.

        Warns
        -----
        OrientationWarning
            The array probably is (unit, time): over 1,000 columns, more than rows; or 500 and more, over ten times as
            many as the rows, of which there are 300 at most (all trials together). Filter it where so few samples of so
            many units are meant.
        MillisecondsWarning
            ``dt`` is 5 s or more, and so rather is in milliseconds, or a rate in Hz.
        """
        return cls._bare({"signals": {named(name): array}, "dt": dt, **about}, turned=False)

    @classmethod
    def from_pandas(cls, frame: pd.DataFrame, dt: float | None = None, *, name: str = "signal") -> Recording:
        """Build from a table with a column a unit and a row a sample.

        Parameters
        ----------
        frame : pandas.DataFrame
            Its columns' labels become the unit ids; an index of seconds (floats), timedeltas or dates gives
            the times. One of whole numbers counts the rows, none of which may be missing.
        dt : float, optional
            Step in seconds; must agree with an index of times, to half a step where these are not exact, and is needed
            where that holds anything else.
        name : str
            Name of the signal.

        Raises
        ------
        InputError
            The index is irregular or no time, a column holds no numbers or is one of times, or labels repeat.

        Warns
        -----
        OrientationWarning, MillisecondsWarning
            As for `from_array`, where the index holds no times, or none that say what they are of.
        """
        arguments, turned = convert.of_frame(frame, dt, name)
        return cls._looked_at(cls._made(arguments), turned=turned)

    @classmethod
    def from_xarray(
        cls, data: xr.DataArray | xr.Dataset, dt: float | None = None, *, name: str = "signal"
    ) -> Recording:
        """Build from labelled arrays over "time", "unit" and perhaps "trial" or "network", without a copy.

        Parameters
        ----------
        data : xarray.DataArray or xarray.Dataset
            Dims in any order; coordinates become times (timedeltas, or in seconds unless their attribute
            ``units`` is another unit of time, from "ns" to "days") and labels, attributes ``units`` the units of
            measure. Other attributes are read where `to_xarray` writes them.
        dt : float, optional
            Step in seconds, where there is no time coordinate, or its times are not exact: to half a step.
        name : str
            Name of the signal of a DataArray that has none.

        Raises
        ------
        ShapeError, InputError
            Other dims, or irregular times.

        Warns
        -----
        MillisecondsWarning
            As for `from_array`, of times that do not say what they are of.
        """
        return cls._made(convert.of_xarray(data, dt, name))

    @classmethod
    def from_spikes(
        cls,
        times: Any,
        units: Any,
        dt: float,
        *,
        n_units: int | None = None,
        unit_ids: Any = None,
        t0: float = 0.0,
        duration: float | None = None,
        provenance: Mapping[str, Any] | None = None,
        unit_info: Any = None,
    ) -> Recording:
        """Build signal "spikes", the number of spikes in each bin [t0 + k dt, t0 + (k + 1) dt).

        No spike is lost or moved: the counts add up to the spikes given, and `spike_times` gives the exact times back.

        Parameters
        ----------
        times : array (event,)
            Seconds, in any order. A time within 1e-6 dt (or the rounding of its type, float32 for instance, where that
            is more) below an edge belongs to the bin that begins there.
        units : array (event,)
            The unit of each spike: its label where ``unit_ids`` is given, its index where only ``n_units`` is. Where
            neither is, the units are the distinct labels that occur, and silent units are not known of.
        dt : float
            Width of a bin in seconds.
        n_units, unit_ids : int, array (unit,), optional
            How many units there are, or their labels.
        t0 : float
            Where the first bin begins, in seconds.
        duration : float, optional
            Seconds; default ends with the bin of the last spike. A last bin filled in part is kept.
        provenance, unit_info : optional
            As for `Recording`.

        Raises
        ------
        InputError
            A time is not finite, before ``t0`` or past the end, a unit is unknown, or the counts are more than the
            memory that is free.

        Warns
        -----
        MillisecondsWarning
            The times rather are in milliseconds: in bins of 50 ms or less, units that fire do so less than once in 50 s
            on average; or less than once a second, and none twice within half a second, against all chance.
        """
        counts, events, ids = spikes.binned(
            times, units, dt, n_units=n_units, unit_ids=unit_ids, t0=t0, duration=duration
        )
        spikes.warn_of_milliseconds(events.time, events.unit, float(dt))
        about = {"provenance": provenance, "unit_info": unit_info, "events": events}
        return cls._made({"signals": {"spikes": counts}, "dt": dt, "unit_ids": ids, "t0": t0, **about})
