"""A long short-term memory on lagged samples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from synfer.forecast.ensemble import draw
from synfer.forecast.lagged import LaggedForecaster


class LSTMForecaster(LaggedForecaster):
    """One LSTM (Hochreiter and Schmidhuber 1997) reads the last L samples of all; its last state is mapped to all.

    Gates stand in torch's order, input, forget, cell, output; the forget gate's bias is 1 at first.
    """

    def __init__(self, n_units: int, lag: int, *, n_hidden: int = 32, seeds: Sequence[int] = (0,), **about: Any):
        super().__init__(n_units, lag, **about)
        generators = [torch.Generator().manual_seed(int(s)) for s in seeds]
        self.n_hidden = n_hidden
        self.input = nn.Parameter(draw(generators, (4 * n_hidden, n_units), "normal") / math.sqrt(n_units))
        self.recurrent = nn.Parameter(draw(generators, (4 * n_hidden, n_hidden), "normal") / math.sqrt(n_hidden))
        self.gates = nn.Parameter(torch.zeros(self.n_init, 1, 4 * n_hidden))
        self.gates.data[:, :, n_hidden : 2 * n_hidden] = 1.0
        self.narrow = nn.Parameter(draw(generators, (n_units, n_hidden), "normal") * (0.1 / math.sqrt(n_hidden)))

    def body(self, x: Tensor) -> Tensor:
        """Map rows (I, B, N, L) to (I, B, N)."""
        # All samples' part of the gates in one product; only what hangs on the state is left for the steps.
        rows = x.transpose(2, 3).flatten(1, 2)  # (I, B L, N)
        gates = torch.baddbmm(self.gates, rows, self.input.mT).unflatten(1, (x.shape[1], self.lag))
        h = c = x.new_zeros(x.shape[0], x.shape[1], self.n_hidden)
        for step in range(self.lag):
            now = gates[:, :, step] if step == 0 else torch.baddbmm(gates[:, :, step], h, self.recurrent.mT)
            i, f, g, o = now.chunk(4, dim=-1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
        return torch.bmm(h, self.narrow.mT)

    def body_weights(self) -> list[Tensor]:
        """Weights of the gates and of the output."""
        return [self.input, self.recurrent, self.narrow]
