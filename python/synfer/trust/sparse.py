"""Granger's tests given few others: what short recordings of many units leave to test."""

from __future__ import annotations

import numpy as np
from scipy import stats

from synfer.discover.autoregression import LeastSquares, lagged_factor, n_rows

LEVEL = 0.05  # p of the last source that is let in
OWN_LAGS = 3  # at least
CLIP = 4.0  # deviations: beyond, powers of a spike's height are all that a regression sees


def sparse_granger(segments: list[np.ndarray], lags: int) -> np.ndarray:
    """P-value of each pair (target, source), given the sources that a forward selection finds: `sparse_fit`'s."""
    return sparse_fit(segments, lags)[0]


def sparse_fit(segments: list[np.ndarray], lags: int) -> tuple[np.ndarray, float]:
    """P-value of each pair (target, source), given the sources that a forward selection finds; and how good a model.

    Each target is regressed on its own past (3 lags or ``lags``; squares, the cube and the product of the last two
    samples, in deviations, so that a unit that is not linear in itself is not taken to be driven). Sources come in one
    by one, ``lags`` samples each, that of the smallest p first, while it is below .05 and a quarter of the samples is
    not used up. Then each pair is tested given all that are in, but for its own source: F test.

    Parameters
    ----------
    segments : list of array, each (time, unit)
    lags : int

    Returns
    -------
    numpy.ndarray, (target, source), and float
        P-values, NaN on the diagonal; the selection looks at the same data, so that those of what is let in are a
        little small. And Schwarz's criterion, mean over targets of log(residual / own variance) + k log(rows) / rows
        with k coefficients: less is better, and `full_criterion` says as much of the model of all sources.

    References
    ----------
    J. Runge et al., "Detecting and quantifying causal associations in large nonlinear time series datasets", Science
    Advances 5 (2019), eaau4996, for testing given few others.
    """
    n, own = segments[0].shape[1], max(lags, OWN_LAGS)
    everything = np.concatenate(segments).astype(np.float64)
    mean, deviation = everything.mean(axis=0), np.maximum(everything.std(axis=0), 1e-300)
    z = [(segment - mean) / deviation for segment in segments if len(segment) > own]
    later = np.concatenate([x[own:] for x in z])
    past = np.concatenate([np.concatenate([x[own - k : len(x) - k] for k in range(1, lags + 1)], axis=1) for x in z])
    past, later = past - past.mean(axis=0), later - later.mean(axis=0)
    groups = np.arange(n)[:, None] + n * np.arange(lags)
    found, criterion = np.full((n, n), np.nan), 0.0
    for i in range(n):
        extra = np.concatenate([_own(x[:, i], lags, own) for x in z])
        design = np.concatenate([past, extra - extra.mean(axis=0), later[:, [i]]], axis=1)
        gram = design.T @ design
        gram[np.diag_indices_from(gram)] += 1e-8 * len(later)
        found[i], left, used = _of_target(gram, groups, i, extra.shape[1], len(later))
        criterion += _schwarz(left, used, len(later)) / n
    return found, criterion


def full_criterion(segments: list[np.ndarray], lags: int) -> float:
    """Schwarz's criterion, as `sparse_fit` gives it, of the autoregression in which all sources are.

    Infinite where the samples do not determine it.
    """
    n, rows = segments[0].shape[1], n_rows(segments, lags)
    if rows < 2 * (1 + n * lags):
        return float("inf")
    fit = LeastSquares(lagged_factor([np.asarray(x, dtype=np.float64) for x in segments], lags), n, lags, rows)
    variance = np.maximum(np.concatenate(segments).astype(np.float64).var(axis=0), 1e-300)
    return float(np.mean([_schwarz(left, 1 + n * lags, rows) for left in np.diag(fit.sse) / variance]))


def _schwarz(left: float, used: int, rows: int) -> float:
    """Of residuals' sum of squares, in variances."""
    return float(np.log(max(left / rows, 1e-12)) + used * np.log(rows) / rows)


def _own(x: np.ndarray, lags: int, own: int) -> np.ndarray:
    """What a unit's own past is besides its last ``lags`` samples, (row, column)."""
    last, before = (np.clip(x[own - k : len(x) - k], -CLIP, CLIP) for k in (1, 2))
    columns = [x[own - k : len(x) - k] for k in range(lags + 1, own + 1)]
    if len(np.unique(x)) > 4:  # powers of counts are counts again
        columns += [last**2, last**3, last * before, before**2]
    return np.stack(columns, axis=1) if columns else np.empty((len(x) - own, 0))


def _of_target(gram: np.ndarray, groups: np.ndarray, i: int, n_extra: int, rows: int) -> tuple[np.ndarray, float, int]:
    """P-values (source,), the sum of squares that is left, and how many coefficients leave it."""
    n, lags = groups.shape
    for k in (*groups[i], *range(n * lags, n * lags + n_extra)):
        gram = swept(gram, k)
    used = lags + n_extra + 1
    inside: list[int] = []
    outside = np.array([j for j in range(n) if j != i])
    pvalue = np.full(n, np.nan)
    while len(outside):
        pvalue[outside] = _tests(gram, groups[outside], rows - used - lags)
        best = int(outside[np.argmin(pvalue[outside])])
        if not pvalue[best] < LEVEL or used + lags > rows / 4:
            break
        for k in groups[best]:
            gram = swept(gram, k)
        used += lags
        inside.append(best)
        outside = outside[outside != best]
    for j in inside:
        without = gram
        for k in groups[j]:
            without = swept(without, k, out=True)
        pvalue[j] = _tests(without, groups[[j]], rows - used)[0]
    return pvalue, float(gram[-1, -1]), used


def _tests(gram: np.ndarray, groups: np.ndarray, freedom: int) -> np.ndarray:
    """P-value of each group of columns (group, lag), given the columns that are swept in; the last is the target's."""
    if freedom < 1:
        return np.ones(len(groups))
    with_target = gram[groups, -1]
    blocks = gram[groups[:, :, None], groups[:, None, :]]
    gained = np.einsum("gl,gl->g", with_target, np.linalg.solve(blocks, with_target[..., None])[..., 0])
    lags, left = groups.shape[1], np.maximum(gram[-1, -1] - gained, 1e-300)
    return np.asarray(stats.f.sf(gained / lags / (left / freedom), lags, freedom))


def swept(gram: np.ndarray, k: int, *, out: bool = False) -> np.ndarray:
    """Regress all columns on column k too (the sweep operator; Goodnight 1979), or take it ``out`` again.

    Of (1, n) blocks [[a, b], [b', C]] with a column k's, [[-1 / a, b / a], [b' / a, C - b' b / a]].
    """
    pivot = gram[k, k]
    row = gram[k] / pivot
    made = gram - np.outer(gram[:, k], row)
    made[k] = -row if out else row
    made[:, k] = -gram[:, k] / pivot if out else gram[:, k] / pivot
    made[k, k] = -1.0 / pivot
    return np.asarray(made)
