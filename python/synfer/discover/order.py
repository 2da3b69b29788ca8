"""How many lags an autoregression needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy.linalg import solve_triangular

from synfer.discover.autoregression import n_rows, residuals
from synfer.discover.base import Samples
from synfer.discover.lwr import Autoregression
from synfer.errors import InputError

CRITERIA = ("aic", "aicc", "bic", "hq")
FOLDS = 5


def criteria(fit: Autoregression) -> dict[str, float]:
    """Information criteria of a Gaussian autoregression; lower is better.

        -2 log L = rows log|sse / rows|,  d = unit^2 lags:
        aic + 2 d,  aicc + 2 d rows / (rows - d - 1),  bic + d log rows,  hq + 2 d log log rows

    "aicc" (Hurvich and Tsai 1989) is NaN where there is less than one row to spare.
    """
    rows, n = fit.n_rows, len(fit.sse)
    d = len(fit.coef) * n * n
    fitted = rows * float(np.linalg.slogdet(fit.sse / rows)[1])
    spare = rows - d - 1
    return {
        "aic": fitted + 2.0 * d,
        "aicc": fitted + 2.0 * d * rows / spare if spare > 0 else np.nan,
        "bic": fitted + d * float(np.log(rows)),
        "hq": fitted + 2.0 * d * float(np.log(np.log(rows))),
    }


def cross_validated(
    segments: list[np.ndarray],
    max_lag: int,
    fit: Callable[[list[np.ndarray], int], Sequence[Autoregression]],
    folds: int = FOLDS,
) -> list[float]:
    """Minus twice the log-likelihood of held-out stretches under each order, fitted to the rest; lower is better.

    Every segment is cut into ``folds`` stretches; no lag crosses a cut, and every order forecasts the same samples.
    """
    total = np.zeros(max_lag)
    for fold in range(folds):
        kept, held = [], []
        for segment in segments:
            first, last = fold * len(segment) // folds, (fold + 1) * len(segment) // folds
            held.append(segment[first:last])
            kept += [piece for piece in (segment[:first], segment[last:]) if len(piece) > max_lag]
        for k, model in enumerate(fit(kept, max_lag)):
            total[k] -= 2.0 * sum(
                log_likelihood([piece[max_lag - 1 - k :]], model.intercept, model.coef, model.covariance)
                for piece in held
                if len(piece) > max_lag
            )
    return total.tolist()


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
