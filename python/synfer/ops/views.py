"""Tensors as the compiled core takes them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad

from synfer import _core
from synfer.errors import InputError

View = tuple[int, tuple[int, ...], tuple[int, ...], str]
"""Address, shape, strides in elements, dtype."""

NAMES = {torch.float32: "float32", torch.float64: "float64", torch.bfloat16: "bfloat16"}


_POOLED = 1 << 20  # bytes below which the system's memory is warm anyway, and asking the pool would show


def _is_pooled(shape: Sequence[int], dtype: torch.dtype) -> bool:
    return dtype in (torch.float32, torch.float64) and math.prod(shape) * dtype.itemsize >= _POOLED


def new_empty(x: Tensor, shape: Sequence[int], *, dtype: torch.dtype) -> Tensor:
    """Do as ``x.new_empty``; what is large comes from the core's pool where x is in CPU memory.

    The system clears each page of fresh memory at its first touch, which takes longer than computing some results.
    """
    if x.device.type != "cpu" or not _is_pooled(shape, dtype):
        return x.new_empty(shape, dtype=dtype)
    return torch.from_numpy(_core.empty(shape, NAMES[dtype]))


def new_empty_heads(x: Tensor, shape: Sequence[int], *, dtype: torch.dtype) -> Tensor:
    """Make an empty tensor (B, H, L, E) that lies in memory as (B, L, H, E), as :func:`new_empty` does.

    It is nobody's view: torch lets no view be changed in place that an autograd.Function gave, or that was made without
    gradients.
    """
    b, h, tokens, channels = shape
    if x.device.type != "cpu" or not _is_pooled(shape, dtype):
        joined = max(h, 1) * max(channels, 1)
        strides = (max(tokens, 1) * joined, max(channels, 1), joined, 1)
        return x.new_empty_strided(shape, strides, dtype=dtype)
    return torch.from_numpy(_core.empty((b, tokens, h, channels), NAMES[dtype]).swapaxes(1, 2))


def empty_like(x: Tensor, *, dtype: torch.dtype) -> Tensor:
    """Do as ``torch.empty_like``, as :func:`new_empty` does."""
    if x.device.type != "cpu" or x.numel() * dtype.itemsize < _POOLED:
        return torch.empty_like(x, dtype=dtype)
    strides = torch.empty_like(x, dtype=dtype, device="meta").stride()
    return new_empty(x, x.shape, dtype=dtype).as_strided(x.shape, strides)


def view(x: Tensor) -> View:
    """Give a tensor's address and layout; whoever calls keeps it alive."""
    return x.data_ptr(), x.shape, x.stride(), NAMES[x.dtype]


def maybe_view(x: Tensor | None) -> View | None:
    """Give nothing for nothing."""
    return None if x is None else view(x)


def has_kernels(*tensors: Tensor | None) -> bool:
    """Whether the layers of an ensemble are compiled for these: in CPU memory, in float32 or float64, none empty.

    Not under a transform of torch's, nor for tensors that only stand for others (subclasses, and gradients that stand
    for many, have no memory of ours to look at): there plain torch does the work.

    Raises
    ------
    InputError
        They are of several dtypes or devices.
    """
    given = [x for x in tensors if x is not None]
    _refuse_mixture(given)
    return _have_kernels(given)


def has_layers(*tensors: Tensor | None) -> bool:
    """As `has_kernels`, for layers that multiply: not where autocast chooses dtypes.

    Raises
    ------
    InputError
        They are of several devices, or of several dtypes of which autocast does not make one.
    """
    given = [x for x in tensors if x is not None]
    cast = is_autocast(given[0])
    _refuse_mixture(given, torch.get_autocast_dtype(given[0].device.type) if cast else None)
    return not cast and _have_kernels(given)


def _refuse_mixture(given: Sequence[Tensor], lower: torch.dtype | None = None) -> None:
    """Autocast makes all ``lower`` but what is of float64."""
    dtypes = {x.dtype if lower is None or x.dtype == torch.float64 else lower for x in given}
    for what, found in (("dtype", dtypes), ("device", {x.device for x in given})):
        if len(found) > 1:
            names = sorted(str(one).removeprefix("torch.") for one in found)
            raise InputError(f"all tensors must be of one {what}, got {' and '.join(names)}.")


def _have_kernels(given: Sequence[Tensor]) -> bool:
    return (
        not is_transformed()  # first: who traces cannot see what is asked of storage
        and given[0].device.type == "cpu"
        and given[0].dtype in (torch.float32, torch.float64)
        and all(type(x) in (Tensor, nn.Parameter) and x.numel() > 0 and torch._C._has_storage(x) for x in given)
    )


def is_autocast(x: Tensor) -> bool:
    """Whether autocast chooses dtypes on x's device; the one that holds nothing is not even to be asked."""
    return x.device.type != "meta" and torch.is_autocast_enabled(x.device.type)


def is_transformed() -> bool:
    """Whether torch traces, transforms, or carries tangents forward: it is to see its own operators then."""
    return (
        torch.compiler.is_compiling() or torch._C._are_functorch_transforms_active() or forward_ad._current_level >= 0
    )


def is_many(x: Tensor) -> bool:
    """Whether a gradient stands for many (``is_grads_batched``), and has no memory."""
    return bool(torch._C._functorch.is_legacy_batchedtensor(x))


def in_order(x: Tensor) -> Tensor:
    """Give x, or a copy of it in C order and without a pending sign."""
    return x.resolve_neg().contiguous()


def side_by_side(x: Tensor) -> Tensor:
    """Give x, or a copy of it whose channels lie side by side, without a pending sign."""
    x = x.resolve_neg()
    return x if x.stride(-1) == 1 or x.shape[-1] == 1 else x.contiguous()
