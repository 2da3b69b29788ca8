"""Cross-correlograms of spikes: more, or fewer, coincidences at a synapse's lag than slower causes explain."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from scipy import sparse, stats
from sklearn.utils._param_validation import Interval, StrOptions
from tqdm import tqdm

from synfer.connectome import Connectome
from synfer.discover.base import BaseDiscoverer, Samples
from synfer.discover.shifts import refuse_short_trials
from synfer.errors import InputError

REACH = 3  # standard deviations of the kernel that are taken in


class CrossCorrelogram(BaseDiscoverer):
    """Cross-correlogram of spike trains against its own smoothed course (Stark and Abeles 2009; English et al. 2017).

        c[i, j](k) = sum_t s_i(t) s_j(t - k)
        b[i, j](k) = sum_m g(m) c[i, j](k - m) / sum_m g(m),   g(m) = exp(-m^2 / 2 smoothing^2), g(0) = (1 - hollow)
        n = sum_k c(k), m = sum_k b(k), k from min_lag to max_lag
        weight[i, j] = (n - m) / spikes of j,    P(N(0, 1) > z) = P(Poisson(m) > n) + P(Poisson(m) = n) / 2

    A synapse shows as a peak (or a trough) within a few milliseconds; shared inputs that are slower than the kernel are
    in b as they are in c. The kernel is partly hollow, so that a peak does not hide itself; beside a large peak b is
    too high. As b holds a part of c, z is stretched by sqrt(m / var(n - m)). What is as fast as a synapse and is none
    (a common input through two fast synapses; a spike that the sorter took for both units') passes for one: lag 0 is
    left out for that reason. Trains must be long: some ten expected coincidences at least, hundreds for inhibition.

    Parameters
    ----------
    min_lag, max_lag : int
        Samples from the source's spike to the target's, both counted; at least 1.
    smoothing : float
        Standard deviation of the kernel, samples.
    hollow : float
        Share of the kernel's middle that is left out, 0 to 1.
    statistic : {"z", "transmission"}
        What the score is: |z|, how sure the deviation is; or |weight|, how large, which does not grow with the number
        of spikes.

    Attributes
    ----------
    connectome_ : Connectome
        ``score``; ``pvalue`` two-sided; ``weight``, spikes of the target that each of the source's adds or takes away
        (0 for a silent source); ``delay`` the lag of the largest deviation in the direction of z, in seconds.
    correlogram_, baseline_ : numpy.ndarray, (lag, target, source)
        c and b, for ``lags_``.
    lags_ : numpy.ndarray of int
        Negative where the target was first; as far as the kernel reaches on each side of the window.

    Raises
    ------
    InputError
        See ``fit``; further, samples that are not spike counts, windows turned round, trials shorter than the lags.

    References
    ----------
    E. Stark and M. Abeles, J. Neurosci. Methods 179 (2009), 90-100. D. F. English et al., Neuron 96 (2017), 505-520.

    Examples
    --------
    >>> import numpy as np
    >>> from synfer.discover import CrossCorrelogram
    >>> spikes = np.random.default_rng(0).random((20000, 2)) < 0.02
    >>> spikes[2:, 1] |= spikes[:-2, 0] & (np.random.default_rng(1).random(19998) < 0.3)
    >>> found = CrossCorrelogram(min_lag=1, max_lag=3).fit(spikes).connectome_
    >>> bool(found.pvalue.sel(target=1, source=0) < 1e-9 < 0.01 < found.pvalue.sel(target=0, source=1))
    True
    """

    _takes_drift = True  # what is slower than the kernel is taken off
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "min_lag": [Interval(Integral, 1, None, closed="left")],
        "max_lag": [Interval(Integral, 1, None, closed="left")],
        "smoothing": [Interval(Real, 0, None, closed="neither")],
        "hollow": [Interval(Real, 0, 1, closed="both")],
        "statistic": [StrOptions({"z", "transmission"})],
    }

    def __init__(
        self, min_lag: int = 1, max_lag: int = 3, smoothing: float = 10.0, hollow: float = 0.6, *, statistic: str = "z"
    ) -> None:
        self.min_lag = min_lag
        self.max_lag = max_lag
        self.smoothing = smoothing
        self.hollow = hollow
        self.statistic = statistic

    @property
    def _kernel_reach(self) -> int:
        return max(1, round(REACH * float(self.smoothing)))

    def _min_samples(self, n_units: int) -> int:
        return int(self.max_lag) + self._kernel_reach + 1

    def _discover(self, samples: Samples) -> Connectome:
        low, high, reach = int(self.min_lag), int(self.max_lag), self._kernel_reach
        if low > high:
            raise InputError(f"min_lag must be at most max_lag = {high}; got {low}.")
        refuse_short_trials(samples, high + reach + 1, f"max_lag={high}")
        n = samples.n_units
        trains = [_as_counts(segment, samples.unit_ids) for segment in samples.segments]
        self.lags_ = np.arange(low - reach, high + reach + 1)
        self.correlogram_ = np.zeros((len(self.lags_), n, n))
        # c[i, j](-k) = c[j, i](k): lags of one sign are enough.
        farthest = int(np.abs(self.lags_).max())
        bar = tqdm(range(farthest + 1), desc="correlograms", unit=" lags", delay=2, leave=False, disable=None)
        for lag in bar:
            counted = np.zeros((n, n))
            for train in trains:
                counted += (train[lag:].T @ train[: train.shape[0] - lag]).toarray()
            for sign in {lag, -lag}:
                place = sign - self.lags_[0]
                if 0 <= place < len(self.lags_):
                    self.correlogram_[place] = counted if sign >= 0 else counted.T
        self.baseline_ = self._smoothed(self.correlogram_)
        inside = slice(reach, len(self.lags_) - reach)
        counts, expected = self.correlogram_[inside], self.baseline_[inside]
        z = _poisson_z(counts.sum(axis=0), expected.sum(axis=0)) * self._narrowing(reach)
        deviation = (counts - expected) * np.where(z < 0, -1.0, 1.0)
        fired = sum(np.asarray(train.sum(axis=0)).ravel() for train in trains)
        weight = (counts.sum(axis=0) - expected.sum(axis=0)) / np.maximum(fired, 1.0)
        delay = None
        if samples.dt is not None:
            delay = (low + deviation.argmax(axis=0)) * samples.dt
        pvalue = 2.0 * stats.norm.sf(np.abs(z))
        for field in (z, weight, delay, pvalue):
            if field is not None:
                np.fill_diagonal(field, np.nan)
        score = np.abs(z) if self.statistic == "z" else np.abs(weight)
        return self._connectome(samples, score, weight=weight, pvalue=pvalue, delay=delay, converged=True)

    def _narrowing(self, reach: int) -> np.ndarray:
        """Give sqrt(m / var(n - m)), (target, source): the baseline holds a part of the counts it is held against."""
        window = np.zeros(len(self.lags_))
        window[reach : len(window) - reach] = 1.0
        offsets = np.arange(-self._kernel_reach, self._kernel_reach + 1)
        # n - m = sum_k a(k) c(k), the kernel being symmetric
        a = window - np.convolve(window, self._kernel(offsets) / self._kernel(offsets).sum(), "same")
        expected = np.tensordot(window, self.baseline_, 1)
        variance = np.tensordot(a**2, self.baseline_, 1)
        return np.sqrt(np.divide(expected, variance, out=np.ones_like(expected), where=variance > 0))

    def _kernel(self, offsets: np.ndarray) -> np.ndarray:
        kernel = np.exp(-(offsets**2) / (2.0 * float(self.smoothing) ** 2))
        return np.where(offsets == 0, (1.0 - float(self.hollow)) * kernel, kernel)

    def _smoothed(self, counts: np.ndarray) -> np.ndarray:
        """Smooth over lags; near the ends only over those there are (they are not used)."""
        offsets = np.arange(-self._kernel_reach, self._kernel_reach + 1)
        kernel = self._kernel(offsets)
        smoothed = np.apply_along_axis(np.convolve, 0, counts, kernel, "same")
        known = np.convolve(np.ones(len(counts)), kernel, "same")
        return np.asarray(smoothed / known[:, None, None])


def _as_counts(segment: np.ndarray, unit_ids: np.ndarray) -> sparse.csr_array:
    if (segment < 0).any() or (segment != np.floor(segment)).any():
        unit = int(np.flatnonzero(((segment < 0) | (segment != np.floor(segment))).any(axis=0))[0])
        raise InputError(
            f"X must hold spike counts, whole numbers of at least 0; unit {unit_ids[unit]!s} has others: give the "
            "Recording's spikes, signal='spikes'."
        )
    return sparse.csr_array(segment.astype(np.float64))


def _poisson_z(counts: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Normal quantile of the mid-p of ``counts`` under Poisson laws; 0 where nothing is expected, and nothing came."""
    above = stats.poisson.logsf(counts, expected)
    below = stats.poisson.logcdf(counts - 1.0, expected)
    half = stats.poisson.logpmf(counts, expected) - np.log(2.0)
    # From the nearer tail, by logarithms: a hundred standard deviations are told from two hundred.
    with np.errstate(invalid="ignore", divide="ignore"):
        upper, lower = np.logaddexp(above, half), np.logaddexp(below, half)
    return np.where(upper < lower, -_quantile(upper), _quantile(lower))


def _quantile(log_p: np.ndarray) -> np.ndarray:
    """z with log P(N(0, 1) < z) = ``log_p``; asymptotically where numbers end."""
    finite = np.clip(log_p, -1e300, 0.0)
    z = np.asarray(stats.norm.ppf(np.exp(np.maximum(finite, -600.0))))
    far = finite < -600.0
    # P(N < z) ~ phi(z) / |z|, solved by two steps of the fixed point
    guess = np.sqrt(-2.0 * np.minimum(finite, -600.0))
    for _ in range(3):
        guess = np.sqrt(-2.0 * (np.minimum(finite, -600.0) + np.log(guess) + 0.5 * np.log(2.0 * np.pi)))
    return np.where(far, -guess, z)
