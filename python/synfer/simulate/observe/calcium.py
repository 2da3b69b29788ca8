"""Calcium fluorescence: what an indicator and a microscope show of spikes."""

from __future__ import annotations

import math

import numpy as np
import scipy.signal

from synfer.errors import InputError
from synfer.recording import Recording
from synfer.simulate.arguments import checked_number, checked_seed
from synfer.simulate.memory import refuse_beyond_available
from synfer.simulate.observe.step import CALCIUM_STREAM, checked_recording, generators, observed, told
from synfer.storage import on_host

BLOCK = 2**22
"""Samples of units filtered in one go."""


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
    frames, whether or not these fall on samples; a spike acts from the time of the sample that shows it.

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
        Frames a second, at most one a sample; default every sample.
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
    every = 1.0 if frame_rate is None else 1.0 / (_positive_rate(frame_rate) * recording.dt)  # samples a frame
    if every < 1 - 1e-9:
        raise InputError(
            f"frame_rate must be at most one frame a sample, {1 / recording.dt:g} Hz; got {frame_rate}: simulate "
            "with a smaller step."
        )
    spikes = on_host(recording["spikes"])
    n, n_units = recording.shape[-2:]
    n_frames = int((n - 1) / every + 1e-9) + 1
    refuse_beyond_available(
        (spikes.size // n * n_frames * 2 + 8 * n) * 4 + 40 * BLOCK, "observe fewer networks at once", "the fluorescence"
    )
    at = np.arange(n_frames) * every
    sample = np.minimum(np.floor(at + 1e-9).astype(np.int64), n - 1)
    since = np.maximum(at - sample, 0.0) * recording.dt  # from the sample before to the frame

    seen = np.empty((*recording.shape[:-2], n_frames, n_units), np.float32)
    width = max(BLOCK // n, 1)
    for counts, out in zip(spikes.reshape(-1, n, n_units), seen.reshape(-1, n_frames, n_units), strict=True):
        for first in range(0, n_units, width):
            part = counts[:, first : first + width].astype(np.float64)
            if not np.all(np.isfinite(part)):
                raise InputError("signal 'spikes' must be finite; it holds NaN or infinity.")
            c = _decayed(part, decay, recording.dt, sample, since)
            if rise > 0:
                c -= _decayed(part, rise, recording.dt, sample, since)
                c /= _peak(rise, decay)
            c *= amplitude
            out[:, first : first + width] = c if saturation is None else c / (1 + c / saturation)
    if noise > 0:
        for random, out in zip(
            generators(recording, seed, CALCIUM_STREAM), seen.reshape(-1, n_frames, n_units), strict=True
        ):
            out += np.float32(noise) * random.standard_normal(out.shape, np.float32)
    about = told(
        recording, "calcium", rise=rise, decay=decay, amplitude=amplitude, saturation=saturation, noise=noise,
        frame_rate=frame_rate, seed=seed,
    )  # fmt: skip
    return observed(recording, {"calcium": seen}, {"calcium": "dF/F"}, about, recording.dt * every)


def _decayed(counts: np.ndarray, tau: float, dt: float, sample: np.ndarray, since: np.ndarray) -> np.ndarray:
    """Give the sum over spikes so far of exp(-time since / tau), (frame, unit)."""
    trace = scipy.signal.lfilter([1.0], [1.0, -math.exp(-dt / tau)], counts, axis=0)
    return trace[sample] * np.exp(-since / tau)[:, None]


def _peak(rise: float, decay: float) -> float:
    """Give the largest value of exp(-t / decay) - exp(-t / rise)."""
    at = math.log(decay / rise) * decay * rise / (decay - rise)
    return math.exp(-at / decay) - math.exp(-at / rise)


def _positive_rate(frame_rate: float) -> float:
    rate = checked_number("frame_rate", frame_rate)
    if rate <= 0:
        raise InputError(f"frame_rate must be positive; got {rate}.")
    return rate
