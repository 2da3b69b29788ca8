"""How far forecasts can be trusted: errors by how far ahead, and the forecast that asks nothing of a model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import check_random_state

from synfer.arguments import checked_count, checked_number, checked_numbers
from synfer.errors import InputError, ShapeError
from synfer.trajectories import Trajectories

_RESAMPLES = 1_000


def copy_last(contexts: Any, n_queries: int) -> np.ndarray:
    """Forecast by each context's last sample: (trajectory, query, ...).

    Parameters
    ----------
    contexts : Trajectories, Recording, array (trajectory, time, ...), or sequence of arrays (time, ...)
    n_queries : int

    Raises
    ------
    InputError, ShapeError
        Contexts that are none, or no number of queries.
    """
    n_queries = checked_count("n_queries", n_queries, 1)
    last = np.stack([value[-1] for value in Trajectories.of(contexts, name="contexts").values])
    return np.repeat(last[:, None], n_queries, axis=1)


def errors_by_horizon(forecast: Any, truth: Any, *, confidence: float = 0.95, random_state: Any = 0) -> pd.DataFrame:
    """Mean squared error at each query, and as a share of the truth's own mean square.

    ``mse_q = mean |y - f|^2``, ``nmse_q = sum |y - f|^2 / sum |y|^2``, over trajectories and numbers of a sample.

    Parameters
    ----------
    forecast, truth : array (trajectory, query, ...)
    confidence : float
        Of the intervals, by resampling of trajectories.
    random_state : int, RandomState or None
        Of that.

    Returns
    -------
    pandas.DataFrame
        A row a query: "mse", "nmse", and of the latter "low" and "high".

    Raises
    ------
    ShapeError
        The two differ in shape.
    InputError
        Something is no number or not finite, or confidence is no share.

    Examples
    --------
    >>> import numpy as np
    >>> from synfer.forecast import errors_by_horizon
    >>> truth = np.ones((4, 2, 3))
    >>> errors_by_horizon(truth * [[[1.0], [0.5]]], truth)[["mse", "nmse"]].to_numpy().tolist()
    [[0.0, 0.0], [0.25, 0.25]]
    """
    for a, name in ((forecast, "forecast"), (truth, "truth")):
        if isinstance(a, Trajectories):
            raise InputError(
                f"{name} must be an array (trajectory, query, ...), got Trajectories: call its to_array()."
            )
    f, y = (checked_numbers(name, a).astype(np.float64) for a, name in ((forecast, "forecast"), (truth, "truth")))
    if f.shape != y.shape or f.ndim < 2:
        raise ShapeError(f"forecast and truth must both be (trajectory, query, ...), got {f.shape} and {y.shape}.")
    if not (np.isfinite(f).all() and np.isfinite(y).all()):
        raise InputError("forecast and truth must be finite, got NaN or infinite numbers.")
    if not 0.0 < checked_number("confidence", confidence) < 1.0:
        raise InputError(f"confidence must lie between 0 and 1, got {confidence}.")
    f, y = f.reshape(*f.shape[:2], -1), y.reshape(*y.shape[:2], -1)
    lost, known = np.square(f - y).sum(-1), np.square(y).sum(-1)
    drawn = check_random_state(random_state).randint(len(y), size=(_RESAMPLES, len(y)))
    with np.errstate(invalid="ignore", divide="ignore"):  # of a truth that is 0 there is no share
        resampled = lost[drawn].sum(1) / known[drawn].sum(1)
        share = lost.sum(0) / known.sum(0)
    low, high = np.quantile(resampled, [(1.0 - confidence) / 2.0, (1.0 + confidence) / 2.0], axis=0)
    return pd.DataFrame({"mse": lost.mean(0) / y.shape[-1], "nmse": share, "low": low, "high": high})
