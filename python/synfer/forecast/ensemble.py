"""Layers of an ensemble: one module holds every initialisation, which train side by side in one program.

Each parameter and buffer has a leading axis over initialisations, and so have activations, (init, token, channel).
Nothing mixes two initialisations.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from synfer.ops import Drop, Norm, dropout, grouped_linear, grouped_linears, normed_feed_forward, normed_linears
from synfer.ops.dropout import Replay


class EnsembleModule(nn.Module):
    """A module whose parameters and buffers all have a leading axis over ``n_init`` initialisations.

    Attributes
    ----------
    recordable : bool
        Whether a training step waits for nothing on the host and depends on nothing there but the windows and the
        count of dropout's draws: on a CUDA device it may then be recorded and replayed.
    """

    recordable: ClassVar[bool] = False

    def __init__(self, n_init: int):
        super().__init__()
        self.n_init = n_init

    def keep(self, members: Sequence[int]) -> None:
        """Drop every initialisation but ``members`` (positions along the leading axis), in that order."""
        index = torch.as_tensor(members, dtype=torch.long)
        self.replace([t.detach()[index.to(t.device)] for t in (*self.parameters(), *self.buffers())])
        for layer in self.dropouts():
            layer.seeds = tuple(layer.seeds[m] for m in members)

    def dropouts(self) -> list[Dropout]:
        """Layers that draw random numbers, each once."""
        return [module for module in self.modules() if isinstance(module, Dropout)]

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


class PenalisedModule(EnsembleModule):
    """An ensemble that is trained by its loss and a penalty together."""

    def penalty_rows(self, n_rows: int) -> int:
        """Rows that the penalty looks at in one step, of a batch of ``n_rows``."""
        return n_rows

    @abstractmethod
    def penalty(self, context: Tensor) -> Tensor:
        """Penalty of each initialisation, (I,), on contexts (B, N, L, I)."""


class EnsembleLayerNorm(EnsembleModule):
    """``nn.LayerNorm`` over the last axis for every initialisation; the first axis is theirs."""

    def __init__(self, n_channels: int, n_init: int, eps: float = 1e-5):
        super().__init__(n_init)
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(n_init, n_channels))
        self.bias = nn.Parameter(torch.zeros(n_init, n_channels))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise (init, ..., channel)."""
        each = (self.n_init, *(1 for _ in x.shape[1:-1]), x.shape[-1])
        normed = functional.layer_norm(x, x.shape[-1:], eps=self.eps)
        return normed * self.weight.view(each) + self.bias.view(each)


class EnsembleLinear(EnsembleModule):
    """``nn.Linear`` for every initialisation, initialised as torch does: (init, token, in) to (init, token, out)."""

    def __init__(self, n_in: int, n_out: int, generators: Sequence[torch.Generator]):
        super().__init__(len(generators))
        bound = 1.0 / math.sqrt(n_in)
        self.weight = nn.Parameter(draw(generators, (n_out, n_in), "uniform") * bound)
        self.bias = nn.Parameter(draw(generators, (n_out,), "uniform") * bound)

    def forward(self, x: Tensor, residual: Tensor | None = None) -> Tensor:
        """Apply the maps, and add ``residual`` where there is one."""
        return grouped_linear(x, self.weight, self.bias, residual)


def apply_each(linears: Sequence[EnsembleLinear], x: Tensor) -> list[Tensor]:
    """Apply several maps to (init, token, channel) in one go; one (init, token, out) each. First derivatives only."""
    return grouped_linears(x, [linear.weight for linear in linears], [linear.bias for linear in linears])


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

    def into(self, x: Tensor, linears: Sequence[EnsembleLinear]) -> list[Tensor]:
        """Normalise (init, token, channel) and apply several maps to that; one (init, token, out) each."""
        ys, mean, variance = normed_linears(
            x, self._norm(), [linear.weight for linear in linears], [linear.bias for linear in linears]
        )
        self._follow(mean, variance, x.shape[1])
        return ys

    def into_feed_forward(self, x: Tensor, widen: EnsembleLinear, narrow: EnsembleLinear, drop: Dropout) -> Tensor:
        """Normalise (init, token, channel), widen, GELU, narrow, with dropout, and add x."""
        weights = (widen.weight, widen.bias, narrow.weight, narrow.bias)
        y, mean, variance = normed_feed_forward(x, self._norm(), weights, drop.next(self.n_init))
        self._follow(mean, variance, x.shape[1])
        return y

    def _norm(self) -> Norm:
        if self.training:
            return Norm(self.weight, self.bias, eps=self.eps)
        return Norm(self.weight, self.bias, self.running_mean, self.running_var, self.eps)

    @torch.no_grad()
    def _follow(self, mean: Tensor, variance: Tensor, tokens: int) -> None:
        if self.training:
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * (tokens / max(tokens - 1, 1)), self.momentum)


class Dropout(nn.Module):
    """Dropout with random numbers keyed by each initialisation's seed: none depends on which others there are."""

    def __init__(self, p: float, seeds: Sequence[int]):
        super().__init__()
        self.p = p
        self.seeds = tuple(int(seed) for seed in seeds)
        self.step = 0
        self.replay: Replay | None = None  # while a step is recorded

    def next(self, n_init: int) -> Drop:
        """Give the next draw for so many initialisations; where it is not for training, one that drops nothing."""
        if not self.training or self.p == 0.0:
            return Drop((0,) * n_init, p=0.0)
        self.step += 1
        return Drop(self.seeds, self.step, self.p, replay=self.replay)

    def forward(self, x: Tensor) -> Tensor:
        """Zero a share p of the elements of (init, token, channel), scale the others; in training only."""
        return dropout(x, self.next(x.shape[0])) if self.training and self.p > 0.0 else x


def draw(generators: Sequence[torch.Generator], shape: tuple[int, ...], law: str) -> Tensor:
    """Initial values, (init, *shape): each initialisation from its own generator, so that adding one changes no other.

    ``law`` is "uniform" on [-1, 1] or "normal" (0, 1).
    """
    if law == "uniform":
        return torch.stack([torch.rand(shape, generator=g) * 2.0 - 1.0 for g in generators])
    return torch.stack([torch.randn(shape, generator=g) for g in generators])
