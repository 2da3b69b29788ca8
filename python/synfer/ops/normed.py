"""Batch normalisation and what reads it, in one: the normalised activations are never held."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from synfer import _core
from synfer.errors import ShapeError
from synfer.ops.dropout import Drop, dropout
from synfer.ops.grouped import check_map, grouped_linear_reference
from synfer.ops.views import has_kernels, side_by_side, view
from synfer.threads import n_threads


class Norm(NamedTuple):
    """A batch normalisation: ``gain (x - mean) / sqrt(variance + eps) + offset``, all (groups, channels)."""

    gain: Tensor
    offset: Tensor
    mean: Tensor | None = None
    """None: that of the tokens at hand, whose own part in the gradients counts; likewise ``variance``."""
    variance: Tensor | None = None
    eps: float = 1e-5


def normed_linears(
    x: Tensor, norm: Norm, weights: Sequence[Tensor], biases: Sequence[Tensor]
) -> tuple[list[Tensor], Tensor, Tensor]:
    """Normalise, then apply several linear maps: ``y_k[g, t] = weights_k[g] @ norm(x)[g, t] + biases_k[g]``.

    The normalisation is folded into the maps, ``W (a x + c) + b = (W a) x + (b + W c)`` with a = gain / sqrt(variance +
    eps) and c = offset - a mean, and its gradient into theirs. First derivatives only.

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
    ShapeError
        Where the shapes do not fit together.
    """
    for weight, bias in zip(weights, biases, strict=True):
        check_map(x, weight, bias)
    _check_norm(x, norm)
    if not (has_kernels(x) and all(w.numel() for w in weights)):
        return normed_linears_reference(x, norm, weights, biases)
    mean, variance, *ys = _NormedLinears.apply(x, *norm, len(weights), *weights, *biases)
    return ys, mean, variance


def normed_linears_reference(
    x: Tensor, norm: Norm, weights: Sequence[Tensor], biases: Sequence[Tensor]
) -> tuple[list[Tensor], Tensor, Tensor]:
    """The slow, obvious twin of :func:`normed_linears`; same arguments and results."""
    normed, mean, variance = normalise(x, norm)
    ys = [grouped_linear_reference(normed, w, b) for w, b in zip(weights, biases, strict=True)]
    return ys, mean.detach(), variance.detach()


def normed_feed_forward(
    x: Tensor, norm: Norm, weights: tuple[Tensor, Tensor, Tensor, Tensor], drop: Drop
) -> tuple[Tensor, Tensor, Tensor]:
    """Apply a transformer's feed-forward block: ``x + drop(W2 drop(gelu(W1 norm(x) + b1)) + b2)``.

    The hidden activations are never held: each block of tokens goes through both maps within the cache, and the
    gradient makes them again. First derivatives only.

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
    ShapeError
        Where the shapes do not fit together.
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
    _check_norm(x, norm)
    if not (has_kernels(x) and weight1.numel()):
        return normed_feed_forward_reference(x, norm, weights, drop)
    y, mean, variance = _FeedForward.apply(x, *norm, drop, *weights)
    return y, mean, variance


def normed_feed_forward_reference(
    x: Tensor, norm: Norm, weights: tuple[Tensor, Tensor, Tensor, Tensor], drop: Drop
) -> tuple[Tensor, Tensor, Tensor]:
    """The slow, obvious twin of :func:`normed_feed_forward`; same arguments and results."""
    weight1, bias1, weight2, bias2 = weights
    normed, mean, variance = normalise(x, norm)
    hidden = torch.nn.functional.gelu(grouped_linear_reference(normed, weight1, bias1))
    y = grouped_linear_reference(dropout(hidden, drop.next_stream()), weight2, bias2)
    return x + dropout(y, drop), mean.detach(), variance.detach()


def normalise(x: Tensor, norm: Norm) -> tuple[Tensor, Tensor, Tensor]:
    """Normalise (groups, tokens, channels); also give the mean and the variance that it was normalised by."""
    mean = x.mean(1) if norm.mean is None else norm.mean
    variance = x.var(1, correction=0) if norm.variance is None else norm.variance
    scale = norm.gain / (variance + norm.eps).sqrt()
    return (x - mean[:, None]) * scale[:, None] + norm.offset[:, None], mean, variance


def _check_norm(x: Tensor, norm: Norm) -> None:
    for name in ("gain", "offset", "mean", "variance"):
        given = getattr(norm, name)
        if given is not None and given.shape != (x.shape[0], x.shape[2]):
            raise ShapeError(
                f"norm.{name} must be (groups, channels) = {(x.shape[0], x.shape[2])}, got {tuple(given.shape)}."
            )


class _Folded:
    """A normalisation as ``a x + c``, and the way of gradients through it."""

    def __init__(
        self, x: Tensor, gain: Tensor, offset: Tensor, mean: Tensor | None, variance: Tensor | None, eps: float
    ):
        self.own = mean is None or variance is None
        if mean is None or variance is None:
            mean, variance = (x.new_empty(x.shape[0], x.shape[2]) for _ in range(2))
            _core.channel_moments(view(x), view(mean), view(variance), n_threads())
        self.mean, self.variance = mean, variance
        self.spread = (variance + eps).rsqrt()
        self.a = gain * self.spread
        self.c = offset - self.a * mean

    def gradients(self, da: Tensor, dc: Tensor, tokens: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Gradients of gain and offset, and slope and shift of what x owes to mean and variance: slope x + shift."""
        da = da - dc * self.mean
        # dv: a depends on the variance by -a / (2 (variance + eps)).
        slope = da * self.a * self.spread.square() * (-1.0 / tokens)
        shift = -dc * self.a / tokens - slope * self.mean
        return da * self.spread, dc, slope, shift


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
        x, maps = side_by_side(x), tuple(m.contiguous() for m in maps)
        weights, biases = maps[:n_maps], maps[n_maps:]
        folded = _Folded(x, gain, offset, mean, variance, eps)
        ys = [x.new_empty(*x.shape[:2], w.shape[1]) for w in weights]
        calls = [(view(w), view(b), view(y), None, None) for w, b, y in zip(weights, biases, ys, strict=True)]
        _core.linear_forward(view(x), view(folded.a), view(folded.c), None, calls, n_threads())
        ctx.save_for_backward(x, *weights)
        ctx.folded = folded
        ctx.mark_non_differentiable(folded.mean, folded.variance)
        return (folded.mean, folded.variance, *ys)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        x, *weights = ctx.saved_tensors
        folded: _Folded = ctx.folded
        dys = [side_by_side(g) for g in grads[2:]]
        dweights = [torch.empty_like(w) for w in weights]
        dbiases = [w.new_empty(w.shape[:2]) for w in weights]
        da, dc = torch.empty_like(folded.a), torch.empty_like(folded.c)
        calls = [
            (view(w), None, view(dy), view(dw), view(db))
            for w, dy, dw, db in zip(weights, dys, dweights, dbiases, strict=True)
        ]
        a, c = view(folded.a), view(folded.c)
        _core.linear_weight_gradients(view(x), a, c, calls, view(da), view(dc), n_threads())
        dgain, doffset, slope, shift = folded.gradients(da, dc, x.shape[1])
        dx = None
        if ctx.needs_input_grad[0]:
            dx = torch.empty(x.shape, dtype=x.dtype)
            to_slope, to_shift = (view(slope), view(shift)) if folded.own else (None, None)
            _core.linear_input_gradient(view(x), a, to_slope, to_shift, calls, view(dx), n_threads())
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
        x, weights = side_by_side(x), tuple(w.contiguous() for w in weights)
        folded = _Folded(x, gain, offset, mean, variance, eps)
        y = torch.empty(x.shape, dtype=x.dtype)
        views = tuple(view(w) for w in weights)
        _core.feed_forward(view(x), view(folded.a), view(folded.c), views, drop.arguments, view(y), n_threads())
        ctx.save_for_backward(x, *weights)
        ctx.folded, ctx.drop = folded, drop
        ctx.mark_non_differentiable(folded.mean, folded.variance)
        return y, folded.mean, folded.variance

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        x, *weights = ctx.saved_tensors
        folded: _Folded = ctx.folded
        dy = side_by_side(grads[0])
        dx = torch.empty(x.shape, dtype=x.dtype)
        dweights = [torch.empty_like(w) for w in weights]
        da, dc = torch.empty_like(folded.a), torch.empty_like(folded.c)
        _core.feed_forward_backward(
            view(x),
            view(folded.a),
            view(folded.c),
            tuple(view(w) for w in weights),
            ctx.drop.arguments,
            view(dy),
            view(dx),
            view(da),
            view(dc),
            tuple(view(w) for w in dweights),
            n_threads(),
        )
        dgain, doffset, slope, shift = folded.gradients(da, dc, x.shape[1])
        if folded.own:
            _core.add_affine(view(dx), view(x), view(slope.contiguous()), view(shift.contiguous()), n_threads())
        return (dx, dgain, doffset, None, None, None, None, *dweights)
