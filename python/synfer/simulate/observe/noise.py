"""Noise of the instrument."""

from __future__ import annotations

import numpy as np

from synfer.arguments import checked_flag, checked_number, checked_seed
from synfer.errors import InputError
from synfer.recording import Recording
from synfer.simulate.memory import refuse_beyond_available
from synfer.simulate.observe.step import checked_recording, generators, observed, told
from synfer.simulate.wiring.draws import NOISE_STREAM
from synfer.storage import on_host


def add_noise(
    recording: Recording, std: float, *, signal: str | None = None, relative: bool = False, seed: int = 0
) -> Recording:
    """Add white Gaussian noise, independent for every sample and unit.

        y[t, i] = x[t, i] + std * n[t, i],  n ~ N(0, 1)

    Parameters
    ----------
    recording : Recording
        Holds the signal, ([trial|network,] time, unit).
    std : float
        Standard deviation, at least 0, in the signal's unit; or with ``relative``, in standard deviations of each
        unit's own signal (1 / std is then the signal-to-noise ratio).
    signal : str, optional
        Which; may be left out where there is one.
    relative : bool
        Whether ``std`` counts in standard deviations of the signal.
    seed : int
        Of the noise; each network has noise of its own, keyed by its id: the same however a batch is cut. Steps that
        shall be independent want different seeds.

    Returns
    -------
    Recording
        The signal alone, under its name, with the dtype it had.

    Raises
    ------
    UnknownNameError
        There is no such signal.
    InputError
        The standard deviation is negative, or the signal holds no floating-point numbers.

    Examples
    --------
    >>> from synfer.simulate import izhikevich_network, observe, run
    >>> recording = run(izhikevich_network(8, 2, 0.4), 1.0)
    >>> noisy = observe.add_noise(recording, 0.5)
    >>> round(float((noisy["v"] - recording["v"]).std()), 1)
    0.5
    """
    recording, seed = checked_recording(recording), checked_seed(seed)
    std, relatively = checked_number("std", std), checked_flag("relative", relative)
    if std < 0:
        raise InputError(f"std must be a standard deviation, at least 0; got {std}.")
    if signal is None:
        if len(recording.signal_names) > 1:
            raise InputError(f"signal must name one of {', '.join(recording.signal_names)}.")
        signal = recording.signal_names[0]
    values = on_host(recording[signal])
    if values.dtype not in (np.float32, np.float64):
        raise InputError(f"signal {signal!r} must be float32 or float64; got {values.dtype}.")
    refuse_beyond_available(2 * values.nbytes, "observe fewer networks at once", "the noise")
    noisy = np.empty(values.shape, values.dtype)
    for k, random in enumerate(generators(recording, seed, NOISE_STREAM)):
        x, y = (a[k] if a.ndim == 3 else a for a in (values, noisy))
        random.standard_normal(dtype=y.dtype, out=y)
        scale = np.asarray(std * x.std(axis=0, dtype=np.float64) if relatively else std, y.dtype)
        np.multiply(y, scale, out=y)
        np.add(y, x, out=y)
    about = told(recording, "add_noise", std=std, signal=signal, relative=relatively, seed=seed)
    measure = {name: unit for name, unit in recording.units_of_measure.items() if name == signal}
    return observed(recording, {signal: noisy}, measure, about)
