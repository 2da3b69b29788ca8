"""What is asked of spike trains: whether they are, bases for filters, events in order, sources that silence others.

Where a unit never fires after another's spikes, the likelihood grows for ever as the filter goes to minus infinity: its
supremum is known, the filter's size is not, and a Wald statistic, that size squared over its variance, goes to nothing
however sure the effect (Hauck and Donner 1977). What the likelihood loses without the source says how sure it is.

W. W. Hauck and A. Donner, J. Am. Stat. Assoc. 72 (1977), 851-853.
"""

from __future__ import annotations

import numpy as np
from scipy import stats

from synfer.discover.base import Samples

FEWEST_VALUES = 64  # a signal of fewer distinct whole numbers is counted, not measured
SILENT = -2.0  # log rate: a bin in which the target fires an eighth as often, or less
BOUNDLESS = 3.0  # standard error of a filter, in log rate, beyond which its curvature says nothing of its evidence


def is_counted(samples: Samples, unit: int) -> bool:
    """Whether a unit's samples are whole numbers of which none is negative, and few differ."""
    seen: np.ndarray = np.empty(0)
    for segment in samples.segments:
        x = segment[:, unit]
        if (x < 0).any() or (x != np.floor(x)).any():
            return False
        seen = np.union1d(seen, x)
    return len(seen) <= FEWEST_VALUES


def raised_cosines(window: int, n_basis: int) -> np.ndarray:
    """Raised cosines on a logarithmic axis of lags, the narrow ones first.

        b_k(d) = (1 + cos(clip(pi (log(1 + d) - phi_k) / (2 D), -pi, pi))) / 2,    d = 1 ... window
        phi_k = log 2 + k D,    D = log((window + 2) / 2) / (n_basis + 1)

    The first peaks at lag 1, the last has come down to 0 after the window.

    Parameters
    ----------
    window : int
        Bins of history, at least ``n_basis``.
    n_basis : int

    Returns
    -------
    numpy.ndarray, (window, n_basis), Fortran order
        Row d - 1 holds lag d.

    References
    ----------
    J. W. Pillow et al., Nature 454 (2008), 995-999.
    """
    lags = np.log(1.0 + np.arange(1, window + 1))
    spacing = np.log((window + 2) / 2) / (n_basis + 1)
    centres = np.log(2.0) + spacing * np.arange(n_basis)
    phase = np.pi * (lags[:, None] - centres) / (2 * spacing)
    return np.asfortranarray(0.5 * (1.0 + np.cos(np.clip(phase, -np.pi, np.pi))))


def events_of(segments: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Bins (trials one after another), units, counts and ends of trials of all spikes, in order of bins."""
    parts: list[tuple[np.ndarray, ...]] = []
    begin = 0
    for segment in segments:
        t, unit = np.nonzero(segment)
        stop = np.full(len(t), begin + len(segment))
        parts.append((t + begin, unit, segment[t, unit].astype(np.float64), stop))
        begin += len(segment)
    bins, units, counts, stops = (np.concatenate(column) for column in zip(*parts, strict=True))
    return bins, units, counts, stops


def without_source(spikes: tuple[np.ndarray, ...], j: int) -> tuple[np.ndarray, ...]:
    """Give events (bins, units, counts, stops) without those of unit j, the units after it counted one less."""
    bins, units, counts, stops = (column[spikes[1] != j] for column in spikes)
    return bins, units - (units > j), counts, stops


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
    """
    n, n_basis = coef.shape
    fired = np.bincount(units, weights=counts, minlength=n)
    found = []
    for j in range(n):
        silent = int((basis @ coef[j] < SILENT).sum())
        # Were they independent: twice as many as that in those bins would cost the likelihood what is remarkable.
        expected = fired[target] * fired[j] * silent / n_bins
        if j == target or 4.0 * expected < remarkable(n_basis):
            continue
        block = slice(1 + j * n_basis, 1 + (j + 1) * n_basis)
        if np.einsum("db,bc,dc->d", basis, covariance[block, block], basis).max() > BOUNDLESS**2:
            found.append(j)
    return found
