"""Images of ordered pairs: densities on quantile grids, or correlograms at many scales; each beside its slow twin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy import sparse

from synfer import _core
from synfer.errors import InputError
from synfer.threads import n_threads

_SAMPLES = 1 << 14  # whose kernels are added at a time
_TOGETHER = 32  # correlograms that are smoothed in one product
_LEAST_BANDWIDTH = 0.05  # of a unit's standard deviation: less is finer than the light tower's grid


@dataclass(frozen=True)
class Signal:
    """Standardised samples of all units, and the grids that their densities are taken on.

    Attributes
    ----------
    samples : numpy.ndarray, (time, unit), float32
        Each unit with mean 0 and variance 1.
    segment : numpy.ndarray, (segment + 1,)
        Bounds of the stretches without a splice.
    grid : numpy.ndarray, (unit, point), float32
        Quantiles (k + 1/2) / points of each unit.
    bandwidth : numpy.ndarray, (unit,), float32
        Scott's for two variables, n^(-1/6).
    """

    samples: np.ndarray
    segment: np.ndarray
    grid: np.ndarray
    bandwidth: np.ndarray
    _marginals: dict[int, tuple[np.ndarray, np.ndarray, int]] = field(default_factory=dict, repr=False, compare=False)

    def marginals(self, lag: int) -> tuple[np.ndarray, np.ndarray, int]:
        """Densities of each unit as a source and as a target on its grid, (unit, point), and of how many samples.

        By the kernels of `joint_density`, and of the samples that have a partner ``lag`` before or after them.
        """
        if lag not in self._marginals:
            stretches = [(a, b) for a, b in zip(self.segment[:-1], self.segment[1:], strict=True) if b - a > lag]
            source = np.concatenate([np.arange(a, b - lag) for a, b in stretches])
            self._marginals[lag] = (self._density(source), self._density(source + lag), len(source))
        return self._marginals[lag]

    def _density(self, rows: np.ndarray) -> np.ndarray:
        out = np.zeros(self.grid.shape)
        for unit, (grid, h) in enumerate(zip(self.grid, self.bandwidth, strict=True)):
            for first in range(0, len(rows), _SAMPLES):
                z = (grid[:, None] - self.samples[rows[first : first + _SAMPLES], unit]) / h
                out[unit] += np.exp(-0.5 * np.square(z)).sum(1)
            out[unit] /= len(rows) * np.sqrt(2.0 * np.pi) * h
        return out.astype(np.float32)

    @classmethod
    def of(cls, segments: Sequence[np.ndarray], n_points: int) -> Signal:
        """Standardise segments (time, unit), and lay the grids."""
        samples = np.concatenate([np.asarray(s, dtype=np.float64) for s in segments])
        samples -= samples.mean(0)
        samples /= samples.std(0)
        grid = np.quantile(samples, (np.arange(n_points) + 0.5) / n_points, axis=0).T
        h = max(len(samples) ** (-1.0 / 6.0), _LEAST_BANDWIDTH)
        return cls(
            np.ascontiguousarray(samples, dtype=np.float32),
            np.cumsum([0, *(len(s) for s in segments)]).astype(np.int64),
            np.ascontiguousarray(grid, dtype=np.float32),
            np.full(samples.shape[1], h, dtype=np.float32),
        )


def joint_density(signal: Signal, pairs: np.ndarray, lags: Sequence[int], threads: int | None = None) -> np.ndarray:
    """Estimate the density of each pair's two units, the target's samples ``lag`` later, on their quantile grids.

        f(a, b) = 1/n sum_t K(x_a - X_source(t)) K(y_b - X_target(t + lag)),    K Gaussian

    Parameters
    ----------
    signal : Signal
    pairs : array (pair, 2) of int
        Positions of source and target.
    lags : sequence of int
        In samples, at least 0; no product crosses from one segment to the next.
    threads : int, optional

    Returns
    -------
    numpy.ndarray, (pair, lag, point of the source, point of the target), float32
        The same bits for any number of threads and any cut of the pairs.

    Raises
    ------
    InputError
        A lag that is as long as every segment.
    """
    longest = int(np.diff(signal.segment).max())
    if min(lags) < 0 or max(lags) >= longest:
        raise InputError(
            f"lags must lie in 0 to {longest - 1}, the longest stretch having {longest} samples; got {tuple(lags)}: "
            "take shorter ones."
        )
    source, target = (np.ascontiguousarray(column, dtype=np.int64) for column in np.asarray(pairs).T)
    return _core.joint_density(
        signal.samples,
        signal.grid,
        signal.bandwidth,
        signal.segment,
        source,
        target,
        np.asarray(lags, dtype=np.int64),
        n_threads(threads),
    )


def joint_density_reference(signal: Signal, pairs: np.ndarray, lags: Sequence[int]) -> np.ndarray:
    """Do what `joint_density` does, in float64, kernel by kernel."""
    n = signal.grid.shape[1]
    out = np.zeros((len(pairs), len(lags), n, n))
    for p, (source, target) in enumerate(np.asarray(pairs)):
        for k, lag in enumerate(lags):
            count = 0
            for first, last in zip(signal.segment[:-1], signal.segment[1:], strict=True):
                for t in range(first, last - lag):
                    out[p, k] += np.outer(
                        _kernel(signal, source, signal.samples[t, source]),
                        _kernel(signal, target, signal.samples[t + lag, target]),
                    )
                    count += 1
            out[p, k] /= count
    return out


def _kernel(signal: Signal, unit: int, x: float) -> np.ndarray:
    h = float(signal.bandwidth[unit])
    return np.exp(-0.5 * ((signal.grid[unit].astype(np.float64) - x) / h) ** 2) / (np.sqrt(2.0 * np.pi) * h)


def density_images(signal: Signal, pairs: np.ndarray, lags: Sequence[int], *, relative: bool = False) -> np.ndarray:
    """Give the images (pair, lag + 2, point, point) of pairs: the densities, and the two coordinates of the grid.

    ``relative``: in place of the densities f, how they differ from those of independent units,

        log (f(a, b) + e) - log (f(a) f(b) + e),    e = 1 / (2 pi n h^2), the density that one sample makes at its place

    so that where nothing is to be seen the image is flat, and tails count as much as the middle.
    """
    density = joint_density(signal, pairs, lags)
    n = density.shape[-1]
    image = np.empty((len(pairs), len(lags) + 2, n, n), dtype=np.float32)
    if relative:
        for k, lag in enumerate(lags):
            source, target, count = signal.marginals(lag)
            one = 1.0 / (2.0 * np.pi * count * np.square(signal.bandwidth[0]))
            apart = source[pairs[:, 0], :, None] * target[pairs[:, 1], None, :]
            image[:, k] = np.log((density[:, k] + one) / (apart + one))
    else:
        image[:, :-2] = density
    image[:, -2] = signal.grid[pairs[:, 0], :, None]
    image[:, -1] = signal.grid[pairs[:, 1], None, :]
    return image


def correlograms(segments: Sequence[np.ndarray], max_lag: int) -> np.ndarray:
    """Count coincidences at every lag: of a spike of the source at t with one of the target at t + lag.

    Parameters
    ----------
    segments : sequence of arrays (time, unit)
        Counts of spikes.
    max_lag : int
        In samples.

    Returns
    -------
    numpy.ndarray, (target, source, 2 max_lag + 1)
        Lags -max_lag .. max_lag.
    """
    n_units = segments[0].shape[1]
    out = np.zeros((n_units, n_units, 2 * max_lag + 1))
    for segment in segments:
        counts = sparse.csr_matrix(np.asarray(segment, dtype=np.float64))
        for lag in range(min(max_lag, len(segment) - 1) + 1):
            both = (counts[lag:].T @ counts[: len(segment) - lag]).toarray()
            out[:, :, max_lag + lag] += both
            if lag:
                out[:, :, max_lag - lag] += both.T
    return out


def correlograms_reference(segments: Sequence[np.ndarray], max_lag: int) -> np.ndarray:
    """Do what `correlograms` does, coincidence by coincidence."""
    n_units = segments[0].shape[1]
    out = np.zeros((n_units, n_units, 2 * max_lag + 1))
    for segment in segments:
        for lag in range(-max_lag, max_lag + 1):
            for t in range(len(segment)):
                if 0 <= t + lag < len(segment):
                    out[:, :, max_lag + lag] += np.outer(segment[t + lag], segment[t])
    return out


class Correlograms:
    """Correlograms of all pairs at many scales, as images (3, scale, lag).

    Channels are the pair's cross-correlogram, the source's own and the target's own (their centre left out, which only
    says how many spikes there are). A row smooths it by a Gaussian, from half a sample to a quarter of the image wide;
    values are standard deviations from what two independent Poisson trains would give, compressed by asinh.

    Parameters
    ----------
    segments : sequence of arrays (time, unit)
    n_points : int
        Rows and columns; lags reach half of it to either side.
    """

    def __init__(self, segments: Sequence[np.ndarray], n_points: int):
        half = n_points // 2
        counts = correlograms(segments, half)
        n = len(counts)
        counts[np.arange(n), np.arange(n), half] = np.nan
        totals = np.stack([segment.sum(0, dtype=np.float64) for segment in segments])  # (segment, unit)
        lengths = np.array([len(segment) for segment in segments], dtype=np.float64)
        at = np.arange(-half, half + 1)
        self._totals = totals
        self._overlap = np.maximum(lengths[:, None] - np.abs(at), 0.0) / lengths[:, None] ** 2  # (segment, lag)
        self._counts = counts  # (target, source, lag)
        sigma = np.geomspace(0.5, n_points / 4.0, n_points)
        column = np.arange(n_points) - half
        smooth = np.exp(-0.5 * ((column[None, :, None] - at[None, None, :]) / sigma[:, None, None]) ** 2)
        self._smooth = np.ascontiguousarray(smooth.reshape(-1, len(at)).T)  # (lag, scale x column)
        self._n_points = n_points
        units = np.arange(n)
        self._own = self._of(units, units)

    def images(self, pairs: np.ndarray) -> np.ndarray:
        """Give the images (pair, 3, scale, lag) of pairs (source, target)."""
        source, target = np.asarray(pairs).T
        return np.stack((self._of(target, source), self._own[source], self._own[target]), axis=1)

    def _of(self, target: np.ndarray, source: np.ndarray) -> np.ndarray:
        """Images (pair, scale, lag) of single channels: all N^2 at once would not fit where the counts do."""
        out = np.empty((len(target), self._n_points, self._n_points), dtype=np.float32)
        # Always so many rows, for a product's bits depend on its shape: who else is asked for changes no image.
        excess, expected = np.zeros((2, _TOGETHER, len(self._smooth)))
        for first in range(0, len(target), _TOGETHER):
            t, s = target[first : first + _TOGETHER], source[first : first + _TOGETHER]
            k = len(t)
            expected[:k] = np.einsum("si,si,sl->il", self._totals[:, t], self._totals[:, s], self._overlap)
            excess[:k] = np.nan_to_num(self._counts[t, s] - expected[:k])
            spread = np.sqrt(np.maximum(expected @ self._smooth**2, 1e-6))
            value = np.arcsinh(excess @ self._smooth / np.maximum(spread, 1.0))
            out[first : first + k] = value[:k].reshape(k, self._n_points, self._n_points)
        return out
