"""Whether all pairs act at one lag or each at its own: whichever forecasts better what it was not fitted to."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from synfer.discover.foretelling import log_likelihood
from synfer.discover.held_out import last_fifth
from synfer.discover.linearised import standardise
from synfer.discover.screening import OneStep, one_step, single_lags
from synfer.forecast import Law, Pasts, SynformerForecaster


def lags_differ(
    learn: Callable[[Pasts, int], SynformerForecaster], pasts: Pasts, law: Law, max_lag: int, allowed: np.ndarray
) -> bool:
    """Whether a lag a pair forecasts the last fifth of the rows better than the last sample alone does.

    ``learn`` gives a trained forecaster of one initialisation from pasts and a number of lags; ``allowed`` is (target,
    source).
    """
    first, last = last_fifth(pasts)
    unit = np.ones(pasts.n_units)
    together = log_likelihood(learn(first, 1), last, law, unit)
    forecaster = learn(first, max_lag)
    standardise(forecaster, first)
    keep_surest_lags(forecaster, [one_step(forecaster, first, law)], allowed & ~np.eye(pasts.n_units, dtype=bool))
    return log_likelihood(forecaster, last, law, unit) > together


def keep_surest_lags(forecaster: SynformerForecaster, steps: list[OneStep], free: np.ndarray) -> np.ndarray:
    """Set the attention of each pair to 0 but at its surest lag; give those columns, (target, source, lag)."""
    columns = single_lags(steps, free)
    keep_columns(forecaster, columns)
    return columns


def keep_columns(forecaster: SynformerForecaster, columns: np.ndarray) -> None:
    """Set the attention of each pair to 0 but at ``columns``, (target, source, lag)."""
    with torch.no_grad():  # one drive: a column is a lag
        forecaster.attention.mul_(torch.from_numpy(columns.transpose(2, 0, 1)[None].copy()))
