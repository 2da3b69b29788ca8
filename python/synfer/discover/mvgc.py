"""Multivariate Granger causality from one fitted autoregression, in time and by frequency."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import xarray as xr
from scipy import stats
from sklearn.utils._param_validation import Interval, StrOptions

from synfer.connectome import Connectome
from synfer.discover import state_space
from synfer.discover.autoregression import (
    LeastSquares,
    forecast,
    lagged_factor,
    leading_factor,
    n_rows,
    spectral_radius,
)
from synfer.discover.base import BaseDiscoverer, Samples
from synfer.discover.collinear import refuse_collinear
from synfer.discover.lwr import Autoregression, lwr
from synfer.discover.order import CRITERIA, criteria, cross_validated, held_out_score
from synfer.discover.whiteness import whiteness
from synfer.errors import FitDivergedError, InputError, NotConvergedWarning, UnitRootWarning


class MVGC(BaseDiscoverer):
    """Pairwise-conditional Granger causality by the state-space method (the MVGC toolbox's).

        F[i, j] = log V^R_ii - log V_ii

    with V the innovations' covariance of a vector autoregression of all units, and V^R that of the best forecast of all
    units but j from their own infinite past, which follows from the same fit by a Riccati equation
    (:mod:`synfer.discover.state_space`): no second regression, whose order would be too low for what is left when a
    unit is taken away. F is in nats, and twice the transfer entropy where the process is Gaussian.

    Parameters
    ----------
    lag : {"aic", "aicc", "bic", "hq", "cv"} or int
        Order of the autoregression, or what chooses it among 1 .. ``max_lag``. "aicc", corrected for small samples, is
        what the MVGC toolbox calls AIC; orders with too many coefficients for the correction are passed over. "cv"
        takes the order that forecasts held-out fifths of the recording best.
    max_lag : int
    regression : {"lwr", "ols"}
        Morf's lattice recursion, whose orders each use all the rows they can, or least squares.
    n_frequencies : int, optional
        Also give the causality at so many frequencies from 0 to half the sampling rate (``spectral_``).

    Attributes
    ----------
    connectome_ : Connectome
        ``score`` F; ``pvalue`` by the statistic's own null law, a weighted sum of chi-squares (Gutknecht and Barnett
        2023), through the gamma law with its mean and variance; ``weight`` the sum of the coefficients over lags, in
        standard deviations of the target per standard deviation of the source; ``delay`` the lag of the largest
        coefficient, in seconds. Where the fit is explosive, ``converged`` is False and there are no p-values.
    lag_ : int
    coef_ : numpy.ndarray, (lag, target, source)
    intercept_ : numpy.ndarray, (target,)
    residual_covariance_ : numpy.ndarray, (target, target)
    criterion_ : pandas.DataFrame or None
        Columns "aic", "aicc", "bic", "hq" (and "cv"), indexed by lag 1 .. ``max_lag``; None where ``lag`` is a number.
    spectral_radius_ : float
    spectral_ : xarray.DataArray or None
        (frequency, target, source), in nats; frequency in Hz, or in cycles a sample where dt is unknown. Its mean over
        frequency is F where every unit by itself would be stable.
    whiteness_ : synfer.discover.whiteness.Whiteness
        What the residuals still hold: Durbin-Watson of each unit, a portmanteau test, and how much of the data's
        correlations the model makes.

    Raises
    ------
    InputError
        See ``fit``; further, collinear units, and fewer rows than the order needs.
    FitDivergedError
        The fit, or the Riccati equation of its reduced models, has no answer.

    Warns
    -----
    NotConvergedWarning
        The fitted process is not stable.
    UnitRootWarning
        It remembers for a tenth of the recording or longer: F is large by chance, and its null law does not hold.

    References
    ----------
    L. Barnett and A. K. Seth, "The MVGC multivariate Granger causality toolbox", J. Neurosci. Methods 223 (2014),
    50-68; the same, "Granger causality for state-space models", Phys. Rev. E 91 (2015), 040101.

    Examples
    --------
    >>> import numpy as np
    >>> from synfer.discover import MVGC
    >>> x = np.random.default_rng(0).standard_normal((1000, 2))
    >>> x[1:, 1] += 0.5 * x[:-1, 0]
    >>> connectome = MVGC(lag=1).fit(x).connectome_
    >>> round(float(connectome.score.sel(target=1, source=0)), 1)
    0.2
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "lag": [StrOptions({*CRITERIA, "cv"}), Interval(Integral, 1, None, closed="left")],
        "max_lag": [Interval(Integral, 1, None, closed="left")],
        "regression": [StrOptions({"lwr", "ols"})],
        "n_frequencies": [Interval(Integral, 2, None, closed="left"), None],
    }

    def __init__(
        self, lag: str | int = "aicc", max_lag: int = 10, regression: str = "lwr", n_frequencies: int | None = None
    ) -> None:
        self.lag = lag
        self.max_lag = max_lag
        self.regression = regression
        self.n_frequencies = n_frequencies

    @property
    def _highest_lag(self) -> int:
        return int(self.max_lag if isinstance(self.lag, str) else self.lag)

    def _min_samples(self, n_units: int) -> int:
        return self._highest_lag * (n_units + 1) + n_units + 2

    def _discover(self, samples: Samples) -> Connectome:
        highest, n_units = self._highest_lag, samples.n_units
        rows, needed = n_rows(samples.segments, highest), highest * n_units + n_units + 2
        if rows < needed:
            raise InputError(
                f"X must hold at least {needed} samples with {highest} predecessors within their own trial, got {rows}"
                ": take fewer lags, or longer trials."
            )
        factor = lagged_factor(samples.segments, highest)
        if not np.isfinite(factor).all():
            raise FitDivergedError("X is so large that its squares overflow: rescale it, for instance to z-scores.")
        refuse_collinear(factor, samples, highest)
        fit = self._fit(samples, factor)
        self.lag_, self.coef_, self.intercept_ = len(fit.coef), fit.coef, fit.intercept
        self.residual_covariance_ = fit.covariance
        stable = self._check_stability(fit)
        of_lags = leading_factor(factor, n_units, self.lag_)
        precision = LeastSquares(of_lags, n_units, self.lag_, rows).precision
        score, pvalue = self._causality(samples, fit, precision, stable)
        self.whiteness_ = whiteness(samples.segments, fit)

        deviation = np.linalg.norm(of_lags[1:, -n_units:], axis=0)  # of each unit, times the root of rows
        weight = self.coef_.sum(axis=0) * deviation / deviation[:, None]
        delay = None if samples.dt is None else (1.0 + np.abs(self.coef_).argmax(axis=0)) * samples.dt
        for field in (weight, delay):
            if field is not None:
                np.fill_diagonal(field, np.nan)
        return self._connectome(samples, score, weight=weight, pvalue=pvalue, delay=delay, converged=stable)

    def _fit(self, samples: Samples, factor: np.ndarray) -> Autoregression:
        """Fit every order up to the highest, or the one that is given, and choose."""
        self.criterion_ = None
        try:
            fits = self._fits(samples.segments, factor, samples.n_units)
            if isinstance(self.lag, str):
                orders = pd.RangeIndex(1, len(fits) + 1, name="lag")
                table = pd.DataFrame([criteria(fit) for fit in fits], index=orders)
                if self.lag == "cv":
                    table["cv"] = cross_validated(samples.segments, len(fits), self._by_regression)
                self.criterion_ = table
                return fits[int(np.nanargmin(table[self.lag]))]
        except np.linalg.LinAlgError:
            raise FitDivergedError(
                "the autoregression's errors are collinear at some order: take fewer lags, or drop a unit."
            ) from None
        return fits[-1]

    def _fits(self, segments: list[np.ndarray], factor: np.ndarray, n_units: int) -> list[Autoregression]:
        highest = self._highest_lag
        if self.regression == "lwr":
            return list(lwr(segments, highest))[1:]
        rows = n_rows(segments, highest)
        orders = range(1, highest + 1) if isinstance(self.lag, str) else (highest,)
        fits = [LeastSquares(leading_factor(factor, n_units, p), n_units, p, rows) for p in orders]
        return [Autoregression(fit.coef, fit.intercept, fit.sse, rows) for fit in fits]

    def _by_regression(self, segments: list[np.ndarray], max_lag: int) -> Sequence[Autoregression]:
        if self.regression == "lwr":
            return list(lwr(segments, max_lag))[1:]
        return self._fits(segments, lagged_factor(segments, max_lag), segments[0].shape[1])

    def _check_stability(self, fit: Autoregression) -> bool:
        self.spectral_radius_ = spectral_radius(fit.coef)
        if self.spectral_radius_ >= 1.0:
            warnings.warn(
                f"MVGC(lag={self.lag_}) fitted a process that is not stable (spectral radius "
                f"{self.spectral_radius_:.4f}, expected < 1): p-values are withheld; detrend or difference X, or cut "
                "it where it jumps.",
                NotConvergedWarning,
                stacklevel=4,
            )
            return False
        if fit.n_rows * (1.0 - self.spectral_radius_) < 10.0:
            warnings.warn(
                f"MVGC(lag={self.lag_}) fitted a process close to a unit root (spectral radius "
                f"{self.spectral_radius_:.5f}, {fit.n_rows} samples): it remembers for a tenth of the recording or "
                "longer, and p-values are too small; difference X, or record for longer.",
                UnitRootWarning,
                stacklevel=4,
            )
        return True

    def _causality(
        self, samples: Samples, fit: Autoregression, precision: np.ndarray, stable: bool
    ) -> tuple[np.ndarray, np.ndarray | None]:
        covariance = fit.covariance
        self.spectral_ = None
        try:
            reduced = state_space.reduce(fit.coef, covariance)
            score = np.maximum(state_space.pairwise_conditional(reduced, covariance), 0.0)  # rounding around nothing
            if self.n_frequencies is not None:
                cycles = np.linspace(0.0, 0.5, self.n_frequencies)
                self.spectral_ = xr.DataArray(
                    state_space.spectral(fit.coef, covariance, reduced, cycles),
                    dims=("frequency", "target", "source"),
                    coords={
                        "frequency": cycles / (samples.dt or 1.0),
                        "target": samples.unit_ids,
                        "source": samples.unit_ids,
                    },
                    attrs={"units": "nats"},
                )
            if not stable:
                return score, None
            mean, variance = state_space.null_moments(fit.coef, covariance, precision)
        except np.linalg.LinAlgError:
            raise FitDivergedError(
                f"the forecast without some unit has no stable form at lag {self.lag_} (spectral radius "
                f"{self.spectral_radius_:.4f}): detrend or difference X, or take fewer lags."
            ) from None
        pvalue = stats.gamma.sf(fit.n_rows * score, mean**2 / variance, scale=variance / mean)
        return score, pvalue

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

        As :meth:`ConditionalGranger.score`.
        """
        return held_out_score(self._read(X, signal), self.intercept_, self.coef_, self.residual_covariance_)
