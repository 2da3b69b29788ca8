"""Many small linear maps at once: one for every initialisation of an ensemble."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from synfer import _core
from synfer.errors import InputError, ShapeError
from synfer.ops.devices import has_cuda_layers
from synfer.ops.views import has_layers, in_order, is_autocast, is_many, is_transformed, maybe_view, side_by_side, view
from synfer.threads import n_threads


def grouped_linear(x: Tensor, weight: Tensor, bias: Tensor | None = None, residual: Tensor | None = None) -> Tensor:
    """Apply linear map g to group g: ``y[g, t] = weight[g] @ x[g, t] + bias[g] + residual[g, t]``.

    On the CPU the products are compiled (csrc/ensemble), the same bits for any number of threads; elsewhere they are
    batched products of torch, and the weights' gradients are sums over stretches of tokens, which are many small
    products instead of few long ones. Reverse-mode derivatives of any order.

    Parameters
    ----------
    x : Tensor, (groups, tokens, in)
    weight : Tensor, (groups, out, in)
    bias : Tensor, (groups, out), optional
    residual : Tensor, (groups, tokens, out), optional

    Returns
    -------
    Tensor, (groups, tokens, out)

    Raises
    ------
    ShapeError, InputError
        Where shapes, dtypes or devices do not fit together.
    """
    check_map(x, weight, bias)
    shape = (*x.shape[:2], weight.shape[1])
    if residual is not None and residual.shape != shape:
        raise ShapeError(f"residual must be (groups, tokens, out) = {shape}, got {tuple(residual.shape)}.")
    if has_layers(x, weight, bias, residual):
        out: Tensor = _Linear.apply(x, weight, bias, residual)
        return out
    y = _without_kernels(x, weight, bias)
    return y if residual is None else y + residual


def grouped_linear_reference(
    x: Tensor, weight: Tensor, bias: Tensor | None = None, residual: Tensor | None = None
) -> Tensor:
    """The slow, obvious twin of :func:`grouped_linear`: a loop over the groups; same arguments and results."""
    biases = [None] * weight.shape[0] if bias is None else list(bias)
    y = torch.stack([torch.nn.functional.linear(x[g], weight[g], biases[g]) for g in range(weight.shape[0])])
    return y if residual is None else y + residual


def grouped_linears(x: Tensor, weights: Sequence[Tensor], biases: Sequence[Tensor]) -> list[Tensor]:
    """Apply several linear maps to group g, reading x once: ``y_k[g, t] = weights_k[g] @ x[g, t] + biases_k[g]``.

    First derivatives only.

    Parameters
    ----------
    x : Tensor, (groups, tokens, in)
    weights : sequence of Tensor, (groups, out, in) each
    biases : sequence of Tensor, (groups, out) each

    Returns
    -------
    list of Tensor, (groups, tokens, out) each

    Raises
    ------
    ShapeError, InputError
        Where shapes, dtypes or devices do not fit together, or there is no map.
    """
    if not weights or len(weights) != len(biases):
        raise InputError(f"weights and biases must be of one or more maps, got {len(weights)} and {len(biases)}.")
    for weight, bias in zip(weights, biases, strict=True):
        check_map(x, weight, bias)
    if has_layers(x, *weights, *biases):
        return list(_Linears.apply(x, len(weights), *weights, *biases))
    if has_cuda_layers(x, *weights, *biases):
        return list(_BatchedLinears.apply(x, len(weights), *weights, *biases))
    return [grouped_linear(x, w, b) for w, b in zip(weights, biases, strict=True)]


def grouped_linears_reference(x: Tensor, weights: Sequence[Tensor], biases: Sequence[Tensor]) -> list[Tensor]:
    """The slow, obvious twin of :func:`grouped_linears`: map after map, group after group."""
    return [grouped_linear_reference(x, w, b) for w, b in zip(weights, biases, strict=True)]


def check_map(x: Tensor, weight: Tensor, bias: Tensor | None) -> None:
    """Refuse a map that does not fit its input.

    Raises
    ------
    ShapeError
        Names the shapes.
    """
    if x.dim() != 3 or weight.dim() != 3 or x.shape[0] != weight.shape[0] or x.shape[2] != weight.shape[2]:
        raise ShapeError(
            f"x, weight must be (groups, tokens, in), (groups, out, in), got {tuple(x.shape)}, {tuple(weight.shape)}."
        )
    if bias is not None and bias.shape != weight.shape[:2]:
        raise ShapeError(f"bias must be (groups, out) = {tuple(weight.shape[:2])}, got {tuple(bias.shape)}.")


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, residual: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        weight, bias = in_order(weight), None if bias is None else in_order(bias)
        residual = None if residual is None else side_by_side(residual)
        x = side_by_side(x)
        y = x.new_empty(*x.shape[:2], weight.shape[1])
        maps = [(view(weight), maybe_view(bias), view(y), None, None)]
        _core.linear_forward(view(x), None, None, maybe_view(residual), maps, n_threads())
        return y

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (grad,) = grads
        x, weight = ctx.saved_tensors
        need_x, need_weight, need_bias, need_residual = ctx.needs_input_grad
        dx = _input_gradient(grad, weight) if need_x else None
        dweight, dbias = _weight_gradient(grad, x) if need_weight or need_bias else (None, None)
        return dx, dweight if need_weight else None, dbias if need_bias else None, grad if need_residual else None


STRETCH, PRODUCTS = 128, 512
"""Tokens that one product of the weights' gradients sums over on a device, where there are so many, and how many there
are at most of more than one a group: processors are busy for long enough, and there are products for all."""


def _without_kernels(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    if is_transformed() or is_autocast(x):  # who looks at torch's own operators
        return _products(x, weight, bias)
    out: Tensor = _Batched.apply(x, weight, bias)
    return out


def _products(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    turned = weight.transpose(1, 2)
    return torch.bmm(x, turned) if bias is None else torch.baddbmm(bias[:, None], x, turned)


class _Batched(torch.autograd.Function):
    """`_Linear` by torch's batched products, for any device."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        return _products(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (grad,) = grads  # by torch's own operators, which have derivatives in their turn
        x, weight = ctx.saved_tensors
        need_x, need_weight, need_bias = ctx.needs_input_grad
        dx = torch.bmm(grad, weight) if need_x else None
        dweight = over_stretches(grad, x) if need_weight else None
        return dx, dweight, grad.sum(1) if need_bias else None


class _BatchedLinears(torch.autograd.Function):
    """`_Linears` by torch's batched products: the maps' parts of the input's gradient are added up by the products."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, n_maps: int, *maps: Tensor) -> tuple[Tensor, ...]:
        weights, biases = maps[:n_maps], maps[n_maps:]
        ctx.save_for_backward(x, *weights)
        turned = [w.transpose(1, 2) for w in weights]
        return tuple(torch.baddbmm(b[:, None], x, w) for w, b in zip(turned, biases, strict=True))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        return _linears_gradients(ctx, grads)


def _linears_gradients(ctx: Any, grads: Sequence[Tensor]) -> tuple[Tensor | None, ...]:
    """Gradients of `_Linears` and `_BatchedLinears` by torch's own operators."""
    x, *weights = ctx.saved_tensors
    dx = products_sum(grads, weights) if ctx.needs_input_grad[0] else None
    asked = ctx.needs_input_grad[2:]
    dweights = [over_stretches(grad, x) if ask else None for grad, ask in zip(grads, asked, strict=False)]
    dbiases = [grad.sum(1) if ask else None for grad, ask in zip(grads, asked[len(grads) :], strict=True)]
    return (dx, None, *dweights, *dbiases)


def products_sum(lefts: Sequence[Tensor], rights: Sequence[Tensor], start: Tensor | None = None) -> Tensor:
    """Give ``start + sum_k lefts_k @ rights_k``, one product added to what the others came to."""
    left, right = lefts[0], rights[0]
    out = torch.bmm(left, right) if start is None else torch.baddbmm(start, left, right)
    # Of many gradients at once (is_grads_batched, and vmap), none of which is changed in place.
    batched = torch._C._are_functorch_transforms_active() or any(map(is_many, (*lefts, out)))
    for left, right in zip(lefts[1:], rights[1:], strict=True):
        out = torch.baddbmm(out, left, right) if batched else out.baddbmm_(left, right)
    return out


def over_stretches(grad: Tensor, x: Tensor) -> Tensor:
    """Give ``sum_t grad[g, t] x[g, t]ᵀ``, the tokens cut into equal stretches."""
    groups, tokens, _ = x.shape
    most = max(1, min(tokens // STRETCH, PRODUCTS // max(1, groups)))
    stretches = next(n for n in range(most, 0, -1) if tokens % n == 0)
    left, right = (a.reshape(groups * stretches, tokens // stretches, a.shape[2]) for a in (grad, x))
    each = torch.bmm(left.transpose(1, 2), right)
    return each.view(groups, stretches, *each.shape[1:]).sum(1)


class _InputGradient(torch.autograd.Function):
    """``dx[g, t] = weight[g]ᵀ grad[g, t]``."""

    @staticmethod
    def forward(ctx: Any, grad: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(grad, weight)
        grad, weight = side_by_side(grad), in_order(weight)
        dx = grad.new_empty(*grad.shape[:2], weight.shape[2])
        maps = [(view(weight), None, view(grad), None, None)]
        _core.linear_input_gradient(None, None, None, None, maps, view(dx), n_threads())
        return dx

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor | None]:
        (second,) = grads
        grad, weight = ctx.saved_tensors
        return (
            _linear(second, weight, None) if ctx.needs_input_grad[0] else None,
            _weight_gradient(grad, second)[0] if ctx.needs_input_grad[1] else None,
        )


class _WeightGradient(torch.autograd.Function):
    """``dweight[g] = sum_t grad[g, t] x[g, t]ᵀ`` and ``dbias[g] = sum_t grad[g, t]``."""

    @staticmethod
    def forward(ctx: Any, grad: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(grad, x)
        grad, x = side_by_side(grad), side_by_side(x)
        dweight = grad.new_empty(grad.shape[0], grad.shape[2], x.shape[2])
        dbias = grad.new_empty(grad.shape[0], grad.shape[2])
        # The map's weights are not read where there is no normalisation: the gradient's place stands for them.
        maps = [(view(dweight), None, view(grad), view(dweight), view(dbias))]
        _core.linear_weight_gradients(view(x), None, None, maps, None, None, n_threads())
        return dweight, dbias

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor | None]:
        second, second_bias = grads
        grad, x = ctx.saved_tensors
        dgrad = _linear(x, second, second_bias) if ctx.needs_input_grad[0] else None
        return dgrad, _input_gradient(grad, second) if ctx.needs_input_grad[1] else None


# Of many gradients at once there is no memory that the core could look at.
def _linear(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    if any(is_many(part) for part in (x, weight, bias) if part is not None):
        return _products(x, weight, bias)
    out: Tensor = _Linear.apply(x, weight, bias, None)
    return out


def _input_gradient(grad: Tensor, weight: Tensor) -> Tensor:
    if is_many(grad) or is_many(weight):
        return torch.bmm(grad, weight)
    out: Tensor = _InputGradient.apply(grad, weight)
    return out


def _weight_gradient(grad: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
    if is_many(grad) or is_many(x):
        return over_stretches(grad, x), grad.sum(1)
    out: tuple[Tensor, Tensor] = _WeightGradient.apply(grad, x)
    return out


class _Linears(torch.autograd.Function):
    """`_Linear` for several maps of one input: tokens come into the cache once for all of them, each way."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, n_maps: int, *maps: Tensor) -> tuple[Tensor, ...]:
        x, maps = side_by_side(x), tuple(in_order(m) for m in maps)
        weights, biases = maps[:n_maps], maps[n_maps:]
        ctx.save_for_backward(x, *weights)
        ys = tuple(x.new_empty(*x.shape[:2], w.shape[1]) for w in weights)
        calls = [(view(w), view(b), view(y), None, None) for w, b, y in zip(weights, biases, ys, strict=True)]
        _core.linear_forward(view(x), None, None, None, calls, n_threads())
        return ys

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        if any(map(is_many, grads)):
            return _linears_gradients(ctx, grads)
        x, *weights = ctx.saved_tensors
        dys = [side_by_side(g) for g in grads]
        dweights = [torch.empty_like(w) for w in weights]
        dbiases = [w.new_empty(w.shape[:2]) for w in weights]
        calls = [
            (view(w), None, view(dy), view(dw), view(db))
            for w, dy, dw, db in zip(weights, dys, dweights, dbiases, strict=True)
        ]
        _core.linear_weight_gradients(view(x), None, None, calls, None, None, n_threads())
        dx = None
        if ctx.needs_input_grad[0]:
            dx = torch.empty(x.shape, dtype=x.dtype)
            _core.linear_input_gradient(None, None, None, None, calls, view(dx), n_threads())
        return (dx, None, *dweights, *dbiases)
