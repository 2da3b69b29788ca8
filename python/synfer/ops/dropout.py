"""Dropout whose random numbers are counted, not kept: what is dropped depends on a key and a counter alone."""

from __future__ import annotations

import dataclasses
import functools
import operator
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from synfer import _core
from synfer.errors import DeviceError, InputError, ShapeError
from synfer.ops import devices
from synfer.ops.devices import has_cuda_kernels
from synfer.ops.views import has_kernels, is_many, maybe_view, side_by_side, view
from synfer.threads import n_threads

_WORD = 0xFFFFFFFF


class Replay(NamedTuple):
    """What a recorded CUDA graph reads of its draws when it is replayed, on its device; see `replay_of`.

    Parameters
    ----------
    seeds : Tensor, (group,), int64
        The bits of `Drop.seeds`.
    advance : Tensor, (1,), int32
        Added to `Drop.step`.
    """

    seeds: Tensor
    advance: Tensor


@dataclasses.dataclass(frozen=True)
class Drop:
    """What decides which elements are dropped.

    Parameters
    ----------
    seeds : tuple of int, one a group
        Keys of each group's random numbers, 0 to 2^64 - 1.
    step : int
        Which draw, 0 to 2^32 - 1.
    p : float
        Share of the elements that are dropped, at least 0 and below 1; to within 2^-17, for sixteen bits decide each.
    stream : int
        Tells apart draws of one step.
    replay : Replay, optional
        Says on a device, when numbers are drawn, how far ``step`` has come: so a recorded CUDA graph draws on.
    """

    seeds: tuple[int, ...]
    step: int = 0
    p: float = 0.1
    stream: int = 0
    replay: Replay | None = dataclasses.field(default=None, compare=False)

    def __post_init__(self) -> None:
        if not 0.0 <= self.p < 1.0:
            raise InputError(f"p must be a share, at least 0 and below 1; got {self.p}.")
        object.__setattr__(self, "seeds", tuple(_whole("seeds", seed, 2**64) for seed in self.seeds))
        object.__setattr__(self, "step", _whole("step", self.step, 2**32))
        object.__setattr__(self, "stream", _whole("stream", self.stream, 2**32 - 1))

    @property
    def threshold(self) -> int:
        """Sixteen bits below this drop an element."""
        return min(round(self.p * 2**16), 2**16 - 1)

    @property
    def arguments(self) -> tuple[list[int], int, int, int]:
        """As the core takes them on the CPU."""
        further = 0 if self.replay is None else int(self.replay.advance)
        return list(self.seeds), self.stream, (self.step + further) & _WORD, self.threshold

    def next_stream(self) -> Drop:
        """Give another draw of the same step."""
        return dataclasses.replace(self, stream=self.stream + 1)


def _whole(name: str, value: Any, end: int) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        raise InputError(f"{name} must be whole; got {value!r}.") from None
    if not 0 <= number < end:
        raise InputError(f"{name} must be at least 0 and below {end}; got {number}.")
    return number


def dropout(x: Tensor, drop: Drop) -> Tensor:
    """Zero a share p of the elements, scale the others by 1 / (1 - p).

    Element (token, channel) of group g is decided by sixteen bits of the Philox4x32-10 block with key ``seeds[g]`` and
    counter (token, channel's block, stream, step): a group's draws do not depend on which others there are, and the
    gradient makes them again instead of keeping them.

    Parameters
    ----------
    x : Tensor, (groups, tokens, channels)
    drop : Drop

    Returns
    -------
    Tensor, (groups, tokens, channels)

    Raises
    ------
    ShapeError
        x is not (groups, tokens, channels) with as many groups as seeds.

    Notes
    -----
    Source: J. K. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
    """
    if x.dim() != 3 or x.shape[0] != len(drop.seeds):
        raise ShapeError(f"x must be ({len(drop.seeds)} groups, tokens, channels), got {tuple(x.shape)}.")
    if not has_kernels(x) and not has_cuda_kernels(x):
        return dropout_reference(x, drop)
    out: Tensor = _Dropout.apply(x, drop)
    return out


def dropout_reference(x: Tensor, drop: Drop) -> Tensor:
    """The slow, obvious twin of :func:`dropout`: the random numbers in torch's integers, on any device."""
    groups, tokens, channels = x.shape
    blocks = (channels + 127) // 128 * 16
    seeds, stream, step, threshold = drop.arguments
    keys = [torch.tensor([(s >> shift) & _WORD for s in seeds], device=x.device)[:, None, None] for shift in (0, 32)]
    counter = [
        torch.arange(tokens, device=x.device)[:, None].expand(groups, tokens, blocks),
        torch.arange(blocks, device=x.device).expand(groups, tokens, blocks),
        torch.tensor(stream, device=x.device).expand(groups, tokens, blocks),
        torch.tensor(step, device=x.device).expand(groups, tokens, blocks),
    ]
    words = _philox(counter, keys)
    bits = torch.cat([half for word in words for half in (word & 0xFFFF, word >> 16)], dim=-1)[..., :channels]
    return torch.where(bits >= threshold, x * (2**16 / (2**16 - threshold)), torch.zeros_like(x))


def _philox(counter: list[Tensor], key: list[Tensor]) -> list[Tensor]:
    """Ten rounds on 32-bit words held in 64-bit integers, whose products wrap as they should."""
    w0, w1, w2, w3 = counter
    k0, k1 = key
    for _ in range(10):
        even, odd = w0 * 0xD2511F53, w2 * 0xCD9E8D57
        w0, w1, w2, w3 = (odd >> 32) & _WORD ^ w1 ^ k0, odd & _WORD, (even >> 32) & _WORD ^ w3 ^ k1, even & _WORD
        k0, k1 = (k0 + 0x9E3779B9) & _WORD, (k1 + 0xBB67AE85) & _WORD
    return [w0, w1, w2, w3]


def on_cpu(x: Tensor, drop: Drop, y: Tensor) -> None:
    """Drop of x in the machine's memory."""
    _core.dropout(view(x), drop.arguments, view(y), n_threads())


def on_cuda(
    x: Tensor,
    drop: Drop,
    y: Tensor,
    fused: str = "",
    beside: Tensor | None = None,
    *,
    core: Any = _core,
    processors: int | None = None,
    stream: int | None = None,
) -> None:
    """Drop of x on a CUDA device, on torch's current stream, and in the same pass what ``fused`` says."""
    index = x.device.index or 0
    stream = torch.cuda.current_stream(x.device).cuda_stream if stream is None else stream
    processors = devices.processors(index) if processors is None else processors
    seeds = 0 if drop.replay is not None else _seeds_on(x.device, drop.seeds).data_ptr()
    advance = 0
    if drop.replay is not None:
        _check_replay(drop, x.device)
        seeds, advance = (told.data_ptr() for told in drop.replay)
    where = (index, processors, stream)
    try:
        numbers = (seeds, drop.stream, drop.step, drop.threshold, advance)
        core.cuda_dropout(view(x), *numbers, view(y), *where, fused, maybe_view(beside))
    except RuntimeError as problem:
        raise DeviceError(
            f"dropout could not be launched on {x.device} ({problem}): take dropout_reference, or the CPU."
        ) from problem


KERNELS: dict[str, Callable[..., None]] = {"cpu": on_cpu, "cuda": on_cuda}
"""By type of device; the tests put the kernel of one in another's place."""
FUSED: dict[str, Callable[..., None]] = {"cuda": on_cuda}
"""Those that do more in one pass."""


def gelu_dropout(x: Tensor, drop: Drop) -> Tensor:
    """``dropout(gelu(x), drop)``, in one pass where there is a kernel for it; has no gradient."""
    if x.device.type in FUSED:
        return _in_one_pass(x, drop, "gelu")
    return dropout(functional.gelu(x), drop)


def gelu_dropout_gradient(grad: Tensor, x: Tensor, drop: Drop) -> Tensor:
    """What `gelu_dropout` of x has as gradient, given that of its result."""
    if x.device.type in FUSED and not is_many(grad):
        return _in_one_pass(grad, drop, "gelu_gradient", x)
    gradient: Tensor = torch.ops.aten.gelu_backward(dropout(grad, drop), x)
    return gradient


def dropout_sum(x: Tensor, drop: Drop, beside: Tensor) -> Tensor:
    """``beside + dropout(x, drop)``, as `gelu_dropout` does it."""
    if x.device.type in FUSED:
        return _in_one_pass(x, drop, "sum", beside)
    return beside + dropout(x, drop)


def _in_one_pass(x: Tensor, drop: Drop, fused: str, beside: Tensor | None = None) -> Tensor:
    x, beside = side_by_side(x), None if beside is None else side_by_side(beside)
    y = x.new_empty(x.shape)
    FUSED[x.device.type](x, drop, y, fused, beside)
    return y


def _check_replay(drop: Drop, device: torch.device) -> None:
    assert drop.replay is not None
    for name, dtype, n in (("seeds", torch.int64, len(drop.seeds)), ("advance", torch.int32, 1)):
        told = getattr(drop.replay, name)
        if told.device != device or told.dtype != dtype or told.shape != (n,) or not told.is_contiguous():
            raise InputError(
                f"replay.{name} must be ({n},) {dtype} side by side on {device}; got {tuple(told.shape)} {told.dtype} "
                f"on {told.device}."
            )


def replay_of(device: torch.device, seeds: tuple[int, ...]) -> Replay:
    """Give what graphs of draws with these seeds read: the seeds' bits, and how far the step has come, 0."""
    return Replay(_bits(seeds).to(device), torch.zeros(1, dtype=torch.int32, device=device))


def _bits(seeds: tuple[int, ...]) -> Tensor:
    return torch.tensor([s - 2**64 if s >= 2**63 else s for s in seeds], dtype=torch.int64)


@functools.lru_cache(maxsize=64)
def _seeds_on(device: torch.device, seeds: tuple[int, ...]) -> Tensor:
    """Seeds as a kernel reads them: their bits, copied to the device once for all steps of a fit."""
    return _bits(seeds).to(device)


class _Dropout(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, drop: Drop) -> Tensor:
        ctx.drop = drop
        x = side_by_side(x)
        y = x.new_empty(x.shape)
        KERNELS[x.device.type](x, drop, y)
        return y

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        return dropout(grads[0], ctx.drop), None
