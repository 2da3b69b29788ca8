"""Samples of units as the tokens of a transformer."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from synfer import _core
from synfer.errors import ShapeError
from synfer.ops.devices import has_cuda_layers
from synfer.ops.dropout import Drop, dropout, dropout_sum
from synfer.ops.grouped import over_stretches
from synfer.ops.views import has_layers, in_order, is_many, side_by_side, view
from synfer.threads import n_threads


def sample_embedding(value: Tensor, direction: Tensor, offset: Tensor, unit: Tensor, drop: Drop) -> Tensor:
    """Embed samples: ``drop(value[g, b, n, l] direction[g] + offset[g, b, l]) + drop(unit[g, n])``.

    First derivatives only, where torch does not do it step by step.

    Parameters
    ----------
    value : Tensor, (groups, batch, units, lags)
    direction : Tensor, (groups, channels)
    offset : Tensor, (groups, batch, lags, channels)
        What all units have in common, as the time.
    unit : Tensor, (groups, units, channels)
    drop : Drop
        Of the units' part; that of the samples has its next stream.

    Returns
    -------
    Tensor, (groups, batch * units * lags, channels)

    Raises
    ------
    ShapeError, InputError
        Where shapes, dtypes or devices do not fit together.
    """
    if value.dim() != 4 or direction.dim() != 2 or len(drop.seeds) != value.shape[0]:
        raise ShapeError(
            f"value, direction must be ({len(drop.seeds)} groups, batch, units, lags), (groups, channels), "
            f"got {tuple(value.shape)}, {tuple(direction.shape)}."
        )
    groups, batch, units, lags = value.shape
    channels = direction.shape[1]
    for name, given, shape in (
        ("direction", direction, (groups, channels)),
        ("offset", offset, (groups, batch, lags, channels)),
        ("unit", unit, (groups, units, channels)),
    ):
        if given.shape != shape:
            raise ShapeError(f"{name} must be {shape}, got {tuple(given.shape)}.")
    if not has_layers(value, direction, offset, unit):
        if has_cuda_layers(value, direction, offset, unit):
            of_samples: Tensor = _InFewPasses.apply(value, direction, offset, unit, drop)
            return of_samples
        return sample_embedding_reference(value, direction, offset, unit, drop)
    out: Tensor = _Embedding.apply(value, direction, offset, unit, drop)
    return out


def sample_embedding_reference(value: Tensor, direction: Tensor, offset: Tensor, unit: Tensor, drop: Drop) -> Tensor:
    """The slow, obvious twin of :func:`sample_embedding`; same arguments and results."""
    groups, batch, units, lags = value.shape
    sample = value[..., None] * direction[:, None, None, None] + offset[:, :, None]
    own = unit[:, None, :, None].expand(groups, batch, units, lags, -1)
    return dropout(own.flatten(1, 3), drop) + dropout(sample.flatten(1, 3), drop.next_stream())


def _in_a_row(value: Tensor) -> Tensor:
    """Give value, or a copy, such that the tokens of a group are equally spaced."""
    value = value.resolve_neg()
    spaced = value.permute(1, 2, 3, 0)
    return value if spaced.is_contiguous() or value.is_contiguous() else value.contiguous()


class _Embedding(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, value: Tensor, direction: Tensor, offset: Tensor, unit: Tensor, drop: Drop) -> Tensor:
        given = (_in_a_row(value), in_order(direction), in_order(offset), in_order(unit))
        y = value.new_empty(value.shape[0], value[0].numel(), direction.shape[1])
        _core.embedding(tuple(view(x) for x in given), drop.arguments, view(y), n_threads())
        ctx.save_for_backward(*given)
        ctx.drop = drop
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        if is_many(grads[0]):
            return _gradients(ctx, grads[0])
        given = ctx.saved_tensors
        dy = side_by_side(grads[0])
        dvalue = torch.empty(given[0].shape, dtype=dy.dtype) if ctx.needs_input_grad[0] else None
        ddirection, doffset, dunit = (torch.empty(x.shape, dtype=dy.dtype) for x in given[1:])
        _core.embedding_backward(
            tuple(view(x) for x in given),
            ctx.drop.arguments,
            view(dy),
            None if dvalue is None else view(dvalue),
            view(ddirection),
            view(doffset),
            view(dunit),
            n_threads(),
        )
        return dvalue, ddirection, doffset, dunit, None


class _InFewPasses(torch.autograd.Function):
    """`_Embedding` for CUDA devices: a pass of its own for what each product, sum and draw cannot do in another's."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, direction: Tensor, offset: Tensor, unit: Tensor, drop: Drop) -> Tensor:
        groups, batch, units, lags = value.shape
        sample = torch.addcmul(offset[:, :, None], value[..., None], direction[:, None, None, None])
        own = unit[:, None, :, None].expand(groups, batch, units, lags, -1).flatten(1, 3)
        ctx.save_for_backward(value, direction)
        ctx.drop = drop
        return dropout_sum(sample.flatten(1, 3), drop.next_stream(), dropout(own, drop))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        return _gradients(ctx, grads[0])


def _gradients(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    """Gradients of an embedding by torch's own operators, but for what is dropped."""
    value, direction = ctx.saved_tensors[:2]
    groups, batch, units, lags = value.shape
    down = dropout(grad, ctx.drop.next_stream())
    tokens = (groups, batch, units, lags, down.shape[2])  # `unflatten` has no rule for many gradients at once
    row = value.reshape(groups, -1, 1)
    dvalue = torch.bmm(down, direction[..., None]).view(value.shape) if ctx.needs_input_grad[0] else None
    _, ask_direction, ask_offset, ask_unit, _ = ctx.needs_input_grad
    ddirection = over_stretches(row, down)[:, 0] if ask_direction else None
    doffset = down.reshape(tokens).sum(2) if ask_offset else None
    dunit = dropout(grad, ctx.drop).reshape(tokens).sum((1, 3)) if ask_unit else None
    return dvalue, ddirection, doffset, dunit, None
