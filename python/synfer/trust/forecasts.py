"""Does the others' past help to forecast, is anything left in the residuals, and is the course steady?"""

from __future__ import annotations

import dataclasses
import warnings
from typing import Any

import numpy as np
from sklearn.base import clone
from statsmodels.stats.diagnostic import acorr_ljungbox

from synfer.discover import BaseDiscoverer, ConditionalGranger, Samples
from synfer.discover.significance.folds import taken
from synfer.discover.stationarity import WANDERS, kpss
from synfer.errors import SynferError
from synfer.trust.own import own_histories

HELD_OUT = 0.2
"""Share of each stretch, at its end, that is forecast and not learnt from."""
LAGS = 10
LEVEL = 0.01  # of a unit's Ljung-Box test
KPSS_LEVEL = 0.739  # 1 % of steady units are above (Kwiatkowski et al. 1992, table 1)


@dataclasses.dataclass(frozen=True)
class Forecasts:
    """What forecasts of held-out samples come to.

    Attributes
    ----------
    by : str
        Whose forecast: the estimator's class, or ConditionalGranger's where that has none.
    own, full : float
        R2 on held-out samples, mean over units: from own histories, and from all units.
    coloured : float
        Share of units whose residuals Ljung-Box's test (10 lags) rejects at .01.
    together : float
        Root mean square over pairs of the residuals' correlation at lag 0, that of chance taken out.
    """

    by: str
    own: float
    full: float
    coloured: float
    together: float

    @property
    def gain(self) -> float:
        """R2 that the others' past adds."""
        return self.full - self.own


@dataclasses.dataclass(frozen=True)
class Course:
    """Whether means are the same throughout.

    Attributes
    ----------
    largest : float
        KPSS statistic, the largest of a unit.
    drifting : float
        Share of units above .739, which 1 % of steady ones are.
    wandering : float
        Share above 3, which the estimators warn of.
    """

    largest: float
    drifting: float
    wandering: float


def course_of(samples: Samples) -> Course:
    """Look for drifts (:func:`synfer.discover.stationarity.kpss`)."""
    statistic = kpss(samples.segments)
    return Course(float(statistic.max()), float((statistic > KPSS_LEVEL).mean()), float((statistic > WANDERS).mean()))


def forecasts_of(samples: Samples, estimator: BaseDiscoverer) -> Forecasts | None:
    """Learn on the first part of each stretch, forecast the last fifth.

    Returns
    -------
    Forecasts, or None
        None where no fit could be made of what is left to learn from.
    """
    cuts = [round(len(segment) * (1.0 - HELD_OUT)) for segment in samples.segments]
    learnt = taken(samples, [(k, 0, cut) for k, cut in enumerate(cuts)])
    later = [segment[cut:].astype(np.float64) for segment, cut in zip(samples.segments, cuts, strict=True)]
    candidates = [estimator, ConditionalGranger()] if hasattr(estimator, "predict") else [ConditionalGranger()]
    for candidate in candidates:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that of the whole recording has said it
                fitted: Any = clone(candidate)._fit_samples(learnt)
            predicted = [np.asarray(fitted.predict(x), dtype=np.float64) for x in later]
        except (SynferError, np.linalg.LinAlgError, TypeError, ValueError):
            continue  # too short, or a forecast that wants more than the signal
        own = [np.stack(column, axis=1) for column in _own(learnt, later)]
        known = [np.isfinite(p).all(axis=1) & np.isfinite(o).all(axis=1) for p, o in zip(predicted, own, strict=True)]
        if sum(int(rows.sum()) for rows in known) < 3 * LAGS:
            continue
        x, full, alone = (
            [values[rows] for values, rows in zip(series, known, strict=True)] for series in (later, predicted, own)
        )
        left = [a - b for a, b in zip(x, full, strict=True)]
        return Forecasts(type(candidate).__name__, _r2(x, alone), _r2(x, full), coloured(left), together(left))
    return None


def _own(learnt: Samples, later: list[np.ndarray]) -> list[list[np.ndarray]]:
    """Forecasts of held-out stretches from own histories, a list of units for each."""
    units = own_histories(learnt.segments)
    made = []
    for x in later:
        columns = []
        for k, unit in enumerate(units):
            p = len(unit.coef)
            column = np.full(len(x), np.nan)
            column[p:] = unit.intercept
            for lag in range(1, p + 1):
                column[p:] += unit.coef[lag - 1] * x[p - lag : len(x) - lag, k]
            columns.append(column)
        made.append(columns)
    return made


def _r2(x: list[np.ndarray], forecast: list[np.ndarray]) -> float:
    """1 - residual / total sum of squares, mean over units that vary."""
    truth, guess = np.concatenate(x), np.concatenate(forecast)
    total = ((truth - truth.mean(axis=0)) ** 2).sum(axis=0)
    varies = total > 0
    if not varies.any():
        return 0.0
    return float((1.0 - ((truth - guess) ** 2).sum(axis=0)[varies] / total[varies]).mean())


def coloured(residuals: list[np.ndarray]) -> float:
    """Share of units whose residuals (time, unit) are not white: Ljung-Box in the longest stretch, p < .01."""
    longest = max(residuals, key=len)
    lags = min(LAGS, len(longest) // 3)
    varying = longest[:, longest.std(axis=0) > 0]
    if lags < 1 or varying.shape[1] == 0:
        return 0.0
    return float(np.mean([acorr_ljungbox(x, lags=[lags])["lb_pvalue"].iloc[0] < LEVEL for x in varying.T]))


def together(residuals: list[np.ndarray]) -> float:
    """Root mean square of the residuals' correlations at lag 0, less what chance alone makes (1 / samples)."""
    x = np.concatenate(residuals)
    x = x[:, x.std(axis=0) > 0]
    if x.shape[1] < 2:
        return 0.0
    r = np.corrcoef(x.T)[np.triu_indices(x.shape[1], 1)]
    return float(np.sqrt(max(float((r**2).mean()) - 1.0 / len(x), 0.0)))
