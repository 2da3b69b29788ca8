"""A network of Kolmogorov and Arnold on lagged samples, with the gradient in closed form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from synfer.forecast.lagged import LaggedForecaster
from synfer.forecast.spline import EnsembleKANLinear


class KANForecaster(LaggedForecaster):
    """Two layers of curves, [N L, n_hidden, N]; ``J = J_2(h) J_1(x)``, both from the splines' slopes.

    Inputs are z-scores, so the curves of the first layer have a grid on [-3, 3]; so have those of the second, whose
    inputs are of about that size when training begins.
    """

    def __init__(
        self,
        n_units: int,
        lag: int,
        *,
        n_hidden: int = 32,
        n_steps: int = 5,
        seeds: Sequence[int] = (0,),
        **about: Any,
    ):
        super().__init__(n_units, lag, **about)
        generators = [torch.Generator().manual_seed(int(s)) for s in seeds]
        self.first = EnsembleKANLinear(n_units * lag, n_hidden, generators, n_steps=n_steps)
        self.second = EnsembleKANLinear(n_hidden, n_units, generators, n_steps=n_steps, size=0.1)
        self._known: tuple[Tensor, Tensor] | None = None

    def body(self, x: Tensor) -> Tensor:
        """Map rows (I, B, N, L) to (I, B, N)."""
        rows = x.flatten(2)
        return self.second(self.first(rows, self._basis(x, rows)))

    def body_weights(self) -> list[Tensor]:
        """Weights and coefficients of both layers."""
        return [self.first.base, self.first.curve, self.second.base, self.second.curve]

    def body_factors(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Factors of the gradient: the second layer's, and the first's."""
        rows = x.flatten(2)
        inner = self.first.jacobian(rows)  # (I, B, H, N L)
        outer = self.second.jacobian(self.first(rows))  # (I, B, N, H)
        return outer, inner

    def penalty_rows(self, n_rows: int) -> int:
        """Rows whose gradient is penalised in one step; see `MLPForecaster.penalty_rows`."""
        return min(n_rows, max(8, 1600 // self.n_units))

    def train(self, mode: bool = True) -> KANForecaster:
        """Set the mode, as torch does, and forget what was known of a batch."""
        if mode != self.training:
            self._known = None
        super().train(mode)
        return self

    def _basis(self, x: Tensor, rows: Tensor) -> Tensor:
        """Splines of the rows; of a batch that comes again and again, made once."""
        if not self.training:
            return self.first.basis(rows)
        if self._known is None or not _same(self._known[0], x):
            self._known = (x, self.first.basis(rows))
        return self._known[1]


def _same(a: Tensor, b: Tensor) -> bool:
    """Whether both are one view of one memory: the batch that the loop holds when it has but one."""
    return a.data_ptr() == b.data_ptr() and a.shape == b.shape and a.stride() == b.stride()
