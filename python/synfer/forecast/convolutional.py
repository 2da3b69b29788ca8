"""A temporal convolutional network on lagged samples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from synfer.forecast.ensemble import draw
from synfer.forecast.lagged import LaggedForecaster

KERNEL = 3


class TCNForecaster(LaggedForecaster):
    """Residual blocks of causal convolutions over the last L samples (Bai, Kolter and Koltun 2018).

    ``h = tanh(convolution of x over 3 samples)``, then block k = 1, 2, ...: ``h = h + tanh(convolution of h over 3
    samples, 2^k apart)`` at every lag, none before the window's first; the newest sample's channels are mapped to all
    units. Blocks that could only look before the window are left out.
    """

    def __init__(
        self,
        n_units: int,
        lag: int,
        *,
        n_hidden: int = 64,
        n_blocks: int = 3,
        seeds: Sequence[int] = (0,),
        **about: Any,
    ):
        super().__init__(n_units, lag, **about)
        generators = [torch.Generator().manual_seed(int(s)) for s in seeds]
        n_blocks = max(1, min(n_blocks, math.ceil(math.log2(lag))))

        def weight(n_out: int, n_in: int, size: float = 1.0) -> nn.Parameter:
            return nn.Parameter(draw(generators, (n_out, n_in), "normal") * (size / math.sqrt(n_in)))

        widths = [n_units, *[n_hidden] * (n_blocks - 1)]
        self.blocks = nn.ParameterList([weight(n_hidden, KERNEL * n_in) for n_in in widths])
        self.shifts = nn.ParameterList([nn.Parameter(torch.zeros(self.n_init, 1, n_hidden)) for _ in widths])
        self.narrow = weight(n_units, n_hidden, 0.1)

    def body(self, x: Tensor) -> Tensor:
        """Map rows (I, B, N, L) to (I, B, N)."""
        members, rows, _, lag = x.shape
        h = x.transpose(2, 3)  # (I, B, L, channel)
        for k, (weight, shift) in enumerate(zip(self.blocks, self.shifts, strict=True)):
            past = functional.pad(h, (0, 0, (KERNEL - 1) * 2**k, 0))
            taps = [past[:, :, tap * 2**k : tap * 2**k + lag] for tap in range(KERNEL)]
            new = torch.tanh(torch.baddbmm(shift, torch.cat(taps, dim=-1).flatten(1, 2), weight.mT))
            new = new.view(members, rows, lag, -1)
            h = new if k == 0 else h + new
        return torch.bmm(h[:, :, -1], self.narrow.mT)

    def body_weights(self) -> list[Tensor]:
        """Weights of every layer."""
        return [*self.blocks, self.narrow]
