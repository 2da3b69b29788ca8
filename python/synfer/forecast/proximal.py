"""Adam with a proximal step: groups of weights come to exactly nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor


class ProximalAdam(torch.optim.Optimizer):
    """Minimise ``loss(w) + strength * sum over groups of |w_g|`` with the group lasso's proximal step.

    Moments are Adam's; in a group all weights share one second moment, its mean, so that a step in the group is a
    gradient step of one length ``a_g = lr / (sqrt(v_g) + eps)`` and the proximal map is exact in the same metric:
    ``w_g <- w_g max(0, 1 - a_g strength / |w_g|)``. What it comes to rest at satisfies the optimality conditions of the
    objective: ``|gradient_g| <= strength`` where w_g = 0, and ``gradient_g = - strength w_g / |w_g|`` elsewhere.

    Parameters
    ----------
    params : iterable of Tensor
        One vector, as `Learning` holds an initialisation.
    lr : float
    offset : int
        Where in the vector the grouped weights begin.
    shape : tuple of int
        Of the grouped weights.
    within : tuple of int
        Axes of that shape along which weights are of one group.
    strength : float
    betas, eps
        As Adam's.
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float,
        *,
        offset: int,
        shape: tuple[int, ...],
        within: tuple[int, ...],
        strength: float,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
    ):
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "strength": strength})
        self._offset, self._shape, self._within = offset, shape, within

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Take a gradient step, then the proximal one."""
        for group in self.param_groups:
            for vector in group["params"]:
                self._step(vector, group)

    def _step(self, vector: Tensor, rules: dict[str, Any]) -> None:
        state = self.state[vector]
        if not state:
            state["step"] = 0
            state["exp_avg"], state["exp_avg_sq"] = torch.zeros_like(vector), torch.zeros_like(vector)
        state["step"] += 1
        first, second = rules["betas"]
        mean, square = state["exp_avg"], state["exp_avg_sq"]
        mean.lerp_(vector.grad, 1 - first)
        square.mul_(second).addcmul_(vector.grad, vector.grad, value=1 - second)
        scale = square / (1 - second ** state["step"])
        grouped = slice(self._offset, self._offset + math.prod(self._shape))
        shared = scale[grouped].view(self._shape)
        shared.copy_(shared.mean(self._within, keepdim=True).expand(self._shape))
        length = rules["lr"] / (scale.sqrt_() + rules["eps"])
        vector.addcmul_(mean, length, value=-1 / (1 - first ** state["step"]))
        weights = vector[grouped].view(self._shape)
        size = weights.norm(dim=self._within, keepdim=True)
        threshold = rules["strength"] * length[grouped].view(self._shape).amax(self._within, keepdim=True)
        weights.mul_((1 - threshold / size.clamp_min(1e-30)).clamp_min(0))
