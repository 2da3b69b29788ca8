"""Each unit forecast from its own past alone: what it does when nobody acts on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

from synfer.discover.autoregression import (
    LeastSquares,
    criteria,
    lagged_factor,
    leading_factor,
    n_rows,
    residuals,
    spectral_radius,
)
from synfer.errors import InputError

MAX_LAG = 20
STEADIEST = 0.999  # largest spectral radius that is simulated: a unit root would wander off


@dataclass(frozen=True)
class OwnHistory:
    """Autoregression of one unit, x(t) = intercept + sum_k coef[k - 1] x(t - k) + shock(t).

    Attributes
    ----------
    coef : numpy.ndarray, (lag,)
        Stable: where the fit was not, each coefficient k is scaled by c^k to a spectral radius just below 1.
    intercept : float
    shocks : numpy.ndarray, (sample,)
        Residuals of all samples that have as much past, mean 0.
    """

    coef: np.ndarray
    intercept: float
    shocks: np.ndarray

    @property
    def deviation(self) -> float:
        """Standard deviation of the shocks."""
        return float(self.shocks.std())

    def respond(self, x: np.ndarray) -> np.ndarray:
        """Give what a further input ``x`` (time,) makes of the unit's course: x filtered by 1 / (1 - sum coef z^-k)."""
        return np.asarray(lfilter([1.0], np.concatenate([[1.0], -self.coef]), x))


def own_histories(segments: list[np.ndarray], max_lag: int = MAX_LAG) -> list[OwnHistory]:
    """Fit each unit's autoregression, of the order from 1 to ``max_lag`` of smallest BIC.

    Parameters
    ----------
    segments : list of array, each (time, unit)
    max_lag : int
        Made smaller where segments are short.

    Raises
    ------
    InputError
        No segment has 10 samples.
    """
    longest = max(map(len, segments))
    if longest < 10:
        raise InputError(f"X must hold a stretch of at least 10 samples; got {longest}: record for longer.")
    highest = max(1, min(max_lag, longest // 10))
    rows = n_rows(segments, highest)
    found = []
    for unit in range(segments[0].shape[1]):
        alone = [np.ascontiguousarray(segment[:, [unit]], dtype=np.float64) for segment in segments]
        factor = lagged_factor(alone, highest)
        fits = [LeastSquares(leading_factor(factor, 1, lag), 1, lag, rows) for lag in range(1, highest + 1)]
        fit = fits[int(np.argmin(criteria(fits)["bic"].to_numpy()))]
        shocks = np.concatenate([residuals(x, fit.intercept, fit.coef)[:, 0] for x in alone if len(x) > fit.n_lags])
        coef = fit.coef[:, 0, 0].copy()
        radius = spectral_radius(fit.coef)
        if radius > STEADIEST:
            coef *= (STEADIEST / radius) ** np.arange(1, len(coef) + 1)
        mean = float(np.concatenate(alone).mean())
        found.append(OwnHistory(coef, mean * (1.0 - float(coef.sum())), shocks - shocks.mean()))
    return found
