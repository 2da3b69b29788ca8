"""Read off covariances: who goes with whom given all others, and whose present tells where another is heading."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar

import numpy as np
from scipy import fft, stats
from sklearn.covariance import OAS, LedoitWolf
from sklearn.utils._param_validation import Interval, StrOptions

from synfer.connectome import Connectome
from synfer.discover.base import BaseDiscoverer, Samples
from synfer.discover.direction import nongaussian_direction
from synfer.errors import InputError

_SHRINKAGE = {"ledoit_wolf": LedoitWolf, "oas": OAS}


class PartialCorrelation(BaseDiscoverer):
    """Correlation of two units at the same time, given all others at that time.

        rho[i, j] = -P_ij / sqrt(P_ii P_jj),    P the inverse of the units' covariance

    By itself it has no direction: ``score`` and ``weight`` are symmetric. Where sampling is too slow for lags to show
    who drives (BOLD, for one), ``direction="nongaussian"`` reads it from the shape of the units' distributions
    (:mod:`synfer.discover.direction`), with z[i, j] the evidence that j drives i:

        score[i, j] = -n/2 log(1 - rho[i, j]^2) P(N(0, 1) < z[i, j])

    evidence for the pair, in nats, times the probability of that way.

    Parameters
    ----------
    shrinkage : {None, "ledoit_wolf", "oas"}
        Estimator of the covariance (scikit-learn's): none, as measured; else drawn towards a multiple of the identity
        as far as the data ask for, which units that are collinear or more numerous than samples need. Then there are
        no p-values.
    direction : {None, "nongaussian"}

    Attributes
    ----------
    connectome_ : Connectome
        ``score`` |rho|, or as above; ``weight`` rho; ``pvalue`` of rho sqrt(m / (1 - rho^2)) against Student's law with
        m = (1 - unit / n) / s^2 degrees of freedom, n - unit of white noise, where s^2 = 1/n sum_l a_i(l) a_j(l) over
        all lags, a the autocorrelation of what others leave of a unit (Bartlett's formula, in the window of Parzen of
        width 2 sqrt(n)): in slow signals there are fewer independent samples than samples. It rejects somewhat too
        often there: of independent units x(t) = .9 x(t - 1) + e(t), 1,000 samples, .07 at .05.
    precision_ : numpy.ndarray, (unit, unit)
        P, in the signal's units.
    direction_ : numpy.ndarray, (target, source), or None
        z.

    Raises
    ------
    InputError
        See ``fit``; further, collinear units, or as many units as samples, without shrinkage.

    References
    ----------
    M. S. Bartlett, J. R. Stat. Soc. 98 (1935), 536-543. O. Ledoit and M. Wolf, J. Multivar. Anal. 88 (2004), 365-411.

    Examples
    --------
    >>> import numpy as np
    >>> from synfer.discover import PartialCorrelation
    >>> x = np.random.default_rng(0).standard_normal((2000, 3)).cumsum(axis=1)  # a chain
    >>> connectome = PartialCorrelation().fit(x).connectome_
    >>> bool(connectome.pvalue.sel(target=2, source=0) > 0.01 > connectome.pvalue.sel(target=1, source=0))
    True
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "shrinkage": [StrOptions(set(_SHRINKAGE)), None],
        "direction": [StrOptions({"nongaussian"}), None],
    }

    def __init__(self, shrinkage: str | None = None, direction: str | None = None) -> None:
        self.shrinkage = shrinkage
        self.direction = direction

    def _min_samples(self, n_units: int) -> int:
        return 4 if self.shrinkage else n_units + 2

    def _discover(self, samples: Samples) -> Connectome:
        mean = sum(segment.sum(axis=0, dtype=np.float64) for segment in samples.segments) / samples.n_samples
        centred = [segment - mean for segment in samples.segments]
        deviation = np.sqrt(sum((x**2).sum(axis=0) for x in centred) / samples.n_samples)
        scaled = [x / deviation for x in centred]
        if self.shrinkage is None:
            inverse = _inverse(sum(x.T @ x for x in scaled) / samples.n_samples, samples)
        else:
            inverse = _SHRINKAGE[self.shrinkage](assume_centered=True).fit(np.concatenate(scaled)).precision_
        root = np.sqrt(np.diag(inverse))
        weight = -inverse / np.outer(root, root)
        pvalue = None
        if self.shrinkage is None:
            left = [x @ inverse / np.diag(inverse) for x in scaled]
            freedom = (1.0 - samples.n_units / samples.n_samples) / _bartlett(left) ** 2
            unexplained = np.maximum(1.0 - weight**2, 1e-15)
            pvalue = 2.0 * stats.t.sf(np.abs(weight) * np.sqrt(freedom / unexplained), freedom)
        self.precision_ = inverse / np.outer(deviation, deviation)
        score, self.direction_ = np.abs(weight), None
        if self.direction is not None:
            self.direction_ = nongaussian_direction(scaled)
            nats = -0.5 * samples.n_samples * np.log1p(-np.minimum(weight**2, 1.0 - 1e-12))
            score = nats * stats.norm.cdf(self.direction_)
        for field in (score, weight, pvalue, self.direction_):
            if field is not None:
                np.fill_diagonal(field, np.nan)
        return self._connectome(samples, score, weight=weight, pvalue=pvalue, converged=True)


class DifferentialCovariance(BaseDiscoverer):
    """Differential covariance, DDC: what the present of all units tells of where each is heading.

        W = <dx/dt f(x)'> <f(x) f(x)' + ridge S>^-1,    dx/dt by central differences

    the least-squares W of dx/dt = W f(x), with f(x) = x (``nonlinearity="linear"``) or max(0, x) of the z-scored signal
    ("relu", for signals whose events stand above the rest); S is diagonal, the variance of each f(x).

    It has no lag: what acts after a delay of several samples is missed, and noise on the measurement puts edges where
    there are none. In a stationary signal <dx/dt x'> by central differences is antisymmetric: with "linear", an edge
    one way is also one of the opposite sign the other way, and of two units only the sign tells who drives. No
    p-values.

    Parameters
    ----------
    nonlinearity : {"linear", "relu"}
    ridge : float
        Penalty, as a share of each unit's variance.

    Attributes
    ----------
    connectome_ : Connectome
        ``weight`` W (1/s, or 1/sample where dt is unknown), in standard deviations of the target per standard deviation
        of the source; ``score`` |W|.

    Raises
    ------
    InputError
        See ``fit``; further, collinear units without a ridge, and trials shorter than three samples.

    References
    ----------
    T. W. Lin, A. Das, G. P. Krishnan, M. Bazhenov, T. J. Sejnowski, "Differential covariance: a new class of methods to
    estimate sparse connectivity from neural recordings", Neural Comput. 29 (2017), 2581-2632; Y. Chen, B. Q. Rosen,
    T. J. Sejnowski, "Dynamical differential covariance recovers directional network structure in multiscale neural
    systems", PNAS 119 (2022), e2117234119.

    Examples
    --------
    >>> import numpy as np
    >>> from synfer.discover import DifferentialCovariance
    >>> noise = np.random.default_rng(0).standard_normal((20000, 2))
    >>> x = np.zeros((20000, 2))
    >>> for t in range(1, 20000):
    ...     x[t] = x[t - 1] + 0.05 * (-x[t - 1] + [0, x[t - 1, 0]] + noise[t])
    >>> weight = DifferentialCovariance().fit(x).connectome_.weight
    >>> bool(weight.sel(target=1, source=0) > 0.02 and weight.sel(target=0, source=1) < -0.02)
    True
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "nonlinearity": [StrOptions({"linear", "relu"})],
        "ridge": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(self, nonlinearity: str = "linear", ridge: float = 0.0) -> None:
        self.nonlinearity = nonlinearity
        self.ridge = ridge

    def _min_samples(self, n_units: int) -> int:
        return 3 if self.ridge > 0 else n_units + 4

    def _discover(self, samples: Samples) -> Connectome:
        segments = [segment for segment in samples.segments if len(segment) >= 3]
        n = sum(len(segment) - 2 for segment in segments)
        if n < 1:
            raise InputError("X must have trials of at least 3 samples, got shorter ones: differences need neighbours.")
        mean = sum(segment.sum(axis=0, dtype=np.float64) for segment in segments) / sum(map(len, segments))
        square = sum(((segment - mean) ** 2).sum(axis=0) for segment in segments) / sum(map(len, segments))
        step = samples.dt or 1.0
        towards = np.zeros((samples.n_units, samples.n_units))
        among = np.zeros_like(towards)
        for segment in segments:
            z = (segment - mean) / np.sqrt(square)
            f = z[1:-1] if self.nonlinearity == "linear" else np.maximum(z[1:-1], 0.0)
            towards += (z[2:] - z[:-2]).T @ f / (2.0 * step)
            among += f.T @ f
        among /= n
        among += self.ridge * np.diag(np.diag(among))
        weight = towards / n @ _inverse(among, samples)
        np.fill_diagonal(weight, np.nan)
        return self._connectome(samples, np.abs(weight), weight=weight, converged=True)


def _inverse(covariance: np.ndarray, samples: Samples) -> np.ndarray:
    """Invert a covariance of units of about unit variance, or say which unit follows from the others."""
    values, vectors = np.linalg.eigh(covariance)
    single = samples.segments[0].dtype == np.float32
    if values[0] <= (1e-6 if single else 1e-12) * values[-1]:
        strongest = np.argsort(-np.abs(vectors[:, 0]))[:2]
        names = " and ".join(str(i) for i in samples.unit_ids[np.sort(strongest)])
        raise InputError(
            f"X must not be collinear: units {names} follow from one another or from the rest (smallest eigenvalue of "
            f"the correlations {values[0]:.1e}); drop one of them, or shrink (shrinkage= or ridge=)."
        )
    return np.asarray((vectors / values) @ vectors.T)


def _bartlett(series: list[np.ndarray]) -> np.ndarray:
    """Standard deviation of the correlation of every two units, were they independent, from their autocorrelations."""
    n = sum(map(len, series))
    width = int(2.0 * np.sqrt(n))
    products = _lagged_products(series, max(1, width))
    a = products[1:] / products[0]
    u = np.arange(1, len(products)) / width
    taper = np.where(u <= 0.5, 1.0 - 6.0 * u**2 * (1.0 - u), 2.0 * (1.0 - u) ** 3)
    total = 1.0 + 2.0 * (a * taper[:, None]).T @ a
    return np.sqrt(np.maximum(total, 1e-3) / n)


def _lagged_products(series: list[np.ndarray], n_lags: int) -> np.ndarray:
    """Sum x(t + l) x(t) over t, l = 0 .. n_lags - 1, of each unit: (lag, unit); no lag crosses from series to series.

    By Fourier transforms, a unit at a time: half an hour of spikes at 1 ms asks for thousands of lags.
    """
    products = np.zeros((n_lags, series[0].shape[1]))
    for x in series:
        lags = min(n_lags, len(x))
        size = fft.next_fast_len(len(x) + lags, real=True)
        for k, unit in enumerate(x.T):
            spectrum = fft.rfft(np.ascontiguousarray(unit, dtype=np.float64), n=size)
            products[:lags, k] += fft.irfft(spectrum.real**2 + spectrum.imag**2, n=size)[:lags]
    return products
