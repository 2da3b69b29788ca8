"""What an autoregression's residuals still hold: whether the model has told all that the past can tell."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from scipy import stats
from statsmodels.stats.stattools import durbin_watson

from synfer.discover.autoregression import Autoregression, n_rows, residuals, spectral_radius

EXTRA_LAGS = 10
DOUBLINGS = 60  # of the span that is summed: 2^60 samples


@dataclass(frozen=True, eq=False)
class Whiteness:
    """Diagnostics of a fitted autoregression.

    Attributes
    ----------
    durbin_watson : numpy.ndarray, (unit,)
        Near 2 where successive residuals are uncorrelated; below, positively correlated.
    statistic, pvalue : float
        Hosking's portmanteau over the first ``lag + 10`` lags: small p-values say that correlations are left. NaN where
        no segment is long enough for more lags than were fitted.
    consistency : float
        Share of the data's correlations over the same lags that the model makes, 1 - |R_model - R_data| / |R_data|
        (Ding, Bressler, Yang, Liang 2000); NaN where the model is not stable. Computed when it is first asked for: the
        model's correlations take (unit lag)^2 numbers and (unit lag)^3 time.
    """

    durbin_watson: np.ndarray
    statistic: float
    pvalue: float
    _model: Autoregression = field(repr=False)
    _of_data: np.ndarray = field(repr=False)  # autocovariance of the segments, (lag, unit, unit)

    @cached_property
    def consistency(self) -> float:
        """Share of the data's correlations that the model makes."""
        coef = self._model.coef
        if spectral_radius(coef) >= 1.0:
            return float("nan")
        of_model = autocovariance(coef, self._model.covariance, len(self._of_data) - 1)
        model, data = (c / np.sqrt(np.outer(np.diag(c[0]), np.diag(c[0]))) for c in (of_model, self._of_data))
        return 1.0 - float(np.linalg.norm(model - data) / np.linalg.norm(data))


def whiteness(segments: list[np.ndarray], fit: Autoregression) -> Whiteness:
    """Look at the residuals of ``segments``, each (time, unit); no correlation is taken across a splice.

    Over segments, the correlation at a lag is that of all pairs of samples so far apart within one, and Hosking's
    rows^2 / (rows - lag), which stands for the variance of such a mean, becomes rows^2 / pairs.

    Sources: J. R. M. Hosking, "The multivariate portmanteau statistic", J. Am. Stat. Assoc. 75 (1980), 602-608;
    M. Ding et al., Biol. Cybern. 83 (2000), 35-45.
    """
    p = fit.n_lags
    errors = [residuals(segment, fit.intercept, fit.coef) for segment in segments if len(segment) > p]
    rows = sum(map(len, errors))
    n_lags = min(p + EXTRA_LAGS, max(map(len, errors)) - 1)
    inverse = np.linalg.inv(_lagged(errors, 0) / rows)
    statistic = 0.0
    for lag in range(1, n_lags + 1):
        product = _lagged(errors, lag)
        # trace of (product' inverse product inverse); as one einsum it would take unit^4 steps
        statistic += float((product * (inverse @ product @ inverse)).sum()) / n_rows(errors, lag)
    freedom = fit.n_units**2 * (n_lags - p)
    by_unit = np.stack([durbin_watson(e) * (e**2).sum(axis=0) for e in errors]).sum(axis=0)
    return Whiteness(
        by_unit / sum((e**2).sum(axis=0) for e in errors),
        statistic if freedom > 0 else float("nan"),
        float(stats.chi2.sf(statistic, freedom)) if freedom > 0 else float("nan"),
        fit,
        _autocovariance_of(segments, p + EXTRA_LAGS),
    )


def _lagged(series: list[np.ndarray], lag: int) -> np.ndarray:
    """Sum of x(t) x(t - lag)' over all segments."""
    return np.asarray(sum(x[lag:].T @ x[: len(x) - lag] for x in series if len(x) > lag))


def _autocovariance_of(segments: list[np.ndarray], n_lags: int) -> np.ndarray:
    """Mean of x(t) x(t - lag)' over the pairs within segments, (lag, unit, unit), for lags that have any."""
    mean = sum(segment.sum(axis=0, dtype=np.float64) for segment in segments) / sum(map(len, segments))
    n_lags = min(n_lags, max(map(len, segments)) - 1)
    centred = [segment - mean for segment in segments]
    return np.stack([_lagged(centred, lag) / n_rows(centred, lag) for lag in range(n_lags + 1)])


def autocovariance(coef: np.ndarray, covariance: np.ndarray, n_lags: int) -> np.ndarray:
    """Covariance of x(t) and x(t - lag) under the model, (lag, unit, unit).

    That of the last p samples, X = F X F' + Q with F the companion matrix, is the sum of F^k Q F'^k, whose terms are
    doubled in number until nothing is added (Smith 1968); what is farther apart follows by Yule and Walker. The process
    must be stable.
    """
    p, n, _ = coef.shape
    power, state = np.eye(n * p, k=-n), np.zeros((n * p, n * p))
    power[:n] = np.concatenate(coef, axis=1)
    state[:n, :n] = covariance
    for _ in range(DOUBLINGS):
        step = power @ state @ power.T
        state = state + (step + step.T) / 2.0
        if np.abs(step).max() <= 1e-15 * np.abs(state).max():
            break
        power = power @ power
    lags = [state[:n, k * n : (k + 1) * n] for k in range(p)]
    while len(lags) <= n_lags:
        lags.append(np.asarray(sum(a @ lags[-1 - k] for k, a in enumerate(coef))))
    return np.stack(lags[: n_lags + 1])
