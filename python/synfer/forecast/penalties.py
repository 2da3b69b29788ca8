"""The L1 norm of a gradient that is a product of matrices, summed a few rows at a time with its own gradient."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

_NUMBERS = 1 << 16  # of the product held together: 256 KB, within the second-level cache


def product_l1_reference(outer: Tensor, inner: Tensor, skip: Tensor | None, *, diagonal: bool = True) -> Tensor:
    """Slow twin of `product_l1`: the whole product in memory, autograd's gradient."""
    product = torch.matmul(outer, inner)
    if skip is not None:
        product = product + skip[:, None]
    size = product.abs().unflatten(-1, (outer.shape[2], -1))
    total = size.sum((1, 2, 3, 4))
    return total if diagonal else total - torch.diagonal(size, dim1=2, dim2=3).sum((1, 2, 3))


def product_l1(outer: Tensor, inner: Tensor, skip: Tensor | None, *, diagonal: bool = True) -> Tensor:
    """Sum of ``abs(outer inner + skip)`` over rows, targets, sources and lags.

    The product is N^2 L numbers a row, which would go to memory and back a dozen times; here it stays in the cache, and
    its sign is multiplied into the gradients while it is there.

    Parameters
    ----------
    outer : Tensor, (I, B, N, H)
    inner : Tensor, (I, B or 1, H, N L)
        Sources' lags lie together.
    skip : Tensor, (I, N, N L), optional
    diagonal : bool
        Whether targets' own lags count.

    Returns
    -------
    Tensor, (I,)
    """
    total: Tensor = _ProductL1.apply(outer, inner, skip, diagonal)
    return total


class _ProductL1(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, outer: Tensor, inner: Tensor, skip: Tensor | None, diagonal: bool) -> Tensor:
        members, rows, n, hidden = outer.shape
        size = inner.shape[-1]
        chunk = max(1, min(rows, _NUMBERS // (n * size)))
        total = outer.new_zeros(members)
        outer = outer.contiguous()
        d_outer, d_inner = torch.empty_like(outer), inner.new_zeros(inner.shape)
        d_skip = None if skip is None else torch.zeros_like(skip)
        held = outer.new_empty(chunk, n, size)
        shared = inner.shape[1] == 1
        for m in range(members):
            for first in range(0, rows, chunk):
                some = slice(first, min(rows, first + chunk))
                left = outer[m, some]
                product = held[: len(left)]
                right = inner[m, 0].expand(len(left), hidden, size) if shared else inner[m, some]
                if shared:
                    torch.mm(left.view(-1, hidden), inner[m, 0], out=product.view(-1, size))
                else:
                    torch.bmm(left, right, out=product)
                if skip is not None:
                    product += skip[m]
                if not diagonal:
                    product.view(-1, n, n, size // n).diagonal(dim1=1, dim2=2).zero_()
                total[m] += torch.linalg.vector_norm(product, 1)
                product.sign_()
                if d_skip is not None:
                    d_skip[m] += product[0] if len(left) == 1 else product.sum(0)
                if shared:
                    torch.mm(product.view(-1, size), inner[m, 0].mT, out=d_outer[m, some].view(-1, hidden))
                    d_inner[m, 0].addmm_(left.view(-1, hidden).mT, product.view(-1, size))
                else:
                    torch.bmm(product, right.mT, out=d_outer[m, some])
                    torch.bmm(left.mT, product, out=d_inner[m, some])
        ctx.save_for_backward(d_outer, d_inner, d_skip)
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor | None, None]:
        d_outer, d_inner, d_skip = ctx.saved_tensors
        g = gradient[:, None, None]
        return d_outer * g[..., None], d_inner * g[..., None], None if d_skip is None else d_skip * g, None
