"""Lagged cross-correlation: whose present goes with whose past? The oldest answer, and the baseline to beat."""

from __future__ import annotations

from collections.abc import Iterator
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from scipy import fft
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval
from tqdm import tqdm

from synfer.connectome import Connectome
from synfer.discover.base import BaseDiscoverer, Samples
from synfer.discover.resolution import warn_of_few
from synfer.discover.shifts import draw_offsets, refuse_short_trials, shortest_shifted
from synfer.errors import InputError

BLOCK = 1 << 22  # numbers in one block of a full cross-correlogram: 32 MB


class CrossCorrelation(BaseDiscoverer):
    """Cross-correlation at positive lags, against sources shifted in time.

        r[i, j](l) = 1/n sum_t z_i(t + l) z_j(t),    l = 1 .. max_lag
        score[i, j] = max_l |r[i, j](l)|

    with z centred within each segment and scaled to unit variance over all, products never across a segment's end and n
    the number of all samples (so that |r| <= 1; the usual estimator of Box and Jenkins). Each surrogate shifts the
    sources, all by the same random offset, around each segment: what a unit does by itself stays as it is, what goes
    on among the sources too, and only the timing between source and target is lost, the true one being at least
    ``max_lag`` away. With b of B surrogates reaching the score,

        pvalue[i, j] = (1 + b) / (1 + B),

    so that it is never below 1 / (1 + B). Where there are fewer than B different surrogates, B is their
    number. It says that i and j are related, not that j drives i: a common input, or a chain, is as good a reason.

    Parameters
    ----------
    max_lag : int
        Largest lead of source before target, in samples.
    n_surrogates : int
        B; 0 gives no p-values. A segment of T samples has (T - 2 max_lag - 2) / max_lag offsets, rounded down, that
        have no lag in common, several segments the product of theirs: none is taken twice, and where there are fewer
        than B, each once.
    random_state : int, RandomState or None
        Seed of the offsets.

    Attributes
    ----------
    connectome_ : Connectome
        ``score`` as above, ``weight`` the signed r at the lag of the score, ``delay`` that lag in seconds (None where
        dt is unknown), ``pvalue`` (None without surrogates).
    n_surrogates_ : int
        Different shifts that were taken, at most B: no p-value is below 1 / (1 + ``n_surrogates_``). 0 without any.

    Raises
    ------
    InputError
        See ``fit``; further, a segment shorter than 3 max_lag + 2 samples.

    Warns
    -----
    ResolutionWarning
        With fewer than 19 surrogates, or so few different ones, no p-value can be as low as .05.

    References
    ----------
    G. E. P. Box and G. M. Jenkins, Time Series Analysis: Forecasting and Control, Holden-Day 1976, section 11.1.

    Examples
    --------
    >>> import numpy as np
    >>> from synfer.discover import CrossCorrelation
    >>> x = np.random.default_rng(0).standard_normal((500, 2))
    >>> x[3:, 1] -= 0.5 * x[:-3, 0]
    >>> connectome = CrossCorrelation(max_lag=5, random_state=0).fit(x).connectome_
    >>> round(float(connectome.weight.sel(target=1, source=0)), 1)
    -0.5
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "max_lag": [Interval(Integral, 1, None, closed="left")],
        "n_surrogates": [Interval(Integral, 0, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(self, max_lag: int = 10, n_surrogates: int = 200, random_state: Any = None) -> None:
        self.max_lag = max_lag
        self.n_surrogates = n_surrogates
        self.random_state = random_state

    def _min_samples(self, n_units: int) -> int:
        return shortest_shifted(int(self.max_lag))

    def _discover(self, samples: Samples) -> Connectome:
        max_lag, n_surrogates = int(self.max_lag), int(self.n_surrogates)
        refuse_short_trials(samples, shortest_shifted(max_lag), f"max_lag={max_lag}")
        means = [segment.mean(axis=0, dtype=np.float64) for segment in samples.segments]
        scale = _pooled_deviation(samples, means)
        offsets = np.empty((len(samples.segments), 0), dtype=np.int64)
        if n_surrogates:
            rng = check_random_state(self.random_state)
            offsets = draw_offsets(rng, [len(segment) for segment in samples.segments], max_lag, n_surrogates)
        self.n_surrogates_ = offsets.shape[1]
        warn_of_few(n_surrogates, self.n_surrogates_, "record for longer, or take a smaller max_lag")
        observed = np.zeros((max_lag, samples.n_units, samples.n_units))
        shifted = []
        for segment, mean, drawn in zip(samples.segments, means, offsets, strict=True):
            z = (segment - mean) / scale
            for lag in range(1, max_lag + 1):
                observed[lag - 1] += z[lag:].T @ z[:-lag]
            if n_surrogates:
                shifted.append(_Shifted(z, drawn, max_lag))
        observed /= samples.n_samples

        best = np.abs(observed).argmax(axis=0)
        weight = np.take_along_axis(observed, best[None], axis=0)[0]
        score = np.abs(weight)
        pvalue = _rank(score * samples.n_samples, shifted, max_lag, self.n_surrogates_) if n_surrogates else None
        delay = None if samples.dt is None else (1.0 + best) * samples.dt
        for field in (score, weight, pvalue, delay):
            if field is not None:
                np.fill_diagonal(field, np.nan)
        return self._connectome(samples, score, weight=weight, pvalue=pvalue, delay=delay, converged=True)


def _pooled_deviation(samples: Samples, means: list[np.ndarray]) -> np.ndarray:
    """Give each unit's standard deviation (unit,) about its segments' own means."""
    pooled = sum(len(segment) * segment.var(axis=0, dtype=np.float64) for segment in samples.segments)
    deviation = np.sqrt(np.asarray(pooled) / samples.n_samples)
    flat = deviation <= 1e-12 * np.abs(means).max(axis=0)
    if flat.any():
        ids = ", ".join(str(i) for i in samples.unit_ids[flat])
        raise InputError(f"X must vary within trials in every unit, got constant trials in {ids}: drop these units.")
    return deviation


class _Shifted:
    """Lagged products of one segment's targets with its sources shifted around the segment.

    A shift by s of the source moves the circular correlogram by s, so one inverse transform a pair serves all
    surrogates and lags; the few products across the segment's end are then taken off again.

    Parameters
    ----------
    z : array (time, unit)
    offsets : array (surrogate,) of int
    max_lag : int
    """

    def __init__(self, z: np.ndarray, offsets: np.ndarray, max_lag: int) -> None:
        n = len(z)
        self.n_samples = n
        self._spectrum = fft.rfft(np.ascontiguousarray(z.T), axis=1)  # (unit, frequency)
        self._places = offsets[:, None] + np.arange(1, max_lag + 1)  # (surrogate, lag)
        self._head = z[:max_lag].copy()  # (lag, unit)
        last = np.arange(n - max_lag, n)
        self._tail = z[last - offsets[:, None]]  # (surrogate, lag, unit): what the shift brings to the end

    def products(self, targets: slice, sources: slice) -> np.ndarray:
        """Sum z_i(t + l) z_j(t - offset) over t: (target, source, surrogate, lag)."""
        cross = self._spectrum[targets, None] * self._spectrum[sources].conj()
        circular = fft.irfft(cross, n=self.n_samples, axis=2)[:, :, self._places]
        max_lag = len(self._head)
        for lag in range(1, max_lag + 1):
            across = self._head[:lag, targets].T @ self._tail[:, max_lag - lag :, sources]
            circular[:, :, :, lag - 1] -= across.transpose(1, 2, 0)
        return circular


def _rank(score: np.ndarray, shifted: list[_Shifted], max_lag: int, n_surrogates: int) -> np.ndarray:
    """Rank each score, a maximum of sums of products, among its surrogates: p-values (target, source)."""
    n_units = len(score)
    pvalue = np.empty((n_units, n_units))
    longest = max(max(segment.n_samples for segment in shifted), n_surrogates * max_lag)
    blocks = list(_pairs(n_units, max(1, BLOCK // longest)))
    for targets, sources in tqdm(blocks, desc="cross-correlation", delay=2, leave=False, disable=None):
        null = sum(segment.products(targets, sources) for segment in shifted)
        best = np.abs(null).max(axis=3)
        # Counts tie exactly but for rounding: what reaches the score but for that has reached it.
        reached = (best >= score[targets, sources, None] * (1 - 1e-9)).sum(axis=2)
        pvalue[targets, sources] = (1.0 + reached) / (1.0 + n_surrogates)
    return pvalue


def _pairs(n_units: int, most: int) -> Iterator[tuple[slice, slice]]:
    """Cut the (target, source) matrix into blocks of at most ``most`` pairs."""
    height, width = max(1, most // n_units), min(n_units, most)
    for target in range(0, n_units, height):
        for source in range(0, n_units, width):
            yield slice(target, target + height), slice(source, source + width)
