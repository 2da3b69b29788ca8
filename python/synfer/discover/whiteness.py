"""What an autoregression's residuals still hold: whether the model has told all that the past can tell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats
from statsmodels.stats.stattools import durbin_watson

from synfer.discover.autoregression import residuals, spectral_radius
from synfer.discover.lwr import Autoregression

EXTRA_LAGS = 10


@dataclass(frozen=True)
class Whiteness:
    """Diagnostics of a fitted autoregression.

    Attributes
    ----------
    durbin_watson : numpy.ndarray, (unit,)
        Near 2 where successive residuals are uncorrelated; below, positively correlated.
    statistic, pvalue : float
        Hosking's portmanteau over the first ``lag + 10`` lags: small p-values say that correlations are left.
    consistency : float
        Share of the data's correlations over the same lags that the model makes, 1 - |R_model - R_data| / |R_data|
        (Ding, Bressler, Yang, Liang 2000); NaN where the model is not stable.
    """

    durbin_watson: np.ndarray
    statistic: float
    pvalue: float
    consistency: float


def whiteness(segments: list[np.ndarray], fit: Autoregression) -> Whiteness:
    """Look at the residuals of ``segments``, each (time, unit); no correlation is taken across a splice.

    Sources: J. R. M. Hosking, "The multivariate portmanteau statistic", J. Am. Stat. Assoc. 75 (1980), 602-608;
    M. Ding et al., Biol. Cybern. 83 (2000), 35-45.
    """
    p = len(fit.coef)
    errors = [residuals(segment, fit.intercept, fit.coef) for segment in segments if len(segment) > p]
    rows = sum(map(len, errors))
    n_lags = min(p + EXTRA_LAGS, max(map(len, errors)) - 1)
    products = [_lagged(errors, lag) / rows for lag in range(n_lags + 1)]
    inverse = np.linalg.inv(products[0])
    statistic = sum(
        rows**2 / (rows - lag) * float(np.einsum("ij,ik,kl,lj->", c, inverse, c, inverse))
        for lag, c in enumerate(products[1:], start=1)
    )
    freedom = len(inverse) ** 2 * max(n_lags - p, 1)
    by_unit = np.stack([durbin_watson(e) * (e**2).sum(axis=0) for e in errors]).sum(axis=0)
    return Whiteness(
        by_unit / sum((e**2).sum(axis=0) for e in errors),
        statistic,
        float(stats.chi2.sf(statistic, freedom)),
        _consistency(segments, fit),
    )


def _lagged(series: list[np.ndarray], lag: int) -> np.ndarray:
    """Sum of x(t) x(t - lag)' over all segments."""
    return np.asarray(sum(x[lag:].T @ x[: len(x) - lag] for x in series if len(x) > lag))


def _consistency(segments: list[np.ndarray], fit: Autoregression) -> float:
    p = len(fit.coef)
    radius = spectral_radius(fit.coef)
    if radius >= 1.0:
        return float("nan")
    mean = sum(segment.sum(axis=0, dtype=np.float64) for segment in segments) / sum(map(len, segments))
    n_lags = min(p + EXTRA_LAGS, max(map(len, segments)) - 1)
    of_data = np.stack([_lagged([segment - mean for segment in segments], lag) for lag in range(n_lags + 1)])
    of_model = autocovariance(fit.coef, fit.covariance, n_lags, radius)
    of_data, of_model = (c / np.sqrt(np.outer(np.diag(c[0]), np.diag(c[0]))) for c in (of_data, of_model))
    return 1.0 - float(np.linalg.norm(of_model - of_data) / np.linalg.norm(of_data))


def autocovariance(coef: np.ndarray, covariance: np.ndarray, n_lags: int, radius: float) -> np.ndarray:
    """Covariance of x(t) and x(t - lag) under the model, (lag, unit, unit), from its spectrum.

    ``radius``, below 1, is the process's spectral radius: so many frequencies are taken that what is farther than their
    number of samples apart is forgotten.
    """
    p, n, _ = coef.shape
    memory = np.log(1e-10) / np.log(max(radius, 1e-3))
    count = 2 ** int(np.ceil(np.log2(min(max(memory, 4.0 * (n_lags + 1)), 2**14))))
    z = np.exp(-2j * np.pi * np.fft.rfftfreq(count)[:, None] * np.arange(1, p + 1))
    transfer = np.linalg.inv(np.eye(n) - np.tensordot(z, coef, axes=1))
    spectrum = transfer @ covariance @ transfer.conj().transpose(0, 2, 1)
    return np.fft.irfft(spectrum, count, axis=0)[: n_lags + 1]
