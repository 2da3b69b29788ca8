"""A trained Synformer as its last step sees it: values of one size, and forecasts that are linear in their drives."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from synfer.forecast import Pasts, SynformerForecaster

_ROWS = 512  # rows of a forward pass
_SMALL = 1e-3  # a drive, in standard deviations, whose effect is taken from its slope


class Linearised(NamedTuple):
    """A forecast and what moves it, (row, unit) and as said.

    Attributes
    ----------
    eta, log_scale, target, edge, weight : Tensor
        Of the law; weight is 0 where a row does not count.
    gains : Tensor, (row, unit, drive)
        d eta / d drive.
    own : Tensor, (row, unit, feature)
        What own history alone gives.
    elapsed : Tensor
        As of a `Batch`.
    means : Tensor, (row, unit, drive)
        Change of eta by a drive, all of it, over the drive.
    """

    eta: Tensor
    log_scale: Tensor
    target: Tensor
    edge: Tensor
    weight: Tensor
    gains: Tensor
    own: Tensor
    elapsed: Tensor
    means: Tensor


@torch.no_grad()
def standardise(model: SynformerForecaster, pasts: Pasts) -> None:
    """Give the values of each initialisation mean square 1 about the mean, with the samples' sign; forecasts stay."""
    some = pasts.rows[:: max(1, len(pasts.rows) * pasts.n_units // 400_000)]
    batch = pasts.batch(some, slice(0, 1))
    s = model.values(batch.recent, batch.known)[:, :, 0]
    x = batch.recent[:, -model.value_window :]
    known = 1.0 if batch.known is None else batch.known[:, -1][None].float()
    centred = (s - s.mean(1, keepdim=True)) * known
    shared = torch.einsum("erj,rkj->ek", centred, x - x.mean(0, keepdim=True))
    sign = torch.sign(shared.gather(1, shared.abs().argmax(1, keepdim=True)))[:, 0]  # where they share most
    scale = torch.where(sign == 0, 1.0, sign) * centred.square().mean((1, 2)).sqrt().clamp_min(1e-12)
    model.value_out.div_(scale[:, None, None])
    model.attention.mul_(scale[:, None, None, None, None])


@torch.no_grad()
def values_of(model: SynformerForecaster, pasts: Pasts) -> Tensor:
    """Values at every row: (row, lag, source)."""
    parts = []
    for rows in pasts.rows.split(_ROWS * 4):
        batch = pasts.batch(rows, slice(0, 1))
        parts.append(model.values(batch.recent, batch.known)[0])
    return torch.cat(parts)


def linearise(model: SynformerForecaster, pasts: Pasts, values: Tensor, units: slice) -> Linearised:
    """Take the forecast of some units at all rows as linear in their drives."""
    parts: list[tuple[Tensor, ...]] = []
    for rows, s in zip(pasts.rows.split(_ROWS), values.split(_ROWS), strict=True):
        batch = pasts.batch(rows, units, told=False)
        with torch.no_grad():
            drives = model.drives(s[None], batch.elapsed, units)
        drives.requires_grad_(True)
        with torch.enable_grad():
            forecast = model.respond(batch.own, drives, units)
            (gains,) = torch.autograd.grad(forecast.eta.sum(), drives)
        # Of the own history alone: columns that move with the drive would take from the sources what is theirs.
        undriven = torch.zeros_like(drives).requires_grad_(True)
        with torch.enable_grad():
            alone = model.respond(batch.own, undriven, units)
            (first,) = torch.autograd.grad(alone.eta.sum(), undriven)
        own = torch.cat([first[0, 0][..., None], alone.hidden[0].detach()], -1)
        means = gains[0].permute(1, 2, 0).clone()
        a = drives[0, 0].detach()
        changed = forecast.eta[0].detach() - alone.eta[0].detach() - _products(drives[0].detach())
        means[..., 0] = torch.where(a.abs() > _SMALL, changed / a, means[..., 0])
        parts.append(
            (
                forecast.eta[0].detach(),
                forecast.log_scale[0].detach(),
                batch.target,
                batch.edge,
                batch.weight,
                gains[0].permute(1, 2, 0),
                own,
                batch.elapsed,
                means,
            )
        )
    return Linearised(*(torch.cat(part) for part in zip(*parts, strict=True)))


def _products(drives: Tensor) -> Tensor:
    """What products of drives (drive, row, unit) add to eta, (row, unit); each is linear in either factor."""
    return (drives[1::2] * drives[2::2]).sum(0)
