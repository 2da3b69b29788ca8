"""Where small forecasters may begin to learn: at a linear forecast, so that what is not linear is left to be learnt.

In as many steps as these forecasters take, gradient steps from nothing need not come near the least-squares solution of
slow, correlated series. That is not always a gain: on fresh autoregressions of 10 units the network spoilt such a start
under little ridge on its weights; on one of 100 and on Lorenz-96 systems not. `discover` chooses by held-out loss.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from scipy.linalg import cho_factor, cho_solve
from torch import Tensor

from synfer.forecast.lagged import LaggedForecaster
from synfer.forecast.windows import Windows

ROWS = 5_000  # of which it is made, or 10 for each coefficient where that is more, evenly spread
RIDGES = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)  # shares of the predictors' variance, on top of which comes no map at all
NO_MAP = float("inf")


def ridge_map(x: np.ndarray, y: np.ndarray, ridge: float) -> tuple[np.ndarray, np.ndarray]:
    """Regress ``y`` on ``x``: ``coef = Y' X (X' X + ridge n 1)^-1``, both centred; the mean alone under `NO_MAP`.

    Parameters
    ----------
    x : array (row, predictor)
    y : array (row, output)
    ridge : float, greater than 0

    Returns
    -------
    coef : numpy.ndarray, (output, predictor)
    intercept : numpy.ndarray, (output,)
    """
    return _ridge_maps(x, y, (ridge,))[0]


def _ridge_maps(x: np.ndarray, y: np.ndarray, ridges: tuple[float, ...]) -> list[tuple[np.ndarray, np.ndarray]]:
    """A map for each ridge; one product of the predictors serves them all, made over rows where these are fewer."""
    (n, p), mean_x, mean_y = x.shape, x.mean(axis=0), y.mean(axis=0)
    x, y = x - mean_x, y - mean_y
    gram = x @ x.T if n < p else x.T @ x
    across = y if n < p else x.T @ y
    maps = []
    for ridge in ridges:
        coef = np.zeros((y.shape[1], p))
        if np.isfinite(ridge):
            loaded = gram.copy()
            loaded.flat[:: len(loaded) + 1] += ridge * n
            solved = cho_solve(cho_factor(loaded, lower=True, overwrite_a=True, check_finite=False), across)
            coef = solved.T @ x if n < p else solved.T
        maps.append((coef, mean_y - coef @ mean_x))
    return maps


def held_out_losses(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Mean squared error of each ridge of ``(*RIDGES, NO_MAP)`` on rows held out: the first quarter, then the last.

    Each quarter is forecast from the three others. Rows are in time's order, so that a quarter is a stretch of time.

    Parameters
    ----------
    x : array (row, predictor), of at least 4 rows
    y : array (row, output)

    Returns
    -------
    numpy.ndarray, (ridge,)
    """
    quarter = len(x) // 4
    losses = np.zeros(len(RIDGES) + 1)
    for held_out, known in ((slice(quarter), slice(quarter, None)), (slice(-quarter, None), slice(-quarter))):
        maps = _ridge_maps(x[known], y[known], (*RIDGES, NO_MAP))
        losses += [((x[held_out] @ coef.T + intercept - y[held_out]) ** 2).mean() / 2 for coef, intercept in maps]
    return losses


def start_linear(
    forecaster: LaggedForecaster, windows: Windows, starts: Tensor, members: Sequence[int] | None = None
) -> float:
    """Set skip and bias of some initialisations, or all, to the linear forecast that does best on rows held out.

    Only the windows at ``starts`` are looked at. Its ridge is chosen of `RIDGES` and of no linear forecast at all, by
    `held_out_losses`; the map is then made of all rows. Where it is none, nothing is changed.

    Parameters
    ----------
    forecaster : LaggedForecaster
    windows : Windows
    starts : Tensor, (window,)
    members : sequence of int, optional
        Positions of the initialisations; None for all.

    Returns
    -------
    float
        The ridge; infinity where nothing was changed, be it that the forecaster has no skip.
    """
    members = list(range(forecaster.n_init) if members is None else members)
    if forecaster.skip is None or len(starts) < 4 or not members:
        return NO_MAP
    n, lag = forecaster.n_units, forecaster.lag
    some = starts[:: -(-len(starts) // max(ROWS, 10 * n * lag))]
    context, _, target = windows.batch(some[:, None])
    rows = context[:, :, -lag:, 0].flatten(1).double()
    aim = target[..., 0].double()
    if forecaster.increments:
        aim = (aim - context[:, :, -1, 0]) / forecaster.scale[0]
    x, y = rows.cpu().numpy(), aim.cpu().numpy()
    ridge = float((*RIDGES, NO_MAP)[int(np.argmin(held_out_losses(x, y)))])
    if ridge == NO_MAP:
        return ridge
    coef, intercept = ridge_map(x, y, ridge)
    with torch.no_grad():
        forecaster.skip[members] = torch.as_tensor(coef).to(forecaster.skip)
        forecaster.bias[members] = torch.as_tensor(intercept).to(forecaster.bias)
    return ridge
