"""How a Synformer learns: a fixed number of steps, all initialisations in one program."""

from __future__ import annotations

import numpy as np
import torch
from tqdm import tqdm

from synfer.errors import FitDivergedError
from synfer.forecast.laws import Law
from synfer.forecast.pasts import Pasts
from synfer.forecast.synformer import SynformerForecaster

PASSES, LEAST_STEPS = 6, 500
"""Of ``n_steps="auto"``: how often every sample is seen, and fewer steps there are not."""
MOST_ROWS, LEAST_ROWS, PAIRS = 64, 16, 16_384
"""Of ``batch_size="auto"``: samples in time a step, and the samples of units to which many units bring them down."""
_WORST = 20.0  # nats: a sample that is less likely than that (an artefact) has no pull any more


def steps_of(n_steps: int | str, n_rows: int, batch_size: int) -> int:
    """Give the number of steps; "auto" grows with the samples."""
    return max(LEAST_STEPS, PASSES * n_rows // batch_size) if n_steps == "auto" else int(n_steps)


def rows_of(batch_size: int | str, n_units: int) -> int:
    """Give the samples in time a step; "auto": fewer where many units share what is learnt of them."""
    return min(MOST_ROWS, max(LEAST_ROWS, PAIRS // n_units)) if batch_size == "auto" else int(batch_size)


def train_synformer(
    model: SynformerForecaster,
    pasts: Pasts,
    law: Law,
    *,
    n_steps: int | str,
    batch_size: int | str,
    learning_rate: float,
    weight_decay: float = 0.0,
    seed: int = 0,
    progress: bool = False,
) -> np.ndarray:
    """Fit by Adam on the negative log-likelihood, the learning rate rising for .15 of the steps and falling to 0.

    All initialisations see the same batches, in an order drawn from ``seed``: what one learns does not depend on how
    many others there are.

    Returns
    -------
    numpy.ndarray, (init, epoch)
        Mean negative log-likelihood over the batches of each pass through the data, in nats per sample and unit.

    Raises
    ------
    FitDivergedError
        A loss or a parameter is not finite.
    """
    batch_size = rows_of(batch_size, pasts.n_units)
    n_steps = steps_of(n_steps, len(pasts.rows), batch_size)
    generator = torch.Generator().manual_seed(int(seed))
    optimizer = torch.optim.AdamW(model.parameters(), lr=learning_rate, weight_decay=weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, learning_rate, total_steps=n_steps + 1, pct_start=0.15)
    size = min(batch_size, len(pasts.rows))
    per_epoch = len(pasts.rows) // size
    losses: list[torch.Tensor] = []
    order = pasts.rows
    for step in tqdm(
        range(n_steps), desc="synformer", unit=" steps", delay=2, leave=False, disable=None if progress else True
    ):
        k = step % per_epoch
        if k == 0:
            order = pasts.rows[torch.randperm(len(pasts.rows), generator=generator)]
        batch = pasts.batch(order[k * size : (k + 1) * size])
        forecast = model(batch)
        nats = -law.log_prob(forecast.eta, forecast.log_scale, batch.target, batch.edge)
        loss = (nats.clamp(max=_WORST) * batch.weight).sum((1, 2)) / batch.weight.sum().clamp_min(1.0)
        optimizer.zero_grad(set_to_none=True)
        loss.sum().backward()
        optimizer.step()
        schedule.step()
        losses.append(loss.detach())
        due = step % 100 == 99 or step == n_steps - 1
        if due and not bool(torch.isfinite(torch.stack(losses[-100:])).all()):
            raise FitDivergedError(
                f"the forecast's loss was no number any more after {step + 1} steps: lower learning_rate, or look at X "
                "for artefacts."
            )
    every = torch.stack(losses, 1)
    return np.stack([part.mean(1).double().numpy() for part in every.split(per_epoch, dim=1)], axis=1)
