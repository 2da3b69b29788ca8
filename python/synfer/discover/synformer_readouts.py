"""Read-outs of a Synformer: what its attention is worth on some samples, and what its forecast hangs on.

All give (init, target, source), at least 0; as those of the other attention models (`attention_readouts`), where their
sources stand.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import torch
from torch import Tensor

from synfer.discover.attention_readouts import held, partial_correlation, rollout
from synfer.forecast import Law, Pasts, SynformerForecaster

MOST_ROWS = 512  # that are read: evenly spaced, where there are more


def read_out(forecaster: SynformerForecaster, law: Law, pasts: Pasts, readout: str) -> np.ndarray:
    """Read a forecaster on pasts by one of `attention_readouts.READOUTS`."""
    if readout == "gradient":
        return np.stack([_gradient(member, law, pasts) for member in forecaster.members()])
    if readout == "ablation":
        return _ablation(forecaster, law, pasts)
    attention = _attention(forecaster, _values(forecaster, pasts) if readout == "value_norm" else None)
    if readout == "rollout":
        return rollout(attention, 1)
    return partial_correlation(attention) if readout == "partial_correlation" else attention


def _some(pasts: Pasts) -> Tensor:
    return pasts.rows[:: max(1, -(-len(pasts.rows) // MOST_ROWS))]


@torch.no_grad()
def _values(forecaster: SynformerForecaster, pasts: Pasts) -> Tensor:
    """S, (init, row, lag, source), of some rows."""
    batch = pasts.batch(_some(pasts))
    return forecaster.values(batch.recent, batch.known)


@torch.no_grad()
def _attention(forecaster: SynformerForecaster, values: Tensor | None) -> np.ndarray:
    """Root of the sum over drives and lags of A^2, each weight times the spread of the value it passes on if given."""
    size = forecaster.masked_attention().square()  # (init, drive, lag, target, source)
    if values is not None:
        size = size * values.var(1, correction=0)[:, None, : forecaster.max_lag, None]
    found: np.ndarray = size.sum((1, 2)).sqrt().double().numpy()
    return found


def _gradient(member: SynformerForecaster, law: Law, pasts: Pasts) -> np.ndarray:
    """Mean over rows of the modulus of one initialisation's slope, at the sample where that is largest."""
    batch = pasts.batch(_some(pasts))
    recent = batch.recent.clone().requires_grad_()
    n = member.n_units
    with held(member):
        mean = law.mean(member(dataclasses.replace(batch, recent=recent)).eta)[0]  # (row, target)
        # Rows do not act on each other, so the gradient of their sum is that of each.
        each = [torch.autograd.grad(mean[:, i].sum(), recent, retain_graph=i < n - 1)[0] for i in range(n)]
    slopes = torch.stack([g.abs().mean(0).amax(0) for g in each])
    slopes.fill_diagonal_(0.0)
    found: np.ndarray = slopes.double().numpy()
    return found


@torch.no_grad()
def _ablation(forecaster: SynformerForecaster, law: Law, pasts: Pasts) -> np.ndarray:
    """Root of the mean squared change of the forecast when a source's value is its mean."""
    batch = pasts.batch(_some(pasts))
    values = forecaster.values(batch.recent, batch.known)
    mean = values.mean(1, keepdim=True)

    def forecast(values: Tensor) -> Tensor:
        drives = forecaster.drives(values, batch.elapsed, batch.units)
        return law.mean(forecaster.respond(batch.own, drives, batch.units).eta)

    whole = forecast(values)
    found = torch.zeros(forecaster.n_init, forecaster.n_units, forecaster.n_units)
    for source in range(forecaster.n_units):
        without = values.clone()
        without[..., source] = mean[..., source]
        found[:, :, source] = (forecast(without) - whole).square().mean(1).sqrt()
    numbers: np.ndarray = found.double().numpy()
    return numbers
