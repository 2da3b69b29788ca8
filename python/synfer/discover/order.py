"""How many lags an autoregression needs, by what it forecasts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from synfer.discover.autoregression import Autoregression, log_likelihood, n_rows
from synfer.errors import InputError

FOLDS = 5


def cross_validated(
    segments: list[np.ndarray],
    max_lag: int,
    fit: Callable[[list[np.ndarray], int], Sequence[Autoregression]],
    folds: int = FOLDS,
) -> list[float]:
    """Minus twice the log-likelihood of held-out stretches under each order, fitted to the rest; lower is better.

    No lag crosses from one stretch to the next, and every order forecasts the same samples. See :func:`split`.

    Raises
    ------
    InputError
        Some fold would hold nothing out, or leave too little to fit.
    """
    n_units = segments[0].shape[1]
    needed = n_units * (max_lag + 1) + 2
    parts = list(split(segments, max_lag, folds))
    for kept, held in parts:
        left, tested = n_rows(kept, max_lag), n_rows(held, max_lag)
        if tested == 0 or left < needed:
            longest = max(map(len, segments))
            raise InputError(
                f"lag='cv' needs {folds} trials or more of over max_lag = {max_lag} samples, or fifths of a trial that "
                f"are longer, with {needed} samples left to fit; got {len(segments)} of up to {longest} samples: take "
                "a lower max_lag, or set lag to 'bic' or a number."
            )
    total = np.zeros(max_lag)
    for kept, held in parts:
        for k, model in enumerate(fit(kept, max_lag)):
            total[k] -= 2.0 * log_likelihood(
                [piece[max_lag - 1 - k :] for piece in held], model.intercept, model.coef, model.covariance
            )
    return total.tolist()


def split(
    segments: list[np.ndarray], max_lag: int, folds: int = FOLDS
) -> Iterator[tuple[list[np.ndarray], list[np.ndarray]]]:
    """Give ``folds`` divisions of the segments into stretches to fit and stretches to hold out.

    Where there are as many segments (of more than ``max_lag`` samples) as folds, whole ones are held out, every
    ``folds``-th, so that a drift over a session is in all shares; else each is cut into ``folds`` stretches. Stretches
    of no more than ``max_lag`` samples, in which nothing can be forecast, are left out.
    """
    usable = [segment for segment in segments if len(segment) > max_lag]
    for fold in range(folds):
        kept: list[np.ndarray] = []
        held: list[np.ndarray] = []
        for number, segment in enumerate(usable):
            if len(usable) >= folds:
                (held if number % folds == fold else kept).append(segment)
                continue
            first, last = fold * len(segment) // folds, (fold + 1) * len(segment) // folds
            held.append(segment[first:last])
            kept += [segment[:first], segment[last:]]
        yield [piece for piece in kept if len(piece) > max_lag], [piece for piece in held if len(piece) > max_lag]
