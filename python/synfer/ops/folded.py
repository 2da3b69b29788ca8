"""`normed`'s functions for CUDA devices: the normalisation is folded into torch's batched products.

A tensor of all tokens is read once for its moments and once by each map, instead of a dozen times by a normalisation
and its gradient. What is computed is what the compiled functions of the CPU compute.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from synfer.ops.dropout import Drop, dropout, dropout_sum, gelu_dropout, gelu_dropout_gradient
from synfer.ops.grouped import over_stretches, products_sum
from synfer.ops.normalisation import Norm, fold, unfold


def folded_linears(
    x: Tensor, norm: Norm, weights: Sequence[Tensor], biases: Sequence[Tensor]
) -> tuple[list[Tensor], Tensor, Tensor]:
    """Do as `normed_linears`."""
    mean, variance, *ys = _FoldedLinears.apply(x, *norm, len(weights), *weights, *biases)
    return ys, mean, variance


def folded_feed_forward(
    x: Tensor, norm: Norm, weights: tuple[Tensor, Tensor, Tensor, Tensor], drop: Drop
) -> tuple[Tensor, Tensor, Tensor]:
    """Do as `normed_feed_forward`; the hidden activations are held."""
    y, mean, variance = _FoldedFeedForward.apply(x, *norm, drop, *weights)
    return y, mean, variance


class _FoldedLinears(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        gain: Tensor,
        offset: Tensor,
        mean: Tensor | None,
        variance: Tensor | None,
        eps: float,
        n_maps: int,
        *maps: Tensor,
    ) -> tuple[Tensor, ...]:
        ctx.own = mean is None
        weights, biases = maps[:n_maps], maps[n_maps:]
        mean, variance = _moments(x, mean, variance)
        spread, a, c = fold(Norm(gain, offset, eps=eps), mean, variance)
        ys = [_map(x, a, c, w, b) for w, b in zip(weights, biases, strict=True)]
        # A copy of the mean: the caller's own goes on to change.
        ctx.save_for_backward(x, mean.clone(), spread, a, c, *weights)
        ctx.mark_non_differentiable(mean, variance)
        return (mean, variance, *ys)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        return maps_gradients(ctx, grads)


def maps_gradients(ctx: Any, grads: Sequence[Tensor]) -> tuple[Tensor | None, ...]:
    """Gradients of folded maps, of moments (none) and results, by torch's own operators."""
    x, mean, spread, a, c, *weights = ctx.saved_tensors
    dgain, doffset, slope, shift = None, None, None, None
    dweights: tuple[Tensor | None, ...] = (None,) * len(weights)
    dbiases = dweights
    # Where the moments are x's own, its gradient takes what a and c get from the maps.
    if ctx.own or any(ctx.needs_input_grad[1:]):
        gradients = [_map_gradients(x, a, c, w, dy) for w, dy in zip(weights, grads[2:], strict=True)]
        dweights, dbiases, das, dcs = zip(*gradients, strict=True)
        da, dc = functools.reduce(torch.add, das), functools.reduce(torch.add, dcs)
        dgain, doffset, slope, shift = unfold(mean, spread, a, da, dc, x.shape[1])
    dx, moments = None, (slope, shift) if ctx.own else (None, None)
    if ctx.needs_input_grad[0]:
        dx = _input_gradient(x, a, weights, grads[2:], *moments)
    return (dx, dgain, doffset, None, None, None, None, *dweights, *dbiases)


class _FoldedFeedForward(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        gain: Tensor,
        offset: Tensor,
        mean: Tensor | None,
        variance: Tensor | None,
        eps: float,
        drop: Drop,
        *weights: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        ctx.own, ctx.drop = mean is None, drop
        weight1, bias1, weight2, bias2 = weights
        mean, variance = _moments(x, mean, variance)
        spread, a, c = fold(Norm(gain, offset, eps=eps), mean, variance)
        before, hidden = hidden_of(x, a, c, weight1, bias1, drop)
        y = torch.baddbmm(bias2[:, None], hidden, weight2.transpose(1, 2))
        ctx.save_for_backward(x, mean.clone(), spread, a, c, weight1, bias1, weight2, bias2, before, hidden)
        ctx.mark_non_differentiable(mean, variance)
        return dropout_sum(y, drop, x), mean, variance

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        return block_gradients(ctx, grads[0], *ctx.saved_tensors[-2:])


def hidden_of(x: Tensor, a: Tensor, c: Tensor, weight: Tensor, bias: Tensor, drop: Drop) -> tuple[Tensor, Tensor]:
    """Give a feed-forward block's hidden channels before and after their nonlinearity and dropout."""
    before = _map(x, a, c, weight, bias)
    return before, gelu_dropout(before, drop.next_stream())


def block_gradients(ctx: Any, grad: Tensor, before: Tensor, hidden: Tensor) -> tuple[Tensor | None, ...]:
    """Gradients of a folded feed-forward block by torch's own operators, but for what is dropped."""
    x, mean, spread, a, c, weight1, _, weight2 = ctx.saved_tensors[:8]
    dy = dropout(grad, ctx.drop)
    dgain, doffset, slope, shift, dweight1, dbias1, dweight2, dbias2 = (None,) * 8
    if any(ctx.needs_input_grad[1:]):
        dweight2, dbias2 = over_stretches(dy, hidden), dy.sum(1)
    dbefore = gelu_dropout_gradient(torch.bmm(dy, weight2), before, ctx.drop.next_stream())
    if ctx.own or any(ctx.needs_input_grad[1:]):
        dweight1, dbias1, da, dc = _map_gradients(x, a, c, weight1, dbefore)
        dgain, doffset, slope, shift = unfold(mean, spread, a, da, dc, x.shape[1])
    dx, moments = None, (slope, shift) if ctx.own else (None, None)
    if ctx.needs_input_grad[0]:
        dx = _input_gradient(x, a, [weight1], [dbefore], *moments) + grad
    return (dx, dgain, doffset, None, None, None, None, dweight1, dbias1, dweight2, dbias2)


def _moments(x: Tensor, mean: Tensor | None, variance: Tensor | None) -> tuple[Tensor, Tensor]:
    if mean is not None and variance is not None:
        return mean, variance
    variance, mean = torch.var_mean(x, 1, correction=0)
    return mean, variance


def _map(x: Tensor, a: Tensor, c: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """``W (a x + c) + b`` as ``(W a) x + (b + W c)``."""
    shifted = torch.baddbmm(bias[..., None], weight, c[..., None])
    return torch.baddbmm(shifted.transpose(1, 2), x, (weight * a[:, None]).transpose(1, 2))


def _map_gradients(
    x: Tensor, a: Tensor, c: Tensor, weight: Tensor, dy: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Gradients of W, b, a and c."""
    along, dbias = over_stretches(dy, x), dy.sum(1)
    dweight = torch.addcmul(along * a[:, None], dbias[..., None], c[:, None])
    return dweight, dbias, (along * weight).sum(1), torch.bmm(dbias[:, None], weight)[:, 0]


def _input_gradient(
    x: Tensor,
    a: Tensor,
    weights: Sequence[Tensor],
    dys: Sequence[Tensor],
    slope: Tensor | None,
    shift: Tensor | None,
) -> Tensor:
    """``sum_k dy_k W_k a``, and where the moments are x's own what x owes to them: ``slope x + shift``."""
    folded = [weight * a[:, None] for weight in weights]
    dx = products_sum(dys, folded, None if shift is None else shift[:, None])
    return dx if slope is None else torch.addcmul(dx, x, slope[:, None])
