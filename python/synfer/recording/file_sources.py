"""What a Recording can be made from: files and objects of other tools."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from synfer.recording.arrays import warn_of_orientation
from synfer.recording.formats import by_ending, matlab, neo_objects, npz, nwb, pynapple_objects, spike_list
from synfer.recording.sampling import warn_of_long_step
from synfer.storage import StrPath

if TYPE_CHECKING:
    from synfer.recording.recording import Recording


class FileSources:
    """The classmethods ``from_*`` of `Recording` for files and objects of other tools."""

    @classmethod
    def _made(cls, arguments: dict[str, Any]) -> Recording:
        """Build from the arguments of `Recording`, which this class is the base of."""
        recording: Any = cls
        made: Recording = recording(**arguments)
        return made

    @classmethod
    def _looked_at(cls, made: Recording, *, turned: bool = False) -> Recording:
        """Warn where it is made of an array that lies on its side, but for one ``turned``; estimators then need not."""
        if not turned:
            made._told_of_orientation = warn_of_orientation(made.shape, made.leading)
        return made

    @classmethod
    def _bare(cls, arguments: dict[str, Any], *, turned: bool) -> Recording:
        """Build from an array that says of itself neither what its axes are nor what its step is of."""
        made = cls._looked_at(cls._made(arguments), turned=turned)
        warn_of_long_step(made.dt)
        return made

    @classmethod
    def from_file(cls, path: StrPath, **options: Any) -> Recording:
        """Read any file that one of the other ``from_*`` reads, by the ending of its name.

        Parameters
        ----------
        path : path
            .nwb, .mat, .npz, .npy, .csv or .tsv, or whatever Neo knows by its ending. (synfer's own: `load`.)
        **options
            As the reader takes them, ``dt`` for instance; those that are None are left out.

        Raises
        ------
        InputError
            Nothing reads such files, or the reader has no such option.
        FileError
            The file cannot be read.

        Warns
        -----
        OrientationWarning, MillisecondsWarning
            As the reader does.
        """
        arguments = by_ending(path, **options)
        if "variable" not in arguments.get("provenance", {}):
            return cls._made(arguments)
        # an array's file says as little as an array; a part in time may well be short
        turned = bool(options.get("units_first")) or options.get("time") is not None
        return cls._bare(arguments, turned=turned)

    @classmethod
    def from_nwb(
        cls,
        path: StrPath,
        *,
        dt: float | None = None,
        series: str | None = None,
        time: slice | None = None,
        trials: str | None = None,
        trial_duration: float | None = None,
    ) -> Recording:
        """Read a file of Neurodata Without Borders; needs ``synfer[nwb]``.

        Memory is needed for what is returned and 24 MB; of a series only the samples asked for are read.

        Parameters
        ----------
        path : path
            Files that link to others are refused.
        dt : float, optional
            Width of a bin in seconds, for the units table's spike times. A series has its own.
        series : str, optional
            Which series, by its name or its place ("ecephys/LFP/lfp"); "units" for the units table. Needed where the
            file holds several; series that are of no neurons (a pupil's) are read where they are named.
        time : slice, optional
            Only from ``time.start`` to ``time.stop`` seconds. Without, spikes before 0 are read too.
        trials : str, optional
            An intervals table ("trials", "epochs", ...): axis "trial", each from its start on, times from 0.
        trial_duration : float, optional
            Seconds of each trial; default the shortest.

        Returns
        -------
        Recording
            Signal "spikes" (counts), "v" (patch clamp), "lfp" (electrical series), "calcium" (regions of interest) or
            "signal"; in mV where the file has volts. Samples in the file's invalid times, and a unit's bins outside the
            intervals that it was observed in, are NaN. Columns of the units, electrodes or regions with one value each
            become ``unit_info``; a place is called "brain_area".

        Raises
        ------
        FileError
            It cannot be read as NWB.
        InputError
            There is no or no one series meant, ``dt`` lacks, a trial reaches beyond the recording, it does not fit into
            memory, or pynwb is not installed.

        Warns
        -----
        SynferWarning
            Spikes lie outside the intervals that their units were observed in, and are left out; or trials are cut to
            the shortest, unasked, and less than half of their time is used.
        MillisecondsWarning
            As for `from_spikes`.
        """
        return cls._made(nwb.read(path, dt=dt, series=series, time=time, trials=trials, trial_duration=trial_duration))

    @classmethod
    def from_neo(
        cls, source: Any, *, dt: float | None = None, series: str | None = None, time: slice | None = None
    ) -> Recording:
        """Build from a Neo Block or Segment, or any file that Neo reads; needs ``synfer[neo]``.

        Of files that Neo reads in parts (its ``support_lazy``: most amplifiers', not MATLAB's or text) memory is needed
        for what is returned, of several segments twice, and 24 MB: signals that are not asked for are not read. Other
        files are read whole, by Neo.

        Parameters
        ----------
        source : neo.Block, neo.Segment or path
            Several segments of one length become the axis "trial".
        dt : float, optional
            Width of a bin in seconds, for spike trains. An analog signal has its own, from which it may not differ.
        series : str, optional
            Name of the analog signal, or "spiketrains"; needed where there are several.
        time : slice, optional
            Only from ``time.start`` to ``time.stop`` seconds.

        Returns
        -------
        Recording
            Signal "spikes", "v" (whatever is in volts, in mV) or "signal". Annotations with one plain value a spike
            train, and array annotations of a signal, become ``unit_info``.

        Raises
        ------
        FileError, InputError
            As for `from_nwb`; or segments differ in what they hold.
        """
        return cls._made(neo_objects.read(source, dt=dt, series=series, time=time))

    @classmethod
    def from_pynapple(cls, source: Any, *, dt: float | None = None) -> Recording:
        """Build from pynapple's TsGroup (spikes), TsdFrame or Tsd.

        Parameters
        ----------
        source : pynapple.TsGroup, pynapple.TsdFrame, pynapple.Tsd
            Its metadata become ``unit_info``; what lies between the epochs of its time support is NaN.
        dt : float, optional
            Width of a bin in seconds for a TsGroup; the others show theirs.

        Raises
        ------
        InputError
            Another object, times that are irregular within an epoch, or no ``dt`` for spikes.
        """
        return cls._made(pynapple_objects.read(source, dt=dt))

    @classmethod
    def from_matlab(
        cls,
        path: StrPath,
        *,
        dt: float | None = None,
        variable: str | None = None,
        units_first: bool = False,
        time: slice | None = None,
        units: Sequence[int] | None = None,
    ) -> Recording:
        """Read a matrix ([trial,] time, unit) from a MATLAB file, of version 7.3 or before.

        Memory is needed for what is returned and 24 MB (or two of the file's chunks, where these are larger than 8
        MB): samples and units that are not asked for are passed over. Files of MATLAB 4 alone are read whole. Units in
        another order than the file's are put in order by a copy.

        Parameters
        ----------
        path : path
        dt : float
            Step in seconds; the file says nothing of it.
        variable : str, optional
            Which matrix, where there are several.
        units_first : bool
            Whether the matrix is ([trial,] unit, time).
        time : slice, optional
            Only from ``time.start`` to ``time.stop`` seconds, counted from the first sample; of each trial.
        units : sequence of int, optional
            Only these units, numbered from 0, in this order.

        Raises
        ------
        FileError, InputError, ShapeError
            It cannot be read; there is no one matrix meant, no such unit or time, or no room for them; ``dt`` lacks.

        Warns
        -----
        OrientationWarning, MillisecondsWarning
            As for `from_array`; of orientation, where the whole is read and not said to be ``units_first``.
        """
        asked: dict[str, Any] = {"variable": variable, "units_first": units_first, "time": time, "units": units}
        return cls._bare(matlab.read(path, dt=dt, **asked), turned=units_first or time is not None)

    @classmethod
    def from_npz(
        cls,
        path: StrPath,
        *,
        dt: float | None = None,
        variable: str | None = None,
        units_first: bool = False,
        time: slice | None = None,
        units: Sequence[Any] | None = None,
    ) -> Recording:
        """Read an array ([trial,] time, unit) from numpy's .npz or .npy; nothing is unpickled.

        Memory is needed for what is returned and 24 MB; what is not asked for is passed over, as by `from_matlab`.

        Parameters
        ----------
        path : path
            A scalar ``dt`` and an array ``unit_ids`` in an .npz are taken for what they are called; a ``dt``
            given beside the file's must agree with it. A list of spikes, as of arrays ``times`` and ``ids`` of one
            length, is refused: `from_spikes` takes it.
        dt, variable, units_first, time
            As for `from_matlab`.
        units : sequence, optional
            Only these units, in this order: labels where the file has ``unit_ids``, else numbers from 0.

        Raises
        ------
        FileError, InputError, ShapeError
            As for `from_matlab`.

        Warns
        -----
        OrientationWarning, MillisecondsWarning
            As for `from_matlab`.
        """
        asked: dict[str, Any] = {"variable": variable, "units_first": units_first, "time": time, "units": units}
        return cls._bare(npz.read(path, dt=dt, **asked), turned=units_first or time is not None)

    @classmethod
    def from_csv(
        cls,
        path: StrPath,
        *,
        dt: float | None = None,
        duration: float | None = None,
        t0: float = 0.0,
        time: slice | None = None,
    ) -> Recording:
        """Read a list of spikes from .csv (or .tsv): a line a spike, with its time in seconds and its unit.

        Parameters
        ----------
        path : path
            Columns named time and unit (or times, spike_times, t; id, neuron, cluster, ...), or two without names.
            Further ones that say the same in all lines of a unit, a brain area for instance, become ``unit_info``.
        dt, duration, t0 : float
            As for `from_spikes`.
        time : slice, optional
            Only from ``time.start`` to ``time.stop`` seconds; the file is read whole all the same.

        Raises
        ------
        FileError, InputError
            It cannot be read, the columns are others, or as for `from_spikes`.

        Warns
        -----
        MillisecondsWarning
            As for `from_spikes`.
        """
        return cls._made(spike_list.read(path, dt=dt, duration=duration, t0=t0, time=time))
