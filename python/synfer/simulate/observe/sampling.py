"""Which units are seen, and when: hidden units, decimation, bins."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.signal

from synfer.arguments import checked_count, checked_flag, checked_number, checked_seed
from synfer.errors import InputError
from synfer.recording import Recording
from synfer.simulate.memory import refuse_beyond_available
from synfer.simulate.observe.step import checked_recording, observed, told
from synfer.simulate.wiring.draws import HIDING_STREAM, generator_of
from synfer.storage import on_host, positions

WHOLE_TOLERANCE = 1e-6
"""A width this fraction of a step off a whole number of steps is taken for one: 0.01 / 0.001 is 10 nearly."""


def hide_units(recording: Recording, units: Any = None, *, fraction: float | None = None, seed: int = 0) -> Recording:
    """Leave units out: they act on the others, and are not seen.

    Parameters
    ----------
    recording : Recording
        Of all units.
    units : label or array of labels, optional
        Those hidden.
    fraction : float, optional
        Instead of naming them: hide round(fraction * n_units) units chosen at random, the same in each network.
    seed : int
        Of the choice.

    Returns
    -------
    Recording
        The other units, in their order and under their labels, all signals; `truth_of` gives the truth among them.
        ``provenance`` lists the labels of those hidden.

    Raises
    ------
    InputError
        Neither or both of ``units`` and ``fraction`` are given, a label is unknown, or no unit would be left.

    Examples
    --------
    >>> from synfer.simulate import izhikevich_network, observe, run
    >>> network = izhikevich_network(8, 2, 0.4)
    >>> seen = observe.hide_units(run(network, 1.0), [0, 3, 9])
    >>> seen["v"].shape
    (1000, 7)
    >>> observe.truth_of(seen, network.connectome).unit_ids.tolist()
    [1, 2, 4, 5, 6, 7, 8]
    """
    recording, seed = checked_recording(recording), checked_seed(seed)
    if (units is None) == (fraction is None):
        raise InputError("hide_units takes either units, the labels of those hidden, or fraction.")
    n = recording.n_units
    if units is not None:
        hidden = positions(recording.unit_ids, units, "units")
    else:
        share = checked_number("fraction", fraction)
        if not 0 <= share < 1:
            raise InputError(f"fraction must lie in [0, 1), to leave a unit; got {share}.")
        hidden = generator_of(seed, 0, HIDING_STREAM).permutation(n)[: round(share * n)]
    seen = np.ones(n, bool)
    seen[hidden] = False
    if not seen.any():
        raise InputError(f"at least one of {n} units must be left to see; all of them would be hidden.")
    part = recording.isel(unit=np.flatnonzero(seen))
    part.provenance = told(recording, "hide_units", hidden=recording.unit_ids[~seen].tolist())
    return part


def decimate(recording: Recording, factor: int, *, offset: int = 0, antialias: bool = False) -> Recording:
    """Keep every ``factor``-th sample, as a slow instrument does.

    Parameters
    ----------
    recording : Recording
        Without spikes: `bin_spikes` counts them, where decimation would lose them.
    factor : int
        Sample k of the result is sample ``offset + k * factor``.
    offset : int
        The first sample kept, 0 to factor - 1.
    antialias : bool
        Whether to low-pass first, below the new Nyquist frequency: the zero-phase FIR filter of order 20 * factor
        (Hamming's window) of `scipy.signal.decimate`; ``offset`` must then be 0.

    Returns
    -------
    Recording
        With ``factor`` times the step, all units. Without ``antialias`` it shares the recording's memory.

    Raises
    ------
    InputError
        A number is out of its range, or there are spikes.

    Examples
    --------
    >>> from synfer.simulate import izhikevich_network, observe, run
    >>> seen = observe.decimate(run(izhikevich_network(8, 2, 0.4), 1.0), 5)
    >>> seen["v"].shape, seen.dt
    ((200, 10), 0.005)
    """
    recording = checked_recording(recording)
    factor = checked_count("factor", factor, 1, recording.n_samples)
    offset, low_pass = checked_count("offset", offset, 0, factor - 1), checked_flag("antialias", antialias)
    if "spikes" in recording:
        raise InputError("decimate would lose spikes: count them by bin_spikes, or record the other signals alone.")
    provenance = told(recording, "decimate", factor=factor, offset=offset, antialias=low_pass)
    if not low_pass or factor == 1:
        part = recording.isel(time=slice(offset, None, factor))
        part.provenance = provenance
        return part
    if offset:
        raise InputError(f"offset must be 0 with antialias=True, whose filter keeps the first sample; got {offset}.")
    window = scipy.signal.firwin(20 * factor + 1, 1 / factor)
    signals = {}
    for name in recording.signal_names:
        values = on_host(recording[name])
        if values.dtype.kind != "f":
            raise InputError(f"signal {name!r} must be floating-point numbers to be filtered; got {values.dtype}.")
        refuse_beyond_available(4 * values.nbytes, "decimate fewer networks at once", "the filter")
        # Beyond its ends the signal goes on as a line: zeros there would be a jump of, say, 65 mV.
        filtered = scipy.signal.resample_poly(values, 1, factor, axis=-2, window=window, padtype="line")
        signals[name] = filtered.astype(values.dtype, copy=False)
    return observed(recording, signals, recording.units_of_measure, provenance, recording.dt * factor)


def bin_spikes(recording: Recording, width: float, *, rate: bool = False) -> Recording:
    """Count spikes in wider bins, or give their rate.

    Parameters
    ----------
    recording : Recording
        With signal "spikes", counts ([trial|network,] time, unit).
    width : float
        Of a bin, in seconds: a whole number of the recording's steps. Bin k counts samples k * width / dt up to the
        next bin's first; a last bin filled in part is kept, so that no spike is lost.
    rate : bool
        Whether to give Hz, the count divided by the seconds that the bin covers (of a last one, its part).

    Returns
    -------
    Recording
        Signal "spikes" in the smallest unsigned type that holds the counts, or "rate" (Hz, float32); dt is the width,
        and sample k stands at the time of the bin's first sample.

    Raises
    ------
    UnknownNameError
        There is no signal "spikes".
    InputError
        The width is no whole number of steps or longer than the recording, or spikes are no counts.

    Examples
    --------
    >>> from synfer.simulate import izhikevich_network, observe, run
    >>> recording = run(izhikevich_network(8, 2, 0.4), 1.0, record="spikes")
    >>> counts = observe.bin_spikes(recording, 0.02)["spikes"]
    >>> counts.shape, bool(counts.sum() == recording["spikes"].sum())
    ((50, 10), True)
    """
    recording, as_rate = checked_recording(recording), checked_flag("rate", rate)
    width = checked_number("width", width)
    factor = round(width / recording.dt) if 0 < width < 2**62 * recording.dt else 0
    if factor < 1 or abs(width / recording.dt - factor) > WHOLE_TOLERANCE * factor:
        raise InputError(
            f"width must be a whole number of the recording's steps of {recording.dt:g} s, one at least; got {width:g}."
        )
    if factor > recording.n_samples:
        raise InputError(
            f"width must be at most the recording's {recording.duration:g} s, or its one bin would claim a time that "
            f"was not recorded; got {width:g}: sum the spikes for a count of all."
        )
    counts = on_host(recording["spikes"])
    n, n_bins = recording.n_samples, -(-recording.n_samples // factor)
    refuse_beyond_available(
        counts.size // n * n_bins * 16 + counts.size // recording.shape[-1], "bin fewer networks at once", "the bins"
    )
    if counts.dtype.kind == "f":
        whole = np.isfinite(counts) & (counts >= 0) & (counts == np.floor(counts))
    else:
        whole = counts >= 0
    if not np.all(whole):
        raise InputError(f"signal 'spikes' must hold counts, whole numbers of at least 0; got {counts[~whole][0]}.")
    first = np.arange(0, n, factor)
    sums = np.add.reduceat(counts, first, axis=-2, dtype=np.int64)
    about = told(recording, "bin_spikes", width=width, rate=as_rate)
    if as_rate:
        covered = np.minimum(factor, n - first)[:, None] * recording.dt
        return observed(recording, {"rate": (sums / covered).astype(np.float32)}, {"rate": "Hz"}, about, width)
    binned = sums.astype(np.min_scalar_type(int(sums.max())))
    exact = recording.exact_events
    events = None if exact is None else exact._replace(bin=exact.bin // factor)
    return observed(recording, {"spikes": binned}, {"spikes": "1"}, about, width, events)
