"""Multivariate Granger causality from one fitted autoregression, in time and by frequency."""

from __future__ import annotations

from numbers import Integral
from typing import Any, ClassVar

import numpy as np
import xarray as xr
from sklearn.utils._param_validation import Interval, StrOptions

from synfer.connectome import Connectome
from synfer.discover import state_space
from synfer.discover.autoregression import (
    CRITERIA,
    Autoregression,
    LeastSquares,
    criteria,
    lagged_factor,
    leading_factor,
    n_rows,
)
from synfer.discover.autoregressive import VectorAutoregression
from synfer.discover.base import Samples
from synfer.discover.collinear import refuse_collinear
from synfer.discover.lwr import lwr
from synfer.discover.order import cross_validated
from synfer.discover.whiteness import whiteness
from synfer.errors import FitDivergedError, InputError


class MVGC(VectorAutoregression):
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
        what the MVGC toolbox calls AIC; orders with too many coefficients for the correction are passed over. It counts
        the coefficients of all equations against the samples of one, and with many units takes orders that are too low
        for the p-values: of 40 units, two lags and 5,000 samples order 1, which rejects more absent edges than it
        should (bench/results/calibration.md), where "aic" takes order 2. "cv" takes the order that forecasts held-out
        fifths best: of the trials where there are five, else of each stretch.
    max_lag : int
    regression : {"lwr", "ols"}
        Morf's lattice recursion, whose orders each use all the rows they can, or least squares. The recursion's fits
        are stable whatever the data: of an explosive process they have a radius just below 1, and are warned of.
    n_frequencies : int, optional
        Also give the causality at so many frequencies from 0 to half the sampling rate (``spectral_``).

    Attributes
    ----------
    connectome_ : Connectome
        ``score`` F; ``pvalue`` by the statistic's own null law, a weighted sum of chi-squares (Gutknecht and Barnett
        2023) over the chi-square of the residuals, through the F law with their degrees of freedom and its mean and
        variance (``synfer.discover.state_space.null_pvalue``: the equation, and where it does not hold); ``weight``
        the sum of the coefficients over lags, in standard deviations of the target per standard deviation of the
        source; ``delay`` the lag of the largest coefficient, in seconds. Where the fit is explosive, ``converged`` is
        False and there are no p-values.
    lag_ : int
    coef_ : numpy.ndarray, (lag, target, source)
    intercept_ : numpy.ndarray, (target,)
    residual_covariance_ : numpy.ndarray, (target, target)
        Divided by rows - 1 as in the MVGC toolbox, not by the residual degrees of freedom as in ``ConditionalGranger``.
    criterion_ : pandas.DataFrame or None
        Columns "aic", "aicc", "bic", "hq" (and "cv"), indexed by lag 1 .. ``max_lag``; None where ``lag`` is a number.
        Per row of the highest order: with "ols", "aic" and "bic" are those of ``ConditionalGranger``; with "lwr",
        whose orders have rows of their own, the choice is the toolbox's and may change with the units of measure of X.
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
        See ``fit``; further, collinear units, fewer rows than the order needs, or than "aicc" or "cv" need to choose.
    FitDivergedError
        The fit, or the Riccati equation of its reduced models, has no answer.

    Warns
    -----
    NotConvergedWarning
        The fitted process is not stable (of "ols").
    UnitRootWarning
        It remembers for a tenth of the recording or longer: F is large by chance, and its null law does not hold.
    LargestOrderWarning
        ``lag`` is a criterion, and ``max_lag`` the order that it chose.
    NonStationaryWarning, ConstantSegmentWarning
        A unit's mean drifts, or it does not vary throughout a trial.

    References
    ----------
    L. Barnett and A. K. Seth, "The MVGC multivariate Granger causality toolbox", J. Neurosci. Methods 223 (2014),
    50-68; the same, "Granger causality for state-space models", Phys. Rev. E 91 (2015), 040101.

    Examples
    --------
    >>> import numpy as np
    >>> from synfer.discover import MVGC
    >>> x = np.random.default_rng(0).standard_normal((10000, 2))
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
        self, lag: str | int = "aic", max_lag: int = 10, regression: str = "lwr", n_frequencies: int | None = None
    ) -> None:
        self.lag = lag
        self.max_lag = max_lag
        self.regression = regression
        self.n_frequencies = n_frequencies

    def _min_rows(self, n_units: int) -> int:
        return n_units * (self._highest_lag + 1) + 2

    def _discover(self, samples: Samples) -> Connectome:
        highest, n_units = self._highest_lag, samples.n_units
        factor, rows = self._factor(samples)
        refuse_collinear(factor, samples, highest)
        fit = self._fit(samples, factor)
        self.lag_, self.coef_, self.intercept_ = fit.n_lags, fit.coef, fit.intercept
        self.residual_covariance_ = fit.covariance
        self._warn_of_largest()
        stable = self._check_stability(fit.n_rows)
        of_lags = leading_factor(factor, n_units, self.lag_)
        precision = LeastSquares(of_lags, n_units, self.lag_, rows).precision
        score, pvalue = self._causality(samples, fit, precision, stable)
        self.whiteness_ = whiteness(samples.segments, fit)
        weight, delay = self._weight_and_delay(samples, self.coef_, of_lags)
        return self._connectome(samples, score, weight=weight, pvalue=pvalue, delay=delay, converged=stable)

    def _fit(self, samples: Samples, factor: np.ndarray) -> Autoregression:
        """Fit every order up to the highest, or the one that is given, and choose."""
        self.criterion_ = None
        try:
            fits = self._fits(samples.segments, self._highest_lag, factor)
            if not isinstance(self.lag, str):
                return fits[-1]
            table = criteria(fits)
            if self.lag == "cv":
                table["cv"] = cross_validated(samples.segments, len(fits), self._fits)
        except np.linalg.LinAlgError:
            raise FitDivergedError(
                "the autoregression's errors are collinear at some order: take fewer lags, or drop a unit."
            ) from None
        if table[self.lag].isna().all():  # of "aicc" only, which has nothing to say where coefficients outnumber rows
            raise InputError(
                f"X must hold at least {int(fits[0].n_units * fits[0].df) + 2} samples with a past within their own "
                f"trial for lag='aicc' and {samples.n_units} units, got {fits[0].n_rows}: record for longer, or set "
                "lag to 'bic' or a number."
            )
        self.criterion_ = table
        return fits[int(np.nanargmin(table[self.lag]))]

    def _fits(self, segments: list[np.ndarray], highest: int, factor: np.ndarray | None = None) -> list[Autoregression]:
        """Fit the orders 1 .. ``highest``, or the one that is asked for alone where that is less work."""
        if self.regression == "lwr":
            return list(lwr(segments, highest))[1:]
        rows, n_units = n_rows(segments, highest), segments[0].shape[1]
        if factor is None:
            factor = lagged_factor(segments, highest)
        orders = range(1, highest + 1) if isinstance(self.lag, str) else (highest,)
        return [LeastSquares(leading_factor(factor, n_units, p), n_units, p, rows) for p in orders]

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
        residual_df = fit.n_rows - fit.n_units * fit.n_lags - 1.0
        return score, state_space.null_pvalue(score, mean, variance, residual_df)
