"""From the refitted attention of an ensemble to effects of one unit on another, with their tests and intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from synfer.discover.refit import Refit


@dataclass
class Effects:
    """Mean effects of an ensemble, each (target, source) with NaN on the diagonal.

    Attributes
    ----------
    score, spread : numpy.ndarray
        Root of the sum of squares over lags and products of the mean effects, in units of the target's own spread;
        standard deviation of the same over initialisations.
    weight, half : numpy.ndarray
        Mean change of the next sample for a standard deviation of what the source tells, summed over lags; half the
        width of its interval.
    pvalue : numpy.ndarray
        Of the F test that all lags and products are 0.
    lag : numpy.ndarray of float
        Lag of the largest effect; NaN where there is none.
    attention : numpy.ndarray, (lag, target, source)
        The weights, lag by lag, with their diagonal 0.
    """

    score: np.ndarray
    spread: np.ndarray
    weight: np.ndarray
    half: np.ndarray
    pvalue: np.ndarray
    lag: np.ndarray
    attention: np.ndarray


def combine(members: list[Refit], scale: np.ndarray, lags: int, level: float) -> Effects:
    """Average initialisations; ``scale`` (target,) is the signal's standard deviation, ``level`` the intervals'."""
    n = len(scale)
    effects = np.stack([member.theta for member in members])  # (init, target, source, column)
    mean = effects.mean(0)
    score = np.sqrt(np.square(mean).sum(-1))
    spread = np.sqrt(np.square(effects).sum(-1)).std(0)
    gains = [member.gain[:, :lags] * scale[:, None] for member in members]
    by_lag = np.mean([member.theta[..., :lags] * gain[:, None] for member, gain in zip(members, gains, strict=True)], 0)
    weight = by_lag.sum(-1)

    # Initialisations see the same noise: their mean is taken to be as uncertain as one of them.
    freedom = np.mean([member.freedom for member in members], axis=0)
    free, cov = (np.mean([getattr(member, name) for member in members], axis=0) for name in ("free", "cov"))
    pvalue = _wald(free, cov, freedom)
    variance = np.mean(
        [
            np.einsum("ik,ijkl,il->ij", gain, member.cov[..., :lags, :lags], gain)
            for member, gain in zip(members, gains, strict=True)
        ],
        axis=0,
    )
    quantile = stats.t.ppf(0.5 + 0.5 * level, np.maximum(freedom, 1.0))
    half = quantile[:, None] * np.sqrt(np.maximum(variance, 0.0))
    lag = np.square(mean).reshape(n, n, -1, lags).sum(2).argmax(-1).astype(np.float64)
    lag[score == 0.0] = np.nan
    for field in (score, spread, weight, half, pvalue, lag):
        np.fill_diagonal(field, np.nan)
    return Effects(score, spread, weight, half, pvalue, lag, np.ascontiguousarray(by_lag.transpose(2, 0, 1)))


def _wald(free: np.ndarray, cov: np.ndarray, freedom: np.ndarray) -> np.ndarray:
    """P-values (target, source) of F tests that all columns are 0; NaN where the covariance is not known."""
    n, _, q = free.shape
    pvalue = np.full((n, n), np.nan)
    told = np.isfinite(cov).all((2, 3)) & (np.einsum("ijkk->ij", cov) > 0) & (freedom[:, None] > 0)
    for i, j in np.argwhere(told):
        statistic = float(free[i, j] @ np.linalg.pinv(cov[i, j], hermitian=True) @ free[i, j]) / q
        pvalue[i, j] = stats.f.sf(max(statistic, 0.0), q, freedom[i])
    return pvalue
