"""Perceptrons on lagged samples: one hidden layer or residual ones, with the gradient in closed form."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from synfer.forecast.ensemble import draw
from synfer.forecast.lagged import LaggedForecaster

_START = 0.1  # size of the output weights at first: the skip is to come before the body


class MLPForecaster(LaggedForecaster):
    """``h = phi(W x + b)``, then ``n_layers - 1`` times ``h = h + phi(W_k h + b_k)``, then ``V h``; phi = tanh.

    The gradient is a product of matrices, row by row: ``J = V (1 + D_k W_k) ... D W`` with ``D = diag(1 - phi^2)``.
    More layers than one are a residual perceptron, simpler than that of Zhou et al. 2024 (`ResidualForecaster`).
    """

    def __init__(
        self,
        n_units: int,
        lag: int,
        *,
        n_hidden: int = 64,
        n_layers: int = 1,
        seeds: Sequence[int] = (0,),
        **about: Any,
    ):
        super().__init__(n_units, lag, **about)
        generators = [torch.Generator().manual_seed(int(s)) for s in seeds]

        def weight(n_out: int, n_in: int, size: float = 1.0) -> nn.Parameter:
            return nn.Parameter(draw(generators, (n_out, n_in), "normal") * (size / math.sqrt(n_in)))

        self.widen = weight(n_hidden, n_units * lag)
        self.shift = nn.Parameter(torch.zeros(self.n_init, 1, n_hidden))
        self.layers = nn.ParameterList([weight(n_hidden, n_hidden) for _ in range(n_layers - 1)])
        self.shifts = nn.ParameterList(
            [nn.Parameter(torch.zeros(self.n_init, 1, n_hidden)) for _ in range(n_layers - 1)]
        )
        self.narrow = weight(n_units, n_hidden, _START)

    def body(self, x: Tensor) -> Tensor:
        """Map rows (I, B, N, L) to (I, B, N)."""
        return torch.bmm(self._hidden(x)[0], self.narrow.mT)

    def body_weights(self) -> list[Tensor]:
        """Weights of every layer."""
        return [self.widen, *self.layers, self.narrow]

    def body_factors(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Factors of the gradient, from the output back: all layers but the first, and the first."""
        _, activations = self._hidden(x)
        j = self.narrow[:, None]  # (I, 1, N, H)
        for weight, phi in zip(reversed(list(self.layers)), reversed(activations[1:]), strict=True):
            j = j + into(j * (1 - phi.square())[:, :, None], weight)
        return j * (1 - activations[0].square())[:, :, None], self.widen[:, None]

    def penalty_rows(self, n_rows: int) -> int:
        """Rows whose gradient is penalised in one step.

        A row's gradient costs H N^2 L multiplications, the step some B N L (H + N): at N = 100, 16 rows of 1,000 are
        about as dear as the rest.
        """
        return min(n_rows, max(8, 1600 // self.n_units))

    def _hidden(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Hidden state before the output, and each layer's phi."""
        h = torch.tanh(torch.baddbmm(self.shift, x.flatten(2), self.widen.mT))
        activations = [h]
        for weight, shift in zip(self.layers, self.shifts, strict=True):
            activations.append(torch.tanh(torch.baddbmm(shift, h, weight.mT)))
            h = h + activations[-1]
        return h, activations


def into(j: Tensor, weight: Tensor) -> Tensor:
    """Multiply (I, B, N, H) by (I, H, P), as one product an initialisation."""
    return torch.bmm(j.flatten(1, 2), weight).unflatten(1, j.shape[1:3])
