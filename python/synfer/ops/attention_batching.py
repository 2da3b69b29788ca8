"""vmap over attention: the added axis becomes more batch elements or more heads, and the kernels never know.

Registered on import. With V the length of the added axis: where the map is not reduced over the batch, it joins the
batch; otherwise it joins the heads, which the map is then kept apart by and reduced over afterwards.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from synfer.ops.attention_operator import library

_forward = torch.ops.synfer.attention_with_map.default
_backward = torch.ops.synfer.attention_with_map_backward.default


def _leading(x: Tensor, dim: int | None, length: int) -> Tensor:
    return x.expand(length, *x.shape) if dim is None else x.movedim(dim, 0)


def _fold(x: Tensor, dim: int | None, length: int, into_batch: bool) -> Tensor:
    """(V, B, H, ., .) to (V B, H, ., .), or to (B, V H, ., .)."""
    x = _leading(x, dim, length)
    return x.flatten(0, 1) if into_batch else x.transpose(0, 1).flatten(1, 2)


def _unfold(x: Tensor, length: int, into_batch: bool) -> Tensor:
    return x.unflatten(0, (length, -1)) if into_batch else x.unflatten(1, (length, -1)).transpose(0, 1)


def _one_by_one(operator: Any, length: int, dims: tuple[int | None, ...], arguments: tuple[Any, ...]) -> Any:
    """A loop, for what the kernels share between heads: a bias of its own, or the gradient of one, for each."""
    each = [
        operator(*(x if d is None else x.select(d, i) for x, d in zip(arguments, dims, strict=True)))
        for i in range(length)
    ]
    results = tuple(torch.stack(r) for r in zip(*each, strict=True))
    return results, (0,) * len(results)


@torch.library.register_vmap("synfer::attention_with_map", lib=library)
def _batched_forward(info: Any, in_dims: tuple[int | None, ...], *arguments: Any) -> Any:
    q, k, v, bias, n_sources, scale, over_batch, over_head, over_lag, softmax, out_map = arguments
    length = info.batch_size
    if in_dims[3] is not None:
        return _one_by_one(_forward, length, in_dims, arguments)
    q, k, v = (_fold(x, d, length, not over_batch) for x, d in zip((q, k, v), in_dims, strict=False))
    over_heads_at_once = over_head and not over_batch
    out, map_ = _forward(q, k, v, bias, n_sources, scale, over_batch, over_heads_at_once, over_lag, softmax, out_map)
    out = _unfold(out, length, not over_batch)
    if not out_map:
        return (out, map_), (0, None)
    map_ = map_.unflatten(0, (length, -1))  # by batch element or by head, whichever leads
    if over_batch and over_head:
        map_ = map_.mean(1)
    return (out, map_), (0, 0)


@torch.library.register_vmap("synfer::attention_with_map_backward", lib=library)
def _batched_backward(info: Any, in_dims: tuple[int | None, ...], *arguments: Any) -> Any:
    q, k, v, bias, grad_out, grad_map, n_sources, scale, over_batch, over_head, over_lag, softmax, want = arguments
    length = info.batch_size
    if in_dims[3] is not None or want:
        return _one_by_one(_backward, length, in_dims, arguments)
    q, k, v = (_fold(x, d, length, not over_batch) for x, d in zip((q, k, v), in_dims, strict=False))
    if grad_out is not None:
        grad_out = _fold(grad_out, in_dims[4], length, not over_batch)
    if grad_map is not None:
        grad_map = _leading(grad_map, in_dims[5], length)
        if over_batch and over_head:  # the mean over the heads of each
            n_heads = q.shape[1] // length
            grad_map = (grad_map / n_heads).unsqueeze(1).expand(-1, n_heads, *grad_map.shape[1:])
        grad_map = grad_map.flatten(0, 1)
    over_heads_at_once = over_head and not over_batch
    *grads, dbias = _backward(
        q, k, v, bias, grad_out, grad_map, n_sources, scale, over_batch, over_heads_at_once, over_lag, softmax, False
    )
    return (*(_unfold(x, length, not over_batch) for x in grads), dbias), (0, 0, 0, None)
