"""From the refitted attention of an ensemble to effects of one unit on another, with their tests and intervals."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from synfer.discover.refit import Refit


@dataclass
class Effects:
    """Median effects of an ensemble, each (target, source) with NaN on the diagonal.

    Attributes
    ----------
    score, spread : numpy.ndarray
        Root of the sum of squares over lags and products of the median effects, in units of the target's own spread, or
        the root of the F statistic; standard deviation of the same over initialisations.
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


def combine(
    members: list[Refit], scale: np.ndarray, lags: int, level: float, evidence: str = "effect", choices: int = 1
) -> Effects:
    """Take the median of initialisations; ``scale`` (target,) is the signal's standard deviation.

    Where each pair's columns were chosen among ``choices``, its p-value is that of the smallest of so many.
    """
    n = len(scale)
    members = _aligned(members, lags)
    effects = np.stack([member.theta for member in members])  # (init, target, source, column)
    # The median: an initialisation that ended in another minimum, where a drive's sign is reversed, has no say.
    mean = np.median(effects, axis=0)
    score = np.sqrt(np.square(mean).sum(-1))
    spread = np.sqrt(np.square(effects).sum(-1)).std(0)
    gains = [member.gain[..., :lags] * scale[:, None, None] for member in members]
    by_lag = np.median([member.theta[..., :lags] * gain for member, gain in zip(members, gains, strict=True)], 0)
    weight = by_lag.sum(-1)

    # Initialisations see the same noise: their median is taken to be as uncertain as one of them.
    freedom = np.mean([member.freedom for member in members], axis=0)
    solved = np.maximum((np.einsum("ijkk->ijk", members[0].cov) != 0.0).sum(-1), 1)  # columns a pair
    wald = np.square(np.median([_whitened(member.free, member.cov) for member in members], axis=0)).sum(-1) / solved
    pvalue = stats.f.sf(wald, solved, np.maximum(freedom, 1.0)[:, None])
    if choices > 1:
        pvalue = -np.expm1(choices * np.log1p(-np.minimum(pvalue, 1.0 - 1e-16)))
    pvalue[np.isnan(wald) | (freedom <= 0)[:, None]] = np.nan
    if evidence == "wald":
        score = np.sqrt(np.nan_to_num(wald))
        spread = np.std([np.sqrt(np.square(_whitened(m.free, m.cov)).sum(-1) / solved) for m in members], axis=0)
        spread = np.nan_to_num(spread)
    variance = np.median(
        [
            np.einsum("ijk,ijkl,ijl->ij", gain, member.cov[..., :lags, :lags], gain)
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


def _aligned(members: list[Refit], lags: int) -> list[Refit]:
    """Turn initialisations that learnt the opposite of what the others did: values and attentions both reversed.

    Which is which `standardise` tells by the samples, but not of a value that is part positive, part negative. They
    would cancel each other in the median; so each takes the sign of its part in what all have in common (the first
    principal direction of their effects), and most of that keeps its own. Products have signs of two and stay.
    """
    effects = np.stack([np.nan_to_num(member.free[..., :lags]).ravel() for member in members])
    sizes = np.sqrt(np.square(effects).sum(1))
    likeness = effects @ effects.T / np.maximum(np.outer(sizes, sizes), 1e-300)
    common = np.linalg.eigh(likeness)[1][:, -1]
    common *= np.where((common * np.abs(common)).sum() < 0.0, -1.0, 1.0)
    turned = []
    for member, part in zip(members, common, strict=True):
        sign = np.ones(member.theta.shape[-1])
        sign[:lags] = -1.0 if part < 0.0 else 1.0
        cov = member.cov * np.outer(sign, sign)
        turned.append(replace(member, theta=member.theta * sign, free=member.free * sign, cov=cov))
    return turned


def _whitened(free: np.ndarray, cov: np.ndarray) -> np.ndarray:
    """Coefficients in units of their own standard errors: cov^-1/2 free; NaN where the covariance is not known."""
    out = np.full(free.shape, np.nan)
    told = np.isfinite(cov).all((2, 3)) & (np.einsum("ijkk->ij", np.nan_to_num(cov)) > 0)
    values, vectors = np.linalg.eigh(cov[told])
    along = np.einsum("pkl,pk->pl", vectors, free[told])
    kept = values > 1e-9 * values[:, -1:]
    along = np.where(kept, along / np.sqrt(np.where(kept, values, 1.0)), 0.0)
    out[told] = np.einsum("pkl,pl->pk", vectors, along)
    return out
