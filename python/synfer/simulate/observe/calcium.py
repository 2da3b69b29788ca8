"""Calcium fluorescence: what an indicator and a microscope show of spikes."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import scipy.signal

from synfer.arguments import checked_number, checked_seed
from synfer.errors import InputError
from synfer.recording import Recording
from synfer.recording.spikes import EDGE_TOLERANCE
from synfer.simulate.memory import refuse_beyond_available
from synfer.simulate.observe.step import checked_recording, generators, observed, told
from synfer.simulate.wiring.draws import CALCIUM_STREAM
from synfer.storage import on_host

BLOCK = 2**22
"""Frames of units filtered in one go."""


class _Spikes(NamedTuple):
    """Spikes of one network: seconds from the first sample on, unit, and how many at once."""

    time: np.ndarray
    unit: np.ndarray
    number: np.ndarray


def calcium(
    recording: Recording,
    *,
    rise: float = 0.05,
    decay: float = 0.5,
    amplitude: float = 1.0,
    saturation: float | None = None,
    noise: float = 0.0,
    frame_rate: float | None = None,
    seed: int = 0,
) -> Recording:
    """Fluorescence of a calcium indicator, from spikes.

        c(t) = amplitude sum_k g(t - t_k),  g(t) = (exp(-t / decay) - exp(-t / rise)) / peak  for t >= 0
        F(t) = c / (1 + c / saturation) + noise n,  n ~ N(0, 1)

    ``peak`` makes the response to one spike as high as the amplitude. All is evaluated exactly at the times of the
    frames, whether or not these fall on samples. A spike acts from its exact time where the recording holds that, else
    from the time of the sample that shows it.

    Parameters
    ----------
    recording : Recording
        With signal "spikes", counts ([trial|network,] time, unit).
    rise, decay : float
        Time constants in seconds, 0 <= rise <= 0.99 decay; a rise of 0 gives a jump.
    amplitude : float
        Height of the response to a single spike (dF/F), positive.
    saturation : float, optional
        Fluorescence that no activity exceeds (dF/F), positive; None for a linear indicator. Half of it is reached
        where c equals it.
    noise : float
        Standard deviation of each frame's noise (dF/F), at least 0.
    frame_rate : float, optional
        Frames a second, at most one a sample (more where exact times are held); default every sample.
    seed : int
        Of the noise; each network has noise of its own, keyed by its id.

    Returns
    -------
    Recording
        Signal "calcium" (dF/F, float32), ([trial|network,] frame, unit): dt = 1 / frame_rate, the first frame at the
        time of the first sample. Units keep their labels.

    Raises
    ------
    UnknownNameError
        There is no signal "spikes".
    InputError
        A number is out of its range, or spikes are not finite.

    Examples
    --------
    >>> from synfer.simulate import izhikevich_network, observe, run
    >>> recording = run(izhikevich_network(8, 2, 0.4), 2.0, record="spikes")
    >>> observe.calcium(recording, frame_rate=30.0, noise=0.1)["calcium"].shape
    (60, 10)

    References
    ----------
    J. T. Vogelstein et al., "Spike inference from calcium imaging using sequential Monte Carlo methods", Biophysical J.
    97 (2009), 636-655.

    O. Stetter, D. Battaglia, J. Soriano, T. Geisel, "Model-free reconstruction of excitatory neuronal connectivity from
    calcium imaging signals", PLoS Computational Biology 8 (2012), e1002653.
    """
    recording, seed = checked_recording(recording), checked_seed(seed)
    rise, decay = checked_number("rise", rise), checked_number("decay", decay)
    if not 0 <= rise <= 0.99 * decay or decay == 0:  # nearer, their difference would be lost to rounding
        raise InputError(f"rise and decay must be seconds, 0 <= rise <= 0.99 decay; got {rise} and {decay}.")
    amplitude, noise = checked_number("amplitude", amplitude), checked_number("noise", noise)
    if amplitude <= 0:
        raise InputError(f"amplitude must be positive; got {amplitude}.")
    if noise < 0:
        raise InputError(f"noise must be a standard deviation, at least 0; got {noise}.")
    if saturation is not None and checked_number("saturation", saturation) <= 0:
        raise InputError(f"saturation must be positive, or None for a linear indicator; got {saturation}.")
    rate = 1 / recording.dt if frame_rate is None else checked_number("frame_rate", frame_rate)
    if rate <= 0:
        raise InputError(f"frame_rate must be positive; got {rate}.")
    exact = recording.exact_events
    if exact is None and rate * recording.dt > 1 + EDGE_TOLERANCE:
        raise InputError(
            f"frame_rate must be at most one frame a sample, {1 / recording.dt:g} Hz; got {frame_rate}: simulate "
            "with a smaller step, or record spikes='events'."
        )
    counts = on_host(recording["spikes"])
    n, n_units = recording.shape[-2:]
    frames = (n - 1) * recording.dt * rate + EDGE_TOLERANCE
    block = min(BLOCK, (frames + 1) * n_units)
    refuse_beyond_available(
        int(counts.size // n * (frames + 1) * 8 + 60 * block), "observe fewer networks at once", "the fluorescence"
    )
    n_frames = int(frames) + 1
    seen = np.empty((*recording.shape[:-2], n_frames, n_units), np.float32)
    width = max(BLOCK // n_frames, 1)
    for k, out in enumerate(seen.reshape(-1, n_frames, n_units)):
        if exact is None:
            spikes = _of_raster(counts.reshape(-1, n, n_units)[k], recording.dt)
        else:
            mine = slice(None) if exact.leading is None else exact.leading == k
            spikes = _Spikes(exact.time[mine] - recording.t0, exact.unit[mine], np.ones(exact.unit[mine].shape))
        for first in range(0, n_units, width):
            part = out[:, first : first + width]
            c = _decayed(spikes, first, part.shape, decay, rate)
            if rise > 0:
                c -= _decayed(spikes, first, part.shape, rise, rate)
                c /= _peak(rise, decay)
            c *= amplitude
            part[:] = c if saturation is None else c / (1 + c / saturation)
    if noise > 0:
        for random, out in zip(
            generators(recording, seed, CALCIUM_STREAM), seen.reshape(-1, n_frames, n_units), strict=True
        ):
            out += np.float32(noise) * random.standard_normal(out.shape, np.float32)
    about = told(
        recording, "calcium", rise=rise, decay=decay, amplitude=amplitude, saturation=saturation, noise=noise,
        frame_rate=frame_rate, seed=seed,
    )  # fmt: skip
    return observed(recording, {"calcium": seen}, {"calcium": "dF/F"}, about, 1 / rate)


def _of_raster(counts: np.ndarray, dt: float) -> _Spikes:
    """Give the spikes of one network's raster (time, unit)."""
    if counts.dtype.kind != "u" and not np.all(np.isfinite(counts) & (counts >= 0)):
        raise InputError("signal 'spikes' must be finite counts of at least 0; it holds others.")
    sample, unit = np.nonzero(counts)
    return _Spikes(sample * dt, unit, counts[sample, unit].astype(np.float64))


def _decayed(spikes: _Spikes, first: int, shape: tuple[int, ...], tau: float, rate: float) -> np.ndarray:
    """Give the sum over spikes so far of exp(-time since / tau), (frame, unit), of the units from ``first`` on.

    What a spike has decayed to at the first frame that shows it is put there; from frame to frame all decay alike.
    """
    n_frames, n_units = shape
    frame = np.maximum(np.ceil(spikes.time * rate - EDGE_TOLERANCE), 0).astype(np.int64)
    kept = (frame < n_frames) & (spikes.unit >= first) & (spikes.unit < first + n_units)
    frame, unit = frame[kept], spikes.unit[kept] - first
    since = np.maximum(frame / rate - spikes.time[kept], 0.0)
    put = np.bincount(frame * n_units + unit, spikes.number[kept] * np.exp(-since / tau), minlength=n_frames * n_units)
    return scipy.signal.lfilter([1.0], [1.0, -math.exp(-1 / (rate * tau))], put.reshape(shape), axis=0)


def _peak(rise: float, decay: float) -> float:
    """Give the largest value of exp(-t / decay) - exp(-t / rise)."""
    at = math.log(decay / rise) * decay * rise / (decay - rise)
    return math.exp(-at / decay) - math.exp(-at / rise)
