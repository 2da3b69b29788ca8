"""Wald statistics of a least-squares autoregression that do not take its errors to be alike, or independent.

    W[i, j] = b' C_ij^-1 b / p,    C_ij = (X'X)^-1_j. M_i (X'X)^-1_.j,    M_i = sum_ts k(t - s) x(t) e_i(t) e_i(s) x(s)'

with b the p coefficients of source j in target i's equation and e_i its residuals. "hc3": k only at t = s, each
residual divided by one less its row's leverage. "hac": Bartlett's kernel k(d) = 1 - |d| / (L + 1) up to L, times rows /
(rows - columns). The rows are gone through some at a time; products of lags by lags are all that is kept.

Sources: J. G. MacKinnon and H. White, J. Econometrics 29 (1985), 305-325; W. K. Newey and K. D. West, Econometrica 55
(1987), 703-708.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from tqdm import tqdm

from synfer.discover.autoregression import LeastSquares, n_rows
from synfer.errors import FitDivergedError

BLOCK = 1 << 21  # numbers of a block of the lag matrix


def newey_west_lag(rows: int) -> int:
    """Give the customary number of autocovariances, floor(4 (rows / 100)^(2 / 9))."""
    return int(4.0 * (rows / 100.0) ** (2.0 / 9.0))


def robust_wald(segments: list[np.ndarray], fit: LeastSquares, covariance: str, hac_lag: int | None) -> np.ndarray:
    """Give W (target, source); see above. Autocovariances are those within a segment.

    Parameters
    ----------
    segments : list of array, each (time, unit)
        Those of the fit.
    fit : LeastSquares
        Without penalty.
    covariance : {"hc3", "hac"}
    hac_lag : int, optional
        L; by default `newey_west_lag`.

    Raises
    ------
    FitDivergedError
        Some unit has no residuals.
    """
    p, n = fit.n_lags, fit.n_units
    inverse = fit.inverse
    most = 0 if covariance == "hc3" else newey_west_lag(fit.n_rows) if hac_lag is None else hac_lag
    meat = np.zeros((n, n, p, p))  # (target, source, lag, lag)
    total = n_rows(segments, p)
    with tqdm(total=total, desc="robust errors", unit=" samples", delay=2, leave=False, disable=None) as progress:
        for segment in segments:
            before = np.zeros((0, n, p)), np.zeros((0, n))  # the last L rows of the block before
            for X, Y in _lagged_blocks(segment, p):
                error = Y - X @ fit.params
                rotated = X @ inverse  # rows of Q
                if covariance == "hc3":
                    error /= np.maximum(1.0 - np.einsum("tk,tk->t", rotated, rotated), 1e-8)[:, None]
                # (row, source, lag): each row's part in every coefficient of every source
                part = (rotated @ inverse[1:].T).reshape(len(X), p, n).swapaxes(1, 2)
                part, error = np.concatenate([before[0], part]), np.concatenate([before[1], error])
                _add(meat, part, error, len(before[0]), most)
                before = part[len(part) - min(most, len(part)) :], error[len(error) - min(most, len(error)) :]
                progress.update(len(X))
    if covariance == "hac":
        meat *= fit.n_rows / (fit.n_rows - fit.df)
    b = fit.params[1:].reshape(p, n, n).transpose(2, 1, 0)  # (target, source, lag)
    # of a source's own row to itself nothing is asked, but it is solved with the others
    try:
        solved = np.linalg.solve(meat, b[..., None])[..., 0]
    except np.linalg.LinAlgError:
        raise FitDivergedError(
            "the autoregression leaves no residuals in some unit: its errors have no law; take fewer lags, or drop it."
        ) from None
    return np.maximum((b * solved).sum(axis=-1) / p, 0.0)


def _add(meat: np.ndarray, part: np.ndarray, error: np.ndarray, known: int, most: int) -> None:
    """Add what the rows from ``known`` on bring, with each other and with the ``most`` rows before each."""
    wide = np.ascontiguousarray(part.transpose(1, 2, 0))  # (source, lag, row)
    for target in range(error.shape[1]):
        weighted = wide * error[:, target]
        new = weighted[:, :, known:]
        meat[target] += new @ new.swapaxes(1, 2)
        for lag in range(1, most + 1):
            first = max(known, lag)  # the first row that has one so many before it
            if first >= len(error):
                break
            cross = weighted[:, :, first:] @ weighted[:, :, first - lag : len(error) - lag].swapaxes(1, 2)
            meat[target] += (1.0 - lag / (most + 1.0)) * (cross + cross.swapaxes(1, 2))


def _lagged_blocks(segment: np.ndarray, p: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows [1, x(t-1), ..., x(t-p)] and x(t), float64, some at a time."""
    n = segment.shape[1]
    rows = max(64, BLOCK // (n * p + 1))
    for first in range(p, len(segment), rows):
        t = np.arange(first, min(first + rows, len(segment)))
        X = np.ones((len(t), 1 + n * p))
        for lag in range(1, p + 1):
            X[:, 1 + n * (lag - 1) : 1 + n * lag] = segment[t - lag]
        yield X, segment[t].astype(np.float64)
