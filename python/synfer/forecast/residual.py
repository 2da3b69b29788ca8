"""JRNGC's network: a linear map in, normalised residual blocks, a linear map out; its gradient in closed form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from synfer.forecast.ensemble import Dropout, EnsembleLayerNorm, EnsembleLinear, EnsembleModule
from synfer.forecast.feedforward import into
from synfer.forecast.lagged import LaggedForecaster


class ResidualForecaster(LaggedForecaster):
    """``h = W x + b``, then ``n_blocks`` times ``h = LN(W_2 relu(W_1 h + b_1) + b_2 + W_3 h + b_3)``, then ``V h``.

    The layout of the code of Zhou et al. 2024 (JRNGC), in which h is not bent on its way in: without a block the
    forecast is linear. Dropout acts on the ReLU's branch, in training; the penalty's gradient is that without it
    (theirs is with it). Their first map and W_1 are learnt as lengths and directions of rows ("weight normalisation"),
    which changes the steps and not what can be learnt: not so here.
    """

    def __init__(
        self,
        n_units: int,
        lag: int,
        *,
        n_hidden: int = 64,
        n_blocks: int = 2,
        dropout: float = 0.0,
        seeds: Sequence[int] = (0,),
        **about: Any,
    ):
        super().__init__(n_units, lag, **about)
        generators = [torch.Generator().manual_seed(int(s)) for s in seeds]
        drop = Dropout(dropout, seeds)
        self.widen = EnsembleLinear(n_units * lag, n_hidden, generators)
        self.blocks = nn.ModuleList(_Block(n_hidden, drop, generators) for _ in range(n_blocks))
        self.narrow = nn.Parameter(EnsembleLinear(n_hidden, n_units, generators).weight.detach())

    @property
    def _blocks(self) -> list[_Block]:
        return cast("list[_Block]", list(self.blocks))

    def body(self, x: Tensor) -> Tensor:
        """Map rows (I, B, N, L) to (I, B, N)."""
        h = self.widen(x.flatten(2))
        for block in self.blocks:
            h = block(h)
        return torch.bmm(h, self.narrow.mT)

    def body_weights(self) -> list[Tensor]:
        """Weights of every map."""
        within = [linear.weight for block in self._blocks for linear in (block.first, block.second, block.around)]
        return [self.widen.weight, *within, self.narrow]

    def body_factors(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Factors of the gradient, from the output back: all maps but the first, and the first."""
        h = self.widen(x.flatten(2))
        slopes = []
        for block in self._blocks:
            h, *slope = block.opened(h)
            slopes.append(slope)
        j = self.narrow[:, None].expand(-1, x.shape[1], -1, -1)
        for block, slope in zip(reversed(self._blocks), reversed(slopes), strict=True):
            j = block.back(j, *slope)
        return j, self.widen.weight[:, None]

    def penalty_rows(self, n_rows: int) -> int:
        """Rows whose gradient is penalised in one step; one without blocks, where it is the same in all."""
        return min(n_rows, max(8, 1600 // self.n_units)) if len(self.blocks) else 1


class _Block(EnsembleModule):
    def __init__(self, n_hidden: int, drop: Dropout, generators: Sequence[torch.Generator]):
        super().__init__(len(generators))
        self.first = EnsembleLinear(n_hidden, n_hidden, generators)
        self.second = EnsembleLinear(n_hidden, n_hidden, generators)
        self.around = EnsembleLinear(n_hidden, n_hidden, generators)
        self.norm = EnsembleLayerNorm(n_hidden, self.n_init)
        self.drop = drop

    def forward(self, h: Tensor) -> Tensor:
        """(I, B, H) to the same."""
        out: Tensor = self.norm(self.drop(self.second(torch.relu(self.first(h)))) + self.around(h))
        return out

    def opened(self, h: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Give the output without dropout, and what its slope hangs on, (I, B, H).

        Returns
        -------
        out, bent, normed, size : Tensor
            ``bent`` is where the ReLU lets through; ``normed`` the sum, centred and divided by ``size`` (I, B, 1).
        """
        inner = self.first(h)
        total = self.second(torch.relu(inner)) + self.around(h)
        size = (total.var(-1, correction=0, keepdim=True) + self.norm.eps).sqrt()
        normed = functional.layer_norm(total, total.shape[-1:], eps=self.norm.eps)
        out = normed * self.norm.weight[:, None] + self.norm.bias[:, None]
        return out, (inner > 0).to(h.dtype), normed, size

    def back(self, j: Tensor, bent: Tensor, normed: Tensor, size: Tensor) -> Tensor:
        """Take a gradient by the block's output, (I, B, N, H), to one by its input."""
        j = j * self.norm.weight[:, None, None]
        normed = normed[:, :, None]
        j = (j - j.mean(-1, keepdim=True) - normed * (j * normed).mean(-1, keepdim=True)) / size[:, :, None]
        return into(into(j, self.second.weight) * bent[:, :, None], self.first.weight) + into(j, self.around.weight)
