"""What the estimators that regress on lagged samples share, whatever they read from the regression."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from synfer.discover.autoregression import forecast, held_out_score, lagged_factor, n_rows, spectral_radius
from synfer.discover.base import BaseDiscoverer, Samples
from synfer.errors import (
    FitDivergedError,
    InputError,
    LargestOrderWarning,
    NotConvergedWarning,
    UnitRootWarning,
    level_of_user,
)


def check_root(name: str, radius: float, rows: int | None, stacklevel: int) -> bool:
    """Whether a fit of that spectral radius is stable; warn where it is not, or hardly so.

    ``rows`` of the fit; None where nothing is concluded that a process close to a unit root would spoil.
    """
    if radius >= 1.0:
        warnings.warn(
            f"{name} fitted a process that is not stable (spectral radius {radius:.4f}, expected < 1): p-values are "
            "withheld; detrend or difference X, or cut it where it jumps.",
            NotConvergedWarning,
            stacklevel=stacklevel + 1,
        )
        return False
    if rows is not None and radius > 0.9 and rows * (1.0 - radius) < 10.0:
        warnings.warn(
            f"{name} fitted a process close to a unit root (spectral radius {radius:.5f}, {rows} samples): it "
            "remembers for a tenth of the recording or longer, and p-values are too small; difference X, or record for "
            "longer.",
            UnitRootWarning,
            stacklevel=stacklevel + 1,
        )
    return True


class LaggedRegression(BaseDiscoverer):
    """A method whose evidence is a regression on the last ``lag`` samples.

    A subclass has the parameter ``lag``, and ``max_lag`` where ``lag`` may be a criterion; it says in ``_min_rows`` how
    many samples must have that many predecessors.
    """

    lag: str | int
    max_lag: int

    @property
    def _highest_lag(self) -> int:
        return int(self.max_lag if isinstance(self.lag, str) else self.lag)

    def _min_rows(self, n_units: int) -> int:
        raise NotImplementedError(f"{type(self).__name__} does not say how many rows its regression needs.")

    def _min_samples(self, n_units: int) -> int:
        return self._highest_lag + self._min_rows(n_units)

    def _factor(self, samples: Samples) -> tuple[np.ndarray, int]:
        """Factorise the regression on the highest lag: :func:`lagged_factor`, and its number of rows."""
        highest, needed = self._highest_lag, self._min_rows(samples.n_units)
        rows = n_rows(samples.segments, highest)
        if rows < needed:
            raise InputError(
                f"X must hold at least {needed} samples with {highest} predecessors within their own trial, got {rows}"
                ": take fewer lags, or longer trials."
            )
        factor = lagged_factor(samples.segments, highest)
        if not np.isfinite(factor).all():
            raise FitDivergedError("X is so large that its squares overflow: rescale it, for instance to z-scores.")
        return factor, rows

    @staticmethod
    def _weight_and_delay(
        samples: Samples, coef: np.ndarray, factor: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Sum of the coefficients (lag, target, source) over lags, standardised; the largest's lag in seconds.

        ``factor`` is any factor of the samples whose last columns are the units' present.
        """
        deviation = np.linalg.norm(factor[1:, -samples.n_units :], axis=0)  # of each unit, times the root of rows
        weight = coef.sum(axis=0) * deviation / deviation[:, None]
        np.fill_diagonal(weight, np.nan)
        if samples.dt is None:
            return weight, None
        delay = (1.0 + np.abs(coef).argmax(axis=0)) * samples.dt
        np.fill_diagonal(delay, np.nan)
        return weight, delay


class VectorAutoregression(LaggedRegression):
    """A method that fits one vector autoregression of all units, and so forecasts them too.

    Attributes
    ----------
    lag_ : int
    coef_ : numpy.ndarray, (lag, target, source)
    intercept_ : numpy.ndarray, (target,)
    residual_covariance_ : numpy.ndarray, (target, target)
    spectral_radius_ : float
    """

    lag_: int
    coef_: np.ndarray
    intercept_: np.ndarray
    residual_covariance_: np.ndarray
    spectral_radius_: float

    def _check_stability(self, rows: int | None) -> bool:
        """Set ``spectral_radius_``, and see :func:`check_root`; for ``_discover``."""
        self.spectral_radius_ = spectral_radius(self.coef_)
        # The warnings' frames: check_root, this, _discover, fit, its caller.
        return check_root(f"{type(self).__name__}(lag={self.lag_})", self.spectral_radius_, rows, stacklevel=4)

    def _warn_of_largest(self) -> None:
        """Warn where a criterion's minimum, ``lag_``, is at the end of what it was offered; where it had a choice."""
        if isinstance(self.lag, str) and self.lag_ == self.max_lag > 1:
            warnings.warn(
                f"max_lag must be above the order that lag={self.lag!r} chooses for that to be its minimum, got "
                f"max_lag={self.max_lag} and {self.lag_} chosen: raise max_lag, or where the choice rises with it (few "
                "samples for so many coefficients, spike trains) set lag to 'bic' or a number.",
                LargestOrderWarning,
                stacklevel=level_of_user(),
            )

    def _past(self) -> int:
        return int(self.lag_)

    def predict(self, X: Any, signal: str | None = None) -> np.ndarray:
        """Forecast every sample from the ``lag_`` samples before it.

        Parameters
        ----------
        X : Recording, or array (time, unit)
        signal : str, optional
            As in ``fit``; by default the signal that was fitted.

        Returns
        -------
        numpy.ndarray, shaped as the signal: (time, unit) or (trial, time, unit)
            float64, in the signal's units; NaN in the first ``lag_`` samples, which have too little past.
        """
        samples = self._read(X, signal)
        forecasts = [forecast(segment, self.intercept_, self.coef_) for segment in samples.segments]
        return np.stack(forecasts) if samples.by_trial else forecasts[0]

    def score(self, X: Any, signal: str | None = None) -> float:
        """Mean Gaussian log-likelihood of held-out samples, per sample and unit (nats); higher is better.

            -1/2 [log 2 pi + (log|Sigma| + mean_t e(t)' Sigma^-1 e(t)) / unit],  Sigma = ``residual_covariance_``

        Comparable between fits of the same units in the same scale; for use in ``GridSearchCV`` take contiguous splits
        (``TimeSeriesSplit``): a shuffled one would put gaps between neighbours.
        """
        return held_out_score(self._read(X, signal), self.intercept_, self.coef_, self.residual_covariance_)
