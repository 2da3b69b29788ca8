"""Many small linear maps at once: one for every initialisation of an ensemble."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from synfer.errors import ShapeError


def grouped_linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Apply linear map g to group g: ``y[m, g] = weight[g] @ x[m, g] + bias[g]``.

    The groups lie in the channels (token-major), so that normalisation and every elementwise step of an ensemble run
    over one contiguous array. On the CPU the product is a grouped 1 x 1 convolution in channels-last order by oneDNN,
    some twice as fast as batched matrix products through MKL on machines that are not Intel's; the weights' gradient,
    where the convolution is the slower of the two, is a batched product.

    Parameters
    ----------
    x : Tensor, (tokens, groups, in)
    weight : Tensor, (groups, out, in)
    bias : Tensor, (groups, out), optional

    Returns
    -------
    Tensor, (tokens, groups, out)

    Raises
    ------
    ShapeError
        Where the shapes do not fit together.
    """
    if x.dim() != 3 or weight.dim() != 3 or x.shape[1] != weight.shape[0] or x.shape[2] != weight.shape[2]:
        raise ShapeError(
            f"x, weight must be (tokens, groups, in), (groups, out, in), got {tuple(x.shape)}, {tuple(weight.shape)}."
        )
    if bias is not None and bias.shape != weight.shape[:2]:
        raise ShapeError(f"bias must be (groups, out) = {tuple(weight.shape[:2])}, got {tuple(bias.shape)}.")
    out: Tensor = _GroupedLinear.apply(x, weight, bias)
    return out


def grouped_linear_reference(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """The slow, obvious twin of :func:`grouped_linear`: a loop over the groups; same arguments and results."""
    biases = [None] * weight.shape[0] if bias is None else list(bias)
    return torch.stack(
        [torch.nn.functional.linear(x[:, g], weight[g], biases[g]) for g in range(weight.shape[0])], dim=1
    )


def _product(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    tokens, groups, n_in = x.shape
    n_out = weight.shape[1]
    if x.device.type == "cpu" and tokens and x.dtype == torch.float32 and torch.backends.mkldnn.is_available():
        pixels = x.reshape(1, tokens, 1, groups * n_in).permute(0, 3, 1, 2)
        kernel = weight.reshape(groups * n_out, n_in, 1, 1)
        offset = None if bias is None else bias.reshape(-1)
        # By name: with one thread conv2d would choose a slower path of its own.
        y = torch.mkldnn_convolution(pixels, kernel, offset, [0, 0], [1, 1], [1, 1], groups)
        return y.permute(0, 2, 3, 1).reshape(tokens, groups, n_out)
    y = torch.bmm(x.transpose(0, 1), weight.transpose(1, 2)).transpose(0, 1)
    return y if bias is None else y + bias


class _GroupedLinear(torch.autograd.Function):
    """Made of differentiable steps throughout, so that second derivatives (Jacobian penalties) work."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.has_bias = bias is not None
        return _product(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        (grad,) = grads
        x, weight = ctx.saved_tensors
        grad_x = grad_weight = grad_bias = None
        if ctx.needs_input_grad[0]:
            grad_x = _GroupedLinear.apply(grad, weight.transpose(1, 2), None)
        if ctx.needs_input_grad[1]:
            grad_weight = torch.bmm(grad.permute(1, 2, 0), x.transpose(0, 1))
        if ctx.has_bias and ctx.needs_input_grad[2]:
            grad_bias = grad.sum(0)
        return grad_x, grad_weight, grad_bias
