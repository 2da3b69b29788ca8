"""Batch normalisation of an ensemble: what it is, and how it is folded into the maps that read it."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from synfer.errors import InputError, ShapeError


class Norm(NamedTuple):
    """A batch normalisation: ``gain (x - mean) / sqrt(variance + eps) + offset``, all (groups, channels).

    Without ``mean`` and ``variance`` they are those of the tokens at hand, whose own part in the gradients counts;
    where they are given, both are, and are constants.
    """

    gain: Tensor
    offset: Tensor
    mean: Tensor | None = None
    variance: Tensor | None = None
    eps: float = 1e-5


def normalise(x: Tensor, norm: Norm) -> tuple[Tensor, Tensor, Tensor]:
    """Normalise (groups, tokens, channels); also give the mean and the variance that it was normalised by."""
    # What autocast multiplied comes in half precision; the statistics that are followed are the gain's.
    x = x.to(torch.promote_types(x.dtype, norm.gain.dtype))
    mean = x.mean(1) if norm.mean is None else norm.mean
    variance = x.var(1, correction=0) if norm.variance is None else norm.variance
    scale = norm.gain / (variance + norm.eps).sqrt()
    return (x - mean[:, None]) * scale[:, None] + norm.offset[:, None], mean, variance


def check_norm(x: Tensor, norm: Norm) -> None:
    """Refuse moments that do not fit x, or one without the other, or that are no constants."""
    if (norm.mean is None) != (norm.variance is None):
        raise InputError("norm must have both mean and variance, or neither; got one of them.")
    shape = (x.shape[0], x.shape[2])
    for name in ("gain", "offset", "mean", "variance"):
        given = getattr(norm, name)
        if given is not None and given.shape != shape:
            raise ShapeError(f"norm.{name} must be (groups, channels) = {shape}, got {tuple(given.shape)}.")
        if given is not None and given.requires_grad and name in ("mean", "variance"):
            raise InputError(f"norm.{name} must be a constant, got one that requires a gradient: detach it.")


def fold(norm: Norm, mean: Tensor, variance: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Give a normalisation by these moments as ``a x + c``: 1 / sqrt(variance + eps), a, c."""
    spread = (variance + norm.eps).rsqrt()
    a = norm.gain * spread
    return spread, a, norm.offset - a * mean


def unfold(
    mean: Tensor, spread: Tensor, a: Tensor, da: Tensor, dc: Tensor, tokens: int
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Gradients of gain and offset, and what x owes to its own mean and variance: slope x + shift."""
    da = da - dc * mean
    # a depends on the variance by -a / (2 (variance + eps)), and the variance on x by 2 (x - mean) / tokens.
    slope = da * a * spread.square() * (-1.0 / tokens)
    return da * spread, dc, slope, -dc * a / tokens - slope * mean
