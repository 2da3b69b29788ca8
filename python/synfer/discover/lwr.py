"""Vector autoregressions of every order up to the highest, by Morf's normalised lattice recursion (LWR).

    x(t) = A_1 x(t-1) + ... + A_k x(t-k) + e(t),    e ~ (0, V)

Order k comes from order k - 1 by one reflection coefficient R, the correlation of the normalised forward and backward
errors: with L L' = E E' and M M' = B B' the factors of the errors' products, R = L^-1 E B' M^-T, and the new filters
are (1 - R R')^-1/2 (a - R b) and (1 - R' R)^-1/2 (b - R' a). Both begin as the inverse factor of all samples' products:
one beginning for both is what makes every fit stable, whatever the data (the MVGC toolbox has it so since 2018; begun
each on its own rows, F came out up to 2 % different, most where a recording ended in a spike). Unlike least squares on
a fixed set of rows, each order uses all the rows it can.

The toolbox estimates the residual covariance from the errors of order k - 1 under the normalisation of order k; here it
is that of the residuals, which makes F differ by some 1e-5 of the largest.

Source: M. Morf, A. Vieira, D. Lee, T. Kailath, "Recursive multichannel maximum entropy spectral estimation", IEEE
Trans. Geosci. Electron. 16 (1978), 85-94.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.linalg import solve_triangular

from synfer.discover.autoregression import Autoregression, n_rows


def lwr(segments: list[np.ndarray], max_lag: int) -> Iterator[Autoregression]:
    """Fit the orders 0 .. ``max_lag``.

    Parameters
    ----------
    segments : list of array, each (time, unit)
        No lag crosses from one to the next; the mean over all is taken off.
    max_lag : int

    Yields
    ------
    Autoregression
        Of order 0, 1, ...; lazily, for each is a pass over the data.

    Raises
    ------
    numpy.linalg.LinAlgError
        The errors of some order are collinear.
    """
    mean = sum(segment.sum(axis=0, dtype=np.float64) for segment in segments) / sum(map(len, segments))
    series = [np.ascontiguousarray((segment - mean).T) for segment in segments]  # (unit, time)
    n = len(series[0])
    # A filter of k blocks of n columns: forward, of x(t), x(t-1), ...; backward, of x(t-1), ..., the last block 1.
    products = sum(x @ x.T for x in series)
    yield Autoregression(np.empty((0, n, n)), mean, products, n_rows(segments, 0))
    forward = backward = _inverse_factor(products)
    for k in range(1, max_lag + 1):
        pairs = [_errors(x, forward, backward, k) for x in series if x.shape[1] > k]
        of_forward = _factor(sum(e @ e.T for e, _ in pairs))
        of_backward = _factor(sum(b @ b.T for _, b in pairs))
        reflection = solve_triangular(of_forward, sum(e @ b.T for e, b in pairs), lower=True)
        reflection = solve_triangular(of_backward, reflection.T, lower=True).T
        # Both filters now of k + 1 blocks: x(t) ... x(t-k).
        longer, shifted = np.hstack([forward, np.zeros((n, n))]), np.hstack([np.zeros((n, n)), backward])
        identity = np.eye(n)
        forward = solve_triangular(
            _factor(identity - reflection @ reflection.T), longer - reflection @ shifted, lower=True
        )
        backward = solve_triangular(
            _factor(identity - reflection.T @ reflection), shifted - reflection.T @ longer, lower=True
        )
        coef = -np.linalg.solve(forward[:, :n], forward[:, n:]).reshape(n, k, n).transpose(1, 0, 2)
        residuals = [_forecast_errors(x, coef) for x in series if x.shape[1] > k]
        yield Autoregression(coef, mean - coef.sum(axis=0) @ mean, sum(e @ e.T for e in residuals), n_rows(segments, k))


def _factor(products: np.ndarray) -> np.ndarray:
    return np.linalg.cholesky(products)


def _inverse_factor(products: np.ndarray) -> np.ndarray:
    return solve_triangular(_factor(products), np.eye(len(products)), lower=True)


def _errors(x: np.ndarray, forward: np.ndarray, backward: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Errors of forecasting x(t) from x(t-1) ... x(t-k+1), and of x(t-k) from what came after it; (unit, time)."""
    n, m = x.shape
    e = sum(forward[:, i * n : (i + 1) * n] @ x[:, k - i : m - i] for i in range(k))
    b = sum(backward[:, i * n : (i + 1) * n] @ x[:, k - 1 - i : m - 1 - i] for i in range(k))
    return np.asarray(e), np.asarray(b)


def _forecast_errors(x: np.ndarray, coef: np.ndarray) -> np.ndarray:
    k, m = len(coef), x.shape[1]
    return np.asarray(x[:, k:] - sum(a @ x[:, k - lag : m - lag] for lag, a in enumerate(coef, start=1)))
