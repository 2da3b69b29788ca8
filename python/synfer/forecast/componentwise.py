"""A forecaster of its own for every unit, all in one program, with groups of input weights that can come to nothing."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from synfer.forecast.ensemble import draw
from synfer.forecast.lagged import LaggedForecaster


class ComponentwiseForecaster(LaggedForecaster):
    """One small network a target; source j is dropped by target i where their input weights W_ij are 0 (Neural-GC).

    The loss has the group lasso ``strength / N * sum over i, j of |W_ij|`` with it (|.| over hidden units and lags), by
    the proximal steps of `ProximalAdam`, and ``ridge`` times the other weights' squares.
    """

    input: nn.Parameter

    @abstractmethod
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one initialisation's input weights, (target, hidden, source, lag)."""

    @property
    def lasso(self) -> tuple[nn.Parameter, tuple[int, ...], tuple[int, ...]]:
        """Grouped weights, their shape in one initialisation, and the axes within a group."""
        return self.input, self.input_shape(), (1, 3)

    def lasso_strengths(self) -> list[float]:
        """Weight of the groups' norms in the loss, one an initialisation."""
        return (self.strength / self.n_units).tolist()

    def group_norms(self) -> Tensor:
        """|W_ij|, (I, target, source)."""
        return self.input.detach().reshape(-1, *self.input_shape()).norm(dim=(2, 4))

    def penalty(self, context: Tensor) -> Tensor:
        """Group lasso and ridge of each initialisation; the former without gradient, which is the proximal step's."""
        penalty = self.strength / self.n_units * self.group_norms().sum((1, 2))
        if self.ridged:
            penalty = penalty + self.ridge * sum(w.square().flatten(1).sum(1) / w.shape[1] for w in self.body_weights())
        return penalty

    def penalty_rows(self, n_rows: int) -> int:
        """All: the penalty looks at none of them."""
        return n_rows


class ComponentwiseMLP(ComponentwiseForecaster):
    """cMLP: ``f_i = v_i phi(W_i x + b_i)``, hidden layer and output each target's own; phi is "relu" or "tanh"."""

    def __init__(
        self,
        n_units: int,
        lag: int,
        *,
        n_hidden: int = 10,
        activation: str = "relu",
        seeds: Sequence[int] = (0,),
        **about: Any,
    ):
        super().__init__(n_units, lag, **about)
        generators = [torch.Generator().manual_seed(int(s)) for s in seeds]
        self.n_hidden, self.activation = n_hidden, activation
        fan = n_units * lag
        self.input = nn.Parameter(draw(generators, (n_units * n_hidden, fan), "normal") / math.sqrt(fan))
        self.shift = nn.Parameter(torch.zeros(self.n_init, 1, n_units * n_hidden))
        self.narrow = nn.Parameter(draw(generators, (n_units, n_hidden), "normal") / math.sqrt(n_hidden))

    def input_shape(self) -> tuple[int, ...]:
        """Give (target, hidden, source, lag)."""
        return (self.n_units, self.n_hidden, self.n_units, self.lag)

    def body(self, x: Tensor) -> Tensor:
        """Map rows (I, B, N, L) to (I, B, N)."""
        return (self._hidden(x) * self.narrow[:, None]).sum(-1)

    def body_weights(self) -> list[Tensor]:
        """Weights of the output: the input's are the group lasso's."""
        return [self.narrow]

    def body_jacobian(self, x: Tensor) -> Tensor:
        """Gradient of the body, (I, B, N, N * L)."""
        hidden = self._hidden(x)
        slope = hidden.gt(0).to(hidden) if self.activation == "relu" else 1 - hidden.square()
        outer = self.narrow[:, None] * slope  # (I, B, target, H)
        inner = self.input.unflatten(1, (self.n_units, self.n_hidden))  # (I, target, H, N L)
        return torch.matmul(outer.transpose(1, 2), inner).transpose(1, 2)

    def _hidden(self, x: Tensor) -> Tensor:
        """Hidden units, (I, B, target, H)."""
        hidden = torch.baddbmm(self.shift, x.flatten(2), self.input.mT)
        hidden = torch.relu(hidden) if self.activation == "relu" else torch.tanh(hidden)
        return hidden.unflatten(-1, (self.n_units, self.n_hidden))


class ComponentwiseLSTM(ComponentwiseForecaster):
    """cLSTM: an LSTM of its own for every target reads the last L samples of all."""

    def __init__(self, n_units: int, lag: int, *, n_hidden: int = 10, seeds: Sequence[int] = (0,), **about: Any):
        super().__init__(n_units, lag, **about)
        generators = [torch.Generator().manual_seed(int(s)) for s in seeds]
        self.n_hidden = n_hidden
        gates = 4 * n_hidden
        self.input = nn.Parameter(draw(generators, (n_units * gates, n_units), "normal") / math.sqrt(n_units))
        self.recurrent = nn.Parameter(draw(generators, (n_units * gates, n_hidden), "normal") / math.sqrt(n_hidden))
        self.gates = nn.Parameter(torch.zeros(self.n_init, 1, n_units * gates))
        self.gates.data.view(self.n_init, n_units, gates)[:, :, n_hidden : 2 * n_hidden] = 1.0  # forget gate
        self.narrow = nn.Parameter(draw(generators, (n_units, n_hidden), "normal") / math.sqrt(n_hidden))

    def input_shape(self) -> tuple[int, ...]:
        """Give (target, hidden, source, 1): one set of weights for every lag."""
        return (self.n_units, 4 * self.n_hidden, self.n_units, 1)

    def body(self, x: Tensor) -> Tensor:
        """Map rows (I, B, N, L) to (I, B, N)."""
        members, n_rows, n, lag = x.shape
        gates = torch.baddbmm(self.gates, x.transpose(2, 3).flatten(1, 2), self.input.mT)
        gates = gates.view(members, n_rows, lag, n, -1).permute(2, 0, 3, 1, 4).flatten(1, 2)  # (L, I target, B, 4H)
        recurrent = self.recurrent.view(members * n, -1, self.n_hidden).mT
        h = c = x.new_zeros(members * n, n_rows, self.n_hidden)
        for step in range(lag):
            now = gates[step] if step == 0 else torch.baddbmm(gates[step], h, recurrent)
            i, f, g, o = now.chunk(4, dim=-1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
        return torch.bmm(h, self.narrow.view(members * n, -1, 1)).view(members, n, n_rows).transpose(1, 2)

    def body_weights(self) -> list[Tensor]:
        """Recurrent and output weights: the input's are the group lasso's."""
        return [self.recurrent, self.narrow]
