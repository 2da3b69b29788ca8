"""AdamW of many initialisations whose parameters lie side by side, each with a learning rate of its own."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.optim.adamw import adamw


class Rate(torch.optim.Optimizer):
    """An initialisation's learning rate, where torch's schedulers look for it; steps are `StackedAdamW`'s."""

    def __init__(self, lr: float):
        super().__init__([torch.zeros(1)], {"lr": lr})


class StackedAdamW:
    """torch's AdamW on parameters (initialisation, ...): one call for all neighbours of one rate, not one for each.

    Ten optimizers with fifty parameters each are five hundred small tensors; to look each up takes longer than the
    arithmetic.

    Parameters
    ----------
    parameters : sequence of Tensor, each (initialisation, ...)
        What will be stepped; only their shapes are looked at.
    weight_decay : float
    """

    def __init__(self, parameters: Sequence[Tensor], weight_decay: float):
        self.weight_decay = weight_decay
        self.n_steps = 0
        self._means = [torch.zeros_like(p, requires_grad=False) for p in parameters]
        self._squares = [torch.zeros_like(p, requires_grad=False) for p in parameters]

    @torch.no_grad()
    def step(self, parameters: Sequence[Tensor], gradients: Sequence[Tensor], rates: Sequence[float]) -> None:
        """Change parameters in place, each initialisation's at its own rate (initialisation,)."""
        begin = 0
        for rate, same in itertools.groupby(rates):
            end = begin + len(list(same))
            adamw(
                [t[begin:end] for t in parameters],
                [t[begin:end].contiguous() for t in gradients],  # or torch steps by wrong elements
                [t[begin:end] for t in self._means],
                [t[begin:end] for t in self._squares],
                [],
                list(torch.full((len(parameters),), float(self.n_steps), device=parameters[0].device).unbind()),
                fused=True,
                amsgrad=False,
                beta1=0.9,
                beta2=0.999,
                lr=rate,
                weight_decay=self.weight_decay,
                eps=1e-8,
                maximize=False,
            )
            begin = end
        self.n_steps += 1

    def keep(self, going: Sequence[int]) -> None:
        """Forget every initialisation but these positions, in that order."""
        index = list(going)
        self._means, self._squares = ([t[index] for t in stack] for stack in (self._means, self._squares))

    def state_dict(self) -> dict[str, Any]:
        """Everything that `load_state_dict` needs to go on as if nothing had happened."""
        return {"n_steps": self.n_steps, "means": self._means, "squares": self._squares}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there, with parameters of the same shapes."""
        self.n_steps = int(state["n_steps"])
        for own, saved in ((self._means, state["means"]), (self._squares, state["squares"])):
            for now, before in zip(own, saved, strict=True):
                now.copy_(before)
