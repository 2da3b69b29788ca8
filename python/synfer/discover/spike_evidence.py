"""What a spike train's sources are worth to it: Wald's statistic, and where that is no measure of the evidence.

It takes the log likelihood for a parabola around its maximum, which it is where there are enough spikes. Of few it errs
in both directions. Where a unit never fires after another's spikes, the likelihood grows for ever as the filter goes to
minus infinity: its supremum is known, the filter's size is not, and that size squared over its variance goes to nothing
however sure the effect (Hauck and Donner 1977). Where only a part of a filter runs off, or a handful of spikes decides,
what is left of the parabola is too steep, and the statistic much too large: of 26 spikes that nothing drives, p = 3e-7
where the likelihood, which is compared with that without the source, says .05. There that comparison is the evidence.

And all of it is by the family's law: of counts that vary phi times as much as Poisson's says, the statistic is phi
times too large. `dispersion` measures phi.

W. W. Hauck and A. Donner, J. Am. Stat. Assoc. 72 (1977), 851-853. P. McCullagh and J. A. Nelder, Generalized Linear
Models, 2nd ed., Chapman and Hall 1989, sections 4.5 and 6.2.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
from scipy import sparse, stats

from synfer.errors import DispersionWarning, level_of_user

SILENT = -2.0  # log rate: a bin in which the target fires an eighth as often, or less
BOUNDLESS = 3.0  # standard error of a filter, in log rate, beyond which its curvature says nothing of its evidence
ROUGH = 1.0  # beyond which its curvature cannot say how sure it is: some e-fold of the rate

DISPERSED = 1.2  # times the law's variance, at which .1 of absent edges of five basis functions has p < .05
SURE = 5.0  # standard errors
FEWEST_BINS = 100  # of which a dispersion is told, where there are more
BLOCK = 2**20  # counts held as float64 at once


def wald(coef: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Give W of each source, beta' cov(beta)^-1 beta / basis, from ``coef`` (source, basis) and as `silencers`."""
    n, n_basis = coef.shape
    score = np.empty(n)
    for j, beta in enumerate(coef):
        block = _block(j, n_basis)
        score[j] = max(float(beta @ np.linalg.solve(covariance[block, block], beta)) / n_basis, 0.0)
    return score


def tempered(
    score: np.ndarray, covariance: np.ndarray, basis: np.ndarray, skipped: list[int], loss: Callable[[int], float]
) -> np.ndarray:
    """Give W of each source, no larger than what the likelihood loses without it where the curvature is rough.

    Asked only of sources that would be remarkable, for each costs a fit: p-values above .001 stay as they are.

    Parameters
    ----------
    score : array, (source,)
        Of `wald`.
    covariance, basis
        As of `silencers`.
    skipped : list of int
        Sources that are not asked.
    loss : callable
        Of a source: twice what the log likelihood loses without it.
    """
    n_basis = basis.shape[1]
    score = score.copy()
    for j in np.flatnonzero(n_basis * score > remarkable(n_basis)):
        if j not in skipped and _error(covariance, basis, int(j)) > ROUGH:
            score[j] = min(score[j], loss(int(j)) / n_basis)
    return score


def remarkable(n_basis: int) -> float:
    """Give what twice the log-likelihood must lose without a source for that to take the place of its Wald statistic.

    Once in a thousand times by chance, so that of p-values at .05 as many hold as before.
    """
    return float(stats.chi2.isf(1e-3, n_basis))


def silencers(
    coef: np.ndarray,
    covariance: np.ndarray,
    basis: np.ndarray,
    units: np.ndarray,
    counts: np.ndarray,
    target: int,
    n_bins: int,
) -> list[int]:
    """Give the sources after whose spikes the target hardly fires, with a filter of unknown size, and much to be told.

    Parameters
    ----------
    coef : array, (source, basis)
        Of the target.
    covariance : array, (column, column)
        Of its intercept, ``coef`` and covariates.
    basis : array, (window, basis)
    units, counts : array, (event,)
    target : int
    n_bins : int
        0 for all of them, however little there is to be told.
    """
    n, n_basis = coef.shape
    fired = np.bincount(units, weights=counts, minlength=n)
    found = []
    for j in range(n):
        silent = int((basis @ coef[j] < SILENT).sum())
        # Were they independent: twice as many as that in those bins would cost the likelihood what is remarkable.
        expected = fired[target] * fired[j] * silent / n_bins if n_bins else np.inf
        if j == target or not silent or 4.0 * expected < remarkable(n_basis):
            continue
        if _error(covariance, basis, j) > BOUNDLESS:
            found.append(j)
    return found


def told_by_loss(sources: list[int], n_basis: int, loss: Callable[[int], float], *, always: bool) -> dict[int, float]:
    """Give what the likelihood loses without each of `silencers`, as W counts it, where that is remarkable.

    ``loss`` as of `tempered`; ``always``: whatever it is, as where the fit was held by a ridge, and W is nothing.
    """
    losses = {j: loss(j) for j in sources}
    return {j: lost / n_basis for j, lost in losses.items() if always or lost > remarkable(n_basis)}


def _block(j: int, n_basis: int) -> slice:
    """Columns of source j, after the intercept."""
    return slice(1 + j * n_basis, 1 + (j + 1) * n_basis)


def _error(covariance: np.ndarray, basis: np.ndarray, j: int) -> float:
    """Largest standard error of source j's filter at any lag, in log rate."""
    block = _block(j, basis.shape[1])
    return float(np.sqrt(np.einsum("db,bc,dc->d", basis, covariance[block, block], basis).max()))


def evenly(rows: np.ndarray, most: int) -> np.ndarray:
    """Give at most ``most`` of ``rows``, spread evenly."""
    return rows if len(rows) <= most else rows[np.linspace(0, len(rows) - 1, most).astype(np.int64)]


def histories(spikes: tuple[np.ndarray, ...], rows: np.ndarray, basis: np.ndarray, coef: np.ndarray) -> np.ndarray:
    """Give what everybody's spikes add to targets' log rates, (row, target): all targets at once, by blocks of rows.

    Parameters
    ----------
    spikes : tuple of array
        Of `events_of`.
    rows : array of int
        Bins, each with a window of predecessors in its trial.
    basis : array, (window, basis)
    coef : array, (target, source, basis)
    """
    bins, units, counts, _ = spikes
    n_targets, n, _ = coef.shape
    shape = (1 + max(int(rows.max()), int(bins.max())), n)
    trains = sparse.csr_array((counts, (bins, units)), shape=shape)
    lags = np.arange(1, len(basis) + 1)
    weights = coef.transpose(2, 1, 0).reshape(-1, n_targets)
    added = np.empty((len(rows), n_targets))
    step = max(1, BLOCK // (n * len(basis)))
    for first in range(0, len(rows), step):
        block = slice(first, first + step)
        past = trains[(rows[block, None] - lags).ravel()].toarray().reshape(-1, len(basis), n)
        added[block] = (basis.T @ past).reshape(len(past), -1) @ weights
    return added


def dispersion(counts: np.ndarray, log_rate: np.ndarray, n_bins: int, n_columns: int) -> tuple[float, float]:
    """Pearson's dispersion of a target's counts given its fitted Poisson rates, and its standard error.

        phi = sum_t (n(t) - mu(t))^2 / mu(t) / (bins - columns)

    1 where counts are as the fit says, and the factor by which Wald's statistics are too large where they vary more.
    NaN where the bins that are looked at are too few of many to say.

    Parameters
    ----------
    counts, log_rate : array, (bin,)
        Of those of the fitted bins that are looked at.
    n_bins : int
        Fitted.
    n_columns : int
        Coefficients of the fit that are not 0.
    """
    if len(counts) < min(n_bins, FEWEST_BINS):
        return np.nan, np.nan
    rate = np.maximum(np.exp(log_rate), 1e-12)
    errors = (counts - rate) ** 2 / rate * (n_bins / max(n_bins - n_columns, 1))
    return float(errors.mean()), float(errors.std() / np.sqrt(len(errors)))


def dispersions(
    spikes: tuple[np.ndarray, ...],
    basis: np.ndarray,
    coef: np.ndarray,
    rows: np.ndarray,
    used_of: Callable[[int], np.ndarray],
    without_history: Callable[[int, np.ndarray], np.ndarray],
    n_beside: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Give `dispersion` of each target and its standard error, NaN of targets that never spike twice in a bin.

    Parameters
    ----------
    spikes, basis, coef
        As of `histories`; of all targets.
    rows : array of int
        Bins that are looked at; of each target those that were fitted.
    used_of : callable
        Of a target: which bins were fitted, (time,).
    without_history : callable
        Of a target and bins: log rates by the intercept and covariates, which are ``n_beside`` coefficients.
    """
    bins, units, counts, _ = spikes
    phi, error = np.full((2, len(coef)), np.nan)
    twice = np.unique(units[counts > 1])
    if not len(twice):
        return phi, error
    history = histories(spikes, rows, basis, coef[twice])
    for k, i in enumerate(twice.tolist()):
        used, own = used_of(i) > 0, units == i
        train = np.bincount(bins[own], weights=counts[own], minlength=len(used))
        on = used[rows]
        at, n_columns = rows[on], n_beside + np.count_nonzero(coef[i])  # the group lasso leaves zeros
        log_rate = without_history(i, at) + history[on, k]
        phi[i], error[i] = dispersion(train[at], log_rate, int(used.sum()), int(n_columns))
    return phi, error


def warn_of_dispersion(names: np.ndarray, phi: np.ndarray, error: np.ndarray) -> None:
    """Warn of targets that surely vary more than their law says; NaN of those of which it is not known.

    Warns
    -----
    DispersionWarning
    """
    surely = np.flatnonzero((phi > DISPERSED) & (phi - 1.0 > SURE * error))
    if not len(surely):
        return
    listed = ", ".join(str(name) for name in names[surely][:8]) + (", ..." if len(surely) > 8 else "")
    warnings.warn(
        f"targets {listed} have counts that vary up to {phi[surely].max():.2g} times as much as Poisson's law says of "
        "the fitted rates (expected 1), so that their p-values are too small: set dispersion='pearson', take narrower "
        "bins, or give what else moves the rates as covariates.",
        DispersionWarning,
        stacklevel=level_of_user(),
    )
