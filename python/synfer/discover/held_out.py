"""What a Synformer is not fitted to when it is to be chosen how it is fitted, and how well that is forecast."""

from __future__ import annotations

import copy

import numpy as np
import torch

from synfer.discover.foretelling import log_likelihood
from synfer.forecast import LAWS, Law, Pasts, SynformerForecaster

HELD = 5  # the last of so many parts is not fitted to
_ROWS = 512  # of a forward pass


def last_fifth(pasts: Pasts) -> tuple[Pasts, Pasts]:
    """The same pasts with the rows before the last fifth of those that count for some target, and with that fifth."""
    rows = pasts.rows
    if pasts.missing is not None:
        counts = [pasts.batch(part, told=False).weight.any(1) for part in rows.split(_ROWS)]
        rows = rows[torch.cat(counts)] if counts else rows
    cut = len(rows) - len(rows) // HELD
    first, last = copy.copy(pasts), copy.copy(pasts)
    first.rows, last.rows = rows[:cut], rows[cut:]
    return first, last


@torch.no_grad()
def skill(forecaster: SynformerForecaster, pasts: Pasts, law: Law) -> float:
    """How well, in nats a sample: the log-likelihood; of Gaussian samples with the error that each unit has in these.

    A spread that was learnt from samples known by heart is far too small, and what it says of others says little. Where
    a sample is cut off at an edge, a forecast beyond it is no error. NaN where no sample counts.
    """
    if law is not LAWS["gaussian"]:
        return log_likelihood(forecaster, pasts, law, np.ones(pasts.n_units))
    squares, counted = torch.zeros(2, pasts.n_units, dtype=torch.float64)
    for rows in pasts.rows.split(_ROWS):
        batch = pasts.batch(rows)
        error = forecaster(batch).eta.mean(0) - batch.target
        error = torch.where(batch.edge * error > 0, 0.0, error)
        squares += (error**2 * batch.weight).sum(0).double()
        counted += (batch.weight * torch.ones_like(error)).sum(0).double()
    told = counted > 0
    return float(-0.5 * torch.log((squares / counted)[told].clamp_min(1e-12)).mean())
