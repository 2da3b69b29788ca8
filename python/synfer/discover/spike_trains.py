"""What is asked of spike trains: whether they are, bases for filters, events in order, sources that silence others.

Where a unit never fires after another's spikes, the likelihood grows for ever as the filter goes to minus infinity: its
supremum is known, the filter's size is not, and a Wald statistic, that size squared over its variance, goes to nothing
however sure the effect (Hauck and Donner 1977). What the likelihood loses without the source says how sure it is.

W. W. Hauck and A. Donner, J. Am. Stat. Assoc. 72 (1977), 851-853.
"""

from __future__ import annotations

import numpy as np
from scipy import stats
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from synfer.discover.base import Samples
from synfer.errors import InputError

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


def check_counts(samples: Samples, most: float) -> None:
    """Refuse samples that are not whole numbers from 0 to ``most``.

    Raises
    ------
    InputError
        Naming the first that is none.
    """
    for segment in samples.segments:
        wrong = (segment < 0) | (segment > most) | (segment != np.floor(segment))
        if wrong.any():
            t, unit = np.argwhere(wrong)[0]
            what = "0 or 1 for the Bernoulli family" if most == 1 else "counts of spikes, whole numbers from 0"
            mend = "take family='poisson', or narrower bins" if most == 1 else "give the signal of spikes"
            raise InputError(
                f"X must hold {what}, got {segment[t, unit]:g} in unit {samples.unit_ids[unit]!s} at time index "
                f"{t}: {mend}."
            )


def inverse_of(information: np.ndarray) -> np.ndarray | None:
    """Give the covariance of coefficients; None where their information is singular, or NaN, as the kernel says so."""
    try:
        return np.asarray(cho_solve(cho_factor(information), np.eye(len(information))))
    except (LinAlgError, ValueError):
        return None


def definite(information: np.ndarray, ridge: float, groups: np.ndarray, left_out: list[int]) -> bool:
    """Whether a target's information, its ridge taken off again, is positive definite without some sources' columns.

    Parameters
    ----------
    information : array (column, column)
    ridge : float
        On the columns of ``groups``.
    groups : array of int (source, basis)
        Columns of each source.
    left_out : list of int
        Sources.
    """
    plain = np.array(information)
    plain[groups.ravel(), groups.ravel()] -= ridge
    kept = np.delete(np.arange(len(plain)), groups[left_out].ravel())
    plain = plain[np.ix_(kept, kept)]
    size = np.sqrt(np.maximum(np.diag(plain), 1e-300))
    return bool(np.linalg.eigvalsh(plain / np.outer(size, size))[0] > 1e-9)


def singular(samples: Samples, i: int) -> InputError:
    """Give the refusal of a target whose coefficients cannot all be told."""
    return InputError(
        f"X must let every coefficient be told, but the information of target {samples.unit_ids[i]!s} is singular: set "
        "ridge > 0, take fewer basis functions, or drop units that fire with others, or covariates that follow from "
        "others."
    )


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
        block = slice(1 + j * n_basis, 1 + (j + 1) * n_basis)
        if np.einsum("db,bc,dc->d", basis, covariance[block, block], basis).max() > BOUNDLESS**2:
            found.append(j)
    return found
