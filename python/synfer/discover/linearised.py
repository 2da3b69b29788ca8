"""A trained Synformer as its last step sees it: values of one size, and forecasts that are linear in their drives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from synfer.forecast import Pasts, SynformerForecaster

_ROWS = 512  # rows of a forward pass
_MEMORY = 1 << 29  # bytes of linearised forecasts held at once
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
    # With missing ones at the mean of the others, the mean of all is that of the others.
    model.usual = (s.mean((1, 2)) / scale)[:, None, None, None]
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


def crowd_of(values: Tensor) -> Tensor:
    """Mean of all sources' values about its own mean, (row, lag): what weights that are all a little off add up to."""
    mean = values.mean(2)
    return mean - mean.mean(0)


def blocks(model: SynformerForecaster, pasts: Pasts, n_models: int = 1) -> Iterator[slice]:
    """Targets that are linearised together: as many as are held for ``n_models`` within some memory."""
    n, each = model.n_units, model.second.shape[-1] + 8 + 2 * model.n_drives  # numbers of a `Linearised` a row
    size = max(1, min(n, _MEMORY // max(1, 4 * n_models * len(pasts.rows) * each)))
    for first in range(0, n, size):
        yield slice(first, min(first + size, n))


def linearise(
    models: Sequence[SynformerForecaster], pasts: Pasts, values: Sequence[Tensor], units: slice
) -> list[Linearised]:
    """Take the forecasts of some units at all rows, by each of ``models``, as linear in their drives."""
    targets = range(pasts.n_units)[units]
    found = [_room(model, pasts, len(targets)) for model in models]
    for first in range(0, len(pasts.rows), _ROWS):
        rows = slice(first, first + _ROWS)
        batch = pasts.batch(pasts.rows[rows], units, told=False)  # what own histories are is the same to all models
        for model, value, room in zip(models, values, found, strict=True):
            with torch.no_grad():
                drives = model.drives(value[None, rows], batch.elapsed, units)
            drives.requires_grad_(True)
            with torch.enable_grad():
                forecast = model.respond(batch.own, drives, units)
                (gains,) = torch.autograd.grad(forecast.eta.sum(), drives)
            # Of the own history alone: columns that move with the drive would take from the sources what is theirs.
            undriven = torch.zeros_like(drives).requires_grad_(True)
            with torch.enable_grad():
                alone = model.respond(batch.own, undriven, units)
                (of_drive,) = torch.autograd.grad(alone.eta.sum(), undriven)
            a = drives[0, 0].detach()
            changed = forecast.eta[0].detach() - alone.eta[0].detach() - _products(drives[0].detach())
            by_slope = gains[0].permute(1, 2, 0)
            room.eta[rows], room.log_scale[rows] = forecast.eta[0].detach(), forecast.log_scale[0].detach()
            room.target[rows], room.edge[rows], room.weight[rows] = batch.target, batch.edge, batch.weight
            room.elapsed[rows] = batch.elapsed
            room.own[rows, :, 0], room.own[rows, :, 1:] = of_drive[0, 0], alone.hidden[0].detach()
            room.gains[rows] = room.means[rows] = by_slope
            room.means[rows, :, 0] = torch.where(a.abs() > _SMALL, changed / a, by_slope[..., 0])
    return found


def _room(model: SynformerForecaster, pasts: Pasts, count: int) -> Linearised:
    rows, hidden, drives = len(pasts.rows), model.second.shape[-1], model.n_drives
    return Linearised(
        eta=torch.empty(rows, count),
        log_scale=torch.empty(rows, count),
        target=torch.empty(rows, count),
        edge=torch.empty(rows, count),
        weight=torch.empty(rows, count),
        gains=torch.empty(rows, count, drives),
        own=torch.empty(rows, count, 1 + hidden),
        elapsed=torch.empty(rows, count, dtype=torch.long),
        means=torch.empty(rows, count, drives),
    )


def _products(drives: Tensor) -> Tensor:
    """What products of drives (drive, row, unit) add to eta, (row, unit); each is linear in either factor."""
    return (drives[1::2] * drives[2::2]).sum(0)
