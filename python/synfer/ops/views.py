"""Tensors as the compiled core takes them."""

from __future__ import annotations

import torch
from torch import Tensor

View = tuple[int, tuple[int, ...], tuple[int, ...], str]
"""Address, shape, strides in elements, dtype."""

NAMES = {torch.float32: "float32", torch.float64: "float64", torch.bfloat16: "bfloat16"}


def view(x: Tensor) -> View:
    """Give a tensor's address and layout; whoever calls keeps it alive."""
    return x.data_ptr(), x.shape, x.stride(), NAMES[x.dtype]


def maybe_view(x: Tensor | None) -> View | None:
    """Give nothing for nothing."""
    return None if x is None else view(x)


def has_kernels(x: Tensor) -> bool:
    """Whether the layers of an ensemble are compiled for what x is: on the CPU, in float32 or float64, not empty."""
    return (
        x.device.type == "cpu"
        and x.dtype in (torch.float32, torch.float64)
        and x.numel() > 0
        and not torch.compiler.is_compiling()
        and not torch._C._are_functorch_transforms_active()
    )


def side_by_side(x: Tensor) -> Tensor:
    """Give x, or a copy of it whose channels lie side by side."""
    return x if x.stride(-1) == 1 or x.shape[-1] == 1 else x.contiguous()
