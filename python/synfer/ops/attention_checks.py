"""What attention's arguments must be, whoever computes it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import torch
from torch import Tensor

from synfer.errors import InputError, ShapeError, UnknownNameError

_REDUCIBLE = ("batch", "head", "lag")
_NORMALIZE = ("softmax", "none")
_DTYPES = (torch.float32, torch.float64, torch.bfloat16, torch.float16)


def check_kind(q: Any, k: Any, v: Any) -> None:
    """Refuse what is no tensor."""
    if not (isinstance(q, Tensor) and isinstance(k, Tensor) and isinstance(v, Tensor)):
        kinds = ", ".join(type(x).__name__ for x in (q, k, v))
        raise InputError(f"q, k, v must be torch tensors, got {kinds}: torch.as_tensor makes them.")


def check(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    n_sources: int | None,
    scale: Any,
    reduce: Collection[str],
    bias: Tensor | None,
    normalize: str,
) -> tuple[str, ...]:
    """Refuse, by name, what does not fit together; give the axes to reduce. Arguments and errors as
    :func:`~synfer.ops.attention_with_map`'s.
    """
    check_kind(q, k, v)
    if q.dim() != 4 or k.dim() != 4 or v.dim() != 4 or k.shape[:3] != v.shape[:3]:
        raise ShapeError(
            "q, k, v must be (B, H, L, D), (B, H, S, D), (B, H, S, E), "
            f"got {tuple(q.shape)}, {tuple(k.shape)}, {tuple(v.shape)}."
        )
    if q.shape[:2] != k.shape[:2] or q.shape[-1] != k.shape[-1]:
        raise ShapeError(
            f"q (B, H, L, D) and k (B, H, S, D) must share B, H and D, got {tuple(q.shape)}, {tuple(k.shape)}."
        )
    if not q.dtype == k.dtype == v.dtype:
        raise InputError(f"q, k, v must be of one dtype, got {q.dtype}, {k.dtype}, {v.dtype}.")
    if bias is not None and not isinstance(bias, Tensor):
        raise InputError(f"bias must be a torch tensor, got a {type(bias).__name__}: torch.as_tensor makes one.")
    for name, x in (("q", q), ("bias", bias)):
        if x is not None and x.dtype not in _DTYPES:
            raise InputError(f"{name} must be of a floating dtype, 16 bits or more, got {x.dtype}.")
    for name, x in (("q", q), ("k", k), ("v", v), ("bias", bias)):
        if x is not None and x.layout is not torch.strided:
            raise InputError(f"{name} must be dense, got a tensor of layout {x.layout}: take its to_dense().")
    devices = [x.device for x in (q, k, v, bias) if x is not None]
    if len(set(devices)) > 1:
        raise InputError(f"q, k, v and bias must be on one device, got {', '.join(map(str, devices))}.")
    n_keys = k.shape[-2]
    if n_sources is not None and not hasattr(n_sources, "__index__"):
        raise InputError(f"n_sources must be a whole number, got a {type(n_sources).__name__}.")
    if n_sources is not None and (n_sources < 1 or n_keys % n_sources):
        raise ShapeError(f"S must be a multiple of n_sources, got S = {n_keys}, n_sources = {n_sources}.")
    widths = {n_keys, n_keys if n_sources is None else n_sources}
    if bias is not None and (bias.dim() != 2 or bias.shape[0] != q.shape[-2] or bias.shape[1] not in widths):
        raise ShapeError(
            f"bias must be (L, n_sources) or (L, S) = ({q.shape[-2]}, {n_sources or n_keys}) or "
            f"({q.shape[-2]}, {n_keys}), got {tuple(bias.shape)}."
        )
    if isinstance(reduce, str):
        raise InputError(f"reduce must be a collection of axes, got the string {reduce!r}: write ({reduce!r},).")
    reduce = tuple(reduce)  # it may be an iterator
    for axis in reduce:
        if axis not in _REDUCIBLE:
            raise UnknownNameError.of("reduce axis", axis, _REDUCIBLE)
    if normalize not in _NORMALIZE:
        raise UnknownNameError.of("normalize", normalize, _NORMALIZE)
    if isinstance(scale, Tensor) and scale.requires_grad:
        raise InputError("scale is a number and gets no gradient, got a tensor that wants one: multiply q by it.")
    if scale is not None and not hasattr(scale, "__float__"):
        raise InputError(f"scale must be a number, got a {type(scale).__name__}.")
    return reduce
