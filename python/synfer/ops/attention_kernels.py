"""Which compiled kernels attend to a tensor: the core's on the CPU, their twins on a CUDA device."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from synfer import _core
from synfer.errors import DeviceError
from synfer.ops import devices
from synfer.ops.devices import is_recent, shared_bytes
from synfer.ops.views import NAMES
from synfer.threads import n_threads


class Kernels(NamedTuple):
    """Both passes, and what they take behind the tensors: where to work."""

    forward: Callable[..., None]
    backward: Callable[..., None]
    where: tuple[Any, ...]


def on_cpu(q: Tensor) -> Kernels:
    """Give the kernels for tensors in the machine's memory."""
    return Kernels(_core.attention_forward, _core.attention_backward, (n_threads(),))


def on_cuda(q: Tensor, core: Any = _core, processors: int | None = None, stream: int | None = None) -> Kernels:
    """Give the kernels for tensors beside ``q`` on a CUDA device; workspace is torch's, on its current stream."""
    index = q.device.index or 0
    workspace: list[Tensor] = []

    def allocate(n_bytes: int) -> int:
        workspace.append(torch.empty(n_bytes, dtype=torch.uint8, device=q.device))
        return workspace[-1].data_ptr()

    def named(kernel: Callable[..., None]) -> Callable[..., None]:
        def launch(*arguments: Any) -> None:
            try:
                kernel(*arguments)
            except torch.OutOfMemoryError:  # of the workspace: the reference would need more
                raise
            except RuntimeError as problem:
                raise DeviceError(
                    f"attention could not be launched on {q.device} ({problem}): take attention_with_map_reference, "
                    "or the CPU."
                ) from problem

        return launch

    if stream is None:
        stream = torch.cuda.current_stream(q.device).cuda_stream
    where = (index, devices.processors(index) if processors is None else processors, stream, allocate)
    return Kernels(named(core.cuda_attention_forward), named(core.cuda_attention_backward), where)


KERNELS: dict[str, Callable[[Tensor], Kernels]] = {"cpu": on_cpu, "cuda": on_cuda}
"""By type of device; the tests put the kernels of one in another's place."""


@torch.compiler.assume_constant_result  # torch.compile cannot look into the core
def _most_channels(index: int | None, is_double: bool) -> int:
    """Of a key or a value, that the kernels take on a CUDA device; 0 where there are none for it."""
    if not _core.cuda_built or not is_recent(index):
        return 0
    widest, room = _core.cuda_attention_channels[is_double], shared_bytes(index)
    while widest >= 1 and _core.cuda_attention_shared_bytes(widest, is_double) > room:
        widest //= 2
    return widest


def is_compiled(q: Tensor, v: Tensor) -> bool:
    """Whether there is a kernel for this device, its shared memory, this dtype and number of channels."""
    if q.dtype not in NAMES:
        return False
    if q.device.type != "cuda":
        return q.device.type == "cpu"
    return max(q.shape[-1], v.shape[-1]) <= _most_channels(q.device.index, q.dtype == torch.float64)
