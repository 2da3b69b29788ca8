"""Layers of an ensemble: one module holds every initialisation, which train side by side in one program.

Each parameter and buffer has a leading axis over initialisations; activations are (tokens, init, channel), so that an
initialisation is a group of channels (see :func:`synfer.ops.grouped_linear`). Nothing mixes two initialisations.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from synfer.ops import grouped_linear


class EnsembleModule(nn.Module):
    """A module whose parameters and buffers all have a leading axis over ``n_init`` initialisations."""

    def __init__(self, n_init: int):
        super().__init__()
        self.n_init = n_init

    def keep(self, members: Sequence[int]) -> None:
        """Drop every initialisation but ``members`` (positions along the leading axis), in that order."""
        index = torch.as_tensor(members, dtype=torch.long)
        self.replace([t.detach()[index.to(t.device)] for t in (*self.parameters(), *self.buffers())])
        for module in self.modules():
            if isinstance(module, Dropout):
                module.streams = [module.streams[m] for m in members]

    def replace(self, state: Sequence[Tensor]) -> None:
        """Put other values, for as many initialisations as they hold, in the place of all parameters and buffers."""
        # New parameters, not new data in the old ones: autograd remembers a leaf's shape for as long as a graph lives.
        names = [name for name, _ in (*self.named_parameters(), *self.named_buffers())]
        for name, new in zip(names, state, strict=True):
            owner, _, leaf = name.rpartition(".")
            module = self.get_submodule(owner)
            if leaf in module._parameters:
                module._parameters[leaf] = nn.Parameter(new)
            else:
                module._buffers[leaf] = new
        for module in self.modules():
            if isinstance(module, EnsembleModule):
                module.n_init = len(state[0])


class EnsembleLinear(EnsembleModule):
    """``nn.Linear`` for every initialisation, initialised as torch does: (tokens, init, in) to (tokens, init, out)."""

    def __init__(self, n_in: int, n_out: int, generators: Sequence[torch.Generator]):
        super().__init__(len(generators))
        bound = 1.0 / math.sqrt(n_in)
        self.weight = nn.Parameter(draw(generators, (n_out, n_in), "uniform") * bound)
        self.bias = nn.Parameter(draw(generators, (n_out,), "uniform") * bound)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the maps."""
        return grouped_linear(x, self.weight, self.bias)


class EnsembleBatchNorm(EnsembleModule):
    """``nn.BatchNorm1d`` over channels for every initialisation; statistics over tokens."""

    def __init__(self, n_channels: int, n_init: int, momentum: float = 0.1, eps: float = 1e-5):
        super().__init__(n_init)
        self.momentum, self.eps = momentum, eps
        self.weight = nn.Parameter(torch.ones(n_init, n_channels))
        self.bias = nn.Parameter(torch.zeros(n_init, n_channels))
        self.running_mean: Tensor
        self.running_var: Tensor
        self.register_buffer("running_mean", torch.zeros(n_init, n_channels))
        self.register_buffer("running_var", torch.ones(n_init, n_channels))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise (tokens, init, channel)."""
        y = nn.functional.batch_norm(
            x.flatten(1),
            self.running_mean.view(-1),
            self.running_var.view(-1),
            self.weight.view(-1),
            self.bias.view(-1),
            self.training,
            self.momentum,
            self.eps,
        )
        return y.view_as(x)


class Dropout(nn.Module):
    """Dropout with a stream of random numbers for each initialisation: none depends on which others there are.

    On the CPU the masks come from SFC64, several times faster there than ``torch.bernoulli``; sixteen bits decide an
    element, so that the drop rate is ``p`` to within 2⁻¹⁷.
    """

    def __init__(self, p: float, seeds: Sequence[int]):
        super().__init__()
        self.p = p
        self.streams = [_Stream(int(seed)) for seed in seeds]

    def forward(self, x: Tensor) -> Tensor:
        """Zero a share p of the elements of (..., init, channel), scale the others by 1/(1 - p); in training only."""
        if not self.training or self.p == 0.0:
            return x
        mask = torch.empty(x.shape, dtype=x.dtype, device=x.device)
        rows = mask.view(-1, *x.shape[-2:])
        for member, stream in enumerate(self.streams):
            stream.fill(rows[:, member], self.p)
        return x * mask


class _Stream:
    """One initialisation's random masks."""

    def __init__(self, seed: int):
        self._seed = seed
        self._bits = np.random.Generator(np.random.SFC64(seed))
        self._on_device: torch.Generator | None = None

    def fill(self, mask: Tensor, p: float) -> None:
        """Set each element to 0 with probability p, else to 1/(1 - p)."""
        if mask.device.type != "cpu":
            if self._on_device is None:
                self._on_device = torch.Generator(mask.device).manual_seed(self._seed)
            mask.bernoulli_(1.0 - p, generator=self._on_device).mul_(1.0 / (1.0 - p))
            return
        words = self._bits.integers(0, 2**64, size=-(-mask.numel() // 4), dtype=np.uint64)
        threshold = round(p * 2**16)
        uniform = torch.from_numpy(words.view(np.int16)[: mask.numel()]).view(mask.shape)
        torch.ge(uniform, threshold - 2**15, out=mask)
        mask.mul_(2**16 / (2**16 - threshold))


def draw(generators: Sequence[torch.Generator], shape: tuple[int, ...], law: str) -> Tensor:
    """Initial values, (init, *shape): each initialisation from its own generator, so that adding one changes no other.

    ``law`` is "uniform" on [-1, 1] or "normal" (0, 1).
    """
    if law == "uniform":
        return torch.stack([torch.rand(shape, generator=g) * 2.0 - 1.0 for g in generators])
    return torch.stack([torch.randn(shape, generator=g) for g in generators])
