"""Devices: whether torch computes on one, and whether the core has kernels for it."""

from __future__ import annotations

import functools
from typing import Any

import torch

from synfer import _core
from synfer.errors import InputError
from synfer.ops.views import is_transformed

CAPABILITY = (8, 0)
"""The oldest CUDA devices that the core is built for."""


@functools.cache
def is_recent(index: int | None) -> bool:
    """Whether the kernels run on a device."""
    return torch.cuda.is_available() and torch.cuda.get_device_capability(index) >= CAPABILITY


@functools.cache
def shared_bytes(index: int | None) -> int:
    """Give what a block may have: 227 KiB on an H100, 99 on cards of compute capability 8.6 and 8.9."""
    properties: Any = torch.cuda.get_device_properties(index)  # torch's stubs lack the name
    return int(properties.shared_memory_per_block_optin)


@functools.cache
def processors(index: int) -> int:
    """Give how many multiprocessors a device has."""
    return torch.cuda.get_device_properties(index).multi_processor_count


def has_cuda_kernels(*tensors: torch.Tensor | None) -> bool:
    """Whether there are the ensemble's CUDA kernels for these: as `views.has_kernels` of a device's memory."""
    given = [x for x in tensors if x is not None]
    return (
        not is_transformed()
        and all(
            x.is_cuda
            and type(x) in (torch.Tensor, torch.nn.Parameter)
            and x.dtype in (torch.float32, torch.float64)
            and x.numel() > 0
            and torch._C._has_storage(x)
            for x in given
        )
        and _core.cuda_built
        and is_recent(given[0].device.index)
    )


def has_cuda_layers(*tensors: torch.Tensor | None) -> bool:
    """Whether the ensemble's layers put together for CUDA devices take these: not where autocast chooses dtypes."""
    return has_cuda_kernels(*tensors) and not torch.is_autocast_enabled("cuda")


def refuse_missing_device(device: str) -> None:
    """Refuse a device that torch cannot compute on here."""
    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise InputError(
            f"device must be one that torch can compute on here, such as 'cpu'; got {device!r}: "
            f"{str(error).splitlines()[0]}"
        ) from None
