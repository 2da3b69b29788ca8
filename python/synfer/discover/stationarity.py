"""What every method takes for granted, that one law holds throughout, looked at before the fit."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from synfer.discover._checks import _listed
from synfer.errors import ConstantSegmentWarning, NonStationaryWarning

if TYPE_CHECKING:
    from synfer.discover.base import Samples

BINS = 2000  # that a recording is averaged into, at most
WANDERS = 3.0  # of the statistic: above it is hardly ever a unit of steady mean, however slow
CLOSEST = 0.98  # highest autocorrelation that is taken for the process's own
AGAINST_CHANCE = 3.0  # what a jump must show more, where its best place was looked for: slow processes have such too
SPIKES = 20.0  # that a silent trial should have held before its silence is remarkable: chance leaves one in e^20 so


def warn_of_course(samples: Samples, *, drift: bool, stacklevel: int) -> None:
    """Warn of units constant throughout a trial, and with ``drift`` of those whose mean is not the same throughout.

    Warns
    -----
    ConstantSegmentWarning, NonStationaryWarning
    """
    if len(samples.segments) > 1:
        still = _still(samples.segments)
        if still.any():
            warnings.warn(
                f"X is constant throughout some trial in {_listed(samples.unit_ids[still])}: such trials pull every "
                "coefficient of that unit to 0; drop the trials, or the unit.",
                ConstantSegmentWarning,
                stacklevel=stacklevel + 1,
            )
    if not drift:
        return
    with np.errstate(all="ignore"):  # what overflows is refused by the fit
        statistic = np.nan_to_num(kpss(samples.segments), posinf=0.0)
    wanders = statistic > WANDERS
    if wanders.any():
        warnings.warn(
            f"the mean of {_listed(samples.unit_ids[wanders])} is not the same throughout X (KPSS statistic up to "
            f"{statistic.max():.1f}, expected below {WANDERS:g}): what drifts alike looks as if it were driven; "
            "detrend or difference X, or cut it where it jumps.",
            NonStationaryWarning,
            stacklevel=stacklevel + 1,
        )


def _still(segments: list[np.ndarray]) -> np.ndarray:
    """Which units are constant throughout some segment; spikes only where they should have been several."""
    flat = np.stack(
        [np.ptp(part, axis=0) == 0 if len(part) > 1 else np.zeros(part.shape[1], bool) for part in segments]
    )
    for unit in np.flatnonzero(flat.any(axis=0)):
        series = [part[:, unit] for part in segments]
        if all((x >= 0).all() and (x == np.floor(x)).all() for x in series):
            rate = sum(x.sum(dtype=np.float64) for x in series) / sum(map(len, series))
            few = [not x.any() and rate * len(x) < SPIKES for x in series]
            flat[few, unit] = False
    return np.asarray(flat.any(axis=0))


def kpss(segments: list[np.ndarray]) -> np.ndarray:
    """Statistic of Kwiatkowski et al. (1992) against one mean throughout, of each unit.

        eta = sum_t S(t)^2 / (m^2 lambda),    S(t) = sum_{s <= t} (x(s) - mean x)

    of at most 2,000 averages of neighbours, trials one after another. The long-run variance lambda is that of the
    averages' innovations of first order (Bartlett's kernel, floor(4 (m / 100)^(1 / 4)) lags), coloured again (Andrews
    and Monahan 1992), so that slow but steady processes are not taken for drifts. 5 % are above .46, 1 % above .74.

    A jump of many deviations makes x look slow, lambda large, and the statistic small: the plainest would be missed. So
    lambda is also taken of what is left without the best jump (one mean before, another after), and the statistic with
    that, divided by 3, counts where it is larger.

    Parameters
    ----------
    segments : list of array, each (time, unit)

    Returns
    -------
    numpy.ndarray, (unit,)
        0 where there is too little to say.

    References
    ----------
    D. Kwiatkowski, P. Phillips, P. Schmidt and Y. Shin, J. Econometrics 54 (1992), 159-178. D. Andrews and J. Monahan,
    Econometrica 60 (1992), 953-966.
    """
    total = sum(len(segment) for segment in segments)
    width = -(-total // BINS)
    parts = []
    for segment in segments:
        edges = np.arange(0, max(len(segment) - width + 1, 1), width)
        if len(segment):
            sums = np.add.reduceat(segment, edges, axis=0, dtype=np.float64)
            parts.append(sums / np.diff([*edges, len(segment)])[:, None])
    x = np.concatenate(parts)
    m = len(x)
    if m < 20:
        return np.zeros(x.shape[1])
    x -= x.mean(axis=0)
    scale = x.std(axis=0)
    x /= np.where(scale > 0, scale, 1.0)
    long_run = _long_run_variance(x)
    sums = np.cumsum(x, axis=0)
    without = _long_run_variance(x - _jump(sums)) * AGAINST_CHANCE
    long_run = np.minimum(long_run, without)
    square = np.einsum("tu,tu->u", sums, sums)
    return np.where(scale > 0, square / (m**2 * np.maximum(long_run, 1e-12)), 0.0)


def _long_run_variance(x: np.ndarray) -> np.ndarray:
    """Sum of the autocovariances at all lags, (unit,), of x (time, unit) of mean 0."""
    own = np.clip(np.einsum("tu,tu->u", x[1:], x[:-1]) / np.maximum(np.einsum("tu,tu->u", x, x), 1e-300), 0.0, CLOSEST)
    first = np.sqrt(1.0 - own**2) * x[:1]  # whose past is not known; left out, a spike there would be no variance
    innovation = np.concatenate([first, x[1:] - own * x[:-1]])
    lags = int(4.0 * (len(x) / 100.0) ** 0.25)
    long_run = np.einsum("tu,tu->u", innovation, innovation)
    for lag in range(1, lags + 1):
        part = np.einsum("tu,tu->u", innovation[lag:], innovation[:-lag])
        long_run += 2.0 * (1.0 - lag / (lags + 1.0)) * part
    return np.asarray(long_run / (len(innovation) * (1.0 - own) ** 2))


def _jump(sums: np.ndarray) -> np.ndarray:
    """Mean before and mean after the place that parts them best, (time, unit), of x with cumulative sums ``sums``.

    Not within a twentieth of either end (10 at least): of a few samples a single spike makes the mean.
    """
    m = len(sums)
    edge = max(10, m // 20)
    before = np.arange(edge, m - edge + 1)[:, None]  # samples before it
    here = sums[edge - 1 : m - edge]
    best = (here**2 / (before * (m - before))).argmax(axis=0)
    count, total = before[best, 0], np.take_along_axis(here, best[None], axis=0)[0]
    return np.where(np.arange(m)[:, None] < count, total / count, -total / (m - count))
