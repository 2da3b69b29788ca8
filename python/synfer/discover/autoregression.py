"""Vector autoregression by least squares, all targets at once: what the Granger family stands on.

    x(t) = c + A_1 x(t-1) + ... + A_p x(t-p) + e(t),    e ~ (0, Sigma)

The rows [1, x(t-1), ..., x(t-p), x(t)] are streamed through a QR factorisation in the compiled core; only the triangle
R (1 + unit (p + 1) columns) is kept, and everything below is algebra on it. With the lags in order and the target last,
leading columns of R are the factor of every lower order on the same rows, so that one pass over the data serves every
order's criterion as well as the final fit.

Source: H. Luetkepohl, New Introduction to Multiple Time Series Analysis, Springer 2005, chapters 3 and 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import pandas as pd
from scipy.linalg import solve_triangular
from scipy.sparse.linalg import ArpackError, LinearOperator, eigs
from tqdm import tqdm

from synfer import _core
from synfer.discover.base import Samples
from synfer.errors import InputError
from synfer.threads import n_threads

CRITERIA = ("aic", "aicc", "bic", "hq")
WORK = 2 * 10**10  # multiplications a call, a second or two: between calls the keyboard can interrupt
DENSE = 1000  # companion matrices up to this size are diagonalised outright, within a second
DOMINANT, BASIS = 6, 60  # larger ones: eigenvalues sought by Arnoldi's iteration, and the size of its basis


def n_rows(segments: list[np.ndarray], n_lags: int) -> int:
    """Count the samples that have ``n_lags`` predecessors within their own segment."""
    return sum(max(0, len(segment) - n_lags) for segment in segments)


def lagged_factor(
    segments: list[np.ndarray], n_lags: int, *, stop: int | None = None, factor: np.ndarray | None = None
) -> np.ndarray:
    """Factorise the regression on ``n_lags`` lags; no lag crosses from one segment to the next.

    Parameters
    ----------
    segments : list of array, each (time, unit)
    n_lags : int
    stop : int, optional
        Use only the rows ``n_lags <= t < stop`` of each segment.
    factor : array (column, column), Fortran order, optional
        A factor to be extended, in place.

    Returns
    -------
    numpy.ndarray, (column, column)
        R, upper triangular; columns [1, x(t-1), ..., x(t-n_lags), x(t)], units within each.
    """
    if factor is None:
        n_columns = 1 + segments[0].shape[1] * (n_lags + 1)
        factor = np.zeros((n_columns, n_columns), order="F")
    rows = max(WORK // len(factor) ** 2, 8 * len(factor))
    ends = [len(segment) if stop is None else min(stop, len(segment)) for segment in segments]
    with tqdm(total=sum(ends), desc="autoregression", unit=" samples", delay=2, leave=False, disable=None) as progress:
        for segment, end in zip(segments, ends, strict=True):
            for first in range(n_lags, end, rows):
                _core.append_lagged_rows(factor, segment, n_lags, first, min(first + rows, end), n_threads())
                progress.update(min(rows, end - first))
    return factor


def leading_factor(factor: np.ndarray, n_units: int, n_lags: int) -> np.ndarray:
    """Give the factor of the regression on fewer lags, on the same rows."""
    n_predictors = 1 + n_units * n_lags
    leading = np.zeros((n_predictors + n_units, n_predictors + n_units), order="F")
    leading[:n_predictors, :n_predictors] = factor[:n_predictors, :n_predictors]
    leading[:n_predictors, n_predictors:] = factor[:n_predictors, -n_units:]
    leading[n_predictors:, n_predictors:] = np.linalg.qr(factor[n_predictors:, -n_units:], mode="r")
    return leading


class Autoregression:
    """A fitted vector autoregression of one order, however it was fitted.

    Parameters
    ----------
    coef : array, (lag, target, source)
        A_1 ... A_k.
    intercept : array, (target,)
    sse : array, (target, target)
        Residuals' sums of squares and products.
    n_rows : int
        Samples that were forecast.
    df : float, optional
        Effective number of predictors; by default the number of coefficients of one target, the mean not counted.
    """

    def __init__(
        self, coef: np.ndarray, intercept: np.ndarray, sse: np.ndarray, n_rows: int, df: float | None = None
    ) -> None:
        self.coef, self.intercept, self.sse, self.n_rows = coef, intercept, sse, n_rows
        self.n_lags, self.n_units = len(coef), len(sse)
        self.df = float(self.n_lags * self.n_units) if df is None else df

    @property
    def covariance(self) -> np.ndarray:
        """Residual covariance (target, target): sse / (n_rows - 1), as the MVGC toolbox divides it."""
        return self.sse / (self.n_rows - 1)

    @property
    def unbiased_covariance(self) -> np.ndarray:
        """Residual covariance (target, target): sse / (n_rows - df), as regression has it."""
        return self.sse / (self.n_rows - self.df)


class LeastSquares(Autoregression):
    """The least-squares fit of one order, from its factor.

    Parameters
    ----------
    factor : numpy.ndarray, (column, column)
        Of ``lagged_factor``.
    n_units, n_lags, n_rows : int
    ridge : float
        Penalty: minimises |Y - X B|^2 / n_rows + ridge |S B|^2, S the units' standard deviations (the intercept is
        free); a predictor uncorrelated with the others shrinks by 1 / (1 + ridge).

    Attributes
    ----------
    params : numpy.ndarray, (predictor, target)
        Rows: intercept, then the sources of lag 1, of lag 2, ...
    df : float
        Effective number of predictors, trace of X (X'X + penalty)^-1 X'; their number where there is no penalty.
    sse : numpy.ndarray, (target, target)
        Residuals' sums of squares and products.
    """

    def __init__(self, factor: np.ndarray, n_units: int, n_lags: int, n_rows: int, ridge: float = 0.0) -> None:
        k = 1 + n_units * n_lags
        penalised = factor
        penalty = np.zeros(k)
        if ridge > 0.0 and n_lags > 0:
            # A ridge is further rows: sqrt(n ridge) S B = 0. Deviations are those of the target columns.
            deviation = np.linalg.norm(factor[1:, k:], axis=0)  # times sqrt(n)
            penalty[1:] = ridge * np.tile(deviation, n_lags) ** 2
            penalised = factor.copy(order="F")
            rows = np.zeros((k - 1, len(factor)), order="F")
            np.fill_diagonal(rows[:, 1:], np.sqrt(penalty[1:]))
            _core.append_rows(penalised, rows)
        self._triangle = penalised[:k, :k]
        self.params = solve_triangular(self._triangle, penalised[:k, k:])
        misfit = factor[k:, k:]
        df = float(k)
        if ridge > 0.0 and n_lags > 0:
            misfit = np.vstack([factor[:k, k:] - factor[:k, :k] @ self.params, misfit])
            df -= float(penalty @ (self.inverse**2).sum(axis=1))
        coef = self.params[1:].reshape(n_lags, n_units, n_units).transpose(0, 2, 1)
        super().__init__(coef, self.params[0], misfit.T @ misfit, n_rows, df)

    @cached_property
    def inverse(self) -> np.ndarray:
        """R^-1 of the predictors (with the penalty's rows), (predictor, predictor): (X'X + penalty)^-1 = R^-1 R^-T."""
        return solve_triangular(self._triangle, np.eye(len(self._triangle)))

    @property
    def _of_source(self) -> np.ndarray:
        """``of`` (source, predictor, lag) with of' of = [(X'X + penalty)^-1]_jj."""
        return self.inverse[1:].reshape(self.n_lags, self.n_units, -1).transpose(1, 2, 0)

    @property
    def precision(self) -> np.ndarray:
        """Inverse covariance of all lags, the block of each source's own: (source, lag, lag)."""
        return self.n_rows * np.swapaxes(self._of_source, 1, 2) @ self._of_source

    def wald(self) -> np.ndarray:
        """Give what every source's lags are worth to every target, per lag, in units of residual variance.

            W[i, j] = b' V^-1 b / (p s_i^2),  b the p coefficients of j in i's equation, V = [(X'X + penalty)^-1]_jj

        which is the growth of the (penalised) sum of squares when these p are held at zero and all others fitted
        again; without penalty it is the F statistic of that restriction.

        Returns
        -------
        numpy.ndarray, (target, source)
        """
        p, n = self.n_lags, self.n_units
        root: np.ndarray = np.asarray(np.linalg.qr(self._of_source, mode="r"))  # (source, lag, lag)
        b = self.params[1:].reshape(p, n, n).transpose(1, 0, 2)  # (source, lag, target)
        z = np.linalg.solve(root.transpose(0, 2, 1), b)
        return (z**2).sum(axis=1).T / (p * np.diag(self.unbiased_covariance)[:, None])


def criteria(fits: Sequence[Autoregression]) -> pd.DataFrame:
    """Information criteria of fits of several orders; lower is better.

        -2 log L = rows log|sse / rows|,  d = unit df:
        aic = -2 log L + 2 d,  aicc = -2 log L + 2 d rows / (rows - d - 1),
        bic = -2 log L + d log rows,  hq = -2 log L + 2 d log log rows

    all divided by one number, the rows of the last fit. Least squares forecast the same rows at every order: there
    these are the figures of statsmodels and of the textbooks. The orders of the lattice recursion have rows of their
    own; not to divide each by its own is how the MVGC toolbox chooses.

    Returns
    -------
    pandas.DataFrame
        Columns ``CRITERIA``, index "lag". "aicc" (Hurvich and Tsai 1989) is NaN where there is less than one row to
        spare.
    """
    rows = np.array([fit.n_rows for fit in fits], dtype=np.float64)
    d = np.array([fit.n_units * fit.df for fit in fits])
    fitted = rows * np.array([np.linalg.slogdet(fit.sse / fit.n_rows)[1] for fit in fits])
    spare = np.where(rows - d - 1.0 > 0.0, rows - d - 1.0, np.nan)
    columns = {
        "aic": fitted + 2.0 * d,
        "aicc": fitted + 2.0 * d * rows / spare,
        "bic": fitted + d * np.log(rows),
        "hq": fitted + 2.0 * d * np.log(np.log(rows)),
    }
    return pd.DataFrame(columns, index=pd.Index([fit.n_lags for fit in fits], name="lag")) / rows[-1]


def spectral_radius(coef: np.ndarray) -> float:
    """Give the largest modulus of the companion matrix's eigenvalues: below 1 where the process is stable.

    Parameters
    ----------
    coef : array, (lag, target, source)
    """
    p, n, _ = coef.shape
    flat = np.concatenate(coef, axis=1)
    if n * p > max(DENSE, BASIS):
        operator = LinearOperator(
            (n * p, n * p), matvec=lambda v: np.concatenate([flat @ v.ravel(), v.ravel()[:-n]]), dtype=np.float64
        )
        start = np.random.default_rng(0).standard_normal(n * p)  # fixed: the same radius every time
        try:
            # Sought alone, an eigenvalue of slightly smaller modulus than the largest can pass for it.
            found = eigs(operator, k=DOMINANT, ncv=BASIS, v0=start, return_eigenvectors=False)
            return float(np.abs(found).max())
        except ArpackError:
            pass
    companion = np.eye(n * p, k=-n)
    companion[:n] = flat
    return float(np.abs(np.linalg.eigvals(companion)).max())


def residuals(segment: np.ndarray, intercept: np.ndarray, coef: np.ndarray) -> np.ndarray:
    """Give the one-step errors e(t) (time, unit) of ``segment`` (time, unit); the first p rows are left out."""
    return segment[len(coef) :] - forecast(segment, intercept, coef)[len(coef) :]


def forecast(segment: np.ndarray, intercept: np.ndarray, coef: np.ndarray) -> np.ndarray:
    """Forecast x(t) from the p samples before it: (time, unit), NaN in the first p rows."""
    p = len(coef)
    out = np.full(segment.shape, np.nan)
    if len(segment) > p:
        out[p:] = intercept
        for lag in range(1, p + 1):
            out[p:] += segment[p - lag : len(segment) - lag] @ coef[lag - 1].T
    return out


def log_likelihood(
    segments: list[np.ndarray], intercept: np.ndarray, coef: np.ndarray, covariance: np.ndarray
) -> float:
    """Gaussian log-likelihood of all samples that have enough past, in nats.

    Raises
    ------
    numpy.linalg.LinAlgError
        The covariance is singular.
    """
    root = np.linalg.cholesky(covariance)
    quadratic = sum(
        float((solve_triangular(root, residuals(segment, intercept, coef).T, lower=True) ** 2).sum())
        for segment in segments
    )
    log_det = 2.0 * float(np.log(np.diag(root)).sum())
    rows = n_rows(segments, len(coef))
    return -0.5 * (rows * (len(root) * float(np.log(2.0 * np.pi)) + log_det) + quadratic)


def held_out_score(samples: Samples, intercept: np.ndarray, coef: np.ndarray, covariance: np.ndarray) -> float:
    """Mean Gaussian log-likelihood of held-out samples, per sample and unit, in nats.

    Raises
    ------
    InputError
        There are too few samples, or the covariance is singular.
    """
    rows = n_rows(samples.segments, len(coef))
    if rows == 0:
        raise InputError(f"X must have more than lag_ = {len(coef)} samples to be scored, got {samples.n_samples}.")
    try:
        total = log_likelihood(samples.segments, intercept, coef, covariance)
    except np.linalg.LinAlgError:
        raise InputError("X cannot be scored: the residual covariance is singular, fit on more samples.") from None
    return total / (rows * samples.n_units)
