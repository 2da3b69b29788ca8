"""Scaling: clipped and z-scored, as forecasters want it."""

from __future__ import annotations

import numpy as np

from synfer.arguments import checked_number
from synfer.errors import InputError
from synfer.recording import Recording
from synfer.simulate.observe.step import checked_recording, observed, told
from synfer.storage import on_host


def clip_and_zscore(recording: Recording, ceiling: float = 30.0, signal: str = "v") -> Recording:
    """Clip a signal from above, then give each unit mean 0 and variance 1 over the whole recording.

        x = min(v, ceiling),  z = (x - mean(x)) / std(x)

    As Lu et al. 2023 (arXiv:2311.06928) prepare membrane potentials: spikes of v, hundreds of mV high in the
    half-step scheme, are cut at the threshold. std is that of the population (divided by the number of samples), which
    reproduces the published ``v_normed_alltimes`` to 1e-13.

    Parameters
    ----------
    recording : Recording
        Holds the signal, ([trial|network,] time, unit); each trial or network is normalised by itself.
    ceiling : float
        In the signal's unit (mV).
    signal : str
        Its name.

    Returns
    -------
    Recording
        The signal alone, under its name, with the dtype it had; its unit of measure is "z".

    Raises
    ------
    UnknownNameError
        There is no such signal.
    InputError
        A unit never changes below the ceiling, or is not finite; or the signal holds no floating-point numbers.

    Examples
    --------
    >>> from synfer.simulate import izhikevich_network, observe, run
    >>> prepared = observe.clip_and_zscore(run(izhikevich_network(8, 2, 0.4), 1.0))
    >>> prepared["v"].std(axis=0).round(3).tolist()[:2]
    [1.0, 1.0]
    """
    recording = checked_recording(recording)
    ceiling = checked_number("ceiling", ceiling)
    values = on_host(recording[signal])
    if values.dtype.kind != "f":
        raise InputError(f"signal {signal!r} must be floating-point numbers; got {values.dtype}.")
    normed = np.minimum(values, values.dtype.type(ceiling))
    # One network at a time: the means are taken in double precision, without a copy of the whole batch.
    for k, x in enumerate(normed if normed.ndim == 3 else normed[None]):
        with np.errstate(invalid="ignore"):
            mean, std = x.mean(axis=0, dtype=np.float64), x.std(axis=0, dtype=np.float64)
        useless = ~(std > 0) | ~np.isfinite(std)
        if useless.any():
            where = "" if recording.leading_ids is None else f" of {recording.leading} {recording.leading_ids[k]}"
            raise InputError(
                f"units {recording.unit_ids[useless].tolist()[:5]}{where} are constant or not finite below the ceiling "
                f"{ceiling}: they cannot be z-scored; leave them out."
            )
        np.subtract(x, mean, out=x, casting="same_kind")
        np.divide(x, std, out=x, casting="same_kind")
    about = told(recording, "clip_and_zscore", ceiling=ceiling, signal=signal)
    return observed(recording, {signal: normed}, {signal: "z"}, about)
