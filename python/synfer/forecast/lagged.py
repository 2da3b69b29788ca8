"""Forecasters of all units from the last few samples of all: what they share, and the gradient they are read by."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from synfer.forecast.ensemble import PenalisedModule
from synfer.forecast.penalties import product_l1


class LaggedForecaster(PenalisedModule):
    """Forecast every unit's next sample from the last ``lag`` samples of all units, one model for all.

    ``y(t+1) = [x(t)] + scale * f(x(t), ..., x(t - lag + 1))``, ``f = body + skip``: with ``scale`` the forecast is of
    the increment, in units of each unit's own; ``skip`` is a linear map, so that the body has only what is not linear
    to learn, and ``ridge`` times the sum of the body's squared weights an output sees to it that the skip learns what
    is linear.

    The penalty of Liu et al. 2025 is the L1 norm of the gradient J = df/dx, mean over the rows that it is shown:
    ``strength / N * sum over i, j, lag of |J[i, j, lag]|``, the diagonal i = j left out unless ``penalise_self``; with
    ``norm = "l2"``, their squares.

    Shapes: B rows, N units, L lags, I initialisations (or strengths, side by side).

    Parameters
    ----------
    n_units, lag : int
    scale : array (unit,), optional
        Standard deviation of each unit's increments; None to forecast the sample itself.
    skip : bool
    strengths : sequence of float, (I,)
        Of the penalty, one an initialisation.
    ridge : float or sequence of float, (I,)
        One for all initialisations, or one each.
    norm : {"l1", "l2"}
    penalise_self : bool
    """

    evaluation_tokens = 200_000
    """Numbers of context in one pass without gradients: these models are small."""

    def __init__(
        self,
        n_units: int,
        lag: int,
        *,
        scale: np.ndarray | None = None,
        skip: bool = True,
        strengths: Sequence[float] = (0.0,),
        ridge: float | Sequence[float] = 0.0,
        norm: str = "l1",
        penalise_self: bool = False,
    ):
        super().__init__(len(strengths))
        self.n_units, self.lag, self.norm, self.penalise_self = n_units, lag, norm, penalise_self
        self.increments = scale is not None
        self.strength: Tensor
        self.scale: Tensor
        self.register_buffer("strength", torch.tensor(strengths, dtype=torch.float32))
        self.ridge: Tensor
        self.register_buffer("ridge", torch.as_tensor(ridge, dtype=torch.float32).repeat(self.n_init // np.size(ridge)))
        self.ridged = bool(np.any(ridge))
        held = torch.ones(n_units) if scale is None else torch.as_tensor(scale, dtype=torch.float32)
        self.register_buffer("scale", held.repeat(self.n_init, 1))
        self.bias = nn.Parameter(torch.zeros(self.n_init, 1, n_units))
        self.skip: nn.Parameter | None = None
        if skip:
            self.skip = nn.Parameter(torch.zeros(self.n_init, n_units, n_units * lag))

    # ---- what a backbone says

    @abstractmethod
    def body(self, x: Tensor) -> Tensor:
        """Map rows (I, B, N, L), the newest lag last, to (I, B, N)."""

    @abstractmethod
    def body_weights(self) -> list[Tensor]:
        """Weights that ``ridge`` acts on, each (I, out, ...)."""

    def body_jacobian(self, x: Tensor) -> Tensor:
        """Gradient of the body, (I, B, N, N * L), for rows (I, B, N, L).

        The product of `body_factors`; a backbone whose gradient has no such form takes one vector-Jacobian product for
        each output, all in one batched pass.
        """
        factors = self.body_factors(x)
        if factors is not None:
            return torch.matmul(*factors)
        keep_graph = torch.is_grad_enabled()
        with torch.enable_grad():
            x = x.detach().clone().requires_grad_()
            y = self.body(x)  # (I, B, N)
            each = torch.eye(self.n_units, device=x.device)[:, None, None].expand(-1, *y.shape[:2], -1)
            (products,) = torch.autograd.grad(y, x, each, is_grads_batched=True, create_graph=keep_graph)
        return products.permute(1, 2, 0, 3, 4).flatten(-2)  # (N, I, B, N, L) -> (I, B, N, N L)

    def body_factors(self, x: Tensor) -> tuple[Tensor, Tensor] | None:
        """Two factors of the body's gradient, (I, B, N, H) and (I, B or 1, H, N * L), where it is a product."""
        return None

    def penalty_rows(self, n_rows: int) -> int:
        """Rows whose gradient is penalised in one step, of a batch of ``n_rows``.

        As many as cost about what the step costs without: a gradient is N backward passes, each differentiated again.
        """
        return max(1, min(n_rows, n_rows // (4 * self.n_units) + 1))

    # ---- what the training loop and the read-outs ask

    def forward(self, context: Tensor, times: Tensor) -> tuple[Tensor, None]:
        """Forecast the sample after each context (B, N, >= lag, I): (B, N, I)."""
        y = self.normed(self.rows(context)).permute(1, 2, 0)
        if not self.increments:
            return y, None
        return context[:, :, -1] + self.scale.T * y, None

    def rows(self, context: Tensor) -> Tensor:
        """Bring contexts (B, N, >= lag, I) to (I, B, N, L): the last lags, the initialisation first."""
        return context[:, :, -self.lag :].permute(3, 0, 1, 2)

    def normed(self, x: Tensor) -> Tensor:
        """Give f of rows (I, B, N, L): (I, B, N)."""
        y = self.body(x) + self.bias
        if self.skip is not None:
            y = torch.baddbmm(y, x.flatten(2), self.skip.mT)
        return y

    def jacobian(self, context: Tensor) -> Tensor:
        """Gradient of f by the context, (I, B, target, source, lag), the newest lag last."""
        x = self.rows(context)
        j = self.body_jacobian(x)
        if self.skip is not None:
            j = j + self.skip[:, None]
        return j.unflatten(-1, (self.n_units, self.lag))

    def penalty(self, context: Tensor) -> Tensor:
        """Penalty of each initialisation, (I,), on the rows shown."""
        factors = self.body_factors(self.rows(context)) if self.norm == "l1" else None
        if factors is not None:
            total = product_l1(*factors, self.skip, diagonal=self.penalise_self)
        else:
            j = self.jacobian(context)
            size = j.abs() if self.norm == "l1" else j.square()
            total = size.sum((1, 2, 3, 4))
            if not self.penalise_self:
                total = total - torch.diagonal(size, dim1=2, dim2=3).sum((1, 2, 3))
        gradient = self.strength * total / (len(context) * self.n_units)
        if not self.ridged:
            return gradient
        return gradient + self.ridge * sum(w.square().flatten(1).sum(1) / w.shape[1] for w in self.body_weights())

    def n_parameters(self) -> int:
        """Count the numbers that one initialisation learns."""
        return sum(p[0].numel() for p in self.parameters())
