"""From the refitted attention of an ensemble to effects of one unit on another, with their tests and intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from synfer.discover.instantaneous import Coupling, shares
from synfer.discover.refit import Refit


@dataclass
class Effects:
    """Median effects of an ensemble, each (target, source) with NaN on the diagonal.

    Attributes
    ----------
    score, spread : numpy.ndarray
        Root of the sum of squares over lags and products of the median effects, in units of the target's own spread;
        or the root of the F statistic; or the geometric mean of the two. Where there is a coupling within a sample,
        its share is in both. Standard deviation of the same over initialisations.
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

    def fields(self) -> dict[str, np.ndarray]:
        """Give what a connectome has as it is beside the score."""
        low, high = self.weight - self.half, self.weight + self.half
        fields = {"score_std": self.spread, "pvalue": self.pvalue, "weight": self.weight}
        return {**fields, "interval_low": low, "interval_high": high}


def combine(
    members: list[Refit],
    scale: np.ndarray,
    lags: int,
    level: float,
    evidence: str = "both",
    choices: int = 1,
    tested: list[Refit] | None = None,
    shared: Coupling | None = None,
    allowed: np.ndarray | None = None,
) -> Effects:
    """Take the median of initialisations; ``scale`` (target,) is the signal's standard deviation.

    ``evidence`` is "effect", "wald" or "both": which of the scores. Where a pair has no statistic the latter two are 0;
    where no pair has one, "both" is the effect.

    Where each pair's columns were chosen among ``choices``, its p-value is that of the smallest of so many. Weights,
    intervals and p-values are of the initialisations ``tested`` (default ``members``), the score is of ``members``, and
    of what units ``shared`` within a sample, where edges are ``allowed``.
    """
    n = len(scale)
    effects = np.stack([member.theta for member in members])  # (init, target, source, column)
    # The median: an initialisation that ended in another minimum, where a drive's sign is reversed, has no say.
    mean = np.median(effects, axis=0)
    columns, each = f_statistics(members)
    within: Any = 0.0
    if shared is not None:  # 1 on average where there is no edge; what has no F has its coupling
        share = shares(np.median(each, axis=0), allowed)
        within = share * np.square(shared.correlation)
        each = (columns * np.nan_to_num(each) + share * shared.chi_square) / (columns + 0.5)
    score = np.sqrt(np.square(mean).sum(-1) + within)
    spread = np.sqrt(np.square(effects).sum(-1) + within).std(0)
    wald = np.median(each, axis=0)
    if evidence == "wald":
        score, spread = np.sqrt(np.nan_to_num(wald)), np.nan_to_num(np.sqrt(each).std(axis=0))
    elif evidence == "both" and np.isfinite(wald[~np.eye(n, dtype=bool)]).any():
        sizes = np.sqrt(np.square(effects).sum(-1) + within)
        spread = np.nan_to_num(np.sqrt(sizes * np.sqrt(each)).std(0))
        # Of the median coefficient, so that initialisations of opposite signs cancel each other: the median of each
        # one's own score was no better, of spikes, where signs are reversed most.
        score = np.sqrt(score * np.sqrt(np.nan_to_num(wald)))

    tested = members if tested is None else tested
    gains = [member.gain[..., :lags] * scale[:, None, None] for member in tested]
    by_lag = np.median([member.theta[..., :lags] * gain for member, gain in zip(tested, gains, strict=True)], 0)
    weight = by_lag.sum(-1)
    # Initialisations see the same noise: their median is taken to be as uncertain as one of them.
    freedom = np.mean([member.freedom for member in tested], axis=0)
    solved, each = f_statistics(tested)
    wald = np.median(each, axis=0)
    # Hotelling: the covariance of several columns is estimated together.
    rest = freedom - solved + 1.0
    pvalue = stats.f.sf(wald * rest / np.maximum(freedom, 1e-300), solved, np.maximum(rest, 1e-300))
    if choices > 1:
        pvalue = -np.expm1(choices * np.log1p(-np.minimum(pvalue, 1.0 - 1e-16)))
    pvalue[np.isnan(wald) | (rest <= 0)] = np.nan
    variance = np.median(
        [
            np.einsum("ijk,ijkl,ijl->ij", gain, member.cov[..., :lags, :lags], gain)
            for member, gain in zip(tested, gains, strict=True)
        ],
        axis=0,
    )
    quantile = stats.t.ppf(0.5 + 0.5 * level, np.maximum(freedom, 1.0))
    half = np.where(freedom > 0, quantile * np.sqrt(np.maximum(variance, 0.0)), np.nan)
    lag = np.square(mean).reshape(n, n, -1, lags).sum(2).argmax(-1).astype(np.float64)
    lag[score == 0.0] = np.nan
    for field in (score, spread, weight, half, pvalue, lag):
        np.fill_diagonal(field, np.nan)
    return Effects(score, spread, weight, half, pvalue, lag, np.ascontiguousarray(by_lag.transpose(2, 0, 1)))


def columns_of(members: list[Refit]) -> np.ndarray:
    """Which columns are solved for, (target, source, column)."""
    return np.asarray(np.einsum("ijkk->ijk", members[0].cov) != 0.0)


def signs_of(members: list[Refit]) -> np.ndarray:
    """The sign that each source's effects have together, (source,), median over initialisations."""
    return np.asarray(np.sign(np.median([(member.theta * member.gain).sum((0, 2)) for member in members], axis=0)))


def f_statistics(members: list[Refit]) -> tuple[np.ndarray, np.ndarray]:
    """Columns of each pair, (target, source), and F statistics, (init, target, source), that all of them are 0.

    Of statistics, not of coefficients, a median is to be taken: a drive and the target's answer to it may both be
    reversed, in some initialisations and for some targets, and would cancel each other.
    """
    columns = np.maximum(columns_of(members).sum(-1), 1)
    return columns, np.square([_whitened(member.free, member.cov) for member in members]).sum(-1) / columns


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
