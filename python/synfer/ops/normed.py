"""Batch normalisation and what reads it, in one: the normalised activations are never held."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from synfer import _core
from synfer.errors import InputError, ShapeError
from synfer.ops.devices import has_cuda_layers
from synfer.ops.dropout import Drop, dropout
from synfer.ops.folded import block_gradients, folded_feed_forward, folded_linears, hidden_of, maps_gradients
from synfer.ops.grouped import check_map, grouped_linear, grouped_linear_reference
from synfer.ops.normalisation import Norm, check_norm, fold, normalise, unfold
from synfer.ops.views import has_layers, in_order, is_many, side_by_side, view
from synfer.threads import n_threads

Linear = Callable[[Tensor, Tensor, Tensor], Tensor]


def normed_linears(
    x: Tensor, norm: Norm, weights: Sequence[Tensor], biases: Sequence[Tensor]
) -> tuple[list[Tensor], Tensor, Tensor]:
    """Normalise, then apply several linear maps: ``y_k[g, t] = weights_k[g] @ norm(x)[g, t] + biases_k[g]``.

    The normalisation is folded into the maps, ``W (a x + c) + b = (W a) x + (b + W c)`` with a = gain / sqrt(variance +
    eps) and c = offset - a mean, and its gradient into theirs: that costs the digits of |mean| / sqrt(variance), few
    for activations whose mean is of the size of their spread. First derivatives only.

    Parameters
    ----------
    x : Tensor, (groups, tokens, in)
    norm : Norm
    weights : sequence of Tensor, (groups, out, in) each
    biases : sequence of Tensor, (groups, out) each

    Returns
    -------
    ys : list of Tensor, (groups, tokens, out) each
    mean, variance : Tensor, (groups, in)
        What was normalised by; the variance is divided by the number of tokens.

    Raises
    ------
    ShapeError, InputError
        Where shapes, dtypes or devices do not fit together, or a moment is no constant or without the other.
    """
    if not weights or len(weights) != len(biases):
        raise InputError(f"weights and biases must be of one or more maps, got {len(weights)} and {len(biases)}.")
    for weight, bias in zip(weights, biases, strict=True):
        check_map(x, weight, bias)
    check_norm(x, norm)
    if not has_layers(x, *norm[:4], *weights, *biases):
        if has_cuda_layers(x, *norm[:4], *weights, *biases):
            return folded_linears(x, norm, weights, biases)
        return _composed_linears(x, norm, weights, biases, grouped_linear)
    mean, variance, *ys = _NormedLinears.apply(x, *norm, len(weights), *weights, *biases)
    return ys, mean, variance


def normed_linears_reference(
    x: Tensor, norm: Norm, weights: Sequence[Tensor], biases: Sequence[Tensor]
) -> tuple[list[Tensor], Tensor, Tensor]:
    """The slow, obvious twin of :func:`normed_linears`; same arguments and results."""
    return _composed_linears(x, norm, weights, biases, grouped_linear_reference)


def _composed_linears(
    x: Tensor, norm: Norm, weights: Sequence[Tensor], biases: Sequence[Tensor], linear: Linear
) -> tuple[list[Tensor], Tensor, Tensor]:
    """One step after the other: by loops for the twin, by batched products where nothing is compiled."""
    normed, mean, variance = normalise(x, norm)
    ys = [linear(normed, w, b) for w, b in zip(weights, biases, strict=True)]
    return ys, mean.detach(), variance.detach()


def normed_feed_forward(
    x: Tensor, norm: Norm, weights: tuple[Tensor, Tensor, Tensor, Tensor], drop: Drop
) -> tuple[Tensor, Tensor, Tensor]:
    """Apply a transformer's feed-forward block: ``x + drop(W2 drop(gelu(W1 norm(x) + b1)) + b2)``.

    On the CPU the hidden activations are never held: each block of tokens goes through both maps within the cache, and
    the gradient makes them again. There and on CUDA devices the normalisation is folded into W1 as
    :func:`normed_linears` folds it, at the same price: the digits of |mean| / sqrt(variance), which the twin, who takes
    the mean away first, keeps. First derivatives only.

    Parameters
    ----------
    x : Tensor, (groups, tokens, channels)
    norm : Norm
    weights : (W1, b1, W2, b2)
        (groups, hidden, channels), (groups, hidden), (groups, channels, hidden), (groups, channels).
    drop : Drop
        Of the block's result; the hidden channels are dropped by its next stream.

    Returns
    -------
    y : Tensor, (groups, tokens, channels)
    mean, variance : Tensor, (groups, channels)
        As :func:`normed_linears` gives them.

    Raises
    ------
    ShapeError, InputError
        Where shapes, dtypes or devices do not fit together, or a moment is no constant or without the other.
    """
    weight1, bias1, weight2, bias2 = weights
    check_map(x, weight1, bias1)
    if weight2.shape != weight1.transpose(1, 2).shape or bias2.shape != weight2.shape[:2]:
        raise ShapeError(
            f"W2, b2 must be (groups, channels, hidden), (groups, channels) with W1 {tuple(weight1.shape)}, "
            f"got {tuple(weight2.shape)}, {tuple(bias2.shape)}."
        )
    if len(drop.seeds) != x.shape[0]:
        raise ShapeError(f"drop must have one seed a group, {x.shape[0]}, got {len(drop.seeds)}.")
    check_norm(x, norm)
    if not has_layers(x, *norm[:4], *weights):
        if has_cuda_layers(x, *norm[:4], *weights):
            return folded_feed_forward(x, norm, weights, drop)
        return _composed_feed_forward(x, norm, weights, drop, grouped_linear)
    y, mean, variance = _FeedForward.apply(x, *norm, drop, *weights)
    return y, mean, variance


def normed_feed_forward_reference(
    x: Tensor, norm: Norm, weights: tuple[Tensor, Tensor, Tensor, Tensor], drop: Drop
) -> tuple[Tensor, Tensor, Tensor]:
    """The slow, obvious twin of :func:`normed_feed_forward`; same arguments and results."""
    return _composed_feed_forward(x, norm, weights, drop, grouped_linear_reference)


def _composed_feed_forward(
    x: Tensor, norm: Norm, weights: tuple[Tensor, Tensor, Tensor, Tensor], drop: Drop, linear: Linear
) -> tuple[Tensor, Tensor, Tensor]:
    weight1, bias1, weight2, bias2 = weights
    normed, mean, variance = normalise(x, norm)
    hidden = torch.nn.functional.gelu(linear(normed, weight1, bias1))
    y = linear(dropout(hidden, drop.next_stream()), weight2, bias2)
    return x + dropout(y, drop), mean.detach(), variance.detach()


def _folded(x: Tensor, norm: Norm) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """A normalisation as ``a x + c``: mean, variance, 1 / sqrt(variance + eps), a, c."""
    mean, variance = norm.mean, norm.variance
    if mean is None or variance is None:
        mean, variance = (x.new_empty(x.shape[0], x.shape[2]) for _ in range(2))
        _core.channel_moments(view(x), view(mean), view(variance), n_threads())
    spread, a, c = fold(norm, mean, variance)
    return mean, variance, spread, in_order(a), in_order(c)


class _NormedLinears(torch.autograd.Function):
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
        x, maps = side_by_side(x), tuple(in_order(m) for m in maps)
        weights, biases = maps[:n_maps], maps[n_maps:]
        mean, variance, spread, a, c = _folded(x, Norm(gain, offset, mean, variance, eps))
        ys = [x.new_empty(*x.shape[:2], w.shape[1]) for w in weights]
        calls = [(view(w), view(b), view(y), None, None) for w, b, y in zip(weights, biases, ys, strict=True)]
        _core.linear_forward(view(x), view(a), view(c), None, calls, n_threads())
        # A copy of the mean: the caller's own goes on to change.
        ctx.save_for_backward(x, mean.clone(), spread, a, c, *weights)
        ctx.mark_non_differentiable(mean, variance)
        return (mean, variance, *ys)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        if any(map(is_many, grads)):
            return maps_gradients(ctx, grads)
        x, mean, spread, a, c, *weights = ctx.saved_tensors
        dys = [side_by_side(g) for g in grads[2:]]
        dweights = [torch.empty_like(w) for w in weights]
        dbiases = [w.new_empty(w.shape[:2]) for w in weights]
        da, dc = torch.empty_like(a), torch.empty_like(c)
        calls = [
            (view(w), None, view(dy), view(dw), view(db))
            for w, dy, dw, db in zip(weights, dys, dweights, dbiases, strict=True)
        ]
        _core.linear_weight_gradients(view(x), view(a), view(c), calls, view(da), view(dc), n_threads())
        dgain, doffset, slope, shift = unfold(mean, spread, a, da, dc, x.shape[1])
        dx = None
        if ctx.needs_input_grad[0]:
            dx = torch.empty(x.shape, dtype=x.dtype)
            to_slope, to_shift = (view(slope), view(shift)) if ctx.own else (None, None)
            _core.linear_input_gradient(view(x), view(a), to_slope, to_shift, calls, view(dx), n_threads())
        return (dx, dgain, doffset, None, None, None, None, *dweights, *dbiases)


class _FeedForward(torch.autograd.Function):
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
        ctx.own = mean is None
        x, weights = side_by_side(x), tuple(in_order(w) for w in weights)
        mean, variance, spread, a, c = _folded(x, Norm(gain, offset, mean, variance, eps))
        y = torch.empty(x.shape, dtype=x.dtype)
        views = tuple(view(w) for w in weights)
        _core.feed_forward(view(x), view(a), view(c), views, drop.arguments, view(y), n_threads())
        ctx.save_for_backward(x, mean.clone(), spread, a, c, *weights)
        ctx.drop = drop
        ctx.mark_non_differentiable(mean, variance)
        return y, mean, variance

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        x, mean, spread, a, c, *weights = ctx.saved_tensors
        if is_many(grads[0]):
            return block_gradients(ctx, grads[0], *hidden_of(x, a, c, weights[0], weights[1], ctx.drop))
        dy = side_by_side(grads[0])
        dx = torch.empty(x.shape, dtype=x.dtype)
        dweights = [torch.empty_like(w) for w in weights]
        da, dc = torch.empty_like(a), torch.empty_like(c)
        _core.feed_forward_backward(
            view(x),
            view(a),
            view(c),
            tuple(view(w) for w in weights),
            ctx.drop.arguments,
            view(dy),
            view(dx),
            view(da),
            view(dc),
            tuple(view(w) for w in dweights),
            n_threads(),
        )
        dgain, doffset, slope, shift = unfold(mean, spread, a, da, dc, x.shape[1])
        if ctx.own:
            _core.add_affine(view(dx), view(x), view(slope), view(shift), n_threads())
        return (dx, dgain, doffset, None, None, None, None, *dweights)
