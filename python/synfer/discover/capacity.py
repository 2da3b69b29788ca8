"""How much a Synformer's response may learn, where samples are few: what forecasts best what it was not fitted to.

A width of 64 and 2,400 steps see each of 200 samples 800 times and know them by heart: then the response explains what
other units explain, attention finds nothing, and what was not foreseen is nothing either. Dynamics with next to no
noise, though, want the long training (`bench/results/width.md`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch

from synfer.discover.foretelling import log_likelihood
from synfer.discover.lag_choice import last_fifth
from synfer.forecast import LAWS, Law, Pasts, SynformerForecaster, rows_of, steps_of

WIDEST, NARROWER = 64, (16, 4)
PASSES = 40
"""Through the samples: where training sees them no more often, the widest response is trained. Else the narrower are
tried as well, for so many passes, and the wider of these for all steps: nearly exact samples take longer to learn."""
MARGIN = 0.1
"""Nats a sample by which a narrower response has to forecast better: of few samples the last fifth is few, too."""
_ROWS = 512


class Capacity(NamedTuple):
    """Width of the response, and steps of its training (as `train_synformer` takes them)."""

    hidden: int
    n_steps: int | str


def choices(n_rows: int, n_units: int, n_steps: int | str, batch_size: int | str) -> list[Capacity]:
    """What there is to choose from: one, unless the steps asked for pass through the samples more than ``PASSES``
    times."""
    rows = rows_of(batch_size, n_units)
    few = max(1, PASSES * n_rows // rows)
    widest = Capacity(WIDEST, n_steps)
    if steps_of(n_steps, n_rows, rows) <= few:
        return [widest]
    return [widest, Capacity(NARROWER[0], n_steps), *(Capacity(h, few) for h in NARROWER)]


def choose(
    learn: Callable[[Pasts, Capacity], SynformerForecaster], pasts: Pasts, law: Law, among: list[Capacity]
) -> Capacity:
    """The one of those that forecasts the last fifth of the rows best, trained on those before.

    ``learn`` gives a trained forecaster of one initialisation. The first stands unless another is better by ``MARGIN``.
    Of fewer than five rows none is held out: the last.
    """
    first, last = last_fifth(pasts)
    if len(among) == 1 or len(last.rows) == 0:
        return among[-1]
    found = [forecasts(learn(first, capacity), last, law) for capacity in among]
    best = int(np.nanargmax(found)) if np.isfinite(found).any() else len(found) - 1
    return among[0] if found[best] <= found[0] + MARGIN else among[best]


@torch.no_grad()
def forecasts(forecaster: SynformerForecaster, pasts: Pasts, law: Law) -> float:
    """How well, in nats a sample: the log-likelihood; of Gaussian samples with the error that each unit has in these.

    A spread that was learnt from samples known by heart is far too small, and what it says of others says little.
    """
    if law is not LAWS["gaussian"]:
        return log_likelihood(forecaster, pasts, law, np.ones(pasts.n_units))
    squares, counted = torch.zeros(2, pasts.n_units, dtype=torch.float64)
    for rows in pasts.rows.split(_ROWS):
        batch = pasts.batch(rows)
        error = forecaster(batch).eta.mean(0) - batch.target
        squares += (error**2 * batch.weight).sum(0).double()
        counted += (batch.weight * torch.ones_like(error)).sum(0).double()
    told = counted > 0
    return float(-0.5 * torch.log((squares / counted)[told].clamp_min(1e-12)).mean())
